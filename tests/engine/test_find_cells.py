"""A detector from its pack: at every magnification, in tiles, and packs that are none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.cell import FoundCell
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.pack_files import hash_files
from medsynth_app.engine import find_cells
from medsynth_app.engine.detector_pack import load_detector
from medsynth_app.engine.device import choose_device
from medsynth_app.engine.eight_bits import packed, unpacked
from medsynth_app.engine.find_cells import Detector
from tests.benchmarks.bench_detect import matched
from tests.engine.tiny_detector import drawn_field

NAMES = {"Red": "rbc", "White": "wbc"}


@pytest.fixture(scope="module")
def detector(detector_pack: Path) -> Detector:
    return load_detector(detector_pack, choose_device("cpu"))


def f1(found: tuple[FoundCell, ...], known: list[tuple[str, Bounds]], scale: float = 1.0) -> float:
    hits = 0
    for name, called in NAMES.items():
        there = [Bounds(*(round(side * scale) for side in box.as_tuple())) for kind, box in known if kind == name]
        hits += matched([cell.bounds for cell in found if cell.kind == called], there)
    return 2 * hits / (len(found) + len(known))


@pytest.mark.parametrize("scale", [0.7, 1.0, 2.5])
def test_cells_are_found_at_every_magnification(detector: Detector, scale: float) -> None:
    pixels, known = drawn_field(100, 192, 16)
    edge = round(192 * scale)
    found = detector.find(np.asarray(Image.fromarray(pixels).resize((edge, edge))))
    assert f1(found, known, scale) >= 0.8
    assert list(found) == sorted(found, key=lambda cell: (cell.bounds.top, cell.bounds.left))
    assert all(0 < cell.confidence <= 1 and not cell.bounds.empty for cell in found)


def test_a_large_field_is_searched_in_tiles_and_no_cell_is_told_twice(detector: Detector,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, known = drawn_field(101, 400, 60)
    said: list[tuple[int, int]] = []
    monkeypatch.setattr(find_cells, "TILE", 128)
    monkeypatch.setattr(find_cells, "ROOM", 40)
    found = detector.find(pixels, lambda done, total: said.append((done, total)))
    assert len(said) >= 9 and said[-1][0] == said[-1][1]
    assert f1(found, known) >= 0.8
    for k, cell in enumerate(found):
        assert not any(matched([cell.bounds], [other.bounds]) for other in found[k + 1:])


def test_cells_that_the_field_cuts_are_marked(detector: Detector) -> None:
    pixels, known = drawn_field(102, 192, 16)
    cut = known[0][1]
    found = detector.find(pixels[(cut.top + cut.bottom) // 2:])
    assert any(cell.at_edge and cell.bounds.top == 0 for cell in found)
    assert all(cell.at_edge == (cell.bounds.top == 0 or cell.bounds.left == 0 or cell.bounds.right == 192
                                or cell.bounds.bottom == 192 - (cut.top + cut.bottom) // 2) for cell in found)


def test_nothing_is_found_on_bare_ground_and_a_search_can_be_ended(detector: Detector) -> None:
    assert detector.find(np.full((64, 200, 3), 220, np.uint8)) == ()

    def stop(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        detector.find(drawn_field(103)[0], stop)


def test_stored_weights_are_what_they_were_to_half_a_step() -> None:
    kernel, norm = torch.randn(6, 4, 3, 3), torch.randn(6)
    stored = packed({"kernel": kernel, "norm": norm})
    assert stored["kernel"].dtype == torch.int8 and stored["norm"].dtype == torch.float16
    found = unpacked(stored)
    step = kernel.abs().amax(dim=(1, 2, 3), keepdim=True) / 127
    assert set(found) == {"kernel", "norm"} and ((found["kernel"] - kernel).abs() <= 0.6 * step).all()


def spoilt(pack: Path, place: Path, name: str, content: bytes) -> Path:
    """A copy of the pack, one of whose files is another; its manifest agrees."""
    own = Path(shutil.copytree(pack, place))
    (own / name).write_bytes(content)
    raw = json.loads((own / "pack.json").read_text())
    (own / "pack.json").write_text(json.dumps({**raw, "files": hash_files(own)}))
    return own


@pytest.mark.parametrize(("name", "change"), [
    ("detector.safetensors", b"no weights"), ("detector.json", b"[]"), ("detector.json", b'{"classes": ["rbc"]}'),
    ("detector.json", b'{"classes": ["rbc"], "widths": [8, 12, 16, 16, 16], "usual": [9], "least": [2], "longer": 96}'),
    ("detector.json", b'{"classes": ["a", "b"], "widths": [8, 12, 16, 16, 24], "usual": [9, 9], "least": [0.5, 0.5], '
                      b'"longer": 96}')])
def test_a_pack_that_does_not_fit_itself_is_refused(detector_pack: Path, tmp_path: Path, name: str, change: bytes
                                                      ) -> None:
    own = spoilt(detector_pack, tmp_path / "own", name, change)
    with pytest.raises(UserError, match="cannot be"):
        load_detector(own, choose_device("cpu"))


def test_damaged_weights_and_another_kind_of_pack_are_refused(detector_pack: Path, tiny_pack: Path,
                                                              tmp_path: Path) -> None:
    own = Path(shutil.copytree(detector_pack, tmp_path / "own"))
    weights = own / "detector.safetensors"
    weights.write_bytes(weights.read_bytes()[:-40])
    with pytest.raises(UserError, match="missing or differ"):
        load_detector(own, choose_device("cpu"))
    with pytest.raises(UserError, match="'detector' is needed"):
        load_detector(tiny_pack, choose_device("cpu"))
    with pytest.raises(UserError, match="not the one"):
        load_detector(detector_pack, choose_device("cpu"), "0" * 64)
