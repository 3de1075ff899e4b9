"""Previews of a fill whose regions are drawn one after the other: all of the crop, small, with what is there so far."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.crop import to_model_unit
from medsynth_app.core.image import Rescale
from medsynth_app.core.jobs.request import ImageContext

LONGEST = 768  # pixels of a preview
Picture = npt.NDArray[np.uint8]


class Overview:
    """The crop of a request as it is seen, uint8 RGB, and what was drawn into it, by candidate."""

    def __init__(self, image: ImageContext) -> None:
        self._whole = Bounds(*image.bounds)
        self._step = math.ceil(max(self._whole.height, self._whole.width) / LONGEST)
        seen = to_model_unit(image.crop[::self._step, ::self._step], Rescale(*image.rescale), image.intensity_range,
                             image.inverted, image.stored_range)
        self._start = np.rint(seen * 255).astype(np.uint8)
        self._drawn: dict[str, Picture] = {}

    def with_part(self, region: Bounds, pictures: Mapping[str, Picture]) -> dict[str, Picture]:
        """The overview of each candidate with a picture of `region` in its place, of whatever size it is."""
        return {name: self._pasted(self._drawn.get(name, self._start), region, picture)
                for name, picture in pictures.items()}

    def keep(self, region: Bounds, pictures: Mapping[str, Picture]) -> None:
        """The same for what is finished: it is in all that follow."""
        self._drawn.update(self.with_part(region, pictures))

    def _pasted(self, into: Picture, region: Bounds, picture: Picture) -> Picture:
        place = region.within(self._whole)
        top, left = place.top // self._step, place.left // self._step
        bottom, right = (max(start + 1, end // self._step) for start, end in ((top, place.bottom),
                                                                              (left, place.right)))
        part = Image.fromarray(picture).resize((right - left, bottom - top), Image.Resampling.BICUBIC)
        result = into.copy()
        room = result[top:bottom, left:right]
        room[...] = np.asarray(part)[:room.shape[0], :room.shape[1]]
        return result
