"""The job that finds the cells of fields: with a detector, with a plug-in, or by colour, size and shape alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.cell import FoundCell, at_edge
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.files import file_sha256
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.detect import COLUMNS, DetectRequest
from medsynth_app.datasets.picture import opened, seen
from medsynth_app.engine.job import Job
from medsynth_app.formats.cell_tables import write_table
from medsynth_app.plugin_api.detector import CellDetector, Progress, made_detector
from medsynth_app.segmentation.smear import find_cells

LEAST = 32  # pixels a side
FINE = 100  # progress is told in such parts of a picture
Pixels = npt.NDArray[np.uint8]
Find = Callable[[Pixels, Progress], Sequence[FoundCell]]


def run(request: DetectRequest, job: Job) -> None:
    """Do a job of the kind "detect".

    Emits an ``EventKind.RESULT`` with the data file, fields and cells (how many of each class). A field in which
    nothing was found is told by name, in a notice.

    Raises
    ------
    UserError
        A detector that cannot be used, a picture that cannot be read or is too small, no cell in any of them, a file
        that cannot be written.
    Cancelled
        Between two tiles of a picture.
    """
    find = _finder(request, job)
    names, files = request.fields.ids(), request.fields.paths()
    found: Counter[str] = Counter()
    rows: list[tuple[object, ...]] = []

    def progress(number: int, done: int, total: int) -> None:
        if job.cancelled():
            raise Cancelled
        job.emit(JobEvent(job.id, EventKind.PROGRESS, step=number * FINE + FINE * done // max(total, 1),
                          steps=len(names) * FINE))

    for number, (name, file) in enumerate(zip(names, files, strict=True)):
        progress(number, 0, 1)
        pixels, origin, sha256 = _read(Path(file))
        cells = find(pixels, lambda done, total, number=number: progress(number, done, total))  # type: ignore[misc]
        if not cells:
            job.emit(JobEvent(job.id, EventKind.NOTICE, message=f"No cells were found in {Path(name).name}."))
        found.update(cell.kind for cell in cells)
        rows += [(f"{name}#{count}", name, sha256, cell.bounds.left, cell.bounds.top, cell.bounds.width,
                  cell.bounds.height, f"{cell.confidence:.3f}", str(cell.kind), int(cell.at_edge), origin)
                 for count, cell in enumerate(cells, 1)]
    if not rows:
        raise UserError("No cells were found in any of these pictures.",
                        "Give smears in Romanowsky-type stain in which red cells are at least 12 pixels wide.")
    write_table(Path(request.out), COLUMNS, rows)
    job.emit(JobEvent(job.id, EventKind.RESULT, step=len(names) * FINE, steps=len(names) * FINE,
                      data={"file": request.out, "fields": len(names), "cells": {str(kind): count
                                                                               for kind, count in found.items()}}))


def _finder(request: DetectRequest, job: Job) -> Find:
    """What finds the cells; says where it runs."""
    if request.model is not None:
        from medsynth_app.engine.detector_pack import load_detector  # torch: only where there is a network
        from medsynth_app.engine.device import choose_device

        policy = choose_device(request.device)
        detector = load_detector(Path(request.model.folder), policy, request.model.sha256)
        job.started(policy.words, "float32")
        return detector.find
    job.started("CPU", "float32")
    if request.plugin:
        return _guarded(request.plugin, made_detector(request.plugin))
    return find_cells


def _guarded(name: str, detector: CellDetector) -> Find:
    """A plug-in's detector, whose faults are its own and whose cells lie in the field."""

    def find(pixels: Pixels, progress: Progress) -> Sequence[FoundCell]:
        shape = pixels.shape[:2]
        try:
            found = [replace(cell, bounds=cell.bounds.clipped(*shape),
                             confidence=min(max(float(cell.confidence), 0.0), 1.0))
                     for cell in detector.find(pixels, progress)]
        except Cancelled:
            raise
        except Exception as error:  # whatever somebody else's code does
            raise UserError(f"The plug-in with the detector {name!r} has failed.", "Choose another detector.",
                            details=type(error).__name__) from error
        return [replace(cell, at_edge=at_edge(cell.bounds, *shape)) for cell in found if not cell.bounds.empty]

    return find


def _read(path: Path) -> tuple[Pixels, str, str]:
    """What is seen of a picture, "real" or "synthetic", and the hash of its file."""
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
    return pixels, origin, sha256
