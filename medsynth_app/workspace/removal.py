"""Removing a study or a patient: rows, history, results, jobs and files, down to the bytes."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from medsynth_app.workspace import audit, identity
from medsynth_app.workspace.blobs import Blobs
from medsynth_app.workspace.database import Database
from medsynth_app.workspace.documents import Documents
from medsynth_app.workspace.label_sets import LabelSets
from medsynth_app.workspace.masks import Masks
from medsynth_app.workspace.pictures import Pictures
from medsynth_app.workspace.tables import (
    CandidateRow,
    DocumentRow,
    EditRow,
    FrameRow,
    JobArrayRow,
    JobRow,
    MetaRow,
    PartRow,
    PatchRow,
    PathRow,
    PatientRow,
    PictureRow,
    SeriesRow,
    SnapshotRow,
    SourceRow,
    StudyRow,
)

WIPE = "wipe"       # in `meta` while deleted rows may still have bytes in a file
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scope:
    """What a removal takes.

    Attributes
    ----------
    documents, pictures, jobs
        Ids of the documents that go, and with them of the pictures that follow their masks and of their jobs.
    unassigned
        Documents of the same pseudonym that an older version kept: of which study they are nobody knows until they are
        opened again, so they stay, and the person is told.
    """

    documents: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    unassigned: int = 0


class Removal:
    def __init__(self, database: Database, blobs: Blobs, masks: Masks, documents: Documents,
                 pictures: Pictures, label_sets: LabelSets) -> None:
        self._database = database
        self._blobs = blobs
        self._masks = masks
        self._documents = documents
        self._pictures = pictures
        self._label_sets = label_sets

    def of_study(self, document_id: str) -> Scope:
        """All documents of the study that a document belongs to; nothing where there is no such document."""
        with self._database.read() as session:
            study = session.scalar(_line(StudyRow).where(DocumentRow.id == document_id))
            if study is None:
                return Scope()
            same = StudyRow.id == study.id if study.key is None else StudyRow.key == study.key
            taken = session.scalars(_line(DocumentRow.id).where(same)).all()
            # A pseudonym is made of the patient: no other image can be of this study.
            unknown = session.scalars(_line(DocumentRow.id).where(
                StudyRow.key.is_(None), PatientRow.pseudonym.in_(_line(PatientRow.pseudonym).where(same)))).all()
            return _scope(session, taken, len(set(unknown) - set(taken)))

    def of_patient(self, document_id: str) -> Scope:
        """All documents of the patient that a document belongs to, those of an older version by their pseudonym."""
        with self._database.read() as session:
            patient = session.scalar(_line(PatientRow).where(DocumentRow.id == document_id))
            if patient is None:
                return Scope()
            same = or_(PatientRow.id == patient.id,
                       and_(PatientRow.pseudonym == patient.pseudonym, PatientRow.key.is_(None)))
            if patient.key is None:     # nobody knows more of it than its pseudonym
                same = PatientRow.pseudonym == patient.pseudonym
            return _scope(session, session.scalars(_line(DocumentRow.id).where(same)).all())

    def remove(self, scope: Scope, action: str = "remove_study", person: str = "") -> dict[str, int]:
        """Purge documents, and with them the cells that lie in them; the files that they were opened from stay.

        The audit keeps that there was a removal (`action`, by `person`), and names nothing of what went. The backups
        of the database are replaced by a new one, for the old ones still hold what was purged. Opened documents of
        these become read-only. Other documents keep all that they share with them.

        Returns
        -------
        How many documents, frames, edits, results, pictures that follow their masks, jobs and files went.
        """
        ids = scope.documents
        self._masks.flush()     # nothing of it may still be on its way to the disk
        with self._database.lock:
            with self._database.write() as session:
                counts = {name: session.scalar(select(func.count()).where(column.in_(ids))) or 0
                          for name, column in (("documents", DocumentRow.id), ("frames", FrameRow.document_id),
                                               ("edits", EditRow.document_id), ("results", CandidateRow.document_id),
                                               ("pictures", PictureRow.document_id), ("jobs", JobRow.document_id),
                                               ("paths", PathRow.document_id))}
                candidates = session.scalars(select(CandidateRow.id).where(CandidateRow.document_id.in_(ids))).all()
                blobs = {row[0] for query in _blobs_of(ids) for row in session.execute(query) if row[0]}
                sets, of_cells = self._label_sets.forget(session, ids)
                blobs |= of_cells
                for table in (JobRow, PictureRow):
                    session.execute(delete(table).where(table.document_id.in_(ids)))
                session.execute(delete(DocumentRow).where(DocumentRow.id.in_(ids)))
                identity.prune(session)
                audit.purge(session, [*ids, *candidates, *scope.pictures, *scope.jobs])
                if ids:
                    audit.write(session, action, person)
                session.execute(delete(SourceRow).where(SourceRow.id.not_in(select(FrameRow.source_id))))
                session.merge(MetaRow(key=WIPE, value="1"))
            for document_id in ids:
                self._documents.forget(document_id)
            self._pictures.drop_files(scope.pictures)
            self._label_sets.drop_files(sets)
            counts["files"] = self._database.drop_blobs(self._blobs, blobs)
            self.finish()
        return counts

    def finish(self) -> None:
        """Wipe what a removal left undone (it was killed, or another window was reading)."""
        if self._database.meta(WIPE) is None:
            return
        self._database.drop_blobs(self._blobs, self._blobs.all())
        try:
            self._database.wipe()
        except sqlite3.OperationalError as error:
            log.warning("wiping was put off: %s", error)
        if self._database.meta(WIPE) is not None:
            log.warning("removed rows are wiped when the workspace is next opened")
        self._database.backup()


def _line(*what: Any) -> Select[Any]:
    """A choice of columns along patient, study, series and document."""
    return (select(*what).select_from(DocumentRow).join(SeriesRow, DocumentRow.series_id == SeriesRow.id)
            .join(StudyRow, SeriesRow.study_id == StudyRow.id).join(PatientRow, StudyRow.patient_id == PatientRow.id))


def _scope(session: Session, documents: Sequence[str], unassigned: int = 0) -> Scope:
    pictures, jobs = (tuple(session.scalars(select(table.id).where(table.document_id.in_(documents))
                                            .order_by(table.id))) for table in (PictureRow, JobRow))
    return Scope(tuple(sorted(documents)), pictures, jobs, unassigned)


def _blobs_of(ids: Sequence[str]) -> list[Select[Any]]:
    frames = select(FrameRow.id).where(FrameRow.document_id.in_(ids))
    parts = select(PartRow.id).join(EditRow, PartRow.edit_id == EditRow.id).where(EditRow.document_id.in_(ids))
    jobs = select(JobRow.id).where(JobRow.document_id.in_(ids))
    return [select(SnapshotRow.blob).where(SnapshotRow.frame_id.in_(frames)),
            select(PatchRow.before).where(PatchRow.part_id.in_(parts)),
            select(PatchRow.after).where(PatchRow.part_id.in_(parts)),
            *(select(column).where(CandidateRow.document_id.in_(ids))
              for column in (CandidateRow.patch, CandidateRow.effective, CandidateRow.alpha)),
            *(select(column).where(PictureRow.document_id.in_(ids))
              for column in (PictureRow.pixels, PictureRow.mask)),
            select(JobArrayRow.blob).where(JobArrayRow.job_id.in_(jobs))]
