"""Where a picture comes from: found again by its pixels, or by its looks, when its record was lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsynth_app.actions.records import record_in
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Pixels, pixels_sha256
from medsynth_app.core.looks import ALIKE, BITS, distances, looks_of
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats.kinds import EXTENSIONS
from medsynth_app.formats.mark import draw_mark
from medsynth_app.formats.provenance import for_export
from medsynth_app.formats.registry import open_image
from medsynth_app.workspace.workspace import Workspace

TOLD = 5  # that are named of those that are alike


@dataclass(frozen=True)
class Origin:
    """A generated picture, or an exported frame, that a picture comes from.

    Attributes
    ----------
    record
        As it may leave the workspace.
    distance
        Bits of `core.looks` by which the two differ, of 255.
    same
        Whether the pixels are equal, or are with the visible mark.
    file
        Where it lies, of one that was found among files; else "".
    """

    record: Provenance
    distance: int
    same: bool
    file: str = ""

    @property
    def words(self) -> str:
        """In one sentence."""
        how = "the same pixels" if self.same else f"it looks the same ({self.distance} of {BITS} bits differ)"
        model = f"{self.record.pack} {self.record.pack_sha256[:12]}".strip()
        prompt = self.record.parameters.get("prompt")
        said = [f"seed {self.record.seed}", model, self.record.created[:10], f"'{prompt}'" if prompt else "",
                self.file]
        return f"{self.record.action}: {', '.join(part for part in said if part)}; {how}."


def pixels_in(path: Path, frame: int = 0) -> Pixels:
    """The pixels of a file that is to be traced; raises `UserError` where there are none."""
    source = open_image(path)
    try:
        if not 0 <= frame < len(source.info.frames):
            raise UserError(f"There is no slice {frame}.", f"Choose one from 0 to {len(source.info.frames) - 1}.")
        return np.array(source.pixels(frame))
    finally:
        source.close()


def trace(pixels: Pixels, workspace: Workspace) -> tuple[Origin, ...]:
    """What was generated in a workspace and looks like a picture, the nearest first.

    Parameters
    ----------
    pixels
        (rows, columns) of any number type, or (rows, columns, 3) uint8.
    """
    sha256, looks = pixels_sha256(pixels), looks_of(pixels)
    known = workspace.traces.all()
    found = [(int(far), each.sha256 == sha256, each) for far, each in
             zip(distances(looks, [each.looks for each in known]) if known else (), known, strict=True)
             if far <= ALIKE or each.sha256 == sha256]
    origins = []
    for far, same, each in sorted(found, key=lambda item: (not item[1], item[0]))[:TOLD]:
        if not each.picture_id:
            record = workspace.traces.record(each)
            if record is not None:
                origins.append(Origin(record, far, same))
            continue
        picture = workspace.pictures.get(each.picture_id)
        if picture is not None:
            origins.append(Origin(for_export(picture.provenance, workspace.salt), far,
                                  same or _is_marked(pixels, picture.pixels())))
    for picture_id in workspace.traces.without():
        picture = workspace.pictures.get(picture_id)
        if picture is not None:
            origins += _origin(pixels, looks, picture.pixels(), for_export(picture.provenance, workspace.salt))
    return _nearest(origins)


def trace_among(pixels: Pixels, folder: Path) -> tuple[Origin, ...]:
    """The same among the files of a folder that hold their records, or have them beside."""
    looks, found = looks_of(pixels), []
    for path in _pictures_in(folder):
        record = record_in(path)
        if record is not None:
            found += _origin(pixels, looks, pixels_in(path), record, str(path))
    return _nearest(found)


def _pictures_in(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise UserError("There is no such folder.", "Name one that holds generated pictures with their records.")
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name.lower().endswith(tuple(EXTENSIONS)):
            yield path


def _origin(pixels: Pixels, looks: str, other: Pixels, record: Provenance, file: str = "") -> list[Origin]:
    far, same = int(distances(looks, [looks_of(other)])[0]), np.array_equal(pixels, other)
    if far > ALIKE and not same:
        return []
    return [Origin(record, far, same or _is_marked(pixels, other), file)]


def _is_marked(pixels: Pixels, plain: Pixels) -> bool:
    return pixels.shape == plain.shape and np.array_equal(pixels, draw_mark(plain))


def _nearest(origins: list[Origin]) -> tuple[Origin, ...]:
    return tuple(sorted(origins, key=lambda each: (not each.same, each.distance))[:TOLD])
