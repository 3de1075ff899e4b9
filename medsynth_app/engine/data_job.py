"""A look at a data set, and freezing it, as a job: progress, cancel, a report as a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from medsynth_app.core.errors import Cancelled
from medsynth_app.core.files import writing
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.data import DataRequest
from medsynth_app.datasets.dataset import is_frozen
from medsynth_app.datasets.freeze import freeze_training_set
from medsynth_app.datasets.report import inspected, learned
from medsynth_app.datasets.sheet import sheet_of_frozen, sheet_of_listing
from medsynth_app.engine.device import choose_device
from medsynth_app.engine.job import Job
from medsynth_app.engine.train.recipe import Recipe


def run(request: DataRequest, job: Job) -> None:
    """Do a job of the kind "data"; emits ``EventKind.RESULT`` with data file (the report).

    Where the time is estimated, the report's ``seconds`` has it by stage, and ``device`` says on what.

    Raises
    ------
    UserError
        When nothing can be learned from the data, they cannot be frozen, or the recipe cannot be followed.
    Cancelled
        Between two pictures.
    """
    recipe = Recipe.load(Path(request.recipe_file)) if request.recipe_file else None
    data, sheet = Path(request.data), Path(request.sheet) if request.sheet else None
    told = 0

    def progress(done: int, total: int) -> None:
        nonlocal told
        if job.cancelled():
            raise Cancelled
        told = total
        job.emit(JobEvent(job.id, EventKind.PROGRESS, step=done, steps=total, message=f"{done} of {total}"))

    report: dict[str, Any] = {}
    if not request.data:
        pass
    elif is_frozen(data) or request.frozen:
        frozen = data if is_frozen(data) else freeze_training_set(
            data, json.loads(request.recipe), Path(request.frozen), progress)
        report = learned(frozen)
        if sheet is not None:
            sheet_of_frozen(frozen, sheet)
    else:
        report, listing = inspected(data, request.layout, progress)
        if sheet is not None:
            sheet_of_listing(listing, sheet, (broken["file"] for broken in report["broken"]),
                             report.get("synthetic", ()))
    if recipe is not None and request.timed:
        report |= _time(recipe, job)
    with writing(Path(request.report)) as part:
        part.write_text(json.dumps(report, indent=1), encoding="utf-8")
    job.emit(JobEvent(job.id, EventKind.RESULT, step=told, steps=told, data={"file": request.report}))


def _time(recipe: Recipe, job: Job) -> dict[str, Any]:
    """How long it takes here, and on what."""
    from medsynth_app.engine.train.facts import training_device
    from medsynth_app.engine.train.pace import seconds_to_train
    from medsynth_app.engine.train.supervision import Supervisor

    job.emit(JobEvent(job.id, EventKind.PROGRESS, message="Timing a few steps"))
    device = training_device()
    seconds = seconds_to_train(recipe, device, Supervisor(cancelled=job.cancelled))
    return {"seconds": dict(seconds), "device": choose_device(device.type).words}
