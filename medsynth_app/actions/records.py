"""Find the record of a result: inside its file, or beside it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from medsynth_app.actions.export import record_path
from medsynth_app.core.errors import UserError
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats.provenance import claims_synthetic, from_text
from medsynth_app.formats.registry import embedded_text

LARGEST = 2**27  # bytes of a record that is read; those with large masks have some millions
_ENDING = record_path(Path("x")).name.removeprefix("x")


@dataclass(frozen=True)
class Found:
    """A record, and the file of the result that it tells of; None where that is not there."""

    record: Provenance
    file: Path | None


def find_record(path: Path) -> Found:
    """The record in a PNG, TIFF or DICOM, in the JSON file beside one, or beside any other file.

    Raises
    ------
    UserError
        When there is none, or one that this version cannot read.
    """
    if path.is_dir():
        raise UserError("This is a folder.", "Name one of its files.")
    if path.name.endswith(".json"):
        file = path.with_name(path.name.removesuffix(_ENDING))
        return _found(_text_of(path), file if file != path and file.is_file() else None)
    text = embedded_text(path)
    if not text and record_path(path).is_file():
        text = _text_of(record_path(path))
    return _found(text, path)


def record_in(path: Path) -> Provenance | None:
    """The record of a file, as `find_record`; None where there is none."""
    with suppress(UserError):
        return find_record(path).record
    return None


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UserError("There is no such file." if isinstance(error, FileNotFoundError) else
                        "The record cannot be read.", "Check the name, or whether the disk is connected.") from error
    if len(data) > LARGEST:
        raise UserError("This file is larger than any record.", "Name a picture, or the .provenance.json beside it.")
    return data.decode("utf-8", errors="replace")


def _found(text: str, file: Path | None) -> Found:
    record = from_text(text)
    if record is not None:
        return Found(record, file)
    if claims_synthetic(text):
        raise UserError("The record is damaged, or of a newer version of MedSynth.",
                        "Take the file beside the picture (.provenance.json), or update MedSynth.")
    raise UserError("There is no record of MedSynth in this file, nor beside it.",
                    "Records get lost when a picture is saved again elsewhere; `medsynth trace FILE` finds it by its "
                    "pixels.")
