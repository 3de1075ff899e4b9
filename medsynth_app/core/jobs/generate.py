"""Generate: whole pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medsynth_app.core.changes import Changes
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, Lane
from medsynth_app.core.jobs.kind import JobKind, Keeper, Outcome, only, shortened
from medsynth_app.core.jobs.request import Conditioning, ModelRef, Sampling
from medsynth_app.core.provenance import Provenance


@dataclass(frozen=True, eq=False)
class GenerateRequest:
    """Make whole pictures, at the pack's native size or a multiple of 8 pixels.

    Attributes
    ----------
    conditioning
        Its labels are resized to the pictures' size.
    width, height
        In pixels; 0: the pack's native size.
    notices
        Warnings shown before the run; they stay with the results.
    source
        sha256 or UID text of the frame on which the mask was painted, for the provenance record; never a path. Empty
        where there is none.
    """

    model: ModelRef
    conditioning: Conditioning
    sampling: Sampling
    width: int = 0
    height: int = 0
    source: str = ""
    notices: tuple[str, ...] = ()


def titled(request: GenerateRequest) -> str:
    asked = request.conditioning
    what = " pairs" if asked.pairs else " from a mask" if asked.labels is not None else ""
    return f"Generate{what}: {shortened(asked.prompt)} ({request.sampling.count})"


def receive(workspace: Keeper, record: JobRecord, event: JobEvent) -> Changes:
    """Keep a picture, and the mask that it follows; raises `UserError` as `inpaint.receive` does."""
    if event.kind is not EventKind.RESULT:
        return Changes()
    kept = workspace.pictures.add(
        record.id, int(event.data["candidate"]), event.arrays["picture"],
        Provenance.from_dict(dict(event.data["provenance"])), mask=event.arrays.get("mask"),
        document_id=record.document_id)
    return Changes(pictures=(kept.id,))


def from_flat(flat: Mapping[str, Any]) -> GenerateRequest:
    """A request as the first workspaces kept it."""
    flat = {"seed": 0, "control_scale": 1.0, **flat, "labels": flat.get("mask")}
    return GenerateRequest(ModelRef(flat["pack"], flat["pack_sha256"]), only(Conditioning, flat), only(Sampling, flat),
                           **{name: flat[name] for name in ("width", "height", "source") if name in flat})


GENERATE = JobKind("generate", GenerateRequest, Lane.INTERACTIVE, titled, "diffusion.generate", Outcome.PICTURES,
                   "Pictures are ready", receive, flat=from_flat)
