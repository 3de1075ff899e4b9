"""What a training run tells the outside, and how the outside stops it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from medsynth_app.core.errors import Cancelled


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
    max_seconds
        The time the whole run may take, or None. The learning rate decays towards whichever
        end, steps or time, comes first.
    """

    report: Callable[[str, int, int, str], None] = lambda stage, step, steps, message: None
    cancelled: Callable[[], bool] = lambda: False
    give_way: Callable[[], None] = lambda: None
    max_seconds: float | None = None
    _started: float = field(default_factory=time.monotonic)

    def fraction(self, step: int, steps: int, share_of_time: tuple[float, float] = (0.0, 1.0)) -> float:
        """How much of a stage is done, 0 to 1, by steps or by its share of the time."""
        done = step / max(steps, 1)
        if self.max_seconds is not None:
            begin, end = (self.max_seconds * part for part in share_of_time)
            done = max(done, (time.monotonic() - self._started - begin) / max(end - begin, 1e-9))
        return min(max(done, 0.0), 1.0)

    def stop_if_cancelled(self, save: Callable[[], None]) -> None:
        if self.cancelled():
            save()
            raise Cancelled
        self.give_way()


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """From the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def learning_rate_factor(fraction: float, step: int, warmup: int = 50) -> float:
    """Linear warm-up, a plateau, then a linear decay to 2 % over the last third."""
    rise = min(1.0, (step + 1) / warmup)
    fall = 1.0 if fraction < 2 / 3 else max(0.02, (1 - fraction) * 3)
    return rise * fall

PART_SHARE = (0.0, 0.97)
