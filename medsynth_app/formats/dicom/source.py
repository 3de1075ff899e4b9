"""DICOM: a file, or a folder whose series is sorted along its normal. Frames are decoded when they are asked for."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import replace
from pathlib import Path
from threading import Lock

import pydicom

from medsynth_app.core import body_part
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.files import short_code
from medsynth_app.core.geometry import runs_upwards
from medsynth_app.core.image import FrameInfo, Identity, ImageInfo, ImageSource, Pixels
from medsynth_app.formats.common import (
    ALLOWED_BYTES,
    Mask,
    Progress,
    SeriesListing,
    Stop,
    image_pseudonym,
    part_of,
    reading,
)
from medsynth_app.formats.dicom import KIND
from medsynth_app.formats.dicom.elements import number, text
from medsynth_app.formats.dicom.folder import Folder, Series, scan
from medsynth_app.formats.dicom.frames import frame_infos, frame_notices
from medsynth_app.formats.dicom.header import DicomFile, read_file, text_of, with_decimals
from medsynth_app.formats.dicom.identity import hashed, identity_of, joined
from medsynth_app.formats.dicom.scans import Scan, Scans, stamp_of_folder
from medsynth_app.formats.dicom.series import Slice, arranged
from medsynth_app.formats.libraries import prepare_pydicom

KEPT_BYTES = 256 * 2**20
_SCANS = Scans()


class DicomSource(ImageSource):
    """Frames of one file or series; a limited number of decoded ones is kept. Safe from any thread."""

    def __init__(self, info: ImageInfo, slices: list[Slice], first: Pixels | None = None) -> None:
        self._info, self._slices = info, slices
        self._kept: OrderedDict[int, Pixels] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()
        if first is not None:
            self._keep(0, first)

    def head_first(self) -> DicomSource:
        """The same frames from the head to the feet, where they are axial slices; else as they are."""
        if not runs_upwards([frame.geometry for frame in self._info.frames]):
            return self
        return DicomSource(replace(self._info, frames=self._info.frames[::-1]), self._slices[::-1])

    @property
    def info(self) -> ImageInfo:
        return self._info

    def file_of(self, frame: int) -> tuple[Path, int]:
        """The file that holds a frame, and the frame's place in that file."""
        return self._slices[frame].file.path, self._slices[frame].info.key.frame

    def pixels(self, frame: int) -> Pixels:
        """Stored values of one frame, read-only; raises `UserError` when the file is gone or damaged."""
        with self._lock:
            if frame in self._kept:
                self._kept.move_to_end(frame)
                return self._kept[frame]
            part = self._slices[frame]
            return self._keep(frame, part.file.decode(part.info.key.frame))

    def region(self, frame: int, bounds: Bounds, level: int = 0) -> Pixels:
        """A part of the decoded frame: DICOM files are encoded frame by frame."""
        return part_of(self.pixels(frame), bounds, level)

    def _keep(self, frame: int, pixels: Pixels) -> Pixels:
        pixels.flags.writeable = False
        self._kept[frame] = pixels
        self._bytes += pixels.nbytes
        while self._bytes > KEPT_BYTES and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return pixels

    def close(self) -> None:
        with self._lock:
            self._kept.clear()
            self._bytes = 0


def open_image(path: Path, *, allow_bytes: int = ALLOWED_BYTES, salt: bytes = b"") -> ImageSource:
    """Open one file; raises `UserError` when it holds no image that can be decoded."""
    file = read_file(path, allow_bytes)
    return _source(Series((file,)), salt, (), identity_of(file.header, salt))


def read_mask(path: Path, frame: int | None = None, like: FrameInfo | None = None,
              allow_bytes: int = ALLOWED_BYTES) -> Mask:
    """Raise `UserError`: segmentations are not read yet."""
    raise UserError("A DICOM file cannot be read as a mask yet.", "Give a PNG, TIFF or NIfTI mask.")


def embedded_text(path: Path) -> str:
    """The provenance text in our private block, or an empty string."""
    prepare_pydicom()
    with reading(KIND):
        return text_of(pydicom.dcmread(path, stop_before_pixels=True, force=True))


def open_folder(folder: Path, *, progress: Progress | None = None, cancelled: Stop | None = None,
                allow_bytes: int = ALLOWED_BYTES, salt: bytes = b"", series: str = "") -> ImageSource:
    """Open the series `series` of a folder and its sub-folders, or the largest one; see `registry.open_image`."""
    known = _SCANS.of(folder, salt) if series else None
    place = known.place(series) if known is not None else None
    if known is not None and place is not None:
        found = scan(folder, allow_bytes, progress, cancelled, known.files[place])
        found.series = [replace(part, notices=known.notices[place]) for part in found.series]
        found.broken += known.broken
    else:
        found = _scanned(folder, allow_bytes, progress, cancelled, salt)[0]
    if not found.series:
        raise found.too_large or _nothing(found)
    largest = max(found.series, key=lambda part: part.frames)
    chosen = _named(found.series, series, salt) if series else largest
    if chosen is None:
        raise UserError("This series is no longer in the folder.", "Open the folder again.")
    notices = []
    if len(found.series) > 1 and not series:
        notices.append(f"The folder holds {len(found.series)} series; the largest is open.")
    if found.broken:
        notices.append(f"{_count(found.broken, 'file')} left out: damaged or of a kind that cannot be read.")
    if found.too_large is not None:
        notices.append("At least one very large file was left out.")
    return _source(chosen, salt, tuple(notices), _identity(chosen, salt))


def list_series(folder: Path, *, progress: Progress | None = None, cancelled: Stop | None = None,
                salt: bytes = b"") -> list[SeriesListing]:
    """The series in a folder and its sub-folders, largest first."""
    known = _SCANS.of(folder, salt) or _scanned(folder, ALLOWED_BYTES, progress, cancelled, salt)[1]
    return list(known.listing)


def _scanned(folder: Path, allow_bytes: int, progress: Progress | None, cancelled: Stop | None, salt: bytes
             ) -> tuple[Folder, Scan]:
    """Read a whole folder, and remember what it holds."""
    stamp = stamp_of_folder(folder)
    found = scan(folder, allow_bytes, progress, cancelled)
    parts = sorted(found.series, key=lambda part: -part.frames)
    listing = tuple(
        SeriesListing(_identity(part, salt), text(part.files[0].header, "SeriesDescription"),
                      text(part.files[0].header, "Modality"), len(part.files), part.frames) for part in parts)
    made = Scan(listing, tuple(tuple(file.path for file in part.files) for part in parts),
                tuple(part.notices for part in parts), found.broken)
    if found.too_large is None:
        _SCANS.keep(folder, salt, stamp, made)
    return found, made


def _named(found: list[Series], series: str, salt: bytes) -> Series | None:
    """The series of this `identity.series`, or, as older workspaces have it, of this UID."""
    exact = [part for part in found if _identity(part, salt).series == series]
    older = [part for part in found if hashed(part.files[0].header, "SeriesInstanceUID", salt) == series]
    return exact[0] if exact else older[0] if len(older) == 1 else None


def _identity(series: Series, salt: bytes) -> Identity:
    """Of the first file; a series that is named by no file, or by each by itself, is known by its parts."""
    names = {text(file.header, "SeriesInstanceUID") for file in series.files}
    first = series.files[0].header
    named = identity_of(first, salt)
    if len(names) == 1 and names != {""}:
        return named
    parts = (*names, *(file.key for file in series.files), named.patient, named.study, text(first, "Modality"))
    return replace(named, series=joined(parts, salt))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun} was" if number == 1 else f"{number} {noun}s were"


def _nothing(found: Folder) -> UserError:
    if found.broken:
        return UserError("No DICOM image in this folder can be read: its files are damaged or incomplete.",
                         "Copy the folder again from where it came.")
    if found.without_pixels:
        return UserError("The DICOM files in this folder hold no images.", "Choose another folder.")
    return UserError("This folder holds no DICOM images.", "Choose a folder of DICOM files, or open a picture by "
                     "itself.")


def _source(series: Series, salt: bytes, notices: tuple[str, ...], identity: Identity) -> ImageSource:
    with reading(KIND):
        files, left_out = _alike(list(series.files))
        files = [with_decimals(file) for file in files]
        slices, arranging = arranged([Slice(file, info) for file in files for info in frame_infos(file)])
        slices, decoded, broken = _decodable(slices)
        first = files[0].header
        said = [notice for file in files for notice in (*file.notices, *frame_notices(file))]
        info = ImageInfo(
            pseudonym=_pseudonym(files[0], salt), modality=_code(first.get("Modality")), series=_series_text(files[0]),
            colour="rgb" if files[0].colour else "grey", frames=tuple(part.info for part in slices),
            inverted=files[0].inverted, synthetic=any(part.info.synthetic for part in slices),
            notices=tuple(dict.fromkeys((*notices, *series.notices, *left_out, *arranging, *broken, *said))),
            identity=identity, frame_of_reference=_frame_of_reference(files, salt))
    small = {id(file): file.trimmed() for file in files}
    return DicomSource(info, [replace(part, file=small[id(part.file)]) for part in slices], decoded)


def _alike(files: list[DicomFile]) -> tuple[list[DicomFile], tuple[str, ...]]:
    """The files of the most common kind: an image has one colour model and one sense of black and white."""
    kinds = Counter((file.colour, file.inverted) for file in files)
    kind = kinds.most_common(1)[0][0]
    kept = [file for file in files if (file.colour, file.inverted) == kind]
    if len(kept) == len(files):
        return files, ()
    return kept, (f"{_count(len(files) - len(kept), 'file')} left out: not of the same colour model as the others.",)


def _decodable(slices: list[Slice]) -> tuple[list[Slice], Pixels, tuple[str, ...]]:
    """Decode the first frame: a series whose encoding is unknown or broken is refused now, not when it is shown.

    Damaged files at the start of a series are left out.
    """
    for k, part in enumerate(slices):
        try:
            pixels = part.file.decode(part.info.key.frame)
        except UserError:
            if part.file.frames == len(slices) or k == len(slices) - 1:
                raise
            continue
        return slices[k:], pixels, (f"{_count(k, 'image')} left out: damaged.",) if k else ()
    raise AssertionError("a series has at least one image")


def _code(value: object) -> str | None:
    """A DICOM code string as it may be shown: capitals, digits and little else, at most 16 characters."""
    text = str(value or "")
    return text if 0 < len(text) <= 16 and all(c.isupper() or c.isdigit() or c in "_ " for c in text) else None


def _frame_of_reference(files: list[DicomFile], salt: bytes) -> str:
    """The one that all files name; empty where they name several or none."""
    named = {hashed(file.header, "FrameOfReferenceUID", salt) for file in files}
    return named.pop() if len(named) == 1 else ""


def _series_text(file: DicomFile) -> str:
    """Modality, part of the body and number: codes of a list and a number, never the file's free text."""
    what = " ".join(filter(None, (_code(file.header.get("Modality")) or "DICOM",
                                  body_part.in_words(text(file.header, "BodyPartExamined")))))
    counted = number(file.header, "SeriesNumber")
    return f"{what} series" if counted is None else f"{what}, series {int(counted)}"


def _pseudonym(file: DicomFile, salt: bytes) -> str:
    """The same patient gets the same code within a workspace; no code leads back without its secret."""
    who = str(file.header.get("PatientID", "") or "") or str(file.header.get("StudyInstanceUID", "") or "")
    if not who:
        return image_pseudonym(file.key, salt)
    return f"Subject-{short_code(salt + who.encode('utf-8', 'surrogateescape'))}"
