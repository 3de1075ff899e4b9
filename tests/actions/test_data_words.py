"""What is found in a data set, said in words."""

from __future__ import annotations

from typing import Any

from medsynth_app.actions.data_words import facts_of, names_of

FOUND: dict[str, Any] = {
    "form": "class folders", "pictures": 9, "files": 11, "name": "Pets", "licence": "CC0",
    "counts": {"cat": 6, "dog": 5}, "sizes": ["40 x 40", "64 x 64"],
    "depths": {"8 bits, colour": 8, "16 bits, grey": 1}, "modalities": {"CR": 1}, "patients": 0, "split_by": "image",
    "parts": {"train": 8, "val": 1, "test": 0}, "left_out": [], "synthetic": ["s.png"], "with_text": ["t.png"],
    "broken": [{"file": "a.png", "problem": "It is empty."}], "like_masks": [], "not_as_described": {},
    "duplicates": [["b.png", "c.png"]], "near_duplicates": [], "in_two_classes": []}


def test_facts_and_names_of_a_look() -> None:
    facts = dict(facts_of(FOUND))
    assert facts["What"] == "class folders: 9 pictures in 11 files" and facts["Counts"] == "cat 6, dog 5"
    assert facts["Name"] == "Pets; licence: CC0"
    assert "dataset.toml" in dict(facts_of({**FOUND, "licence": "not stated"}))["Name"]
    assert facts["Split"] == "by image; no patients are named: train 8, val 1, test 0"
    assert facts["Depth"] == "8 bits, colour: 8; 16 bits, grey: 1" and facts["Patients"] == "not named"
    assert [(each.heading, each.names, each.wrong) for each in names_of(FOUND)] == [
        ("Cannot be used", ("a.png: It is empty.",), True),
        ("With text burned in, as it seems: a model learns to draw it, and it may name somebody", ("t.png",), False),
        ("Drawn by a model, and left out of training unless asked", ("s.png",), False),
        ("Equal files", ("b.png = c.png",), False)]


def test_a_set_that_a_model_drew_says_that_nothing_is_learned_from_it() -> None:
    split = dict(facts_of({**FOUND, "parts": {"train": 0, "val": 0, "test": 0}}))["Split"]
    assert split == "none: a model drew every picture, so nothing is learned from them unless asked (include_synthetic)"


def test_a_split_that_cannot_be_is_told_instead() -> None:
    torn = {key: value for key, value in FOUND.items() if key not in ("patients", "split_by", "parts", "duplicates")}
    assert dict(facts_of({**torn, "split_problem": "A patient is torn."}))["Split"] == "A patient is torn."


def test_what_will_be_learned_is_told_by_class_with_captions() -> None:
    captions = [f"a cat {k}" for k in range(6)]
    found: dict[str, Any] = {
        "name": "Pets", "licence": "CC0", "split_by": "patient", "synthetic": 2,
        "left_out": {"near_duplicates": ["x.png"]},
        "classes": {"cat": {"train": 5, "val": 1, "test": 2, "captions": captions}}}
    facts = dict(facts_of(found))
    assert facts["Split"] == "by patient"
    assert facts["cat"] == "train 5, val 1, test 2; “a cat 0”, “a cat 1”, “a cat 2”, “a cat 3”, and 2 more"
    assert [(each.names, each.wrong) for each in names_of(found)] == [(("x.png",), False), (("2",), True)]
    assert "Split" not in dict(facts_of({key: value for key, value in found.items() if key != "split_by"}))
