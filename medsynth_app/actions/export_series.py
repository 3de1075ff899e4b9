"""Export a whole series: every slice, changed or not, as one series that stacks wherever it is opened.

It is written into a place of its own and moved to where it belongs when it is complete, so that there is the whole or
nothing; what is in the folder already is neither replaced nor mixed with.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

import medsynth_app
from medsynth_app.actions.export import brought_along, export_of, keep_trace, record_of, record_path
from medsynth_app.actions.out_folder import made_folder, require_room
from medsynth_app.core.errors import UserError
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats.common import ExportFrame, ExportSeries, check_cancelled
from medsynth_app.formats.export_identity import ExportIdentity, export_identity
from medsynth_app.formats.kinds import Kind, kind_of
from medsynth_app.formats.provenance import to_dict
from medsynth_app.formats.registry import SERIES_WRITERS
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace

FORMAT = "medsynth-series/1"


@dataclass(frozen=True)
class SeriesExported:
    """What was written.

    Attributes
    ----------
    path
        The folder, or the file.
    record
        What each slice is, beside it.
    slices, changed
        How many there are, and how many of them hold generated pixels.
    notices
        What was said of the image when it was opened, such as what was left out, and how it was written.
    """

    path: Path
    record: Path
    slices: int
    changed: int
    notices: tuple[str, ...] = ()


def export_series(workspace: Workspace, document: Document, folder: Path, format: str = "", *,
                  progress: Callable[[int, int], None] | None = None,
                  cancelled: Callable[[], bool] | None = None) -> SeriesExported:
    """Write all slices of a document as they are now into `folder`, under a name that is not taken there.

    Unchanged slices keep their stored values to the bit. What was accepted after the call began takes no part.

    Parameters
    ----------
    format
        One of `SERIES_WRITERS`; without it the image's own.
    progress
        Called with (slices written, slices).
    cancelled
        Asked before every slice.

    Raises
    ------
    UserError
        When the format does not fit, a slice cannot be read, or the place cannot be written.
    Cancelled
        When `cancelled` said so. In either case nothing is left.
    """
    name = format or _own_format(document)
    if name not in SERIES_WRITERS:
        raise UserError(f"The format {name!r} is unknown.", f"Use one of {', '.join(SERIES_WRITERS)}.")
    writer = SERIES_WRITERS[name]
    if reason := writer.refusal(document.source):
        others = [other for other, known in SERIES_WRITERS.items() if not known.refusal(document.source)]
        raise UserError(reason, f"Write it as {' or '.join(others)}, or export slice by slice." if others else
                        "Export it slice by slice.", safe="Nothing was written.")
    changed = _changed(workspace, document)
    filed = export_identity(document.info, workspace.salt, synthetic=bool(changed) or document.info.synthetic)
    hashes: dict[int, str] = {}
    synthetic: dict[int, Provenance] = {}
    count = len(document.info.frames)

    def frame(k: int) -> ExportFrame:
        check_cancelled(cancelled)
        if progress is not None:
            progress(len(hashes), count)
        made = changed[k] if k in changed else _unchanged(workspace, document, k)
        hashes[k] = hashlib.sha256(np.ascontiguousarray(made.pixels).data).hexdigest()
        if made.provenance is not None:
            synthetic[k] = made.provenance
        return replace(made, identity=filed)

    _check_place(document, folder)
    with made_folder(folder):
        part = folder / f".{uuid4().hex}.part{writer.extension}"
        try:
            if not writer.extension:
                part.mkdir()
            files, written = writer.write(part, ExportSeries(document.source, frame))
            notices = (*document.info.notices, *written)
            check_cancelled(cancelled)
            place = _put(part, folder, _name(document, filed.synthetic), writer.extension, lambda named: _record(
                document, filed, files or (named,) * count, hashes, synthetic, notices))
        except OSError as error:
            raise UserError(f"The series could not be written ({error.strerror or 'disk error'}).",
                            "Choose another folder, or make room there.", safe="Nothing was left of it.") from error
        finally:
            _remove(part)
    for made in changed.values():
        keep_trace(workspace, document, made)
    if progress is not None:
        progress(count, count)
    return SeriesExported(place, record_path(place), count, len(synthetic), notices)


def _own_format(document: Document) -> str:
    """The format that a document was opened from; pages of a TIFF for pictures that hold one frame alone."""
    kind = kind_of(document.path) if document.path.is_file() else Kind.DICOM
    return kind.value if kind.value in SERIES_WRITERS else "tiff"


def _changed(workspace: Workspace, document: Document) -> dict[int, ExportFrame]:
    """The frames that something was accepted into, as they are now: what is accepted while others are written waits."""
    made = {k: export_of(workspace, document, k) for k in document.changed_frames()}
    return {k: each for k, each in made.items() if each.provenance is not None}  # the others were undone meanwhile


def _unchanged(workspace: Workspace, document: Document, frame: int) -> ExportFrame:
    """A frame as its file holds it."""
    try:
        pixels = document.source.pixels(frame)
    except UserError as error:
        raise UserError(f"Slice {frame + 1} cannot be read, so the series would not be whole. {error.happened}",
                        error.remedy, safe="Nothing was written.", details=error.details) from error
    return ExportFrame(document.source, frame, document.path, pixels,
                       record_of(workspace, brought_along(document, frame)))


def _name(document: Document, synthetic: bool) -> str:
    """A name that says whose series it is, by pseudonym, and whether anything in it is generated."""
    info = document.info
    words = re.findall(r"[A-Za-z0-9-]+", f"{info.pseudonym} {info.series}")
    return "_".join([*words, "synthetic" if synthetic else "unchanged"])


def _check_place(document: Document, folder: Path) -> None:
    """Raise `UserError` where the series would lie among its own originals, or has no room."""
    if document.path.is_dir() and folder.resolve().is_relative_to(document.path.resolve()):
        raise UserError("This is the folder of the images that are open: who opens it again would find both.",
                        "Choose another folder.", safe="The originals are not touched.")
    first = document.source.pixels(0)
    per_pixel = first.nbytes / (first.shape[0] * first.shape[1])
    require_room((folder, round(per_pixel * sum(about.rows * about.columns for about in document.info.frames))))


def _put(part: Path, folder: Path, name: str, extension: str, record: Callable[[str], dict[str, Any]]) -> Path:
    """Move what was written to a name that nobody has by now, beside its record; where one fails, neither is left.

    Parameters
    ----------
    record
        Gives the record for a name.
    """
    for number in itertools.count(1):
        place = folder / f"{name}{f'-{number}' if number > 1 else ''}{extension}"
        told, whole = record_path(place), part.is_dir()
        with suppress(FileExistsError), ExitStack() as claims:  # both names are taken before either is of use
            place.mkdir() if whole else place.touch(exist_ok=False)
            claims.callback(_give_up, place, whole)
            with told.open("x", encoding="utf-8") as file:
                claims.callback(_give_up, told, False)
                file.write(json.dumps(record(place.name), indent=1) + "\n")
            if whole:
                place.rmdir()  # not every system moves a folder onto an empty one
            part.replace(place)
            claims.pop_all()
            return place
    raise AssertionError("numbers do not end")


def _give_up(claim: Path, folder: bool) -> None:
    with suppress(OSError):
        claim.rmdir() if folder else claim.unlink()


def _remove(part: Path) -> None:
    """What is left of an export that did not come to its end."""
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)


def _record(document: Document, identity: ExportIdentity, files: Sequence[str], hashes: Mapping[int, str],
            synthetic: Mapping[int, Provenance], notices: Sequence[str]) -> dict[str, Any]:
    """What each slice is, as plain JSON values."""
    frames = document.info.frames
    return {
        "format": FORMAT, "program": f"MedSynth {medsynth_app.__version__}", "modality": document.info.modality,
        "created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "synthetic": bool(synthetic),
        "says": f"{len(synthetic)} of {len(frames)} slices hold generated pixels; "
                "the stored values of all others are those of the source." if synthetic else
                f"No pixel is synthetic: the stored values of all {len(frames)} slices are those of the source.",
        "patient_id": identity.patient_id, "study_instance_uid": identity.study,
        "series_instance_uid": identity.series, "notices": list(notices),
        "slices": [{"file": files[k], "slice": k + 1, "instance": about.instance, "synthetic": k in synthetic,
                    "sha256": hashes[k], **({"provenance": to_dict(synthetic[k])} if k in synthetic else {})}
                   for k, about in enumerate(frames)]}
