"""The job that finds the cells of fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.files import file_sha256
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.detect import COLUMNS, DetectRequest
from medsynth_app.datasets.picture import opened, seen
from medsynth_app.engine.job import Job
from medsynth_app.formats.cell_tables import write_table
from medsynth_app.segmentation.smear import CellKind, find_cells

LEAST = 32  # pixels a side


def run(request: DetectRequest, job: Job) -> None:
    """Do a job of the kind "detect".

    Emits an ``EventKind.RESULT`` with the data file, fields, empty (fields without any cell) and cells (how many of
    each kind). A field in which nothing was found is told by name, in a notice.

    Raises
    ------
    UserError
        A picture that cannot be read or is too small, no cell in any of them, a file that cannot be written.
    Cancelled
        Between two pictures.
    """
    job.started("CPU", "float32")
    names, files = request.fields.ids(), request.fields.paths()
    found: Counter[CellKind] = Counter()
    rows: list[tuple[object, ...]] = []
    for number, (name, file) in enumerate(zip(names, files, strict=True)):
        if job.cancelled():
            raise Cancelled
        before = len(rows)
        for kind, row in _cells(name, Path(file)):
            found[kind] += 1
            rows.append(row)
        if len(rows) == before:
            job.emit(JobEvent(job.id, EventKind.NOTICE, message=f"No cells were found in {Path(name).name}."))
        job.emit(JobEvent(job.id, EventKind.PROGRESS, step=number + 1, steps=len(names)))
    if not rows:
        raise UserError("No cells were found in any of these pictures.",
                        "Give smears in Romanowsky-type stain in which red cells are at least 12 pixels wide.")
    write_table(Path(request.out), COLUMNS, rows)
    job.emit(JobEvent(job.id, EventKind.RESULT, step=len(names), steps=len(names),
                      data={"file": request.out, "fields": len(names),
                            "cells": {kind.value: found[kind] for kind in CellKind}}))


def _cells(name: str, path: Path) -> Iterator[tuple[CellKind, tuple[object, ...]]]:
    """Rows of `COLUMNS` for the cells of one picture."""
    try:
        sha256 = file_sha256(path)
        with opened(path) as source:
            pixels, origin = seen(source), "synthetic" if source.info.synthetic else "real"
    except OSError as error:
        raise UserError(f"The picture {path.name} cannot be read.", "Look whether it is still there.",
                        details=type(error).__name__) from error
    if min(pixels.shape[:2]) < LEAST:
        raise UserError(f"The picture {path.name} is too small to hold a field ({pixels.shape[1]} x {pixels.shape[0]} "
                        "pixels).", f"Give pictures of at least {LEAST} pixels a side.")
    for number, cell in enumerate(find_cells(pixels), 1):
        box = cell.bounds
        yield cell.kind, (f"{name}#{number}", name, sha256, box.left, box.top, box.width, box.height,
                          f"{cell.confidence:.3f}", cell.kind.value, int(cell.at_edge), origin)
