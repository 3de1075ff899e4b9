"""What was opened lately, and what is known of each without opening it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from medsynth_app.core.image import Identity
from medsynth_app.workspace import identity
from medsynth_app.workspace.tables import (
    ACCEPTED,
    DONE,
    PIXELS,
    CandidateRow,
    DocumentRow,
    EditRow,
    FrameRow,
    PartRow,
    PatchRow,
    PathRow,
    PatientRow,
    SeriesRow,
    StudyRow,
)


@dataclass(frozen=True)
class RecentDocument:
    """A document opened lately. `path` is for opening only: show the pseudonym.

    Attributes
    ----------
    identity
        Of which patient, study and series; with its `series` the right one of a folder is opened. Empty for one of an
        older workspace that was not opened since.
    slices, changed
        How many frames of it are known, and how many of them hold accepted results.
    """

    id: str
    pseudonym: str
    series: str
    modality: str | None
    opened: datetime
    path: Path
    exists: bool
    identity: Identity
    slices: int = 1
    changed: int = 0


def recent_documents(session: Session, count: int) -> list[RecentDocument]:
    """Documents opened last, newest first, with the path used last."""
    rows = session.execute(
        select(DocumentRow, SeriesRow, StudyRow, PatientRow)
        .join(SeriesRow, DocumentRow.series_id == SeriesRow.id).join(StudyRow).join(PatientRow)
        .order_by(DocumentRow.opened.desc()).limit(count)).all()
    ids, found = [row.id for row, *_ in rows], []
    slices: dict[str, int] = dict(session.execute(
        select(FrameRow.document_id, func.count()).where(FrameRow.document_id.in_(ids))
        .group_by(FrameRow.document_id)).all())
    changed: dict[str, int] = dict(session.execute(
        _changed(EditRow.document_id, func.count(PartRow.frame_id.distinct())).where(EditRow.document_id.in_(ids))
        .group_by(EditRow.document_id)).all())
    for row, series, study, patient in rows:
        text = session.scalar(select(PathRow.path).where(PathRow.document_id == row.id)
                              .order_by(PathRow.opened.desc()).limit(1))
        if text is not None:
            path = Path(text)
            found.append(RecentDocument(
                row.id, patient.pseudonym, series.text, series.modality, datetime.fromisoformat(row.opened), path,
                path.exists(), identity.stored(patient.key, study.key, series.key), slices.get(row.id, 0),
                changed.get(row.id, 0)))
    return found


def last_path(session: Session) -> Path | None:
    """Where the document that was opened last was; None where there is none."""
    last = select(DocumentRow.id).order_by(DocumentRow.opened.desc()).limit(1).scalar_subquery()
    text = session.scalar(select(PathRow.path).where(PathRow.document_id == last)
                          .order_by(PathRow.opened.desc()).limit(1))
    return Path(text) if text is not None else None


def changed_frames(session: Session, document_id: str) -> set[int]:
    """Rows of those frames of a document in which accepted results stand."""
    return set(session.scalars(_changed(PartRow.frame_id).where(EditRow.document_id == document_id)))


def _changed(*what: Any) -> Select[Any]:
    """Of the parts in which accepted results stand."""
    return (select(*what).select_from(PartRow).join(EditRow, PartRow.edit_id == EditRow.id)
            .join(PatchRow, PatchRow.part_id == PartRow.id)
            .outerjoin(CandidateRow, CandidateRow.id == PatchRow.result_id)
            .where(EditRow.state == DONE, PartRow.kind == PIXELS,
                   or_(CandidateRow.id.is_(None), CandidateRow.state == ACCEPTED)))
