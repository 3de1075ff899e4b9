"""What happens at the end of every denoising step: cancel, progress with time left, previews."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy.typing as npt
import torch

from medsynth_app.core.errors import Cancelled
from medsynth_app.core.job import EventKind, JobEvent

Emit = Callable[[JobEvent], None]
Preview = Callable[[torch.Tensor], Mapping[str, npt.NDArray[Any]]]


class Watch:
    """Handed to a pipeline as ``callback_on_step_end``.

    Parameters
    ----------
    preview_every
        Steps between previews; 0 turns them off.
    data
        Sent with every preview (where it belongs).
    """

    def __init__(self, emit: Emit, cancelled: Callable[[], bool], job_id: str, preview_every: int,
                 data: Mapping[str, Any] | None = None) -> None:
        self.emit, self.cancelled, self.job_id = emit, cancelled, job_id
        self.preview_every, self.data = preview_every, data or {}
        self._preview: Preview = lambda latents: {}
        self._batches = 1
        self._durations: list[float] = []
        self._preview_seconds = 0.0
        self._since = time.monotonic()
        self._done = 0

    def begin_batch(self, preview: Preview, batches: int) -> None:
        """Call right before the pipeline runs.

        Parameters
        ----------
        preview
            Makes the arrays of a preview from latents.
        batches
            How many times the pipeline will still run for this job, this time included.
        """
        self.stop_if_cancelled()
        self._preview, self._batches = preview, batches
        self._since = time.monotonic()

    def stop_if_cancelled(self) -> None:
        if self.cancelled():
            raise Cancelled

    def __call__(self, pipeline: Any, index: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
        self.stop_if_cancelled()
        self._durations.append(time.monotonic() - self._since)
        self._done += 1
        steps = int(pipeline.num_timesteps)
        left = steps * self._batches - (index + 1)
        self.emit(JobEvent(self.job_id, EventKind.PROGRESS, step=self._done, steps=self._done + left,
                           seconds_left=self._seconds_left(left)))
        last = index + 1 >= steps
        if self.preview_every and not last and (index + 1) % self.preview_every == 0:
            begun = time.monotonic()
            arrays = self._preview(clean_estimate(pipeline.scheduler, values["latents"]))
            self._preview_seconds = time.monotonic() - begun
            self.stop_if_cancelled()
            self.emit(JobEvent(self.job_id, EventKind.PREVIEW, step=self._done, steps=self._done + left,
                               arrays=arrays, data=self.data))
        self._since = time.monotonic()
        return {}

    def _seconds_left(self, left: int) -> float:
        """The running mean of the steps (the first one, which warms up, left out) times what is left."""
        counted = self._durations[1:] or self._durations
        previews = left // self.preview_every if self.preview_every else 0
        return sum(counted) / len(counted) * left + self._preview_seconds * previews


def clean_estimate(scheduler: Any, latents: torch.Tensor) -> torch.Tensor:
    """The finished latents as the solver expects them now; the noisy ones where it does not tell."""
    outputs = getattr(scheduler, "model_outputs", None)
    if outputs and outputs[-1] is not None and getattr(scheduler.config, "algorithm_type", "") == "dpmsolver++":
        estimate: torch.Tensor = outputs[-1]
        return estimate
    return latents
