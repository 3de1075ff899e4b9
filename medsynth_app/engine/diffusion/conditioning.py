"""What is painted, as a fill keeps to it: the picture that the ControlNet sees, and what is told of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from medsynth_app.core.control_image import checked_labels, control_image, labels_in, resized
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.engine.diffusion.pipelines import Pack


@dataclass(frozen=True)
class Followed:
    """What a fill keeps to; shared by all candidates of a run.

    Attributes
    ----------
    hint
        What the ControlNet sees, float32 (1, 3, height, width) in [0, 1]; None where no shape is followed.
    kept
        The classes that are filled and followed, by their value.
    notices
        What the person should know: classes too small to be followed.
    """

    hint: torch.Tensor | None
    kept: dict[str, str]
    notices: tuple[str, ...] = ()

    @staticmethod
    def of(request: InpaintRequest, pack: Pack, height: int, width: int) -> Followed:
        """Made ready at the model's size.

        Raises
        ------
        UserError
            For a pack that cannot draw from masks, or labels that it does not know.
        """
        asked = request.conditioning
        if asked.labels is None:
            return Followed(None, {})
        pack.require_control()
        names = pack.manifest.mask_labels
        labels = checked_labels(asked.labels, names)
        small = resized(labels, height, width)
        wanted, left = labels_in(labels * request.image.mask), labels_in(small)
        kept = {str(value): names[value - 1] for value in wanted if value in left}
        lost = " and ".join(names[value - 1] for value in wanted if value not in left)
        notices = (f"The painted {lost} is too small for the {width} x {height} pixels that the model draws; its shape "
                   "is not followed.",) if lost else ()
        if not kept:
            return Followed(None, {}, notices)
        hint = torch.from_numpy(control_image(small)).permute(2, 0, 1)[None]
        return Followed(hint, kept, notices)


def followed_record(request: InpaintRequest, regions: Sequence[Followed]) -> dict[str, Any]:
    """For the provenance of all regions: the classes that they keep to, and a hash of all labels; else nothing."""
    asked = request.conditioning
    kept = {value: name for region in regions for value, name in region.kept.items()}
    if not kept or asked.labels is None:
        return {}
    return {"followed": dict(sorted(kept.items())), "control_scale": asked.control_scale,
            "labels_sha256": hashlib.sha256(asked.labels.tobytes()).hexdigest()}
