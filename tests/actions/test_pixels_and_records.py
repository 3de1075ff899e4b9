"""Pixels and records leave together: whatever falls between two looks, generated pixels say that they are."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from sqlalchemy import Engine, event

from medsynth_app.actions.accept_result import accept_result
from medsynth_app.actions.export import Exported, export_image
from medsynth_app.actions.export_result import export_result
from medsynth_app.actions.export_series import export_series
from medsynth_app.actions.history import redo, undo
from medsynth_app.actions.inpaint import inpaint_document
from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.receive import receive
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.edit import Edit, PixelPart
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Pixels
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.formats.registry import read_provenance
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.candidates import Candidate
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import answer, paint, png
from tests.asking import to_inpaint


def staged(workspace: Workspace, queue: JobQueue, pack: InstalledPack, document: Document,
           box: tuple[int, int, int, int] = (20, 30, 36, 44)) -> Candidate:
    """Paint this alone and run once."""
    paint(document, box=(0, 0, 60, 80), value=0)
    paint(document, box=box)
    (job,) = inpaint_document(queue, document, 0, to_inpaint(prompt="a cell", seed=7, count=1), pack).jobs
    answer(workspace, job, lambda record, news: receive(workspace, record, news))
    return next(item for item in workspace.candidates.of_document(document.id) if item.job_id == job)


def honest(document: Document, out: Exported, original: Pixels) -> bool:
    """Whether what was written differs from the file that was opened, as its records say; asserts that they agree."""
    generated = bool((np.asarray(Image.open(out.path)) != original).any())
    assert (read_provenance(out.path) is not None) is (out.record is not None) is generated
    return generated


def test_a_second_window_sees_what_the_first_one_did(workspace: Workspace, queue: JobQueue, pack: InstalledPack,
                                                     tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    original = document.pixels(0).copy()
    result = staged(workspace, queue, pack, document)
    with Workspace.open(workspace.folder, writable=False) as reader:
        seen = open_image(reader, tmp_path / "a.png")
        assert seen.read_only
        steps = [lambda: accept_result(document, result), lambda: undo(document), lambda: redo(document)]
        for number, step in enumerate(steps):
            step()
            stands = number != 1
            assert np.array_equal(seen.pixels(0), document.pixels(0))
            assert np.array_equal(seen.region(0, result.bounds), document.region(0, result.bounds))
            assert bool(seen.synthetic_mask(0).any()) is bool(seen.provenance(0)) is stands
            out = export_image(reader, seen, 0, tmp_path / f"{number}.png", "png", mark=False)
            assert honest(seen, out, original) is stands


class Between:
    """Does something once, just before the database is asked the `moment`-th time."""

    def __init__(self, moment: int, step: Callable[[], object]) -> None:
        self._left, self._step = moment, step
        self.done = False

    def __enter__(self) -> Between:
        event.listen(Engine, "before_cursor_execute", self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(Engine, "before_cursor_execute", self._hear)

    def _hear(self, *_: object) -> None:
        self._left -= 1
        if self._left < 0 and not self.done:
            self.done = True
            self._step()


@pytest.mark.parametrize("way", ["image", "result", "series"])
def test_an_undo_while_an_export_reads_leaves_no_generated_pixel_without_its_record(
        workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path, way: str) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    original = document.pixels(0).copy()
    result = staged(workspace, queue, pack, document)
    beside = staged(workspace, queue, pack, document, (22, 45, 34, 58))
    accept_result(document, result)
    outside = np.ones(original.shape[:2], bool)
    outside[beside.bounds.slices] = ~beside.effective()
    for moment in itertools.count():
        assert (document.pixels(0) != original).any()
        with Between(moment, lambda: undo(document)) as between:
            if way == "image":
                honest(document, export_image(workspace, document, 0, tmp_path / f"{moment}.png", "png", mark=False),
                       original)
            elif way == "result":
                out = export_result(workspace, document, beside, tmp_path / f"{moment}.png", "png", mark=False)
                record = read_provenance(out.path)
                others = (np.asarray(Image.open(out.path)) != original)[outside].any()
                assert record is not None and len(record.earlier) == int(others)
            else:
                series = export_series(workspace, document, tmp_path / "out", "tiff")
                written = tifffile.imread(series.path)
                assert (written.reshape(original.shape) != original).any() == bool(series.changed)
                assert json.loads(series.record.read_text())["synthetic"] is bool(series.changed)
                assert ("synthetic" in series.path.name) is bool(series.changed)
        if not between.done:
            break
        redo(document)
    assert moment > 1


def test_pixels_that_nothing_is_recorded_of_are_generated(workspace: Workspace, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    original, box = document.pixels(0).copy(), Bounds(4, 4, 8, 8)
    before = original[box.slices]
    document.apply(Edit("inpaint", (PixelPart(document.info.frames[0].key, box, before, ~before, "lost"),)))
    out = export_image(workspace, document, 0, tmp_path / "b.png", "png", mark=False)
    assert honest(document, out, original)


def test_a_result_that_is_in_the_image_does_not_take_its_own_place(workspace: Workspace, queue: JobQueue,
                                                                   pack: InstalledPack, tmp_path: Path) -> None:
    document = open_image(workspace, png(tmp_path / "a.png"))
    result = staged(workspace, queue, pack, document)
    accept_result(document, result)
    with pytest.raises(UserError, match="in the image already"):
        accept_result(document, result)  # as one who has not heard that it was accepted
    assert len(document.provenance(0)) == 1 and workspace.candidates.get(result.id).state == "accepted"
    undo(document)
    assert document.provenance(0) == [] and workspace.candidates.get(result.id).state == "staged"
