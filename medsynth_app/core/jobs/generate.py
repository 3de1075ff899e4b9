"""Generate: whole pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.core.changes import Changes
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, Lane
from medsynth_app.core.jobs.kind import JobKind, Keeper, Outcome, shortened
from medsynth_app.core.provenance import Provenance


@dataclass(frozen=True, eq=False)
class GenerateRequest:
    """Make whole pictures from a prompt, at the pack's native size or a multiple of 8 pixels.

    Attributes
    ----------
    mask
        Labels that the pictures follow, shape (h, w), uint8, 0 the background (`PackManifest.mask_labels`);
        resized to the pictures' size. None: the prompt alone decides.
    control_scale
        How firmly a mask is followed; 0 ignores it, 1 is as the model learned.
    pairs
        Draw a mask for every picture first, from the pack's model of masks; then `mask` is None.
    source
        sha256 or UID text of the frame on which the mask was painted, for the provenance record; never a path. Empty
        where there is none.
    """

    pack: str
    pack_sha256: str
    prompt: str
    negative_prompt: str = ""
    width: int = 0
    height: int = 0
    steps: int = 25
    guidance: float = 2.5
    seed: int = 0
    count: int = 4
    preview_every: int = 4
    device: str = "auto"
    mask: npt.NDArray[np.uint8] | None = None
    control_scale: float = 1.0
    pairs: bool = False
    source: str = ""


def titled(request: GenerateRequest) -> str:
    what = " pairs" if request.pairs else " from a mask" if request.mask is not None else ""
    return f"Generate{what}: {shortened(request.prompt)} ({request.count})"


def receive(workspace: Keeper, record: JobRecord, event: JobEvent) -> Changes:
    """Keep a picture, and the mask that it follows; raises `UserError` as `inpaint.receive` does."""
    if event.kind is not EventKind.RESULT:
        return Changes()
    kept = workspace.pictures.add(
        record.id, int(event.data["candidate"]), event.arrays["picture"],
        Provenance.from_dict(dict(event.data["provenance"])), mask=event.arrays.get("mask"),
        document_id=record.document_id)
    return Changes(pictures=(kept.id,))


GENERATE = JobKind("generate", GenerateRequest, Lane.INTERACTIVE, titled, "diffusion.generate", Outcome.PICTURES,
                   "Pictures are ready", receive)
