"""Inpaint, by the engine that the request names: a model pack, or none."""

from __future__ import annotations

import importlib

from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.engine.job import Job


def run(request: InpaintRequest, job: Job) -> None:
    """Do a job of the kind "inpaint". No model library is loaded where no model draws."""
    name = "fill" if request.model is None else "diffusion.inpaint"
    importlib.import_module(f"medsynth_app.engine.{name}").run(request, job)
