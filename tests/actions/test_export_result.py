"""Exporting a candidate leaves the document, and everybody's undo and redo, as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsynth_app.actions.accept_result import accept_result
from medsynth_app.actions.export_result import export_result
from medsynth_app.actions.history import undo
from medsynth_app.actions.inpaint import inpaint_document
from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.receive import receive
from medsynth_app.core.errors import UserError
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.formats.registry import read_provenance
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import answer, paint, png
from tests.asking import to_inpaint


def test_a_candidate_is_exported_without_being_accepted(workspace: Workspace, queue: JobQueue, pack: InstalledPack,
                                                        tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    paint(document)
    paint(document, box=(2, 2, 8, 8))
    undo(document)
    (job,) = inpaint_document(queue, document, 0, to_inpaint(prompt="a cell", seed=7, count=2), pack).jobs
    answer(workspace, job, lambda record, event: receive(workspace, record, event))
    first, second = workspace.candidates.of_document(document.id)
    before = np.array(document.pixels(0))
    made = export_result(workspace, document, first, tmp_path / "out.png", "png", mark=False)
    written, effective = np.asarray(Image.open(made.path)), first.effective()
    inside = written[first.bounds.slices]
    assert np.array_equal(inside[effective], first.pixels()[effective])
    assert np.array_equal(inside[~effective], before[first.bounds.slices][~effective])
    record = read_provenance(made.path)
    assert record is not None and record.seed == first.seed
    assert np.array_equal(document.pixels(0), before) and document.provenance(0) == []
    assert (document.can_undo(), document.can_redo()) == ("Undo: paint region", "Redo: paint region")
    assert [item.state for item in workspace.candidates.of_document(document.id)] == ["staged", "staged"]
    accept_result(document, first)
    with pytest.raises(UserError, match="has changed in this region"):
        export_result(workspace, document, second, tmp_path / "late.png", "png")
