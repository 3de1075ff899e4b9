"""What a worker is asked to learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsynth_app.actions.label import add_cells, label
from medsynth_app.actions.learn import (
    embed_cells,
    embedded_cells,
    learn_request,
    new_classes,
    parts_of,
    suited_encoder,
)
from medsynth_app.core.cell_label import CellLabel
from medsynth_app.core.cell_schema import CellSchema
from medsynth_app.core.cells import Cell, Origin, cell_id
from medsynth_app.core.errors import UserError
from medsynth_app.core.files import file_sha256
from medsynth_app.core.jobs.learn import LearnRequest
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.formats.cell_schemas import shipped_schemas
from medsynth_app.formats.embeddings import Embeddings, write_embeddings
from medsynth_app.workspace.label_sets import LabelSet
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack, png

BLOOD = next(schema for schema in shipped_schemas() if schema.id == "blood")


@pytest.fixture
def encoder(tmp_path: Path) -> InstalledPack:
    return make_pack(tmp_path / "packs", "cell-encoder", kind="encoder")


@pytest.fixture
def label_set(workspace: Workspace, tmp_path: Path) -> LabelSet:
    made, cells = workspace.label_sets.add("May", BLOOD), []
    for k in range(4):
        path = png(tmp_path / f"{k}.png", 32, 32, seed=k)
        sha256, box = file_sha256(path), (0, 0, 0, 0) if k < 2 else (2, 2, 12, 12)
        cells.append(Cell(cell_id(sha256, box), path.name, str(path), sha256, box,
                          Origin.SYNTHETIC if k == 1 else Origin.REAL))
    add_cells(workspace, made, cells)
    made.refresh()
    return made


def embed(label_set: LabelSet, encoder: InstalledPack) -> None:
    for request in embed_cells(label_set.cells, label_set.folder, encoder, "cpu"):
        ids = request.pictures.ids()
        write_embeddings(Path(request.out), Embeddings(ids, np.ones((len(ids), 3), np.float32), "cell-encoder",
                                                       encoder.manifest.sha256))


def asked(label_set: LabelSet, encoder: InstalledPack, agreed: dict[str, str], control: int = 0) -> LearnRequest | None:
    """With the first so many cells in the control slice."""
    cells = embedded_cells(label_set.cells, label_set.folder, encoder, np.arange(len(label_set.cells)) < control)
    return learn_request(label_set, cells, agreed, None) if cells is not None else None


def test_whole_pictures_and_boxes_are_embedded_apart_and_none_twice(
        label_set: LabelSet, encoder: InstalledPack) -> None:
    whole, boxed = embed_cells(label_set.cells, label_set.folder, encoder, "cpu")
    assert whole.pictures.ids() == tuple(cell.id for cell in label_set.cells[:2]) and whole.pictures.boxes is None
    assert boxed.pictures.boxes is not None and boxed.pictures.boxes.tolist() == [[2, 2, 12, 12]] * 2
    embed(label_set, encoder)
    assert embed_cells(label_set.cells, label_set.folder, encoder, "cpu") == []
    assert len(parts_of(label_set.folder, encoder)) == 2


def test_a_cell_whose_image_is_gone_is_left_out(label_set: LabelSet, encoder: InstalledPack) -> None:
    Path(label_set.cells[0].file).unlink()
    embed(label_set, encoder)
    request = asked(label_set, encoder, {})
    assert request is not None and request.ids is not None
    assert [name.decode() for name in request.ids] == [cell.id for cell in label_set.cells[1:]]


def test_labels_teach_other_answers_do_not_and_only_real_cells_are_of_the_control_slice(
        label_set: LabelSet, encoder: InstalledPack) -> None:
    assert asked(label_set, encoder, {}) is None  # nothing is embedded
    embed(label_set, encoder)
    for turn, (k, answer) in enumerate(((2, "monocyte"), (0, "ig"), (3, "not-a-cell"))):
        cell = label_set.cells[k]
        label(label_set, [CellLabel(cell.id, cell.image_sha256, cell.box, "ann", answer, at=f"2026-01-0{turn + 1}")],
              "ann")
    agreed = {each.cell: each.answer for each in label_set.labels.values()}
    request = asked(label_set, encoder, agreed, 2)
    assert request is not None and request.given is not None
    assert [request.classes[k] if k >= 0 else "" for k in request.labels] == ["ig", "", "monocyte", ""]
    assert request.ignored.tolist() == [False, False, False, True]
    assert request.control.tolist() == [True, False, False, False]
    assert request.real.tolist() == [True, False, True, True]
    assert request.given.tolist() == [1, -1, 0, -1]


def test_labels_of_a_page_are_told_apart_unless_somebody_said_the_same_of_the_cell_alone(
        label_set: LabelSet, encoder: InstalledPack) -> None:
    embed(label_set, encoder)
    first, second, third, fourth = label_set.cells
    for given in ([CellLabel(cell.id, cell.image_sha256, cell.box, "ann", "ig", group=3, checked=cell is second)
                   for cell in (first, second, third)],
                  [CellLabel(fourth.id, fourth.image_sha256, fourth.box, "ann", "ig", checked=True)],  # a page of one
                  [CellLabel(third.id, third.image_sha256, third.box, "bob", "ig")],
                  [CellLabel(second.id, second.image_sha256, second.box, "ann", "ig", repeat=1)]):
        label(label_set, given, given[0].person)
    request = asked(label_set, encoder, {cell.id: "ig" for cell in label_set.cells})
    assert request is not None and request.grouped is not None
    assert request.grouped.tolist() == [True, True, False, True]


def test_where_most_classes_are_new_to_the_first_encoder_one_that_saw_no_label_is_taken(tmp_path: Path) -> None:
    def made(name: str, **about: str | list[str] | None) -> InstalledPack:
        return make_pack(tmp_path / "packs", name, kind="encoder", training={"encoder": about} if about else {})

    taught = made("a", classes="Neutrophil, lymphocyte, ig")
    most = made("d", classes=", ".join(BLOOD.ids[:8]))
    assert made("e", classes=["cell, immature", "ig"]).manifest.taught == ("cell, immature", "ig")
    blind, silent = made("b", classes=None, supervision="none: no label was seen"), made("c")
    assert (taught.manifest.taught, blind.manifest.taught, silent.manifest.taught) == (
        ("Neutrophil", "lymphocyte", "ig"), (), None)
    known = CellSchema("few", "Few", (BLOOD.classes[0], BLOOD.classes[1]))
    assert new_classes(known, ("Neutrophil",)) == ("lymphocyte",)
    for packs, schema, wanted in (((taught, silent, blind), BLOOD, blind), ((taught, blind), known, taught),
                                  ((taught, silent), BLOOD, taught), ((silent, blind), BLOOD, silent),
                                  ((taught, blind), None, taught), ((most, blind), BLOOD, most)):
        assert suited_encoder(packs, schema=schema) is wanted
    assert suited_encoder((taught, blind), taught.manifest.sha256, BLOOD) is taught


def test_an_encoder_is_chosen_by_its_hash_and_none_is_told(encoder: InstalledPack, tmp_path: Path) -> None:
    other = make_pack(tmp_path / "packs", "other-encoder", kind="encoder")
    assert suited_encoder([encoder, other], other.manifest.sha256) is other
    assert suited_encoder([encoder, other], "gone") is encoder
    newer = make_pack(tmp_path / "newer", encoder.manifest.name, kind="encoder", version="9.0")
    assert suited_encoder([encoder, newer, other]) is newer
    assert suited_encoder([encoder, newer], encoder.manifest.sha256) is encoder
    with pytest.raises(UserError, match="no encoder"):
        suited_encoder([make_pack(tmp_path / "packs", "cells")])
