"""What a training run is made from, what it tells the outside, and how the outside stops it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import Cancelled
from medsynth_app.engine.train.recipe import Recipe

Pictures8 = npt.NDArray[np.uint8]


@dataclass
class Supervisor:
    """Progress out, cancel in; asked at every step.

    Parameters
    ----------
    report
        Called as ``report(stage, step, steps, message)``.
    cancelled
        True once the run has to stop; it then saves a checkpoint and raises `Cancelled`.
    give_way
        Called between steps; may block while somebody else needs the machine.
    measured
        Called as ``measured(stage, step, steps, figures)`` with what was found since the last time: "loss", and what
        a validation found.
    show
        Called with pictures that a model drew on its way, uint8 (n, h, w, 3), and as many of the training pictures that
        are nearest to them.
    max_seconds
        The time the whole run may take, or None. The learning rate decays towards whichever
        end, steps or time, comes first.
    stages
        From where to where, 0 to 1, each stage reaches in the time of the whole run; one that is not named may take
        all of it.
    started
        When the run began, monotonic seconds.
    """

    report: Callable[[str, int, int, str], None] = lambda stage, step, steps, message: None
    cancelled: Callable[[], bool] = lambda: False
    give_way: Callable[[], None] = lambda: None
    measured: Callable[[str, int, int, Mapping[str, float]], None] = lambda stage, step, steps, figures: None
    show: Callable[[Pictures8, Pictures8], None] = lambda drawn, nearest: None
    max_seconds: float | None = None
    stages: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def fraction(self, stage: str, step: int, steps: int) -> float:
        """How much of a stage is done, 0 to 1, by steps or by its share of the time."""
        done = step / max(steps, 1)
        if self.max_seconds is not None:
            begin, end = (self.max_seconds * part for part in self.stages.get(stage, (0.0, 1.0)))
            done = max(done, (time.monotonic() - self.started - begin) / max(end - begin, 1e-9))
        return min(max(done, 0.0), 1.0)

    def stop_if_cancelled(self, save: Callable[[], None] = lambda: None) -> None:
        """Call `save` and raise `Cancelled` where the run has to stop; give way otherwise."""
        if self.cancelled():
            save()
            raise Cancelled
        self.give_way()


@dataclass(frozen=True)
class Run:
    """What one part is trained from, and where to.

    Attributes
    ----------
    data
        Folder of a frozen training set (see `TrainingSet.load`).
    out
        Folder of the pack to write.
    checkpoints
        Folder of checkpoints; an interrupted run goes on from them.
    pack
        Folder of the pack that the part joins or starts from; None where there is none.
    """

    recipe: Recipe
    data: Path
    out: Path
    checkpoints: Path
    supervisor: Supervisor = field(default_factory=Supervisor)
    pack: Path | None = None
