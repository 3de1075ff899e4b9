"""The series of a folder: which files belong together, and which only seem to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import file_sha256
from medsynth_app.formats.common import Progress, Stop, TooLarge, check_cancelled, reading
from medsynth_app.formats.dicom import KIND
from medsynth_app.formats.dicom.elements import text
from medsynth_app.formats.dicom.frames import frame_infos
from medsynth_app.formats.dicom.header import DicomFile, NoPixels, read_file
from medsynth_app.formats.dicom.identity import patient_of
from medsynth_app.formats.dicom.series import Slice, arranged
from medsynth_app.formats.kinds import Kind, kind_of

JOINED = "{count} series of one image each lie side by side and were joined to one."
SHARED_SERIES = "Files of several patients, studies or modalities carry one series number; they were kept apart."
COPIES = "{count} {files} the very same as another of this series: shown once."
SHARED_UID = "Different images of this series carry one identifier (SOP Instance UID); all of them are shown."
READERS = 4  # threads: on a slow disk, or a share of the network, one waits for each file by itself
_LEAST = 3  # series of one image, from which a stack is known


@dataclass(frozen=True, eq=False)
class Series:
    """Files that belong together, in the order of their names."""

    files: tuple[DicomFile, ...]
    notices: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        return sum(file.frames for file in self.files)


@dataclass
class Folder:
    """What was found in a folder."""

    series: list[Series] = field(default_factory=list)
    broken: int = 0
    without_pixels: int = 0
    too_large: TooLarge | None = None


def scan(folder: Path, allow_bytes: int, progress: Progress | None = None, cancelled: Stop | None = None,
         only: Sequence[Path] = ()) -> Folder:
    """Read the headers of all DICOM files in a folder and its sub-folders, and sort the files into series.

    With `only` no other files than these are read.
    """
    found, files = Folder(), []
    pool = ThreadPoolExecutor(READERS)
    try:
        paths = list(only) or _dicom_among(list(_paths(folder)), pool, cancelled)
        for k, read in enumerate(pool.map(partial(_read, allow_bytes=allow_bytes), paths)):
            check_cancelled(cancelled)
            if progress is not None:
                progress(k, len(paths))
            if isinstance(read, DicomFile):
                files.append(read)
            elif isinstance(read, NoPixels):
                found.without_pixels += 1
            elif isinstance(read, TooLarge):
                found.too_large = read
            else:
                found.broken += 1
    finally:
        pool.shutdown(cancel_futures=True)
    if progress is not None:
        progress(len(paths), len(paths))
    with reading(KIND):
        found.series = _sorted_out(files)
    return found


def dicom_paths(folder: Path) -> Iterator[Path]:
    """Files that look like DICOM, in a fixed order; links to folders are not followed."""
    return filter(_is_dicom, _paths(folder))


def _dicom_among(paths: list[Path], pool: ThreadPoolExecutor, cancelled: Stop | None) -> list[Path]:
    found = []
    for path, dicom in zip(paths, pool.map(_is_dicom, paths), strict=True):
        check_cancelled(cancelled)
        if dicom:
            found.append(path)
    return found


def _paths(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield Path(root, name)


def _is_dicom(path: Path) -> bool:
    try:
        return kind_of(path) is Kind.DICOM
    except UserError:
        return False


def _read(path: Path, allow_bytes: int) -> DicomFile | UserError:
    """The header of a file, or why it is left out."""
    try:
        return read_file(path, allow_bytes)
    except UserError as error:
        return error


def _sorted_out(files: list[DicomFile]) -> list[Series]:
    """Files by series; a number that several patients, studies or modalities share makes no series."""
    groups: dict[tuple[str, ...], list[DicomFile]] = {}
    for file in files:
        groups.setdefault(_belongs(file), []).append(file)
    numbers = [key[0] for key in groups]
    series = [_distinct(group, (SHARED_SERIES,) if numbers.count(key[0]) > 1 else ()) for key, group in groups.items()]
    return _joined(series)


def _belongs(file: DicomFile) -> tuple[str, ...]:
    """What all files of one series share; where no series is named, also what else tells series apart."""
    header = file.header
    number = text(header, "SeriesInstanceUID")
    patient = patient_of(header) or (text(header, "PatientName").rstrip("^"),)
    whose = (text(header, "StudyInstanceUID"), text(header, "Modality"), *patient)
    if number:
        return number, *whose
    return ("", text(header, "SeriesNumber"), text(header, "SeriesDescription"), text(header, "SOPClassUID"),
            text(header, "FrameOfReferenceUID"), str((file.rows, file.columns)), *whose)


def _distinct(files: list[DicomFile], notices: tuple[str, ...]) -> Series:
    """The files of a series without copies; different files that carry one identifier are told apart by their hash."""
    by_key: dict[str, list[DicomFile]] = {}
    for file in files:
        by_key.setdefault(file.key, []).append(file)
    kept: list[DicomFile] = []
    copies = 0
    for same in by_key.values():
        if len(same) == 1:
            kept += same
            continue
        hashes = {f"sha256:{file_sha256(file.path)}": file for file in reversed(same)}
        copies += len(same) - len(hashes)
        if len(hashes) > 1:
            notices = (*notices, SHARED_UID)
            kept += [replace(file, key=key) for key, file in hashes.items()]
        else:
            kept.append(same[0])
    if copies:
        notices = (*notices, COPIES.format(count=copies, files="file is" if copies == 1 else "files are"))
    place = {file.path: k for k, file in enumerate(files)}
    return Series(tuple(sorted(kept, key=lambda file: place[file.path])), tuple(dict.fromkeys(notices)))


def _joined(series: list[Series]) -> list[Series]:
    """Series of one image each that only together make an even stack of one patient and study, joined to one."""
    alike: dict[tuple[object, ...], list[Series]] = {}
    for part in series:
        if part.frames == 1 and (key := _stack(part.files[0])) is not None:
            alike.setdefault(key, []).append(part)
    done: dict[int, Series | None] = {}
    for parts in alike.values():
        files = tuple(part.files[0] for part in parts)
        if len(parts) < _LEAST or not _even(files):
            continue
        done |= dict.fromkeys((id(part) for part in parts[1:]), None)
        done[id(parts[0])] = Series(files, (JOINED.format(count=len(parts)),))
    return [part for part in (done.get(id(part), part) for part in series) if part is not None]


def _stack(file: DicomFile) -> tuple[object, ...] | None:
    """What slices of one stack share; None for a file that does not say where it lies."""
    geometry = frame_infos(file)[0].geometry
    if geometry is None or geometry.origin is None or file.colour:
        return None
    header = file.header
    return (text(header, "StudyInstanceUID"), text(header, "Modality"), patient_of(header), text(header, "SOPClassUID"),
            text(header, "FrameOfReferenceUID"), text(header, "SeriesNumber"), text(header, "SeriesDescription"),
            file.rows, file.columns, geometry.row_spacing, geometry.column_spacing)


def _even(files: tuple[DicomFile, ...]) -> bool:
    slices, notices = arranged([Slice(file, frame_infos(file)[0]) for file in files])
    spacings = {part.info.geometry.slice_spacing for part in slices if part.info.geometry is not None}
    return not notices and None not in spacings
