"""More like this: the run of a result again, with the same parameters and new seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medsynth_app.actions.frames import frame_of
from medsynth_app.actions.guard import require_writable
from medsynth_app.actions.inpaint import inpaint, seen_range
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.core.jobs.request import new_seed
from medsynth_app.core.jobs.stored import from_parts
from medsynth_app.core.options import changed
from medsynth_app.core.pack_files import read_manifest
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.candidates import Candidate
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace


def more_like_this(workspace: Workspace, queue: JobQueue, document: Document, result: Candidate,
                   person: str = "") -> Changes:
    """Queue it on the pixels as they are now.

    A run of an earlier version, which saw a grey image through the display window of then, is seen as it is now.

    Raises
    ------
    UserError
        When the request of that run or its pack is no longer kept, or the workspace is read-only.
    """
    require_writable(document)
    try:
        request = from_parts(*workspace.jobs.load(result.job_id))
    except (KeyError, LookupError):
        request = None
    if not isinstance(request, InpaintRequest):
        raise UserError("The request of this result is no longer kept.", "Set the parameters and run again.")
    frame, bounds = frame_of(document, result.frame_key), Bounds(*request.image.bounds)
    seen = None if request.model is None else seen_range(document, frame, read_manifest(Path(request.model.folder)))
    return inpaint(queue, changed(
        request, seed=new_seed(), crop=np.array(document.region(frame, bounds)), intensity_range=seen,
        unit=document.info.frames[frame].rescale.unit, revision=document.revision(frame, bounds)), person=person)
