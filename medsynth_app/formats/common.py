"""What the readers and writers of every format share: size limit, hashes, errors in words, safe writing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.files import short_code
from medsynth_app.core.image import Channel, FrameInfo, Identity, ImageInfo, ImageSource, Pixels
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats.export_identity import ExportIdentity
from medsynth_app.formats.pixels import to_colour8

ALLOWED_BYTES = 2 * 2**30
LEAST_LOOKED_AT, FLAT_VALUES, MOST_COLOURS, UNLIKE = 256, 32, 512, 0.65  # pairs, values and share of pairs of no mask
PEAK = 3  # times the decoded size, that a reader may hold while it decodes
Mask = npt.NDArray[np.uint8]  # (rows, columns)
Progress = Callable[[int, int], None]
Stop = Callable[[], bool]


class TooLarge(UserError):
    """The decoded image would need more memory than was allowed; `bytes` says how much."""

    def __init__(self, bytes: int) -> None:
        super().__init__(f"Opened, this image needs about {bytes / 2**30:.1f} GB of memory.",
                         "Open it anyway if this computer has enough memory, or choose a smaller image.")
        self.bytes = bytes


@dataclass(frozen=True)
class SeriesListing:
    """One DICOM series in a folder. `description` is the file's own free text: show it, never store or log it.

    `identity.series` chooses the series in `registry.open_image`, when both are given the same salt.
    """

    identity: Identity
    description: str
    modality: str
    files: int
    frames: int


@dataclass(frozen=True, eq=False)
class ExportFrame:
    """One frame as an export shows it.

    Attributes
    ----------
    source, frame
        The image that is open, and which of its frames.
    opened
        The file or folder that it was opened from.
    pixels
        As `ImageSource.pixels`, with what was generated in place.
    provenance
        One record for all that is generated in it; None where nothing is.
    identity
        Under whom it is filed as DICOM; None: as a patient and study of its own.
    """

    source: ImageSource
    frame: int
    opened: Path
    pixels: Pixels
    provenance: Provenance | None = None
    identity: ExportIdentity | None = None

    @property
    def info(self) -> ImageInfo:
        return self.source.info

    @property
    def about(self) -> FrameInfo:
        return self.source.info.frames[self.frame]


@dataclass(frozen=True, eq=False)
class ExportSeries:
    """All frames of an image, made one by one when they are asked for.

    Attributes
    ----------
    source
        The image that is open.
    frame
        Makes frame k; raises `Cancelled` when the person thought better of it.
    """

    source: ImageSource
    frame: Callable[[int], ExportFrame]

    @property
    def count(self) -> int:
        return len(self.source.info.frames)


class ArraySource(ImageSource):
    """An `ImageSource` whose frames lie in memory."""

    def __init__(self, info: ImageInfo, frames: list[Pixels], channels: tuple[Channel, ...] = ()) -> None:
        for frame in frames:
            frame.flags.writeable = False
        self._info, self._frames, self._channels = info, frames, channels

    @property
    def info(self) -> ImageInfo:
        return self._info

    @property
    def channels(self) -> tuple[Channel, ...]:
        return self._channels or super().channels

    def region(self, frame: int, bounds: Bounds, level: int = 0) -> Pixels:
        """A read-only view."""
        return part_of(self._frames[frame], bounds, level)

    def close(self) -> None:
        """Nothing is held open."""


def part_of(frame: Pixels, bounds: Bounds, level: int = 0) -> Pixels:
    """The part of a whole frame that `ImageSource.region` asks for; of an image without a pyramid."""
    if level:
        raise IndexError("this image has one resolution alone")
    check_inside(bounds, *frame.shape[:2])
    return frame[bounds.slices]


def check_inside(bounds: Bounds, rows: int, columns: int) -> None:
    """Raise ValueError where a box is empty or reaches beyond its frame, which slicing would hide."""
    if bounds.empty or bounds != bounds.clipped(rows, columns):
        raise ValueError(f"{bounds} is no part of {rows} x {columns} pixels")


def check_size(bytes: int, allowed: int, peak: int = 0) -> None:
    """Raise `TooLarge` when the decoded pixels exceed what is allowed; call it BEFORE decoding.

    Readers need up to `PEAK` times as much while they decode. `peak` is what one holds that needs more.
    """
    if bytes > allowed or peak > PEAK * allowed:
        raise TooLarge(max(bytes, peak))


def check_cancelled(cancelled: Stop | None) -> None:
    if cancelled is not None and cancelled():
        raise Cancelled


def unreadable(kind: str, error: BaseException | None = None, happened: str = "") -> UserError:
    """A `UserError` for a damaged file. The error's own text may name paths or patients: only its type is kept."""
    return UserError(happened or f"This {kind} is damaged or incomplete.", "Copy it again from where it came, or "
                     "open another one.", details=type(error).__name__ if error is not None else "")


@contextmanager
def reading(kind: str) -> Iterator[None]:
    """Turn whatever a decoder throws at a damaged file into a `UserError`."""
    try:
        yield
    except (UserError, Cancelled):
        raise
    except FileNotFoundError as error:
        raise UserError(f"This {kind} is no longer where it was.", "Put it back, or open it from its new place."
                        ) from error
    except PermissionError as error:
        raise UserError(f"This {kind} may not be read by you.", "Ask for the right to read it, or copy it to a "
                        "folder of your own.") from error
    except MemoryError as error:
        raise UserError(f"There is not enough memory to open this {kind}.", "Close other programs, or choose a "
                        "smaller image.") from error
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a decoder in Rust throws its panics past Exception
        raise unreadable(kind, error) from error


def image_pseudonym(source: str, salt: bytes = b"") -> str:
    """Of an image that names no patient, made of the hash of its file; of a UID with the workspace's secret alone."""
    return f"Image-{short_code(salt + source.encode())}"


def mask_values(pixels: Pixels) -> Mask:
    """Grey pixels as mask values; a mask in few flat colours becomes 1 where any colour is brighter than half.

    Raises
    ------
    UserError
        When a value is below 0, above 255 or no whole number, or when it is a picture and no mask.
    """
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    if pixels.ndim == 3:
        colours = to_colour8(pixels)
        if _is_picture(colours.astype(np.uint32) @ np.array([2**16, 2**8, 1], np.uint32)):
            raise no_mask("a picture in colour")
        return np.asarray((colours > 127).any(axis=2), np.uint8)
    values = pixels.astype(np.uint8)
    if not np.array_equal(values, pixels):
        raise UserError("This mask holds values other than the whole numbers 0 to 255.",
                        "Save it as an 8-bit mask.")
    if _is_picture(values):
        raise no_mask("a picture in shades of grey")
    return values


def no_mask(what: str) -> UserError:
    return UserError(f"This is {what}, and no mask.",
                     "Give a mask: flat areas, 0 where nothing is painted. Image and mask may have been exchanged.")


def _is_picture(values: Pixels) -> bool:
    """Whether pixels (rows, columns) are those of a picture: many values, and few neighbours alike where there are any.

    Masks with soft edges and maps of a hundred labels are flat for the most part.
    """
    held = values != 0
    pairs = held[:, 1:] | held[:, :-1]
    different = len(np.unique(values[:: max(1, len(values) // 256)]))
    if pairs.sum() < LEAST_LOOKED_AT or different <= FLAT_VALUES:
        return False
    return different > MOST_COLOURS or bool((values[:, 1:] != values[:, :-1])[pairs].mean() > UNLIKE)
