"""The card of a pack: what the manifest says, and the figures as the studies wrote them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from medsynth_app.core.pack import MANIFEST, PackManifest, TrainingData
from medsynth_app.core.pack_files import hash_files, read_manifest
from medsynth_app.engine.train.card import FIGURES, SAMPLES, Figure, model_card, record_figures, weights_key
from medsynth_app.engine.train.pack import seal

MANIFEST_OF_SQUARES = PackManifest(
    name="squares", version="0.1.0", domain="squares", title="Squares on paper", modalities=("OT",), colour="rgb",
    licence="CC BY 4.0", native_size=32,
    training_data=(TrainingData("Square set", "CC0-1.0", "Doe, Squares, 2020", samples=12),),
    knows_not="no circles", known_failures=("Corners are round.",), mask_labels=("edge", "inside"),
    training={"base": {"denoiser_steps": 7, "device": "CPU"}})


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A sealed pack with one file of weights."""
    folder = tmp_path / "squares"
    (folder / "unet").mkdir(parents=True)
    (folder / "unet" / "model.safetensors").write_bytes(b"weights")
    seal(MANIFEST_OF_SQUARES, folder)
    return folder


def card_of(folder: Path) -> str:
    return (folder / "README.md").read_text()


def test_a_card_says_what_the_manifest_says(pack: Path) -> None:
    card = card_of(pack)
    for text in ("# Squares on paper", "Research use only, not for diagnosis.", "CC BY 4.0", "CC0-1.0",
                 "Doe, Squares, 2020", "12 training images", "no circles", "Corners are round.",
                 "1 edge, 2 inside", "32 px", "| denoiser steps | 7 |", "`medsynth train base`"):
        assert text in card, text
    assert "Samples" not in card, "nothing is promised that is not there"
    assert "Not evaluated: no study has measured this pack" in card
    assert "StableDiffusionPipeline.from_pretrained" in card


def test_a_card_claims_no_more_than_the_split_keeps(pack: Path) -> None:
    data = TrainingData("Mine", "CC0", "", 9, split_by="image", left_out=2, synthetic=3)
    card = model_card(replace(MANIFEST_OF_SQUARES, training_data=(data,)), pack)
    assert "split by image" in card and "one patient may lie in two parts" in card
    assert "2 training images were left out" in card and "3 images of the set were drawn by a model" in card
    by_patient = model_card(replace(MANIFEST_OF_SQUARES, training_data=(replace(data, split_by="patient"),)), pack)
    assert "split by patient" in by_patient and "one patient may" not in by_patient
    again = PackManifest.from_json(replace(MANIFEST_OF_SQUARES, training_data=(data,)).to_json())
    assert again.training_data == (data,)


def test_parts_and_samples_are_named_when_they_are_there(pack: Path) -> None:
    assert "ControlNet" not in card_of(pack)
    (pack / "controlnet").mkdir()
    (pack / "controlnet" / "config.json").write_text("{}")
    (pack / SAMPLES).write_bytes(b"a picture")
    seal(replace(MANIFEST_OF_SQUARES, training={**MANIFEST_OF_SQUARES.training, "control": {"steps": 3}}), pack)
    card = card_of(pack)
    assert "ControlNet for masks" in card and "`medsynth train control`" in card
    assert f"![Samples made by this pack]({SAMPLES})" in card and "synthetic" in card


def test_figures_reach_the_card_with_command_floor_target_and_n(pack: Path) -> None:
    weights = weights_key(read_manifest(pack))
    record_figures(pack, "quality", "python -m study --n 8", weights, [
        Figure("distance", "1.2 (1.0-1.4, n=8)", "0.5", "at most 2.5 x", "2 x 8"), Figure("share", "0.9")],
        ["judge: accuracy 0.9"])
    seal(read_manifest(pack), pack)
    card = card_of(pack)
    assert "### quality\n`python -m study --n 8`\n" in card and "\n- judge: accuracy 0.9\n" in card
    assert "| distance | 1.2 (1.0-1.4, n=8) | 0.5 | at most 2.5 x | 2 x 8 |" in card
    assert "| share | 0.9 |  |  |  |" in card
    assert card.index("## Figures") < card.index("## Known failures")


def test_a_study_replaces_its_own_figures_and_leaves_those_of_others(pack: Path) -> None:
    record_figures(pack, "quality", "first", "", [Figure("distance", "1"), Figure("old", "2")], [])
    record_figures(pack, "load", "other", "", [Figure("seconds", "3")], [])
    record_figures(pack, "quality", "second", "", [Figure("distance", "4")], [])
    kept = json.loads((pack / FIGURES).read_text())
    assert [row["name"] for row in kept["quality"]["figures"]] == ["distance"]
    assert kept["quality"]["command"] == "second" and kept["load"]["figures"][0]["measured"] == "3"
    card = model_card(read_manifest(pack), pack)
    assert "| distance | 4 |" in card and "first" not in card and "| seconds | 3 |" in card


def test_sealing_after_a_study_hashes_the_card_and_the_figures(pack: Path) -> None:
    before = read_manifest(pack)
    record_figures(pack, "quality", "line", "", [Figure("distance", "1")], [])
    sealed = seal(before, pack)
    assert sealed == PackManifest.from_json((pack / MANIFEST).read_text())
    assert sealed.files == hash_files(pack) and FIGURES in sealed.files
    assert sealed.sha256 != before.sha256
    assert replace(sealed, files={}) == replace(before, files={}), "nothing but the files changed"
    assert seal(sealed, pack) == sealed, "sealing twice is sealing once"


def test_figures_of_other_weights_say_so(pack: Path) -> None:
    record_figures(pack, "quality", "line", weights_key(read_manifest(pack)), [Figure("distance", "1")], [])
    assert "other weights" not in model_card(read_manifest(pack), pack)
    (pack / "unet" / "other.json").write_text("another")
    seal(read_manifest(pack), pack)
    assert "`line` Measured on other weights than this pack has now." in card_of(pack)


def test_a_record_of_unknown_fields_is_no_figure(pack: Path) -> None:
    (pack / FIGURES).write_text(json.dumps({"quality": {"command": "", "weights": "", "notes": [],
                                                        "figures": [{"name": "x", "value": "1"}]}}))
    with pytest.raises(TypeError):
        model_card(read_manifest(pack), pack)
