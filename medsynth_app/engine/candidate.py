"""A candidate as every engine that inpaints sends it: exact outside the mask, with its report and its record."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.blend import largest_change_outside
from medsynth_app.core.fill_report import report_on
from medsynth_app.core.image import Pixels, pixels_sha256
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.core.mask_text import mask_to_text
from medsynth_app.core.provenance import Provenance


@dataclass(frozen=True)
class Origin:
    """What made a candidate, as `Provenance` keeps it."""

    pack: str
    pack_sha256: str
    parameters: Mapping[str, Any]
    environment: Mapping[str, Any]


def candidate_event(request: InpaintRequest, candidate: int, patch: Pixels, alpha: npt.NDArray[np.float32],
                    origin: Origin, notices: Sequence[str], job_id: str) -> JobEvent:
    """The ``EventKind.RESULT`` of a finished patch.

    Its arrays: ``patch`` (the crop in its stored type), ``effective`` (bool), ``alpha`` (float32).
    Its data: candidate, seed, provenance, report, bounds, largest_change_outside_mask.
    """
    image, seed, effective = request.image, request.sampling.seed_of(candidate), alpha > 0
    outside = largest_change_outside(image.crop, patch, effective)
    if outside != 0:
        raise AssertionError(f"a pixel outside the mask changed by {outside}")
    report, labels = report_on(image, patch, effective), request.conditioning.labels
    drawn_from = {"mask": mask_to_text(image.mask), "result_sha256": pixels_sha256(patch),
                  **({"labels": mask_to_text(labels)} if labels is not None else {})}
    provenance = Provenance(
        action="inpaint", pack=origin.pack, pack_sha256=origin.pack_sha256, seed=seed,
        created=datetime.now(UTC).isoformat(timespec="seconds"), source=image.source,
        mask_sha256=hashlib.sha256(np.packbits(effective).tobytes()).hexdigest(),
        parameters={**origin.parameters, **drawn_from}, environment=dict(origin.environment),
        largest_change_outside_mask=outside, report=report, notices=tuple(notices))
    return JobEvent(
        job_id, EventKind.RESULT, arrays={"patch": patch, "effective": effective, "alpha": alpha},
        data={"candidate": candidate, "seed": seed, "provenance": provenance.to_dict(), "report": report,
              "bounds": image.bounds, "largest_change_outside_mask": outside})
