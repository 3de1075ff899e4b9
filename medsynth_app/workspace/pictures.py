"""Whole generated pictures, kept without loss before anybody sees them, and read page by page."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, update
from sqlalchemy.orm import Session

from medsynth_app.core.image import pixels_sha256
from medsynth_app.core.looks import looks_of
from medsynth_app.core.provenance import Provenance
from medsynth_app.workspace import audit, sources
from medsynth_app.workspace.blobs import Blobs
from medsynth_app.workspace.candidates import removed_error
from medsynth_app.workspace.database import Database, chunks
from medsynth_app.workspace.tables import DocumentRow, JobRow, PictureRow, TraceRow, now


@dataclass(frozen=True)
class Picture:
    """One whole generated picture, with the mask that it follows where it was drawn from one.

    Attributes
    ----------
    document_id
        The image on which that mask was painted, with whose study the picture goes; "" for any other picture.
    """

    id: str
    job_id: str
    candidate: int
    seed: int
    provenance: Provenance
    created: str
    document_id: str
    _blobs: Blobs = field(repr=False, compare=False)
    _array: str = field(repr=False, compare=False)
    _mask: str | None = field(default=None, repr=False, compare=False)
    favourite: bool = False

    def pixels(self) -> npt.NDArray[np.uint8]:
        """uint8 RGB (rows, columns, 3)."""
        return self._blobs.get_array(self._array)

    @property
    def has_mask(self) -> bool:
        return self._mask is not None

    def mask(self) -> npt.NDArray[np.uint8] | None:
        """Labels of the mask that it was drawn from, uint8 (rows, columns); None where the prompt alone decided."""
        return None if self._mask is None else self._blobs.get_array(self._mask)


@dataclass(frozen=True)
class PictureFilter:
    """Which pictures are asked for; all of them where nothing is said.

    Attributes
    ----------
    text
        Words that stand in the prompt, in any order and case, or the seed.
    pack
        Name of the model that drew them.
    favourites
        Those alone that somebody likes.
    """

    text: str = ""
    pack: str = ""
    favourites: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it lets all pictures through."""
        return not (self.text.strip() or self.pack or self.favourites)

    def conditions(self) -> list[ColumnElement[bool]]:
        """For a query of `PictureRow`."""
        prompt, text = _recorded("$.parameters.prompt"), self.text.split()
        found: list[ColumnElement[bool]] = []
        if text:
            words = and_(*(prompt.icontains(word, autoescape=True) for word in text))
            found.append(or_(words, PictureRow.seed == int(text[0])) if len(text) == 1 and _is_seed(text[0]) else words)
        if self.pack:
            found.append(_recorded("$.pack") == self.pack)
        if self.favourites:
            found.append(PictureRow.favourite.is_(True))
        return found


ALL = PictureFilter()


def _recorded(path: str) -> ColumnElement[Any]:
    """A value of the record; NULL where that is damaged, which SQLite would not go on from."""
    return case((func.json_valid(PictureRow.provenance) == 1, func.json_extract(PictureRow.provenance, path)),
                else_=None)


def _is_seed(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 12


class Pictures:
    """All pictures of a workspace, newest first."""

    def __init__(self, database: Database, blobs: Blobs, files: Path) -> None:
        self._database = database
        self._blobs = blobs
        self._files = files

    def file_of(self, picture: Picture) -> Path:
        """Where a picture lies as a file once it is opened as an image; it is not made here, and goes with it."""
        return self._files / picture.id / f"SYNTHETIC-{picture.seed}.png"

    def drop_files(self, picture_ids: Iterable[str]) -> None:
        """Delete the files of pictures that were opened as images."""
        for picture_id in picture_ids:
            shutil.rmtree(self._files / picture_id, ignore_errors=True)

    def add(self, job_id: str, candidate: int, pixels: npt.NDArray[np.uint8], provenance: Provenance, *,
            mask: npt.NDArray[np.uint8] | None = None, document_id: str = "") -> Picture:
        """Keep a picture, uint8 RGB or grey, and its mask; the same job's earlier one of this number is replaced.

        Parameters
        ----------
        document_id
            The image on which the mask was painted. Only a hint: the job knows where its study went meanwhile.

        Raises
        ------
        UserError
            When that study was removed meanwhile, or the workspace is read-only.
        """
        if mask is not None and mask.shape != pixels.shape[:2]:
            raise ValueError(f"mask {mask.shape} does not fit picture {pixels.shape}")
        with self._blobs.pins() as pins, self._database.write() as session:
            owner = session.scalar(select(JobRow.document_id).where(JobRow.id == job_id)) or document_id
            if owner and session.get(DocumentRow, owner) is None:
                raise removed_error(owner)  # before a byte of it is written
            row = session.scalar(select(PictureRow).where(
                PictureRow.job_id == job_id, PictureRow.candidate == candidate))
            old = [] if row is None else [sha for sha in (row.pixels, row.mask) if sha]
            row = row or PictureRow(id=uuid.uuid4().hex, job_id=job_id, candidate=int(candidate))
            row.pixels, row.mask = pins.put_array(pixels), None if mask is None else pins.put_array(mask)
            row.seed, row.created, row.document_id = int(provenance.seed), now(), owner
            row.provenance = sources.hide(session, provenance.to_dict())
            session.add(row)
            session.flush()
            session.execute(delete(TraceRow).where(TraceRow.picture_id == row.id))
            session.add(TraceRow(picture_id=row.id, sha256=pixels_sha256(pixels), looks=looks_of(pixels),
                                 provenance="{}"))
            picture = self._picture(session, row)
        self._database.drop_blobs(self._blobs, old)
        return picture

    @property
    def count(self) -> int:
        """How many there are."""
        return self.counted(ALL)

    def counted(self, such: PictureFilter) -> int:
        """How many there are of those that a filter lets through."""
        with self._database.read() as session:
            return session.scalar(select(func.count()).select_from(PictureRow).where(*such.conditions())) or 0

    def page(self, offset: int = 0, limit: int = 100, such: PictureFilter = ALL) -> tuple[Picture, ...]:
        """At most `limit` pictures from the `offset`-th on; what lies beyond is neither read nor parsed."""
        with self._database.read() as session:
            return self._pictures(session, session.scalars(
                _IN_ORDER.where(*such.conditions()).offset(offset).limit(limit)))

    def ids(self, such: PictureFilter = ALL) -> tuple[str, ...]:
        """Ids of all that a filter lets through, newest first."""
        with self._database.read() as session:
            return tuple(session.scalars(
                select(PictureRow.id).where(*such.conditions()).order_by(PictureRow.created.desc(), PictureRow.id)))

    def packs(self) -> tuple[str, ...]:
        """Names of the models that drew them, by name."""
        with self._database.read() as session:
            found = session.scalars(select(_recorded("$.pack")).distinct())
            return tuple(sorted(str(name) for name in found if name))

    def of_job(self, job_id: str) -> tuple[Picture, ...]:
        """What one job has drawn."""
        with self._database.read() as session:
            return self._pictures(session, session.scalars(_IN_ORDER.where(PictureRow.job_id == job_id)))

    def get(self, picture_id: str) -> Picture | None:
        """One picture; None when it is gone."""
        with self._database.read() as session:
            row = session.get(PictureRow, picture_id)
            return None if row is None else self._picture(session, row)

    def mark(self, picture_ids: Sequence[str], favourite: bool) -> None:
        """Make pictures favourites, or no longer."""
        with self._database.write() as session:
            for part in chunks(list(picture_ids)):
                session.execute(update(PictureRow).where(PictureRow.id.in_(part)).values(favourite=favourite))

    def remove(self, picture_id: str, action: str = "remove_picture", person: str = "") -> bool:
        """As `remove_all`, of one; whether it was there."""
        return bool(self.remove_all([picture_id], action, person))

    def remove_all(self, picture_ids: Sequence[str], action: str = "remove_picture",
                   person: str = "") -> tuple[str, ...]:
        """Purge pictures and their masks, with one entry in the audit (`action`, by `person`).

        Returns
        -------
        Those that were there.
        """
        found: list[str] = []
        blobs: list[str] = []
        with self._database.write() as session:
            for part in chunks(list(picture_ids)):
                held = session.execute(select(PictureRow.id, PictureRow.pixels, PictureRow.mask).where(
                    PictureRow.id.in_(part))).all()
                found += [row.id for row in held]
                blobs += [sha for row in held for sha in (row.pixels, row.mask) if sha]
                session.execute(delete(PictureRow).where(PictureRow.id.in_(part)))
            if found:
                audit.write(session, action, person, found)
        self._database.drop_blobs(self._blobs, blobs)
        self.drop_files(found)
        return tuple(found)

    def _pictures(self, session: Session, rows: Iterable[PictureRow]) -> tuple[Picture, ...]:
        return tuple(self._picture(session, row) for row in rows)

    def _picture(self, session: Session, row: PictureRow) -> Picture:
        return Picture(row.id, row.job_id, row.candidate, row.seed,
                       Provenance.from_dict(sources.show(session, row.provenance)), row.created,
                       row.document_id, self._blobs, row.pixels, row.mask, row.favourite)


_IN_ORDER = select(PictureRow).order_by(PictureRow.created.desc(), PictureRow.id)
