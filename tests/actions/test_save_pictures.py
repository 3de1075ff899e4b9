"""Many generated pictures in one folder: as a data set, or as files with their records."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medsynth_app.actions.make import class_names
from medsynth_app.actions.save_pictures import save_pictures
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.hidden_mark import read_mark
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats.registry import read_mask, read_provenance
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack

MASK = np.zeros((16, 16), np.uint8)
MASK[2:9, 3:8] = 1


@pytest.fixture
def pack(tmp_path: Path) -> InstalledPack:
    return make_pack(tmp_path / "packs", example_prompts=("a basophil in a smear", "a monocyte in a smear"))


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "work") as found:
        yield found


def add(workspace: Workspace, pack: InstalledPack, seed: int, prompt: str, mask: Any = None, **about: Any) -> str:
    parameters = {"prompt": prompt, "steps": 9, "guidance": 2.5, "width": 16, "height": 16, **about}
    return workspace.pictures.add(
        f"job {seed} {prompt}", 0, np.full((16, 16, 3), seed, np.uint8),
        Provenance("generate", pack.manifest.name, pack.manifest.sha256, seed, "2026", parameters=parameters),
        mask=mask).id


def test_a_data_set_has_class_folders_tables_and_a_card_and_no_mark(
        workspace: Workspace, pack: InstalledPack, tmp_path: Path) -> None:
    ids = [add(workspace, pack, 3, "a basophil in a smear"), add(workspace, pack, 4, "a basophil in a smear"),
           add(workspace, pack, 5, "a lymphocyte in a smear", MASK)]
    told: list[tuple[int, int]] = []
    out = tmp_path / "Mine"
    saved = save_pictures(workspace, ids, out, as_set=True, packs=[pack], progress=lambda *at: told.append(at))
    assert (saved.folder, saved.count) == (out, 3) and told == [(1, 3), (2, 3), (3, 3)]
    assert "1 of the pictures have masks" in saved.notices[0]
    rows = list(csv.DictReader((out / "labels.csv").read_text().splitlines()))
    assert [(row["file"], row["class"], row["seed"]) for row in rows] == [
        ("basophil/SYN-basophil-00001.png", "basophil", "3"), ("basophil/SYN-basophil-00002.png", "basophil", "4"),
        ("lymphocyte/SYN-lymphocyte-00001.png", "lymphocyte", "5")]
    with Image.open(out / rows[1]["file"]) as image:
        assert np.array_equal(np.asarray(image), np.full((16, 16, 3), 4, np.uint8))
    record = read_provenance(out / rows[1]["file"])
    assert record is not None and record.seed == 4
    card = (out / "README.md").read_text()
    assert "# Mine" in card and pack.manifest.sha256 in card and "| basophil | 2 |" in card and "9 steps" in card


def test_pictures_that_all_follow_masks_are_pairs(workspace: Workspace, pack: InstalledPack, tmp_path: Path) -> None:
    ids = [add(workspace, pack, k, "a basophil in a smear", MASK, mask_labels={"1": "nucleus"}) for k in range(2)]
    assert save_pictures(workspace, ids, tmp_path / "out", as_set=True, packs=[pack]).notices == ()
    for k in (1, 2):
        assert np.array_equal(read_mask(tmp_path / "out" / "masks" / f"SYN-basophil-{k:05d}.png"), MASK)
    coco = json.loads((tmp_path / "out" / "coco.json").read_text())
    assert [each["bbox"] for each in coco["annotations"]] == [[3, 2, 5, 7]] * 2
    assert json.loads((tmp_path / "out" / "label-map.json").read_text()) == {"0": "background", "1": "nucleus"}


def test_a_model_that_is_not_installed_is_told_in_the_card(
        workspace: Workspace, pack: InstalledPack, tmp_path: Path) -> None:
    save_pictures(workspace, [add(workspace, pack, 1, "a cell")], tmp_path / "out", as_set=True)
    card = (tmp_path / "out" / "README.md").read_text()
    assert pack.manifest.sha256 in card and "was not installed" in card and "not stated" in card


def test_files_have_their_records_and_masks_beside_them(
        workspace: Workspace, pack: InstalledPack, tmp_path: Path) -> None:
    ids = [add(workspace, pack, 7, "a cell", MASK), add(workspace, pack, 7, "another cell")]
    save_pictures(workspace, ids, tmp_path / "out", as_set=False, mark=False)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "SYNTHETIC-7-2.png", "SYNTHETIC-7-2.png.provenance.json", "SYNTHETIC-7.png",
        "SYNTHETIC-7.png.mask.png", "SYNTHETIC-7.png.provenance.json"]


@pytest.mark.parametrize("as_set", [True, False])
def test_an_invisible_mark_is_hidden_where_it_is_wanted_and_told(
        workspace: Workspace, pack: InstalledPack, tmp_path: Path, as_set: bool) -> None:
    pixels = np.full((96, 96, 3), 90, np.uint8)
    about = Provenance("generate", pack.manifest.name, pack.manifest.sha256, 3, "2026", parameters={"prompt": "a"})
    picture = workspace.pictures.add("job", 0, pixels, about)
    save_pictures(workspace, [picture.id], tmp_path / "out", as_set=as_set, mark=False, invisible=True, packs=[pack])
    path, = (tmp_path / "out").rglob("*.png")
    told, mark = read_provenance(path), read_mark(np.asarray(Image.open(path)))
    assert told is not None and mark is not None and mark.is_there
    assert not mark.wrong([told.parameters["invisible_mark"]["code"]])[0]
    assert not as_set or "An invisible mark is hidden" in (tmp_path / "out" / "README.md").read_text()


def test_nothing_is_left_of_what_was_stopped_and_nothing_is_written_over(
        workspace: Workspace, pack: InstalledPack, tmp_path: Path) -> None:
    ids = [add(workspace, pack, k, "a cell") for k in range(3)]
    asked: list[int] = []
    for as_set in (True, False):
        asked.clear()
        with pytest.raises(Cancelled):
            save_pictures(workspace, ids, tmp_path / "out", as_set=as_set,
                          cancelled=lambda: asked.append(1) or len(asked) > 4)  # type: ignore[func-returns-value]
        assert not (tmp_path / "out").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="holds files already"):
        save_pictures(workspace, ids, tmp_path / "full", as_set=True)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]
    workspace.pictures.remove_all(ids)
    with pytest.raises(UserError, match="no longer there"):
        save_pictures(workspace, ids, tmp_path / "out", as_set=True)


@pytest.mark.parametrize(("prompts", "names"), [
    (["a cat", "an old dog"], ["cat", "old dog"]),
    (["a cat in a box", "a dog in a box"], ["cat", "dog"]),
    (["photo of a cat", "photo of a big cat"], ["cat", "big cat"]),
    (["a cat"], ["cat"]), (["a/b: c", "x"], ["a b c", "x"]), (["", "..."], ["picture", "picture"]),
])
def test_classes_are_what_tells_prompts_apart(prompts: list[str], names: list[str]) -> None:
    assert class_names(prompts) == names
