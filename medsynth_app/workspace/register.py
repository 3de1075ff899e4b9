"""What is written of an image when it is opened: its document, its new frames, whose it is, and where it lies."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from medsynth_app.core.image import FrameKey, ImageInfo
from medsynth_app.workspace import identity, sources
from medsynth_app.workspace.tables import (
    CandidateRow,
    DocumentRow,
    EditRow,
    FrameRow,
    JobRow,
    NoteRow,
    PathRow,
    PictureRow,
    TraceRow,
    now,
)

_MOVED = (FrameRow, EditRow, CandidateRow, PictureRow, JobRow, TraceRow)     # what a merge hands over as it is


def register(session: Session, info: ImageInfo, path: Path, known: dict[FrameKey, FrameRow]) -> list[str]:
    """Write an opened image; `known` is completed.

    Returns
    -------
    Documents that went into the one of these frames: it is the first by id.
    """
    ids = sorted({row.document_id for row in known.values()})
    moment = now()
    if ids:
        document = session.get_one(DocumentRow, ids[0])
        for other in ids[1:]:
            _merge(session, ids[0], other)
        for row in known.values() if ids[1:] else ():
            session.refresh(row)
    else:
        document = DocumentRow(id=uuid.uuid4().hex, saved=moment)
    # The whitelist: nothing else of an image's description is stored.
    identity.assign(session, document, info)
    document.colour, document.opened = info.colour, moment
    session.add(document)
    session.flush()
    if ids[1:]:
        identity.prune(session)
    new = [frame for frame in info.frames if frame.key not in known]
    numbers = sources.source_ids(session, (frame.key.source for frame in new))
    rows = [FrameRow(document_id=document.id, source_id=numbers[frame.key.source], frame=frame.key.frame,
                     rows=frame.rows, columns=frame.columns) for frame in new]
    session.add_all(rows)
    session.flush()
    known |= {frame.key: row for frame, row in zip(new, rows, strict=True)}
    text = str(path.resolve())
    used = session.scalar(select(PathRow).where(PathRow.document_id == document.id, PathRow.path == text))
    if used is None:
        session.add(PathRow(document_id=document.id, path=text, opened=moment))
    else:
        used.opened = moment
    return ids[1:]


def note_replaced(session: Session, info: ImageInfo, path: Path, known: dict[FrameKey, FrameRow]) -> ImageInfo:
    """Say so where an unknown file stands at the path of one that was worked on."""
    if known or not path.is_file():
        return info
    worked_on = session.scalar(
        select(EditRow.id).join(PathRow, PathRow.document_id == EditRow.document_id)
        .where(PathRow.path == str(path.resolve())).limit(1))
    if worked_on is None:
        return info
    return replace(info, notices=(*info.notices, "This file has changed since it was last opened here, so it is "
                                  "taken as a new image. What was painted belongs to the earlier file."))


def _merge(session: Session, target: str, other: str) -> None:
    for table in _MOVED:
        session.execute(update(table).where(table.document_id == other).values(document_id=target)
                        .execution_options(synchronize_session=False))
    for small, column in ((NoteRow, NoteRow.key), (PathRow, PathRow.path)):     # the target's own come first
        taken = select(column).where(small.document_id == target)
        session.execute(update(small).where(small.document_id == other, column.not_in(taken))
                        .values(document_id=target).execution_options(synchronize_session=False))
    session.execute(delete(DocumentRow).where(DocumentRow.id == other))
