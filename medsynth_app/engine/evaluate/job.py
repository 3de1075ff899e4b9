"""A study as a job: progress over all stages, cancel at every step, a report at the end, figures in the pack's card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.core.pack_files import read_manifest
from medsynth_app.engine.device import choose_device
from medsynth_app.engine.diffusion.watch import Emit
from medsynth_app.engine.evaluate import autoencoder, courses, drawing, judges, load, mask_drawers, spaces
from medsynth_app.engine.evaluate.bench import PackBench
from medsynth_app.engine.evaluate.encoders import Encoders
from medsynth_app.engine.evaluate.kept import Kept
from medsynth_app.engine.evaluate.progress import STEPS, Progress
from medsynth_app.engine.job import Job
from medsynth_app.engine.train.card import record_figures, weights_key
from medsynth_app.engine.train.pack import seal
from medsynth_app.studies.catalogue import entry_of
from medsynth_app.studies.cell_parts import agreement_with_experts
from medsynth_app.studies.command import command_line
from medsynth_app.studies.control import control
from medsynth_app.studies.encoders import encoders
from medsynth_app.studies.fidelity import quality
from medsynth_app.studies.findings import Findings
from medsynth_app.studies.inpaint import inpaint
from medsynth_app.studies.masks import masks
from medsynth_app.studies.report import write_report
from medsynth_app.studies.steps import steps
from medsynth_app.studies.utility import utility

OF_PACKS = {"quality": quality, "control": control, "inpaint": inpaint, "steps": steps, "masks": masks,
            "utility": utility}
READING = ("reading the data", 0.05)


def run(request: StudyRequest, job: Job) -> None:
    """Do a job of the kind "study"."""
    policy = choose_device(request.device)
    job.started(policy.words, policy.dtype)
    run_study(request, job.emit, job.cancelled, job.id)


def run_study(request: StudyRequest, emit: Emit, cancelled: Callable[[], bool], job_id: str) -> None:
    """Run one study; emits ``EventKind.RESULT`` with data study, pack, report, json, pictures (paths) and recorded.

    Raises
    ------
    UserError
        Data, recipe or pack that do not fit the study, another pack than the request was made for, or a folder that
        cannot be written.
    Cancelled
        What was drawn and trained until then is kept, so that the study goes on from there when it is asked for again.
    """
    pack = Path(request.pack)
    manifest = read_manifest(pack)
    if request.pack_sha256 and manifest.sha256 != request.pack_sha256:
        raise UserError(f"The pack {manifest.name} was changed since this study was asked for.", "Start it again.")
    progress = Progress(emit, cancelled, job_id, plan_of(request))
    found = _measure(request, progress)
    entry, weights = entry_of(request.study), weights_key(manifest)
    request = replace(request, **found.settled)
    command = command_line(request)
    if request.record:
        try:
            record_figures(pack, request.study, command, weights, found.figures, found.notes)
            manifest = seal(manifest, pack)
        except OSError as error:
            raise UserError(f"The card of the pack {manifest.name} cannot be written.",
                            "Copy the pack to a folder of your own, and name that one.",
                            details=type(error).__name__) from error
    written = write_report(Path(request.out), entry, manifest, command, weights, found)
    emit(JobEvent(job_id, EventKind.RESULT, step=STEPS, steps=STEPS,
                  data={"study": request.study, "pack": manifest.name, **written, "recorded": request.record}))


def _measure(request: StudyRequest, progress: Progress) -> Findings:
    if request.study in OF_PACKS:
        return OF_PACKS[request.study](PackBench(request, progress), request)
    if request.study == "encoders":
        peers = Path(request.peers) if request.peers else None
        return encoders(Encoders(Path(request.pack), peers, Kept(Path(request.cache)), progress), request)
    if request.study == "load":
        return load.load(Path(request.pack), request.repeats, progress)
    return agreement_with_experts(Path(request.data), progress.stage("cells"))


def plan_of(request: StudyRequest) -> list[tuple[str, float]]:
    """The stages of a study, each with about its share of the time on two cores."""
    judge, compare, through = (judges.STAGE, 0.3), (spaces.STAGE, 0.1), (autoencoder.STAGE, 0.1)
    if request.study == "quality":
        return [READING, (drawing.DRAWING, 0.45), judge, through, compare]
    if request.study == "control":
        return [READING, (drawing.DRAWING, 0.65), judge]
    if request.study == "inpaint":
        return [READING, judge, (drawing.FILLING, 0.65)]
    if request.study == "steps":
        return [READING, (drawing.DRAWING, 0.5), compare, (drawing.FILLING, 0.15), judge]
    if request.study == "masks":
        return [READING, *((mask_drawers.stage_of(limit), 0.25) for limit in request.limits),
                (mask_drawers.DRAWING, 0.2)]
    if request.study == "utility":
        return [READING, (drawing.DRAWING, 0.5), (courses.STAGE, 0.45)]
    return [(load.STAGE if request.study == "load" else "cells", 1.0)]
