"""A generated picture is opened as an image: it says what it is, keeps its record, and goes with the picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.actions.export import export_image
from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.open_picture import open_picture
from medsynth_app.actions.remove_picture import remove_picture
from medsynth_app.actions.remove_study import remove_study
from medsynth_app.core.errors import UserError
from medsynth_app.core.provenance import Provenance
from medsynth_app.workspace.pictures import Picture
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import paint, png

ABOUT = Provenance("generate", "cells", "ab" * 32, 31, "2030-01-01", parameters={"prompt": "a neutrophil"})


def drawn(workspace: Workspace, document_id: str = "") -> Picture:
    pixels = np.random.default_rng(3).integers(0, 256, (24, 32, 3), np.uint8)
    return workspace.pictures.add("job", 0, pixels, ABOUT, document_id=document_id)


def test_it_opens_as_a_synthetic_image_with_its_record(workspace: Workspace, tmp_path: Path) -> None:
    picture = drawn(workspace)
    path = open_picture(workspace, picture)
    assert path == open_picture(workspace, picture) and path.is_relative_to(workspace.folder)
    assert path.parent.stat().st_mode & 0o077 == 0
    document = open_image(workspace, path)
    assert document.info.synthetic and np.array_equal(document.pixels(0), picture.pixels())
    assert document.provenance(0) == [] and document.info.synthetic  # nothing of it was filled here
    made = export_image(workspace, document, 0, tmp_path / "out.png", "png", mark=False)
    assert made.record is not None
    record = json.loads(made.record.read_text())
    assert (record["action"], record["seed"], record["parameters"]["prompt"]) == ("generate", 31, "a neutrophil")
    paint(document, box=(4, 4, 12, 12))  # it is worked on as any other image
    assert document.mask(0).any()
    document.close()


def test_its_file_goes_with_the_picture(workspace: Workspace) -> None:
    picture = drawn(workspace)
    path = open_picture(workspace, picture)
    remove_picture(workspace, picture)
    assert not path.exists() and not path.parent.exists()


def test_its_file_goes_with_the_study_whose_mask_it_follows(workspace: Workspace, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    paths = [open_picture(workspace, drawn(workspace, document.id))]
    other = workspace.pictures.add("other", 0, np.zeros((8, 8, 3), np.uint8), ABOUT)
    kept = open_picture(workspace, other)
    remove_study(workspace, document)
    assert not paths[0].exists() and kept.exists()


def test_nothing_is_written_where_one_may_not_write(workspace: Workspace) -> None:
    picture = drawn(workspace)
    with Workspace.open(workspace.folder) as second, pytest.raises(UserError, match="read-only"):
        open_picture(second, picture)
    assert not (workspace.folder / "generated").exists()
