from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.workspace.pictures import PictureFilter
from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import provenance


def test_pictures_newest_first(workspace: Workspace) -> None:
    for k in range(3):
        workspace.pictures.add("job", k, np.full((8, 8, 3), k, np.uint8), provenance(k))
    again = workspace.pictures.add("job", 2, np.full((8, 8, 3), 9, np.uint8), provenance(9))
    pictures = workspace.pictures.page()
    assert [p.seed for p in pictures] == [9, 1, 0] and (pictures[0].pixels() == 9).all()
    assert pictures[1].provenance == provenance(1)
    workspace.pictures.remove(again.id)
    assert [p.candidate for p in workspace.pictures.page()] == [1, 0]


def test_a_picture_keeps_its_mask_and_takes_it_along(workspace: Workspace) -> None:
    mask = np.arange(64, dtype=np.uint8).reshape(8, 8) % 3
    made = workspace.pictures.add("job", 0, np.zeros((8, 8, 3), np.uint8), provenance(0), mask=mask)
    workspace.pictures.add("job", 1, np.ones((8, 8, 3), np.uint8), provenance(1))
    plain, held = workspace.pictures.page()
    kept = held.mask()
    assert kept is not None and kept.dtype == np.uint8 and np.array_equal(kept, mask) and plain.mask() is None
    files = len(list(workspace.blobs.all()))
    workspace.pictures.add("job", 0, np.zeros((8, 8, 3), np.uint8), provenance(0), mask=mask + 1)
    assert len(list(workspace.blobs.all())) == files    # the first mask went
    workspace.pictures.remove(made.id)
    assert len(list(workspace.blobs.all())) == files - 2
    with pytest.raises(ValueError, match="does not fit"):
        workspace.pictures.add("job", 2, np.zeros((8, 8, 3), np.uint8), provenance(0), mask=mask[:4])


def test_pages_read_nothing_of_what_lies_beyond(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        made = [workspace.pictures.add(f"job {k // 3}", k % 3, np.full((8, 8, 3), k, np.uint8), provenance(k))
                for k in range(12)]
        assert workspace.pictures.count == 12
        for k in (0, 11):       # the oldest and the newest can no longer be parsed
            with closing(sqlite3.connect(folder / "workspace.db")) as connection, connection:
                connection.execute("UPDATE pictures SET provenance = 'damaged' WHERE id = ?", (made[k].id,))
        assert [picture.seed for picture in workspace.pictures.page(1, 4)] == [10, 9, 8, 7]
        assert [picture.seed for picture in workspace.pictures.page(8, 3)] == [3, 2, 1]
        assert workspace.pictures.page(12, 4) == () and workspace.pictures.get(made[5].id) == made[5]
        assert {picture.id for picture in workspace.pictures.of_job("job 1")} == {picture.id for picture in made[3:6]}
        assert workspace.pictures.remove(made[5].id) and not workspace.pictures.remove(made[5].id)
        assert workspace.pictures.get(made[5].id) is None and workspace.pictures.count == 11


def test_a_filter_finds_words_of_the_prompt_the_seed_and_the_model(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        for k, (prompt, pack) in enumerate((("a Neutrophil in a smear", "cells"), ("a platelet, 100 %", "cells"),
                                            ("a neutrophil alone", "other"), ("", "other"))):
            about = replace(provenance(k), pack=pack, seed=40 + k, parameters={"prompt": prompt})
            workspace.pictures.add("job", k, np.zeros((8, 8, 3), np.uint8), about)

        def seeds(**such: str) -> list[int]:
            asked = PictureFilter(**such)
            found = [picture.seed for picture in workspace.pictures.page(0, 9, asked)]
            assert workspace.pictures.counted(asked) == len(found)
            assert workspace.pictures.ids(asked) == tuple(each.id for each in workspace.pictures.page(0, 9, asked))
            return found

        assert seeds() == [43, 42, 41, 40] and workspace.pictures.packs() == ("cells", "other")
        assert seeds(text="neutrophil") == [42, 40] and seeds(text=" SMEAR  neutrophil ") == [40]
        assert seeds(text="41") == [41] and seeds(text="100 %") == [41] and seeds(text="_") == []
        assert seeds(pack="other") == [43, 42] and seeds(text="neutrophil", pack="cells") == [40]
        assert seeds(text="9" * 30) == [] and seeds(text="\N{SUPERSCRIPT TWO}") == []
        with closing(sqlite3.connect(folder / "workspace.db")) as connection, connection:
            connection.execute("UPDATE pictures SET provenance = 'damaged' WHERE seed = 43")
        assert seeds(text="neutrophil") == [42, 40] and workspace.pictures.packs() == ("cells", "other")


def test_several_go_at_once_with_one_entry_in_the_audit(workspace: Workspace) -> None:
    made = [workspace.pictures.add("job", k, np.full((8, 8, 3), k, np.uint8), provenance(k)) for k in range(4)]
    before = workspace.audit.count
    gone = [made[0].id, made[2].id, "nobody's"]
    assert set(workspace.pictures.remove_all(gone)) == {made[0].id, made[2].id}
    assert workspace.pictures.remove_all(gone) == () and workspace.audit.count == before + 1
    assert [picture.seed for picture in workspace.pictures.page()] == [3, 1]


def test_favourites_are_kept_and_found(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        made = [workspace.pictures.add("job", k, np.full((8, 8, 3), k, np.uint8), provenance(k)) for k in range(4)]
        assert not any(picture.favourite for picture in workspace.pictures.page())
        workspace.pictures.mark([made[1].id, made[3].id], True)
        workspace.pictures.mark([made[3].id], False)
    with Workspace.open(folder) as workspace:
        assert [picture.id for picture in workspace.pictures.page(0, 9, PictureFilter(favourites=True))] == [made[1].id]
        assert [picture.favourite for picture in workspace.pictures.page()] == [False, False, True, False]
