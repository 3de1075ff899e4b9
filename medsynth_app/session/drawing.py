"""A run on the slice in view as it is being drawn: its latest previews, and how one looks in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from medsynth_app.core.blend import effective_mask
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.crop import from_model_unit
from medsynth_app.core.image import FrameInfo, ImageInfo, Pixels
from medsynth_app.core.intensity import IntensityRange
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.core.jobs.stored import from_parts
from medsynth_app.session.job_entry import Preview
from medsynth_app.workspace.workspace import Workspace

NOWHERE = Bounds(0, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class Drawing:
    """A run that is drawing.

    Attributes
    ----------
    frame_key
        Of the frame that it draws into; "" where that is not known.
    effective
        Which pixels of `bounds` it will change.
    previews
        By the numbers of the candidates, uint8 RGB (h, w, 3) at the model's size.
    """

    job_id: str
    frame_key: str = ""
    bounds: Bounds = NOWHERE
    effective: npt.NDArray[np.bool_] | None = None
    intensity_range: IntensityRange | None = None
    previews: Mapping[int, Preview] = field(default_factory=dict)

    @staticmethod
    def of(workspace: Workspace, job_id: str) -> Drawing:
        """What is to be known of a run from its request; reads the arrays of it."""
        try:
            request = from_parts(*workspace.jobs.load(job_id))
        except (LookupError, ValueError):
            request = None
        if not isinstance(request, InpaintRequest):
            return Drawing(job_id)
        image = request.image
        return Drawing(job_id, str(image.frame_key), Bounds(*image.bounds),
                       effective_mask(image.mask, request.feather), image.intensity_range)

    def after(self, previews: Mapping[int, Preview]) -> Drawing:
        """With newer previews; the others, of candidates that are drawn before or after these, stay."""
        return replace(self, previews={**self.previews, **previews})

    def seen(self, number: int, info: ImageInfo, frame: FrameInfo, now: Pixels) -> Pixels:
        """What the preview of a candidate looks like in its place, as stored values that are kept nowhere.

        Parameters
        ----------
        now
            The pixels in `bounds`, (h, w) or (h, w, 3).
        """
        if self.effective is None or number not in self.previews:
            return now
        image = Image.fromarray(self.previews[number]).resize((self.bounds.width, self.bounds.height),
                                                              Image.Resampling.BICUBIC)
        drawn = from_model_unit(np.asarray(image, np.float32) / 255, now.ndim == 2, frame.rescale,
                                self.intensity_range, info.inverted, frame.stored_range)
        shown = np.rint(np.clip(drawn, *frame.stored_range)).astype(now.dtype)
        return np.where(self.effective if now.ndim == 2 else self.effective[..., None], shown, now)
