"""Patient, study and series of a document: which rows they are, and that none is left without a document.

The key of a row is the keyed hash that the reader gave. What a file does not say is its own, under a key that nothing
else can have: a picture is a patient by itself, never merged with another.
"""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from medsynth_app.core.image import Identity, ImageInfo
from medsynth_app.workspace.tables import DocumentRow, PatientRow, SeriesRow, StudyRow

_OWN = "own:"
Row = TypeVar("Row", PatientRow, StudyRow, SeriesRow)


def assign(session: Session, document: DocumentRow, info: ImageInfo) -> None:
    """Place a document under the patient, study and series that its reader named, with what is known of these.

    A reader that says nothing does not take away what is known already.
    """
    known = session.get(SeriesRow, document.series_id) if document.series_id else None
    if info.identity == Identity() and known is not None and known.key is not None:
        series = known
    else:
        patient_key, study_key, series_key = _keys(info.identity, document.id)
        patient = _row(session, PatientRow, key=patient_key)
        patient.pseudonym = info.pseudonym
        session.flush()
        study = _row(session, StudyRow, patient_id=patient.id, key=study_key)
        session.flush()
        series = _row(session, SeriesRow, study_id=study.id, key=series_key)
    series.modality, series.text = info.modality, info.series
    session.flush()
    moved = document.series_id not in (None, series.id)
    document.series_id = series.id
    session.flush()
    if moved:
        prune(session)


def prune(session: Session) -> None:
    """Delete patients, studies and series that have no document any more."""
    for table, child in ((SeriesRow, DocumentRow.series_id), (StudyRow, SeriesRow.study_id),
                         (PatientRow, StudyRow.patient_id)):
        session.execute(delete(table).where(table.id.not_in(select(child)))
                        .execution_options(synchronize_session=False))


def stored(patient: str | None, study: str | None, series: str | None) -> Identity:
    """The identity that keys stand for: empty where the file did not say, or where nobody knows."""
    return Identity(*("" if key is None or key.startswith(_OWN) else key for key in (patient, study, series)))


def _keys(identity: Identity, document_id: str) -> tuple[str, str, str]:
    series = identity.series or _OWN + document_id
    study = identity.study or _OWN + series.removeprefix(_OWN)
    return identity.patient or _OWN + study.removeprefix(_OWN), study, series


def _row(session: Session, table: type[Row], **values: object) -> Row:
    """The row of these values; a new one where there is none."""
    row = session.scalar(select(table).filter_by(**values))
    if row is None:
        row = table(**values)
        session.add(row)
    return row
