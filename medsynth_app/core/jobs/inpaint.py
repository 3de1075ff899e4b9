"""Inpaint: fill the masked part of an image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameKey, Pixels
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, Lane
from medsynth_app.core.jobs.kind import JobKind, Keeper, Outcome, shortened
from medsynth_app.core.provenance import Provenance

MODES = ("replace", "remove", "vary")


@dataclass(frozen=True, eq=False)
class InpaintRequest:
    """Fill the masked part of a crop.

    Attributes
    ----------
    crop
        Stored values of the padded context: (h, w) of the image's own integer type or (h, w, 3) uint8.
    mask
        What was painted, shape (h, w), bool. The effective mask derives from it and `feather`.
    bounds
        (top, left, bottom, right) of the crop in the frame.
    window
        (low, high) in modality units that the model sees as black and white; None for RGB.
    inverted
        MONOCHROME1: `low` is white.
    rescale
        (slope, intercept) of stored values.
    stored_range
        Limits that written values are clipped to.
    revision
        Hash of the crop's pixels when the request was made (`Document.revision`).
    source
        sha256 or UID text for the provenance record, never a path.
    pack, pack_sha256
        Folder of the pack, and the hash that its manifest states.
    strength
        0..1, share of the noise schedule that is run; 1 ignores what was there.
    feather
        Width in pixels of the soft edge inside the mask.
    match_seam
        Match mean and spread to the surroundings at the seam.
    labels
        What shall be where in the crop, shape (h, w), uint8, 0 the background (`PackManifest.mask_labels`): the fill
        follows it, with the pack's ControlNet. None: the prompt alone decides.
    control_scale
        How firmly `labels` are followed; 0 ignores them, 1 is as the model learned.
    seed, count
        Candidate k uses ``seed + k``.
    preview_every
        Steps between previews; 0 turns them off.
    notices
        Warnings shown before the run; they stay with the result.
    """

    crop: Pixels
    mask: npt.NDArray[np.bool_]
    bounds: tuple[int, int, int, int]
    document_id: str
    frame_key: str
    revision: str
    source: str
    pack: str
    pack_sha256: str
    prompt: str
    negative_prompt: str = ""
    mode: str = "replace"
    strength: float = 1.0
    steps: int = 25
    guidance: float = 2.5
    seed: int = 0
    count: int = 4
    feather: int = 4
    match_seam: bool = False
    labels: npt.NDArray[np.uint8] | None = None
    control_scale: float = 1.0
    window: tuple[float, float] | None = None
    inverted: bool = False
    rescale: tuple[float, float] = (1.0, 0.0)
    stored_range: tuple[int, int] = (0, 255)
    preview_every: int = 4
    device: str = "auto"
    notices: tuple[str, ...] = ()


def titled(request: InpaintRequest) -> str:
    subject = "remove" if request.mode == "remove" else shortened(request.prompt)
    return f"Inpaint: {subject} ({request.count})"


def receive(workspace: Keeper, record: JobRecord, event: JobEvent) -> Changes:
    """Keep a candidate.

    Raises
    ------
    UserError
        When the study was removed meanwhile, or the disk is full.
    """
    if event.kind is not EventKind.RESULT:
        return Changes()
    try:
        plain = workspace.jobs.plain(record.id)
    except KeyError as error:
        raise UserError("The study of this job was removed from the workspace.",
                        "Open its file again and run once more.") from error
    provenance = Provenance.from_dict(dict(event.data["provenance"]))
    # Accepting compares this with the pixels as they are then.
    provenance = replace(provenance, parameters={**provenance.parameters, "revision": plain["revision"]})
    workspace.results.add(
        job_id=record.id, document_id=plain["document_id"], frame_key=FrameKey.parse(plain["frame_key"]),
        bounds=Bounds(*plain["bounds"]), candidate=int(event.data["candidate"]), patch=event.arrays["patch"],
        effective=event.arrays["effective"], alpha=event.arrays.get("alpha"), provenance=provenance,
        seam=event.data.get("seam"))
    return Changes(candidates=(record.document_id,))


INPAINT = JobKind("inpaint", InpaintRequest, Lane.INTERACTIVE, titled, "diffusion.inpaint", Outcome.CANDIDATES,
                  "Candidates are ready", receive)
