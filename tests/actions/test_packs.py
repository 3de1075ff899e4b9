"""Packs: found by name or folder, chosen by modality and colour, checked file by file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsynth_app.actions.packs import find_pack, list_packs, removes, suited_pack, unknown_kind, verify_packs
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import ImageInfo
from tests.actions.bench import make_pack


def image(modality: str | None, colour: str) -> ImageInfo:
    return ImageInfo("Image-AAAAAA", modality, "series", colour, ())


def test_packs_are_listed_and_found(tmp_path: Path) -> None:
    make_pack(tmp_path / "packs", "zebra", domain="a")
    make_pack(tmp_path / "packs", "apple", domain="b")
    assert [pack.manifest.name for pack in list_packs([tmp_path / "packs"])] == ["zebra", "apple"]
    assert find_pack("apple", [tmp_path / "packs"]).manifest.domain == "b"
    elsewhere = make_pack(tmp_path / "stick", "other")
    assert find_pack(str(elsewhere.folder), [tmp_path / "packs"]).manifest.name == "other"
    with pytest.raises(UserError, match="no model pack 'pear'"):
        find_pack("pear", [tmp_path / "packs"])


def test_the_newest_version_of_a_pack_is_taken(tmp_path: Path) -> None:
    for version in ("0.9.0", "0.10.0", "0.2.0"):
        make_pack(tmp_path / version, "cells", version=version)
    assert find_pack("cells", sorted(tmp_path.iterdir())).manifest.version == "0.10.0"


def test_the_suited_pack_fits_modality_before_colour_before_habit(tmp_path: Path) -> None:
    cells = make_pack(tmp_path, "cells")
    brain = make_pack(tmp_path, "brain", modalities=("MR",), colour="grey")
    colon = make_pack(tmp_path, "colon", modalities=("ES",))
    packs = [cells, brain, colon]
    assert suited_pack(packs, image("MR", "rgb"), cells) is brain
    assert suited_pack(packs, image(None, "rgb"), colon) is colon
    assert suited_pack(packs, image("CT", "grey"), colon) is brain
    assert suited_pack([], image("CT", "grey")) is None


def test_an_image_without_a_modality_is_matched_by_its_colours(tmp_path: Path) -> None:
    cells = make_pack(tmp_path, "cells", mean_colour=(220.0, 190.0, 180.0))
    colon = make_pack(tmp_path, "colon", modalities=("ES",), mean_colour=(140.0, 80.0, 60.0))
    other = make_pack(tmp_path, "cells-2", mean_colour=(225.0, 195.0, 185.0))
    packs = [cells, colon, other]
    red, bright = np.full((300, 400, 3), (150, 90, 70), np.uint8), np.full((64, 64, 3), (222, 192, 182), np.uint8)
    assert suited_pack(packs, image(None, "rgb"), cells, red) is colon
    assert suited_pack(packs, image(None, "rgb"), colon, bright) is cells
    assert suited_pack(packs, image(None, "rgb"), other, bright) is other  # alike: habit decides
    assert suited_pack(packs, image("SM", "rgb"), None, red) is cells  # what the file states comes first
    assert suited_pack(packs, image(None, "grey"), other, red[..., 0]) is other
    unknown = make_pack(tmp_path, "unknown")  # of a pack that does not say, nothing can be said
    assert suited_pack([unknown, *packs], image(None, "rgb"), unknown, red) is colon
    assert suited_pack(packs, image(None, "rgb"), None, red.astype(np.uint16) * 257) is colon


def test_a_pack_removes_from_what_it_was_trained_on_where_it_says_what_is_drawn_then(tmp_path: Path) -> None:
    cells = make_pack(tmp_path, "cells", mean_colour=(220.0, 190.0, 180.0))
    brain = make_pack(tmp_path, "brain", modalities=("MR",), colour="grey")
    assert removes(cells, image("SM", "rgb")) and removes(brain, image("MR", "grey"))
    assert not removes(brain, image("CT", "grey"))
    assert not removes(brain, image("MR", "rgb"))
    assert not removes(None, image("MR", "grey"))
    silent = make_pack(tmp_path, "silent", remove_prompt="")  # the classical fill removes, as before it was there
    assert not removes(silent, image("SM", "rgb")) and suited_pack([silent], image("SM", "rgb")) is silent
    alike, unlike = np.full((8, 8, 3), (205, 180, 175), np.uint8), np.full((8, 8, 3), (90, 60, 50), np.uint8)
    assert removes(cells, image(None, "rgb"), alike)  # nothing states what it is: its colours speak
    assert not removes(cells, image(None, "rgb"), unlike)
    assert not removes(brain, image(None, "grey"), alike[..., 0])  # grey can be anything


def test_a_modality_that_no_pack_knows_is_told_in_words(tmp_path: Path) -> None:
    packs = [make_pack(tmp_path, "cells"), make_pack(tmp_path, "brain", modalities=("MR",), colour="grey")]
    assert unknown_kind(packs, image("CT", "grey")) == "No installed model knows CT images"
    assert unknown_kind(packs, image("MR", "grey")) is None
    assert unknown_kind(packs, image(None, "grey")) is None  # nobody knows that it does not


def test_a_changed_file_is_found(tmp_path: Path) -> None:
    whole, changed = make_pack(tmp_path, "whole"), make_pack(tmp_path, "broken")
    (changed.folder / "weights.txt").write_text("other")
    checks = {check.pack.manifest.name: check for check in verify_packs([tmp_path])}
    assert checks["whole"].whole and whole.folder.exists()
    assert not checks["broken"].whole and "weights.txt" in checks["broken"].problems[0]


def test_kinds_are_kept_apart(tmp_path: Path) -> None:
    base = make_pack(tmp_path / "packs", "cells")
    encoder = make_pack(tmp_path / "packs", "cell-encoder", kind="encoder")
    folders = [tmp_path / "packs"]
    assert [pack.folder for pack in list_packs(folders)] == [base.folder]
    assert [pack.folder for pack in list_packs(folders, "encoder")] == [encoder.folder]
    assert len(list_packs(folders, None)) == len(verify_packs(folders)) == 2
    assert find_pack("cell-encoder", folders, "encoder").folder == encoder.folder
    for named, kind, complaint in (("cell-encoder", "base", "'encoder', and 'base' is needed"),
                                   (str(encoder.folder), "base", "'encoder', and 'base' is needed"),
                                   ("cells", "encoder", "'base', and 'encoder' is needed"),
                                   ("nobody", "encoder", "no encoder 'nobody'")):
        with pytest.raises(UserError, match=complaint):
            find_pack(named, folders, kind)
