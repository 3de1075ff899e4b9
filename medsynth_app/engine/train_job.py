"""Training as a job: progress over all stages, time left, cancel and give way."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.files import alone
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.train import RUN, TrainRequest, figures_words, measured_by
from medsynth_app.datasets.dataset import is_frozen, refuse_other_section
from medsynth_app.datasets.freeze import freeze_training_set
from medsynth_app.engine.clock import Clock
from medsynth_app.engine.diffusion.watch import Emit
from medsynth_app.engine.job import Job
from medsynth_app.engine.train.parts import PARTS, train_part
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Pictures8, Run, Supervisor
from medsynth_app.formats.training_log import note

STEPS = 1000  # what the whole run counts as


def run(request: TrainRequest, job: Job) -> None:
    """Do a job of the kind "train". One that fails before it has learned anything was not begun: see `RUN`."""
    try:
        run_train(request, job.emit, job.cancelled, job.give_way, job.id)
    except Cancelled:
        raise
    except Exception:
        if request.checkpoints:
            _leave_nothing(Path(request.checkpoints), Path(request.frozen) if request.frozen else None)
        raise


def _leave_nothing(checkpoints: Path, frozen: Path | None) -> None:
    """Remove what a run left that learned nothing; that of one that goes on in another process stays."""
    work = checkpoints.parent
    with suppress(UserError), alone(work):
        if not (checkpoints.is_dir() and any(checkpoints.iterdir())):
            (work / RUN).unlink(missing_ok=True)
            if frozen is not None and frozen.parent == work and not is_frozen(frozen):  # half of it
                shutil.rmtree(frozen, ignore_errors=True)
            with suppress(OSError):  # it is not there
                checkpoints.rmdir()
    with suppress(OSError):  # it holds something: it stays
        work.rmdir()


def run_train(request: TrainRequest, emit: Emit, cancelled: Callable[[], bool], give_way: Callable[[], None],
              job_id: str) -> None:
    """Train a pack; emits ``EventKind.RESULT`` with data pack (folder), sha256 and name.

    Parameters
    ----------
    give_way
        Called between steps; may block while the interactive lane draws.

    Raises
    ------
    UserError
        An unreadable recipe or training set, or another run that writes to the same place.
    Cancelled
        After a checkpoint was saved; the same request goes on from there.
    """
    recipe = Recipe.load(Path(request.recipe))
    out = Path(request.out)
    # Beside the pack, not inside: a pack holds nothing that is not in its manifest.
    checkpoints = Path(request.checkpoints) if request.checkpoints else out.with_name(f"{out.name}.checkpoints")
    clock = Clock(request.max_minutes * 60 or None)
    stages = PARTS[request.part].stages if request.part in PARTS else {}

    def report(stage: str, step: int, steps: int, message: str) -> None:
        done = overall(stages, stage, step, steps)
        emit(JobEvent(job_id, EventKind.PROGRESS, step=round(done * STEPS), steps=STEPS,
                      seconds_left=clock.seconds_left(done), message=f"{stage} {step} of {steps}: {message}"))

    def measured(stage: str, step: int, steps: int, figures: Mapping[str, float]) -> None:
        done = overall(stages, stage, step, steps)
        by = measured_by(figures)
        point = {"stage": stage, "step": step, "steps": steps, **figures, **({"measured": by} if by else {})}
        note(checkpoints, point)
        emit(JobEvent(job_id, EventKind.PROGRESS, step=round(done * STEPS), steps=STEPS,
                      seconds_left=clock.seconds_left(done), data=point,
                      message=f"{stage} {step} of {steps}: {figures_words(figures)}"))

    def show(drawn: Pictures8, nearest: Pictures8) -> None:
        pictures = {str(k): picture for k, picture in enumerate(drawn)}
        emit(JobEvent(job_id, EventKind.PREVIEW, arrays=pictures | {f"nearest {k}": picture for k, picture
                                                                    in enumerate(nearest)}))

    def stopped() -> bool:
        with clock.paused():  # may block too, while the interactive lane draws
            return cancelled()

    def wait() -> None:
        with clock.paused():
            give_way()

    supervisor = Supervisor(report=report, cancelled=stopped, give_way=wait, measured=measured, show=show,
                            max_seconds=request.max_minutes * 60 or None)
    if request.checkpoints:  # in a folder of the run's own
        checkpoints.parent.mkdir(parents=True, exist_ok=True)
    with alone(checkpoints.parent) if request.checkpoints else nullcontext():
        data = frozen_set(request, recipe, checkpoints, supervisor)
        manifest = train_part(request.part, Run(recipe, data, out, checkpoints, supervisor,
                                                Path(request.pack) if request.pack else None))
    emit(JobEvent(job_id, EventKind.RESULT, step=STEPS, steps=STEPS,
                  data={"pack": str(out), "sha256": manifest.sha256, "name": manifest.name}))


def frozen_set(request: TrainRequest, recipe: Recipe, checkpoints: Path, supervisor: Supervisor) -> Path:
    """The frozen set of a run: the one that it has learned from so far, else ``request.data``, frozen first.

    Raises
    ------
    UserError
        When the data do not have the layout that the recipe names, there are none, or the run has learned from what
        another section ``[data]`` froze.
    Cancelled
        While they are being frozen; nothing of it is kept.
    """
    data, place = Path(request.data) if request.data else None, Path(request.frozen) if request.frozen else None
    learned = checkpoints.is_dir() and any(checkpoints.iterdir())
    if place is not None and is_frozen(place) and (learned or data is None):
        refuse_other_section(place, recipe.data)
        return place
    if data is None:
        raise UserError("There is no frozen training set of an earlier run here.", "Give the folder of the data.")
    if place is None or is_frozen(data):
        return data

    def progress(done: int, total: int) -> None:
        supervisor.stop_if_cancelled()
        if done == total or done % max(1, total // 200) == 0:
            supervisor.report("freeze", done, total, "splitting and reading the data")

    return freeze_training_set(data, recipe.data, place, progress)


def overall(stages: Mapping[str, tuple[float, float]], stage: str, step: int, steps: int) -> float:
    """How much of the whole run is done, 0 to 1, where stages reach from where to where."""
    begin, end = stages.get(stage, (0.0, 0.0))
    return begin + (end - begin) * min(1.0, step / max(steps, 1))
