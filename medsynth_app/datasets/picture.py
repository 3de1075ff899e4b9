"""Pictures of any format that the product reads, as models see them: 8 bits, through `IntensityRange`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from medsynth_app.core.crop import to_model_unit
from medsynth_app.core.errors import UserError
from medsynth_app.core.files import file_sha256
from medsynth_app.core.image import FrameInfo, FrameKey, ImageInfo, ImageSource, Pixels
from medsynth_app.core.intensity import SAMPLES, SLICES, IntensityRange, VolumeSample, intensity_range
from medsynth_app.formats.common import ArraySource, image_pseudonym, reading
from medsynth_app.formats.kinds import EXTENSIONS, Kind, kind_of
from medsynth_app.formats.libraries import prepare_pillow
from medsynth_app.formats.registry import open_image

Pictures8 = npt.NDArray[np.uint8]  # (rows, columns, 3)
Ranges = Mapping[str, IntensityRange]
BITMAP = ".bmp"  # which only training reads: nobody opens one in the window
SUFFIXES = (*EXTENSIONS, BITMAP)
MASK_OF = re.compile(r"(.+)[._-]mask([._-]?\d+)?\.(png|tiff?|bmp)", re.IGNORECASE)
PLAIN = {Kind.PNG: "PNG", Kind.JPEG: "JPEG"}  # what Pillow calls them
LARGEST = 2**27  # pixels of one frame
UNREAD = (".webp", ".gif", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".psd", ".ndpi", ".mrxs", ".czi", ".nd2",
          ".lif", ".vsi", ".nrrd", ".mha", ".mhd", ".dng", ".mp4", ".avi")  # pictures and films, but none that are read


def is_picture(path: Path) -> bool:
    """Whether a file is called as pictures are; one whose name has no ending is looked into: DICOM files often are so.

    Hidden files are none, nor are masks beside pictures.
    """
    name = path.name.lower()
    if name.startswith(".") or is_mask_beside(path):
        return False
    if name.endswith(SUFFIXES):
        return path.is_file()
    if path.suffix and not path.suffix[1:].isdigit():  # 1.2.840.113619 is a DICOM file that is named by its UID
        return False
    try:
        return path.is_file() and kind_of(path) is Kind.DICOM
    except UserError:
        return False


def is_unread(path: Path) -> bool:
    """Whether a file is a picture by its name, of a kind that is not read."""
    name = path.name.lower()
    return not name.startswith(".") and name.endswith(UNREAD)


def is_mask_beside(path: Path) -> bool:
    """Whether a file is called as the mask of a picture beside it: a.png.mask.png, a-mask.png, a_mask_1.png."""
    of = MASK_OF.fullmatch(path.name)
    return of is not None and any(path.with_name(of[1] + ending).is_file() for ending in ("", *SUFFIXES))


def open_picture(path: Path, salt: bytes = b"") -> ImageSource:
    """Open a file of any format that training reads; raises `UserError` when it cannot be read."""
    if path.suffix.lower() != BITMAP or not path.is_file():
        return open_image(path, salt=salt)
    prepare_pillow()
    with reading("bitmap"), Image.open(path, formats=("BMP",)) as image:
        pixels = np.array(image.convert("RGB"))
    sha256 = file_sha256(path)
    frame = FrameInfo(FrameKey(f"sha256:{sha256}"), *pixels.shape[:2])
    return ArraySource(ImageInfo(image_pseudonym(sha256), None, "bitmap", "rgb", (frame,)), [pixels])


@contextmanager
def opened(path: Path, salt: bytes = b"") -> Iterator[ImageSource]:
    """`open_picture`, closed at the end."""
    source = open_picture(path, salt)
    try:
        yield source
    finally:
        source.close()


def is_plain(path: Path, pixels: Pictures8) -> bool:
    """Whether Pillow alone, which is all that a training machine has, sees in a file `pixels`, what a model sees.

    So it is with most PNG, JPEG and BMP of 8 bits; not with deeper ones, or those that are turned or transparent.
    """
    try:
        form = "BMP" if path.suffix.lower() == BITMAP else PLAIN.get(kind_of(path))
        if form is None:
            return False
        with Image.open(path, formats=(form,)) as image:
            return image.size == pixels.shape[1::-1] and np.array_equal(np.asarray(image.convert("RGB")), pixels)
    except (OSError, ValueError, SyntaxError, UserError):
        return False


def seen(source: ImageSource, frame: int = 0, named: Ranges | None = None,
         limits: IntensityRange | None = None) -> Pictures8:
    """One frame as a model sees it: colours as they are; grey values through what `intensity_range` says, black to 255.

    Parameters
    ----------
    named
        Ranges by modality, as a pack or a recipe names them.
    limits
        The range of a series that the file is but a slice of; None: that of the file's own frames.

    Raises
    ------
    UserError
        When it cannot be decoded, or has more than `LARGEST` pixels.
    """
    about = source.info.frames[frame]
    if about.rows * about.columns > LARGEST:
        raise UserError(f"This picture has {about.columns} x {about.rows} pixels, too many to learn from at once.",
                        "Cut it into pieces first.")
    stored = source.pixels(frame)
    if stored.ndim == 3:
        return np.ascontiguousarray(stored)
    limits = limits or intensity_range(source.info.modality, about, named or {},
                                       lambda: VolumeSample.of_volume(source, frame))
    unit = to_model_unit(stored, about.rescale, limits, source.info.inverted, about.stored_range)
    return np.rint(unit * 255).astype(np.uint8)


def read_rgb(path: Path, named: Ranges | None = None) -> Pictures8:
    """The first frame of a file as a model sees it, (rows, columns, 3) uint8; `UserError` when it cannot be read."""
    with opened(path) as source:
        return seen(source, 0, named)


def read_sized(path: Path) -> tuple[Pictures8, float | None]:
    """`read_rgb`, and how many mm a pixel is wide; None where the file does not say."""
    with opened(path) as source:
        geometry = source.info.frames[0].geometry
        known = geometry is not None and geometry.column_spacing > 0
        return seen(source, 0), geometry.column_spacing if geometry is not None and known else None


def series_range(files: Sequence[Path], named: Ranges) -> IntensityRange:
    """The range of a grey series whose slices lie in files of their own: the same for every one of them.

    Where no range is fixed or named, some of the files, evenly spread, are read for it; one that cannot be is left out.

    Raises
    ------
    UserError
        When the first file cannot be read.
    """
    count = min(SLICES, len(files))
    places = np.linspace(0, len(files) - 1, count).round().astype(int)

    def slices() -> Iterator[tuple[Pixels, FrameInfo]]:
        for place in places:
            try:
                with opened(files[place]) as source:
                    yield source.pixels(0), source.info.frames[0]
            except UserError:
                continue

    with opened(files[0]) as first:
        return intensity_range(first.info.modality, first.info.frames[0], named,
                               lambda: VolumeSample.of(slices(), SAMPLES // count))
