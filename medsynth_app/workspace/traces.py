"""What was generated here, by the hash of its pixels and by its looks: a file that lost its record is found again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
from sqlalchemy import delete, select

from medsynth_app.core.image import pixels_sha256
from medsynth_app.core.looks import looks_of
from medsynth_app.core.provenance import Provenance
from medsynth_app.workspace import sources
from medsynth_app.workspace.database import Database
from medsynth_app.workspace.tables import PictureRow, TraceRow


@dataclass(frozen=True)
class Trace:
    """One picture that was generated, or one frame with generated pixels as it was exported.

    Attributes
    ----------
    sha256, looks
        `core.image.pixels_sha256` and `core.looks.looks_of` of its pixels, without a mark.
    picture_id
        The picture; "" for an exported frame.
    """

    sha256: str
    looks: str
    picture_id: str
    id: int


class Traces:
    """All traces of a workspace; those of pictures are written with them (`Pictures.add`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_frame(self, document_id: str, pixels: npt.NDArray[Any], provenance: Provenance) -> None:
        """Keep what an exported frame looks like, and its record; of equal pixels of a document the last one."""
        sha256 = pixels_sha256(pixels)
        with self._database.write() as session:
            session.execute(delete(TraceRow).where(TraceRow.document_id == document_id, TraceRow.sha256 == sha256))
            session.add(TraceRow(document_id=document_id, sha256=sha256, looks=looks_of(pixels),
                                 provenance=sources.hide(session, provenance.to_dict())))

    def all(self) -> list[Trace]:
        """Every trace, without its record."""
        with self._database.read() as session:
            rows = session.execute(select(TraceRow.sha256, TraceRow.looks, TraceRow.picture_id, TraceRow.id))
            return [Trace(sha256, looks, picture_id or "", number) for sha256, looks, picture_id, number in rows]

    def without(self) -> tuple[str, ...]:
        """Ids of the pictures that an older version kept without a trace."""
        with self._database.read() as session:
            return tuple(session.scalars(select(PictureRow.id).where(
                PictureRow.id.not_in(select(TraceRow.picture_id).where(TraceRow.picture_id.is_not(None))))))

    def record(self, trace: Trace) -> Provenance | None:
        """The record of an exported frame; None when it is gone."""
        with self._database.read() as session:
            row = session.get(TraceRow, trace.id)
            return None if row is None else Provenance.from_dict(sources.show(session, row.provenance))
