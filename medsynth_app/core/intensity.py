"""What a model sees of a grey image: never the display window, and the same for every slice of a volume."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameInfo, ImageSource, Pixels, Rescale
from medsynth_app.core.window_level import WindowLevel, to_unit

Floats = npt.NDArray[np.float32]

SLICES = 16  # that are looked at of a volume, evenly spread
LOOKED_AT = 2**25  # pixels that are read for that, so that large slices are fewer
SAMPLES = 2**18  # values that are kept of them, all together
PERCENTILES = 0.5, 99.8
ROBUST, ABOVE_BACKGROUND = (2.0, 98.0), 0.1
LEAST_BACKGROUND = 0.2  # share of a volume; what is less than this may as well be dark tissue
FEW = 64  # an 8-bit image of no more values is a map of labels or a drawing of few bits
BYTE = 255


@dataclass(frozen=True)
class IntensityRange:
    """The values in modality units (HU for CT) that a model sees as black (`low`) and as white (`high`).

    Raises
    ------
    ValueError
        When they are not finite, or `low` is not below `high`.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"no range of values: {self.low} to {self.high}")

    @staticmethod
    def of_stored(rescale: Rescale, low: int, high: int) -> IntensityRange:
        """From one stored value to another; with a negative slope they change places."""
        ends = [stored * rescale.slope + rescale.intercept for stored in (low, high)]
        return IntensityRange(min(ends), max(ends))

    @property
    def width(self) -> float:
        return self.high - self.low

    def shares_beyond(self, values: Floats) -> tuple[float, float]:
        """The shares of values in modality units that lie below and above the range."""
        return float((values < self.low).mean()), float((values > self.high).mean())

    def to_unit(self, values: npt.NDArray[np.generic]) -> Floats:
        """Values in modality units to [0, 1], clipped; float32."""
        return to_unit(values, self.low, self.high)

    def from_unit(self, unit: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """[0, 1] back to modality units; float64."""
        return unit.astype(np.float64) * self.width + self.low


CT_RANGE = IntensityRange(-160, 240)
"""HU of soft tissue, for packs that name none for CT. Measured on a head CT with a pack that never saw one: from -1000
to 1000 HU fills of brain were three times as far off (26 HU became 72, spread 89, against 46, spread 24); bone, which
lies beyond this range, is kept."""


@dataclass(frozen=True, eq=False)
class VolumeSample:
    """Some of a volume's values in modality units, without padding.

    Attributes
    ----------
    values
        Sorted, float32, shape (n,); empty where nothing could be read.
    """

    values: Floats

    @staticmethod
    def of(slices: Iterable[tuple[Pixels, FrameInfo]], most: int = SAMPLES) -> VolumeSample:
        """Evenly spread pixels of grey slices, at most about `most` of each, and the extremes of each."""
        found = []
        for pixels, about in slices:
            step = max(1, math.ceil(math.sqrt(pixels.size / most)))
            found.append(about.rescale.to_modality(_unpadded(pixels[::step, ::step], about)))
            if step > 1 and (whole := _unpadded(pixels, about)).size:  # values of few pixels are not missed
                found.append(about.rescale.to_modality(np.array([whole.min(), whole.max()])))
        values: Floats = np.sort(np.concatenate(found)) if found else np.empty(0, np.float32)
        values.flags.writeable = False
        return VolumeSample(values)

    @staticmethod
    def of_volume(source: ImageSource, frame: int) -> VolumeSample:
        """Of all frames that show what this one shows (its channel), whichever of them is in view.

        Some slices are read, each as small as the file offers it. One that cannot be read is left out.
        """
        frames = source.info.frames
        like = [k for k, other in enumerate(frames) if other.channel == frames[frame].channel]
        size = frames[frame].rows * frames[frame].columns
        count = min(SLICES, len(like), max(1, LOOKED_AT // size))
        places = np.linspace(0, len(like) - 1, count).round().astype(int) if count > 1 else [len(like) // 2]
        return VolumeSample.of(_read(source, [like[place] for place in places]), SAMPLES // len(places))

    def percentiles(self, low: float, high: float, background: bool = True) -> tuple[float, float]:
        """Two percentiles, 0 to 100, none the very smallest or largest value: one wild voxel counts for nothing.

        Parameters
        ----------
        background
            False leaves out what lies around the body, where there is any: what is below a tenth of the way from the
            2nd to the 98th percentile (Smith, Human Brain Mapping 17 (2002) 143).
        """
        values = self.values
        if len(values) < 2:
            raise ValueError("too few values")
        if not background:
            values = _without_background(values)
        last = len(values) - 1
        return float(values[math.ceil(last * low / 100)]), float(values[math.floor(last * high / 100)])

    @property
    def few(self) -> bool:
        """Whether there are but a few different values."""
        return len(self.values) > 0 and int(np.count_nonzero(np.diff(self.values))) < FEW


def _read(source: ImageSource, frames: Iterable[int]) -> Iterable[tuple[Pixels, FrameInfo]]:
    for frame in frames:
        about = source.info.frames[frame]
        level = len(source.levels) - 1
        size = source.levels[level] if level else about
        try:
            yield source.region(frame, Bounds(0, 0, size.rows, size.columns), level), about
        except UserError:
            continue


def _unpadded(pixels: Pixels, about: FrameInfo) -> Pixels:
    """The pixels that are no padding, in one row."""
    if about.padding is None:
        return pixels.reshape(-1)
    return pixels[(pixels < about.padding[0]) | (pixels > about.padding[1])]


def _without_background(values: Floats) -> Floats:
    bottom, top = np.percentile(values, ROBUST)
    start = int(np.searchsorted(values, bottom + ABOVE_BACKGROUND * (top - bottom), side="right"))
    return values[start:] if LEAST_BACKGROUND * len(values) <= start <= len(values) - 2 else values


def intensity_range(modality: str | None, about: FrameInfo, named: Mapping[str, IntensityRange],
                    sample: Callable[[], VolumeSample]) -> IntensityRange:
    """What a model sees of a grey image.

    Parameters
    ----------
    modality
        DICOM Modality of the image.
    about
        Any frame of the volume.
    named
        What the model's pack names, by modality (`PackManifest.intensity_ranges`).
    sample
        Gives values of the volume; asked only where no range is named or fixed.

    Returns
    -------
    The pack's own range; else of CT in HU `CT_RANGE`, of MR the 0.5th to the 99.8th percentile of the volume without
    its background, of 8-bit images all that they can hold (of label maps: the bits in use), of others the same
    percentiles of the whole volume.
    """
    if modality is not None and modality in named and (modality != "CT" or in_hu(modality, about)):
        return named[modality]
    if in_hu(modality, about):
        return CT_RANGE
    values = sample()
    if _of_a_byte(about) and modality != "MR":
        return full_range(about, values)
    if len(values.values) < 2:
        return IntensityRange.of_stored(about.rescale, *about.stored_range)
    low, high = values.percentiles(*PERCENTILES, background=modality != "MR")
    return IntensityRange(low, max(high, low + abs(about.rescale.slope)))


def in_hu(modality: str | None, about: FrameInfo) -> bool:
    """Whether the values have a unit, so that no look at them is needed to know what they mean."""
    return modality == "CT" and about.rescale.unit == "HU"


def auto_window(modality: str | None, about: FrameInfo, sample: Callable[[], VolumeSample]) -> WindowLevel:
    """A display window from the values of a volume: what a model would see of it, but of CT by its values too."""
    seen = intensity_range(None if modality == "CT" else modality, about, {}, sample)
    full = _of_a_byte(about) and modality != "MR"
    return WindowLevel.from_limits(seen.low, seen.high, "Full range" if full else "Auto")


def _of_a_byte(about: FrameInfo) -> bool:
    """Whether stored values have 8 bits or fewer."""
    return about.stored_range[0] == 0 and about.stored_range[1] <= BYTE


def full_range(about: FrameInfo, sample: VolumeSample) -> IntensityRange:
    """All that an 8-bit image can hold; where it holds but a few values, what the bits can that are in use."""
    low, high = about.stored_range
    if sample.few:
        ends = about.rescale.to_stored(sample.values[[0, -1]])
        high = 2 ** max(1, round(float(ends.max())).bit_length()) - 1
    return IntensityRange.of_stored(about.rescale, low, high)
