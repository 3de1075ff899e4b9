"""A set that was made: pictures of models in the folders that loaders read, and whether each lies there whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.hidden_mark import mark_invisibly
from medsynth_app.core.order import Order, OrderedPicture
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats.provenance import from_text
from medsynth_app.formats.raster import embedded_text, write_mask_png, write_png

ORDER = "order.json"  # in the folder of a set: what was ordered, so that the same order can go on
GIVEN_MASKS = ".masks-of-the-order"  # copies of given masks, by their hash, until the set is complete
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"


@dataclass(frozen=True)
class MadePicture:
    """One picture of a set.

    Attributes
    ----------
    file, mask_file
        Relative to the set, with slashes; no mask: empty.
    part
        Empty where the set is not split.
    settings
        How it was drawn, in words.
    """

    file: str
    class_name: str
    seed: int
    prompt: str
    pack: str
    part: str = ""
    mask_file: str = ""
    settings: str = ""


@dataclass(frozen=True)
class MadeSet:
    """What tables and card tell of a set.

    Attributes
    ----------
    wanted
        How many pictures it shall have; those of `pictures` are there.
    packs
        By the name that the pictures give: manifest and hash of the models that drew them.
    labels
        What the values 1, 2, ... of its masks mean.
    unknown
        Hashes of models that are not at hand, by the name that the pictures give.
    invisible_mark
        Whether `core.hidden_mark` is hidden in its pictures.
    """

    name: str
    pictures: tuple[MadePicture, ...]
    packs: Mapping[str, PackManifest]
    wanted: int
    seed: int | None = None
    labels: tuple[str, ...] = ()
    split: tuple[float, ...] = ()
    licence_note: str = ""
    unknown: Mapping[str, str] = field(default_factory=dict)
    invisible_mark: bool = False


def made_set(order: Order, pictures: Iterable[OrderedPicture], packs: Mapping[str, PackManifest]) -> MadeSet:
    """The set of an order, as far as it is made."""
    made = []
    for picture in pictures:
        line = picture.line
        made.append(MadePicture(
            picture.file, line.class_name, picture.seed, line.prompt, line.pack.name, picture.part, picture.mask_file,
            settings_of(asdict(line), bool(picture.mask_file))))
    return MadeSet(order.name, tuple(made), packs, order.count, order.seed, order.labels, order.split,
                   order.licence_note, invisible_mark=order.invisible_mark)


def settings_of(parameters: Mapping[str, Any], held: bool) -> str:
    """How a picture was drawn, in words; the keys are those of its record."""
    said = [f"{parameters.get('width')} x {parameters.get('height')} pixels", f"{parameters.get('steps')} steps",
            f"guidance {parameters.get('guidance', 0):g}"]
    if held:
        said.append(f"masks followed by {parameters.get('control_scale', 1):g}")
    if avoided := parameters.get("negative_prompt"):
        said.append(f"avoiding {avoided!r}")
    return ", ".join(said)


def write_picture(folder: Path, picture: MadePicture | OrderedPicture, pixels: npt.NDArray[np.uint8],
                  provenance: Provenance, mask: npt.NDArray[np.uint8] | None, *, invisible: bool = False) -> None:
    """Write a picture of a set, its mask first; the record stands inside, and no mark is drawn: a classifier would
    learn it. The `invisible` one (`core.hidden_mark`) is hidden in it where somebody wants that.

    Raises
    ------
    UserError
        When it cannot be written; nothing half is left.
    """
    try:
        for name in (picture.file, picture.mask_file):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if mask is not None:
            write_mask_png(folder / picture.mask_file, mask,
                           provenance if provenance.parameters.get("pairs") else None)
        if invisible:
            pixels, provenance = mark_invisibly(pixels, provenance)
        write_png(folder / picture.file, pixels, provenance, mark=False)
    except OSError as error:
        raise UserError(f"The set could not be written ({error.strerror or 'disk error'}).",
                        "Make room on this disk, then give the same order again: it goes on where it ended.",
                        safe="The pictures that are there stay.") from error


def is_made(folder: Path, picture: OrderedPicture) -> bool:
    """Whether a picture of an order lies there whole, as it was ordered."""
    if picture.mask_file and not _is_whole(folder / picture.mask_file):
        return False
    path, line = folder / picture.file, picture.line
    if not _is_whole(path):
        return False
    with suppress(UserError):
        record = from_text(embedded_text(path))
        return record is not None and record.seed == picture.seed and record.pack_sha256 == line.pack.sha256 \
            and record.parameters.get("prompt") == line.prompt
    return False


def _is_whole(path: Path) -> bool:
    """Whether a PNG has its end; a power cut can leave one without."""
    try:
        with path.open("rb") as file:
            file.seek(-len(_PNG_END), 2)
            return file.read() == _PNG_END
    except OSError:
        return False
