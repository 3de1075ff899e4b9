"""Receive what a worker sends: results are written losslessly before anybody sees them."""

from __future__ import annotations

from dataclasses import replace

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameKey
from medsynth_app.core.job import EventKind, JobEvent, JobRecord
from medsynth_app.core.provenance import Provenance
from medsynth_app.workspace.results import Result
from medsynth_app.workspace.workspace import Workspace


def receive(workspace: Workspace, record: JobRecord, event: JobEvent) -> list[Result]:
    """Write the result of an event; returns what can be staged (nothing for other events).

    Raises
    ------
    UserError
        When the study was removed meanwhile, or the disk is full.
    """
    if event.kind is not EventKind.RESULT:
        return []
    if record.kind == "inpaint":
        return [_receive_candidate(workspace, record, event)]
    if record.kind == "generate":
        workspace.pictures.add(record.id, int(event.data["candidate"]), event.arrays["picture"],
                                      Provenance.from_dict(dict(event.data["provenance"])),
                                      mask=event.arrays.get("mask"), document_id=record.document_id)
    return []


def _receive_candidate(workspace: Workspace, record: JobRecord, event: JobEvent) -> Result:
    try:
        plain = workspace.jobs.plain(record.id)
    except KeyError as error:
        raise UserError("The study of this job was removed from the workspace.",
                        "Open its file again and run once more.") from error
    provenance = Provenance.from_dict(dict(event.data["provenance"]))
    # Accepting compares this with the pixels as they are then.
    provenance = replace(provenance, parameters={**provenance.parameters, "revision": plain["revision"]})
    return workspace.results.add(
        job_id=record.id, document_id=plain["document_id"], frame_key=FrameKey.parse(plain["frame_key"]),
        bounds=Bounds(*plain["bounds"]), candidate=int(event.data["candidate"]), patch=event.arrays["patch"],
        effective=event.arrays["effective"], alpha=event.arrays.get("alpha"), provenance=provenance,
        seam=event.data.get("seam"))
