"""Training of model packs and their parts, a look at the data before, and how the runs go.

The actions stand on the readers of data sets, which no window needs before somebody trains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from medsynth_app.core.changes import Changes
from medsynth_app.core.job import EventKind, JobEvent, JobRecord
from medsynth_app.core.jobs.data import DataRequest
from medsynth_app.core.jobs.train import TRAIN, TrainRequest
from medsynth_app.core.pack_files import InstalledPack, open_pack
from medsynth_app.formats.training_log import read_log
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.hook import BEFORE_VIEWS
from medsynth_app.session.job_entry import JobEntry, previews_of
from medsynth_app.session.jobs import Jobs
from medsynth_app.session.people import People
from medsynth_app.workspace.workspace import Workspace

Curve = tuple[tuple[int, float], ...]
Pictures = tuple[npt.NDArray[np.uint8], ...]
NEAREST = "nearest "


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """How a training run goes.

    Attributes
    ----------
    entry
        Its job.
    out, part
        Folder of the pack that it makes, and what is trained.
    recipe, pack
        Its file, and the folder of the pack that it joins or started from; "" where there is none.
    stage, step, steps
        What is under way; "" and 0 before the first figures.
    curves
        Points (step, value) by stage and by what was measured: "loss", and what a validation finds.
    drawn, nearest
        What it drew last from fixed seeds, uint8 RGB, and the training picture most like each.
    """

    entry: JobEntry
    out: Path
    part: str = "base"
    recipe: Path = Path()
    pack: str = ""
    stage: str = ""
    step: int = 0
    steps: int = 0
    curves: Mapping[str, Mapping[str, Curve]] = field(default_factory=dict)
    drawn: Pictures = ()
    nearest: Pictures = ()

    @property
    def id(self) -> str:
        return self.entry.record.id

    @property
    def name(self) -> str:
        return self.out.name

    def after(self, point: Mapping[str, Any]) -> TrainingRun:
        """The run with one more point."""
        stage, step = str(point["stage"]), int(point["step"])
        lines = dict(self.curves.get(stage, {}))
        for name, value in point.items():
            if name not in ("stage", "step", "steps") and isinstance(value, int | float):
                before = [each for each in lines.get(name, ()) if each[0] < step]  # after a kill steps come twice
                lines[name] = (*before, (step, float(value)))
        return replace(self, stage=stage, step=step, steps=int(point.get("steps", 0)),
                       curves={**self.curves, stage: lines})


@dataclass(frozen=True, eq=False)
class Branch:
    """A run that is to go on from a copy of another one.

    Attributes
    ----------
    of
        That other one, which stays as it is.
    name
        Of the folder of its pack, beside that of the other.
    recipe
        The text of its recipe.
    minutes
        How long it may take at most; 0 for any time.
    """

    of: TrainingRun
    name: str
    recipe: str
    minutes: float = 0.0


class Training:
    """Training runs.

    Attributes
    ----------
    changed
        Signal(str): the run of this job has gone on, or there is a new one.
    """

    changed = Signal(str)

    def __init__(self, workspace: Workspace, queue: JobQueue, people: People, jobs: Jobs) -> None:
        self._workspace, self._queue, self._people, self._jobs = workspace, queue, people, jobs
        self._runs: dict[str, TrainingRun | None] = {}  # None: its request is gone, and is not looked for again
        jobs.event.connect(self._hear, priority=BEFORE_VIEWS)

    def request(self, recipe: Path, data: Path | None, out: Path, *, part: str, pack: InstalledPack | None,
                resume: bool, max_minutes: float) -> TrainRequest:
        """The request of a training run; what can be seen at once to speak against it is a `UserError`."""
        from medsynth_app.actions.train import train_request

        return train_request(recipe, data, out, part=part, pack=pack, resume=resume, max_minutes=max_minutes)

    def look_at(self, request: DataRequest) -> Changes:
        """Queue a look at data, or a preview of what a run would learn from them."""
        from medsynth_app.actions.data import look_at_data

        return self._jobs.submitted(look_at_data(self._queue, request, self._people.id))

    def run(self, request: TrainRequest) -> Changes:
        """Queue a training run."""
        from medsynth_app.actions.train import train

        return self._jobs.submitted(train(self._queue, request, self._people.id))

    def branch(self, asked: Branch, recipes: Path, progress: Callable[[int, int], None],
               cancelled: Callable[[], bool]) -> TrainRequest:
        """Copy a run, so that it can go on beside it under another name; may run on any thread, and queues nothing.

        Parameters
        ----------
        recipes
            Folder for the recipe of the branch.

        Raises
        ------
        UserError, Cancelled
            As `actions.train.branch` and `actions.train.branch_recipe`; nothing is left behind.
        """
        from medsynth_app.actions.train import branch, branch_recipe

        run = asked.of
        pack = open_pack(Path(run.pack)) if run.pack else None
        recipe = branch_recipe(asked.recipe, asked.name, recipes)
        try:
            return branch(run.out, run.out.with_name(asked.name), recipe, part=run.part, pack=pack,
                          max_minutes=asked.minutes, progress=progress, cancelled=cancelled)
        except BaseException:
            recipe.unlink(missing_ok=True)
            raise

    @staticmethod
    def has_learned(run: TrainingRun) -> bool:
        """Whether a run has kept something that can be gone on from."""
        from medsynth_app.actions.train import has_learned

        return has_learned(run.out)

    @property
    def runs(self) -> tuple[TrainingRun, ...]:
        """Those of the workspace, in the order of the jobs: what runs first, then the newest.

        A run that was stopped and went on is one.
        """
        found: dict[Path, TrainingRun] = {}
        for entry in self._jobs.entries:
            if entry.record.kind == TRAIN.name and (run := self._run(entry)) is not None:
                found.setdefault(run.out, replace(run, entry=entry))
        return tuple(found.values())

    def _run(self, entry: JobEntry) -> TrainingRun | None:
        """What is known of a run, its log read where it has just been met; None where its request is gone."""
        if entry.record.id in self._runs:
            return self._runs[entry.record.id]
        try:
            plain = self._workspace.jobs.plain(entry.record.id)
        except KeyError:
            self._runs[entry.record.id] = None
            return None
        run = TrainingRun(entry, Path(str(plain["out"])), str(plain.get("part", "base")),
                          Path(str(plain.get("recipe", ""))), str(plain.get("pack", "")))
        for point in read_log(Path(str(plain.get("checkpoints") or f"{plain['out']}.checkpoints"))):
            run = run.after(point)
        self._runs[entry.record.id] = run
        return run

    def _hear(self, record: JobRecord, event: JobEvent) -> None:
        if record.kind != TRAIN.name:
            return
        entry = self._jobs.entry(record.id)
        run = self._run(entry) if entry is not None else None
        if run is not None:
            if event.kind is EventKind.PROGRESS and "stage" in event.data:
                self._runs[record.id] = run.after(event.data)
            elif event.kind is EventKind.PREVIEW:
                nearest = [event.arrays[name] for name in sorted(
                    (name for name in event.arrays if name.startswith(NEAREST)), key=lambda name: int(name.split()[1]))]
                self._runs[record.id] = replace(run, drawn=tuple(previews_of(event).values()), nearest=tuple(nearest))
        self.changed.emit(record.id)
