"""Removal without a model: the same request, candidates and exactness as a pack's, from the surroundings alone."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy

import medsynth_app
from medsynth_app.core.blend import composite
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.inpaint import InpaintRequest, needs_model, nothing_around
from medsynth_app.engine.candidate import Origin, candidate_event
from medsynth_app.engine.job import Job
from medsynth_app.segmentation.fill import VERSION, fill

NAME = "classical fill"
PARTS = 100  # steps of progress of one candidate


def run(request: InpaintRequest, job: Job) -> None:
    """Do a job of the kind "inpaint" that names no model."""
    job.started("CPU (no model)", "float64")
    run_fill(request, job.emit, job.cancelled, job.id)


def run_fill(request: InpaintRequest, emit: Callable[[JobEvent], None], cancelled: Callable[[], bool],
             job_id: str) -> None:
    """Fill ``request.sampling.count`` times, by the seeds, and emit each (`engine.candidate.candidate_event`).

    The whole mask takes the fill: there is no soft edge, in which something would stay of what is to be removed.

    Raises
    ------
    UserError
        Nothing painted, all of the picture painted, or another mode than to remove.
    Cancelled
        At the end of the piece during which `cancelled` became true.
    """
    image, count = request.image, request.sampling.count
    if request.mode != "remove":
        raise needs_model()
    if not image.mask.any():
        raise UserError("Nothing is painted.", "Paint the region to fill first.")
    if image.mask.all():
        raise nothing_around()
    alpha = image.mask.astype(np.float32)
    regions = request.by_region()
    whole = Bounds(*image.bounds)
    for candidate in range(count):
        patch = image.crop.copy()
        for number, region in enumerate(regions):
            def report(done: int, of: int, before: int = candidate * len(regions) + number) -> None:
                if cancelled():
                    raise Cancelled
                emit(JobEvent(job_id, EventKind.PROGRESS, step=PARTS * before + PARTS * done // of,
                              steps=count * len(regions) * PARTS))

            part = region.image
            filled = fill(part.crop, part.mask, request.sampling.seed_of(candidate), report)
            place = Bounds(*part.bounds).within(whole).slices
            patch[place] = composite(part.crop, filled, alpha[place], image.stored_range)
        emit(candidate_event(request, candidate, patch, alpha, _origin(request, candidate), request.notices, job_id))


def _origin(request: InpaintRequest, candidate: int) -> Origin:
    asked, image = request.sampling, request.image
    return Origin(NAME, "", {"engine": NAME, "engine_version": VERSION, "mode": request.mode, "seed": asked.seed,
                             "count": asked.count, "candidate": candidate, "bounds": image.bounds,
                             **({"regions": image.regions} if image.regions else {}), "feather": 0}, _environment())


def _environment() -> dict[str, Any]:
    """What bit identity depends on."""
    return {"medsynth": medsynth_app.__version__, "numpy": np.__version__, "scipy": scipy.__version__,
            "python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}",
            "device": "cpu", "dtype": "float64"}
