"""What a folder (or list) of data is: recognised from what lies in it, before a picture is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from medsynth_app.core.errors import UserError
from medsynth_app.datasets.dataset import FIELDS
from medsynth_app.datasets.listing import CELLS, LABELS, PAIRS, PARTED, PICTURES, VOLUMES, volume_files
from medsynth_app.datasets.picture import is_picture, opened
from medsynth_app.formats.kinds import Kind, kind_of

LIES = {CELLS: "one sub-folder for each class, or labels.csv (file, class)",
        PAIRS: "images/ and masks/ of equal names, perhaps in train/ and val/",
        VOLUMES: "NIfTI volumes (.nii.gz) of equal names in images/ and labels/",
        PICTURES: "pictures, DICOM series or volumes",
        FIELDS: "images/ and annotations/ (Pascal VOC) of equal names"}
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
LOOKED_AT = 12  # DICOM files of a sub-folder whose patients are compared
KNOWN = ("A data set is a folder with one sub-folder for each class, or with labels.csv (file, class, and where known "
         "split and patient); or images/ and masks/ of equal names, perhaps in train/ and val/; or NIfTI images/ and "
         "labels/; or pictures, DICOM series or volumes without classes; or a CSV file like labels.csv.")


class Form(StrEnum):
    """How data lie."""

    LIST = "list"
    CLASSES = "class folders"
    PAIRS = "pairs of image and mask"
    VOLUMES = "volumes with labels"
    DICOM = "DICOM"
    NIFTI = "volumes"
    PICTURES = "pictures"
    FIELDS = "fields with boxes"


@dataclass(frozen=True)
class Recognised:
    """How data lie, and the layout by which they are listed (`listing.LAYOUTS`)."""

    form: Form
    layout: str


def recognise(data: Path) -> Recognised:
    """What lies in a folder, or which list a file is.

    Raises
    ------
    UserError
        When it is nothing that could be learned from; it says what could be.
    """
    if data.is_file():
        if data.suffix.lower() != ".csv":
            raise UserError(f"The file {data.name} is no list of pictures.", KNOWN)
        return Recognised(Form.LIST, CELLS)
    if not data.is_dir():
        raise UserError(f"There is no folder or file {data.name}.", "Give the folder of the data, or a CSV file.")
    pairs = any(_both(place, "masks") for place in (data, *(data / part for part in PARTED)))
    if (data / LABELS).is_file() and not (pairs and _lists_masks(data / LABELS)):
        return Recognised(Form.LIST, CELLS)
    if pairs:
        return Recognised(Form.PAIRS, PAIRS)
    if _both(data, "labels") and volume_files(data):
        return Recognised(Form.VOLUMES, VOLUMES)
    within = [folder for folder in sorted(data.iterdir()) if folder.is_dir() and not folder.name.startswith(".")]
    first = next(_pictures(data), None)
    if first is None:
        raise UserError(f"The folder {data.name} holds no pictures that can be learned from.", KNOWN)
    if any(is_picture(path) for path in data.iterdir()) or not _are_classes(within):
        return Recognised(_of(first), PICTURES)
    return Recognised(Form.CLASSES, CELLS)


def wrong_layout(data: Path, layout: str, what: str = "") -> UserError:
    """What to say of data that do not have a layout: how they would lie, and what they look like instead.

    Parameters
    ----------
    what
        What is missing, where that is known.
    """
    is_list = data.suffix.lower() == ".csv"
    why = f" ({what})" if what and (data.is_dir() or is_list) else ""
    happened = (f"The {'folder' if data.is_dir() else 'file'} {data.name} does not have the layout {layout!r}: "
                f"{LIES[layout]}{why}.")
    if data.suffix.lower() in ARCHIVES:
        return UserError(happened, "Unpack it, and give the folder.")
    try:
        found = recognise(data)
    except UserError as error:
        return UserError(f"{happened} {error.happened}", "Give the data folder that the recipe was written for.")
    parted = any((data / part).is_dir() for part in (*PARTED, "images"))
    if found.layout == layout or (parted and found.form in (Form.CLASSES, Form.PICTURES)):
        return UserError(happened, "Mend that, or give the data that the recipe was written for.")
    holds = "a list of pictures with classes" if found.form is Form.LIST else str(found.form)
    return UserError(f"{happened} It holds {holds}.",
                     "Give the data that the recipe was written for; a recipe for these writes "
                     f"`medsynth train new NAME --data {data.name}`.")


def _both(folder: Path, beside: str) -> bool:
    return (folder / "images").is_dir() and (folder / beside).is_dir()


def _lists_masks(table: Path) -> bool:
    """Whether a list of pictures names their masks, as that of pairs which MedSynth made does."""
    with table.open(encoding="utf-8-sig", errors="replace") as file:
        return "mask" in file.readline().strip().split(",")


def _pictures(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if is_picture(path))


def _of(path: Path) -> Form:
    try:
        kind = kind_of(path)
    except UserError:
        return Form.PICTURES
    return {Kind.DICOM: Form.DICOM, Kind.NIFTI: Form.NIFTI}.get(kind, Form.PICTURES)


def _are_classes(folders: list[Path]) -> bool:
    """Whether sub-folders are classes: not one that is called images, nor those of DICOM files of one patient each."""
    found = {folder: files for folder in folders if (files := _some(folder))}
    if [folder.name for folder in found] == ["images"]:
        return False
    if any(_of(files[0]) is not Form.DICOM for files in found.values()):
        return True
    patients = [{_patient(path) for path in files} - {""} for files in found.values()]
    return any(len(of_one) > 1 for of_one in patients) or len(set().union(*patients)) < len(patients)


def _some(folder: Path) -> list[Path]:
    """Pictures of a folder, evenly spread."""
    files = list(_pictures(folder))
    return files[::max(1, len(files) // LOOKED_AT)]


def _patient(path: Path) -> str:
    try:
        with opened(path, b"compared") as source:
            return source.info.identity.patient
    except UserError:
        return ""
