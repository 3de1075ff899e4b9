"""The job that finds the cells that look like an example."""

from __future__ import annotations

import numpy as np

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.alike import AlikeRequest
from medsynth_app.engine.cell_vectors import cell_vectors
from medsynth_app.engine.job import Job
from medsynth_app.ranking.alike import more_like
from medsynth_app.ranking.features import copy_radius, main_axes


def run(request: AlikeRequest, job: Job) -> None:
    """Do a job of the kind "alike".

    Emits an ``EventKind.RESULT`` with the arrays cells (int32, the most alike first) and cosines (float32).

    Raises
    ------
    UserError
        A file that cannot be read, or that does not hold the examples.
    """
    job.started("CPU", "float32")
    values = cell_vectors(request.embeddings, request.ids)
    if not len(request.examples) or not 0 <= request.examples.min() <= request.examples.max() < len(values):
        raise UserError("The example is none of these cells.", "Embed the cells of this set again.")
    if job.cancelled():
        raise Cancelled
    rng = np.random.default_rng(0)
    features = main_axes(values, rng).of(values)
    cells, cosines = more_like(features, request.examples.astype(np.int64), request.count, copy_radius(features, rng))
    job.emit(JobEvent(job.id, EventKind.RESULT, arrays={"cells": cells.astype(np.int32), "cosines": cosines},
                      data={"cells": len(cells)}))
