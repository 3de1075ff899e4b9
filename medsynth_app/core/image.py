"""What a reader returns: pixels by frame or by region, and what is known of them."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.geometry import Geometry
from medsynth_app.core.volume import NoVolume, Volume, grid_of
from medsynth_app.core.window_level import WindowLevel

Pixels = npt.NDArray[Any]  # (rows, columns) stored values, or (rows, columns, 3) uint8 RGB


def pixels_sha256(pixels: Pixels) -> str:
    """Hash (hex) of values, their type and shape included: the same for the same picture in whatever file."""
    part = np.ascontiguousarray(pixels)
    return hashlib.sha256(f"{part.dtype.str}{part.shape}".encode() + part.tobytes()).hexdigest()


@dataclass(frozen=True, order=True)
class FrameKey:
    """Identity of one frame, whatever its place in a series: masks are bound to it.

    `source` is ``uid:<SOPInstanceUID>`` or ``sha256:<hash of the file>``; `frame` counts from 0 within it.
    """

    source: str
    frame: int = 0

    def __str__(self) -> str:
        return f"{self.source}#{self.frame}"

    @staticmethod
    def parse(text: str) -> FrameKey:
        source, _, frame = text.rpartition("#")
        return FrameKey(source, int(frame))


@dataclass(frozen=True)
class Rescale:
    """Stored value to modality value: ``value = stored * slope + intercept``, in `unit` (HU for CT)."""

    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""

    def to_modality(self, stored: Pixels) -> npt.NDArray[np.float32]:
        return stored.astype(np.float32) * np.float32(self.slope) + np.float32(self.intercept)

    def to_stored(self, values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Not yet rounded; see `FrameInfo.stored_range` for the limits."""
        return (values.astype(np.float64) - self.intercept) / self.slope


@dataclass(frozen=True)
class FrameInfo:
    """What may differ from frame to frame.

    Attributes
    ----------
    stored_range
        Smallest and largest stored value that the file can hold (from Bits Stored and Pixel Representation).
    windows
        Windows that the file itself suggests, in modality units.
    padding
        (low, high): stored values from one to the other stand where nothing was measured; None where the file does not
        say so.
    aspect
        Height of a pixel in its widths, for pictures whose `geometry` is not known; they are drawn so.
    channel, z, time
        Which channel (of `ImageSource.channels`), plane of a stack and point of time the frame is, from 0; None where
        the file has no such axis, or does not say.
    instance
        Instance Number (0020,0013), by which a report names the slice; None where the file has none, or holds several
        frames.
    synthetic
        Whether the file says of this frame that it holds generated pixels; of an image that says so (`ImageInfo`) and
        names no frame it is true of all.
    """

    key: FrameKey
    rows: int
    columns: int
    rescale: Rescale = Rescale()
    stored_range: tuple[int, int] = (0, 255)
    geometry: Geometry | None = None
    windows: tuple[WindowLevel, ...] = ()
    aspect: float = 1.0
    channel: int | None = None
    z: int | None = None
    time: int | None = None
    padding: tuple[int, int] | None = None
    instance: int | None = None
    synthetic: bool = False


@dataclass(frozen=True)
class Level:
    """One resolution of an image.

    Attributes
    ----------
    rows, columns
        Size of its frames.
    downsample
        How many pixels of full resolution lie along one of its pixels.
    """

    rows: int
    columns: int
    downsample: float = 1.0


@dataclass(frozen=True)
class Channel:
    """What one grey picture of several measures.

    Attributes
    ----------
    name
        The file's own text, where it has one: show it, never store or log it.
    colour
        RGB, 0 to 255, in which it is shown.
    """

    name: str
    colour: tuple[int, int, int] = (255, 255, 255)


GREY = (Channel("grey"),)
RGB = (Channel("red", (255, 0, 0)), Channel("green", (0, 255, 0)), Channel("blue", (0, 0, 255)))


@dataclass(frozen=True)
class Identity:
    """Whose image it is, as keyed hashes: the same in one workspace, unlike in any other, and never led back.

    Each is empty where the file does not say. Made by `formats` with the salt of the workspace.

    Attributes
    ----------
    patient
        From Patient ID (0010,0020) with its issuer, else from the name with the birth date.
    study, series
        From Study and Series Instance UID (0020,000D), (0020,000E).
    """

    patient: str = ""
    study: str = ""
    series: str = ""


@dataclass(frozen=True)
class ImageInfo:
    """What is known of an opened image; nothing here names a patient or a path.

    Attributes
    ----------
    pseudonym
        ``Subject-`` and a short code made from the patient, or ``Image-`` and one from the file.
    modality
        DICOM Modality, or None where the file does not say.
    series
        A short neutral text, e.g. "CT, series 3".
    colour
        ``"grey"`` or ``"rgb"``.
    inverted
        True for MONOCHROME1: low values are shown white.
    synthetic
        True when the file says that it holds generated pixels.
    notices
        Sentences that the person should read: varying slice distance, gantry tilt, skipped files.
    identity
        Of which patient, study and series.
    frame_of_reference
        Hash, made as those of `identity`, that images on one system of coordinates share; empty where none is named.
    """

    pseudonym: str
    modality: str | None
    series: str
    colour: str
    frames: tuple[FrameInfo, ...]
    inverted: bool = False
    synthetic: bool = False
    notices: tuple[str, ...] = ()
    identity: Identity = Identity()
    frame_of_reference: str = ""


class ImageSource(ABC):
    """An opened file or series. All but `close` may be called from any thread."""

    @property
    @abstractmethod
    def info(self) -> ImageInfo: ...

    @abstractmethod
    def region(self, frame: int, bounds: Bounds, level: int = 0) -> Pixels:
        """Stored values of a part of one frame, read-only.

        Parameters
        ----------
        bounds
            Box in the pixels of `level`, inside its frame.
        level
            Which of `levels`; 0 is full resolution.

        Returns
        -------
        (bounds.height, bounds.width) of the file's own integer type, or (bounds.height, bounds.width, 3) uint8.

        Raises
        ------
        UserError
            When the file is gone or damaged.
        """

    def pixels(self, frame: int) -> Pixels:
        """Stored values of one whole frame at full resolution, as `region`."""
        about = self.info.frames[frame]
        return self.region(frame, Bounds(0, 0, about.rows, about.columns))

    @property
    def levels(self) -> tuple[Level, ...]:
        """Resolutions, the full one first. An image without a pyramid has one, of the size of its first frame."""
        first = self.info.frames[0]
        return (Level(first.rows, first.columns),)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What a pixel's colours are, or what the frames show of one scene; see `FrameInfo.channel`."""
        return RGB if self.info.colour == "rgb" else GREY

    def volume(self) -> Volume | NoVolume:
        """The frames as slices of one block, decoded when they are asked for; or why they are none."""
        frames = self.info.frames
        if len({(frame.rows, frame.columns) for frame in frames}) > 1:
            return NoVolume.UNLIKE
        grid = grid_of([frame.geometry for frame in frames], frames[0].rows, frames[0].columns)
        return grid if isinstance(grid, NoVolume) else Volume(grid, self.pixels, self.info.frame_of_reference)

    @abstractmethod
    def close(self) -> None: ...
