"""My data: what a folder holds, and freezing it as a training set, before anything is learned from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from medsynth_app.actions.out_folder import make_folder
from medsynth_app.actions.train import read_layout, work_folder
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.data import DataRequest
from medsynth_app.core.jobs.train import TrainRequest
from medsynth_app.datasets.dataset import FIELDS, is_frozen
from medsynth_app.datasets.freeze import check_layout, refuse_among
from medsynth_app.datasets.listing import CELLS, LAYOUTS, PAIRS, PICTURES, VOLUMES
from medsynth_app.datasets.recognised import recognise
from medsynth_app.jobs.queue import JobQueue

REPORT, SHEET = "report.json", "contact-sheet.png"
CAPTIONS: dict[str, dict[str, Any]] = {  # of a data set without a recipe; a run takes those of its recipe
    CELLS: {"captions": ["{class}"]}, PICTURES: {"captions": ["a picture"]},
    PAIRS: {"captions": ["object"], "background_captions": ["background"]}}


def inspect_request(data: Path, report: Path, sheet: Path | None = None, layout: str = "") -> DataRequest:
    """A look at a data set.

    Parameters
    ----------
    report, sheet
        Files to write: what was found, as JSON, and some pictures of each class, as PNG (None: no such file).
    layout
        How the data lie (`datasets.listing.LAYOUTS`); empty: it is recognised.

    Raises
    ------
    UserError
        For data that are not there, and an unknown layout. What they hold the job itself finds out.
    """
    if layout and layout not in LAYOUTS:
        raise UserError(f"There is no layout {layout!r}.", f"Known are {', '.join(LAYOUTS)}.")
    if not data.exists():
        raise UserError(f"There is no folder or file {data.name}.", "Give the folder of the data, or a CSV file.")
    refuse_among(data, report.parent)
    return DataRequest(str(data.resolve()), str(report.resolve()), str(sheet.resolve()) if sheet else "", layout)


def freeze_request(data: Path, out: Path, *, recipe: Path | None = None, layout: str = "",
                   include_synthetic: bool = False) -> DataRequest:
    """A training set of a data set, written to `out`; with it the report and the contact sheet.

    Parameters
    ----------
    recipe
        Whose section ``[data]`` says how; None: whole pictures, by their classes.
    include_synthetic
        Learn from pictures that a model drew, too.

    Raises
    ------
    UserError
        For data that cannot be frozen so, as far as can be seen at once.
    """
    if recipe is not None:
        section = read_layout(recipe)
    else:
        found = layout or recognise(data).layout
        if found == VOLUMES:
            raise UserError("Volumes are frozen by a recipe, which says what their labels mean.",
                            "Give one with --recipe.")
        if found == FIELDS:
            raise UserError("Fields are frozen by a recipe, which says what their boxes mean.",
                            "Give one with --recipe.")
        if found not in CAPTIONS:
            raise UserError(f"There is no layout {found!r}.", f"Known are {', '.join(LAYOUTS)}.")
        section = {"layout": found, **CAPTIONS[found]}
    if include_synthetic:
        section["include_synthetic"] = True
    check_layout(data, section)
    refuse_among(data, out)
    return DataRequest(str(data.resolve()), str((out / REPORT).resolve()), str((out / SHEET).resolve()),
                       frozen=str(out.resolve()), recipe=json.dumps(section))


def preview_request(request: TrainRequest) -> DataRequest:
    """What a training run would learn, before it is queued: its data are frozen, and nothing else is done.

    Report and contact sheet lie in the folder beside the pack, in which the run keeps its work.
    """
    work = work_folder(Path(request.out))
    make_folder(work)
    frozen = is_frozen(Path(request.data)) if request.data else True
    return DataRequest(request.data or request.frozen, str(work / REPORT), str(work / SHEET),
                       frozen="" if frozen else request.frozen,
                       recipe="" if frozen else json.dumps(read_layout(Path(request.recipe))),
                       recipe_file=request.recipe, timed=request.part == "base")


def time_request(recipe: Path, report: Path) -> DataRequest:
    """How long the base model of a recipe takes to train on this machine, written to `report`."""
    return DataRequest("", str(report.resolve()), recipe_file=str(recipe.resolve()), timed=True)


def look_at_data(queue: JobQueue, request: DataRequest, person: str = "", lane: Lane | None = None) -> Changes:
    """Queue the look, or the freezing; `lane` is where somebody waits for it, else it is that of the kind."""
    return Changes(jobs=(queue.submit(request, person=person, lane=lane),))


def read_report(path: Path) -> dict[str, Any]:
    """What a job of this kind has found; raises `UserError` where it is gone."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError("The report of the data is gone, or cannot be read.", "Look at the data again.",
                        details=type(error).__name__) from error
    return found
