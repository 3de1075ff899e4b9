"""Drawing and filling from Python, on arrays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.api import Pack, UserError
from medsynth_app.formats.registry import open_image, read_mask, read_provenance
from tests.actions.bench import make_pack

pytestmark = pytest.mark.usefixtures("here")
PROMPT, FEW = "a round cell", {"steps": 2}


def test_pictures_carry_their_records_and_outlive_the_pack(tiny: Path, tmp_path: Path) -> None:
    told: list[int] = []
    with Pack(tiny, device="cpu", progress=lambda step, steps, words: told.append(steps)) as pack:
        first, second = pack.generate(PROMPT, count=2, seed=5, **FEW)
        third, = pack.generate(PROMPT, seed=5, **FEW)
        assert pack._connection.here.workspace.pictures.count == 0  # what was handed out is not kept twice
    assert (first.seed, second.seed) == (5, 6) and told
    assert first.pixels.shape == (32, 32, 3) and first.pixels.dtype == np.uint8 and first.mask is None
    assert not np.array_equal(first.pixels, second.pixels)
    record = first.provenance
    assert (record.action, record.pack, record.parameters["prompt"]) == ("generate", "tiny", PROMPT)
    assert record.pack_sha256 == pack.manifest.sha256 and record.environment["device"]
    assert third.provenance.parameters["seed"] == 5
    path = first.save(tmp_path / "new" / "cell.png")
    assert np.array_equal(open_image(path).pixels(0), first.pixels)  # no mark unless asked for
    assert read_provenance(path) == record
    assert json.loads((tmp_path / "new" / "cell.png.provenance.json").read_text())["seed"] == 5
    marked = open_image(first.save(tmp_path / "marked.png", mark=True)).pixels(0)
    assert not np.array_equal(marked, first.pixels)


def test_pairs_and_masks(tiny: Path, tmp_path: Path) -> None:
    mask = np.zeros((64, 64), int)
    mask[16:48, 16:48], mask[24:40, 24:40] = 1, 2
    with Pack(tiny, device="cpu") as pack:
        assert pack.manifest.mask_labels == ("body", "core")
        pair, = pack.pairs(PROMPT, seed=1, **FEW)
        held, = pack.generate(PROMPT, seed=1, mask=mask, **FEW)
    assert pair.mask is not None and pair.mask.shape == (32, 32) and pair.provenance.parameters["pairs"]
    assert held.mask is not None and set(np.unique(held.mask)) == {0, 1, 2}
    held.save(tmp_path / "held.tif")
    assert np.array_equal(read_mask(tmp_path / "held.tif.mask.png"), held.mask)


@pytest.mark.parametrize("dtype, shape", [(np.uint8, (48, 40, 3)), (np.uint8, (48, 40)), (np.uint16, (48, 40)),
                                          (np.int16, (48, 40))])
def test_a_fill_changes_nothing_outside_the_mask(tiny: Path, tmp_path: Path, dtype: type, shape: tuple[int, ...]
                                                 ) -> None:
    limits = np.iinfo(dtype)
    image = np.random.default_rng(0).integers(max(limits.min, -900), min(limits.max, 3000), shape).astype(dtype)
    mask = np.zeros((48, 40), bool)
    mask[10:30, 12:28] = True
    before = image.copy()
    with Pack(tiny, device="cpu") as pack:
        fill, = pack.inpaint(image, mask, PROMPT, seed=3, modality="CT" if dtype is np.int16 else None, **FEW)
    assert fill.pixels.dtype == dtype and fill.pixels.shape == shape and np.array_equal(image, before)
    assert fill.changed.any() and not (fill.changed & ~mask).any()
    assert np.array_equal(fill.pixels[~fill.changed], image[~fill.changed])
    assert not np.array_equal(fill.pixels[fill.changed], image[fill.changed])
    record = fill.provenance
    assert record.largest_change_outside_mask == 0 and record.report and record.source.startswith("keyed:")
    saved = open_image(fill.save(tmp_path / "fill.tif")).pixels(0)
    assert saved.dtype == dtype and np.array_equal(saved, fill.pixels)
    assert open_image(fill.save(tmp_path / "fill.png", mark=True)).pixels(0).shape == shape
    assert read_provenance(tmp_path / "fill.png") == record


def test_fills_that_were_handed_out_are_not_kept_twice(tiny: Path, tmp_path: Path) -> None:
    image, mask = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), bool)
    mask[10:20, 10:20] = True
    with Pack(tiny, device="cpu") as pack, Pack(tiny, device="cpu", workspace=tmp_path / "work") as kept:
        fills = pack.inpaint(image, mask, PROMPT, count=2, seed=3, **FEW)
        fills += pack.inpaint(image, mask, PROMPT, seed=3, **FEW)  # the same image is no stranger afterwards
        for each, there in ((pack, 0), (kept, 1)):
            workspace = each._connection.here.workspace
            if there:
                each.inpaint(image, mask, PROMPT, seed=3, **FEW)
            assert bool(list(workspace.blobs.all())) == bool(workspace.documents.recent()) == bool(there)
    assert np.array_equal(fills[0].pixels, fills[2].pixels) and fills[0].provenance.parameters["mask"]
    assert read_provenance(fills[1].save(tmp_path / "fill.tif")) == fills[1].provenance


def test_mistakes_are_told_in_words(tiny: Path, tmp_path: Path) -> None:
    make_pack(tmp_path, "bare")
    image, mask = np.zeros((32, 32, 3), np.uint8), np.ones((32, 32), np.uint8)
    with Pack(tiny) as pack, Pack(tmp_path / "bare") as bare:
        for call, complaint in (
                (lambda: Pack("nobody"), "no model pack 'nobody'"),
                (lambda: pack.generate(PROMPT, count=0), "0 pictures cannot be drawn"),
                (lambda: pack.generate(PROMPT, steps=-1), "number of steps is -1"),
                (lambda: pack.generate(PROMPT, width=30), "30 pixels wide"),
                (lambda: pack.generate(PROMPT, mask=mask * 7), "the value 7"),
                (lambda: pack.generate(PROMPT, mask=mask[0]), "no mask"),
                (lambda: bare.pairs(PROMPT), "cannot draw from masks"),
                (lambda: pack.inpaint(image.astype(float), mask), "type float64"),
                (lambda: pack.inpaint(image[..., 0].astype(float), mask), "type float64"),
                (lambda: pack.inpaint(image[..., :2], mask), "no image"),
                (lambda: pack.inpaint(image, mask[:9]), "the image 32 x 32"),
                (lambda: pack.inpaint(image, mask - 1), "Nothing is painted"),
                (lambda: pack.inpaint(image, mask, mode="paint"), "mode 'paint' is unknown"),
                (lambda: pack.inpaint(image, mask * 9, PROMPT, follow=True), "value 9"),
                (lambda: bare.inpaint(image, mask, PROMPT, follow=True), "cannot follow masks")):
            with pytest.raises(UserError, match=complaint):
                call()
        picture, = pack.generate(PROMPT, **FEW)
    with pytest.raises(UserError, match=r"written as \.jpg"):
        picture.save(tmp_path / "picture.jpg")
    with pytest.raises(UserError, match="closed"):
        pack.generate(PROMPT)
