"""What a reader returns: pixels by frame, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from medsynth_app.core.geometry import Geometry
from medsynth_app.core.window_level import WindowLevel

Pixels = npt.NDArray[Any]  # (rows, columns) stored values, or (rows, columns, 3) uint8 RGB


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
    """

    key: FrameKey
    rows: int
    columns: int
    rescale: Rescale = Rescale()
    stored_range: tuple[int, int] = (0, 255)
    geometry: Geometry | None = None
    windows: tuple[WindowLevel, ...] = ()


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


class ImageSource(Protocol):
    """An opened file or series. `pixels` may be called from any thread."""

    @property
    def info(self) -> ImageInfo: ...

    def pixels(self, frame: int) -> Pixels:
        """Stored values of one frame: (rows, columns) of the file's own integer type, or (rows, columns, 3) uint8."""
        ...

    def close(self) -> None: ...
