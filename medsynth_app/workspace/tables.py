"""The tables: patient > study > series > document > frame, and what was made of the frames.

What they may hold of a patient is a whitelist: keyed hashes, a pseudonym, modality and a neutral series text.

Original UIDs stand in `sources` alone, paths of images in `paths` alone; everything else refers to their rows.
A change here needs a revision in `migrations/versions` (a test compares the two).
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from medsynth_app.core.bounds import Bounds

FORMAT_MAJOR = 2    # PRAGMA user_version; a higher one is refused, within one major changes only add
HEAD = "0011"       # newest Alembic revision; kept here so that an up-to-date workspace opens without Alembic

DONE, UNDONE, DROPPED = "done", "undone", "dropped"      # states of an edit
STAGED, ACCEPTED, DISCARDED = "staged", "accepted", "discarded"     # states of a result
MASK, PIXELS, LABEL, CANDIDATE = "mask", "pixels", "label", "candidate"     # kinds of a part


def now() -> str:
    """This moment as ISO text in UTC."""
    return datetime.now(UTC).isoformat()


class Base(DeclarativeBase):
    pass


class MetaRow(Base):
    """Facts of the workspace itself: salt, current person, unfinished wiping."""

    __tablename__ = "meta"
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class SourceRow(Base):
    """The one mapping of original UIDs (or file hashes) to a number."""

    __tablename__ = "sources"
    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(unique=True)


class PatientRow(Base):
    """A patient, known by a keyed hash (`core.image.Identity`).

    In this table and the next two `key` is what `workspace.identity` makes of the hash, and None as long as nobody
    knows: in a workspace of an older version, until the image is opened again.
    """

    __tablename__ = "patients"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str | None] = mapped_column(unique=True)
    pseudonym: Mapped[str] = mapped_column(index=True)


class StudyRow(Base):
    __tablename__ = "studies"
    __table_args__ = (UniqueConstraint("patient_id", "key"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id"))
    key: Mapped[str | None] = mapped_column(index=True)


class SeriesRow(Base):
    """`text` is neutral: "CT, series 3"."""

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("study_id", "key"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"))
    key: Mapped[str | None]
    modality: Mapped[str | None]
    text: Mapped[str]


class DocumentRow(Base):
    """What is opened as one: a series or a part of it, a file."""

    __tablename__ = "documents"
    id: Mapped[str] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    colour: Mapped[str]
    opened: Mapped[str] = mapped_column(index=True)
    saved: Mapped[str]


class PathRow(Base):
    """The one place of paths of images."""

    __tablename__ = "paths"
    __table_args__ = (UniqueConstraint("document_id", "path"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    path: Mapped[str] = mapped_column(index=True)
    opened: Mapped[str]


class NoteRow(Base):
    """Small remembered things of a document: window, last frame, flips."""

    __tablename__ = "notes"
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class FrameRow(Base):
    """One frame, by identity; its place in a series is nowhere stored."""

    __tablename__ = "frames"
    # Numbers of removed frames never come back: a snapshot under way could land on another image.
    __table_args__ = (UniqueConstraint("source_id", "frame"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), index=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    frame: Mapped[int]
    rows: Mapped[int]
    columns: Mapped[int]


class _Box:
    """Columns of a half-open box of pixels."""

    top: Mapped[int]
    left: Mapped[int]
    bottom: Mapped[int]
    right: Mapped[int]

    @property
    def bounds(self) -> Bounds:
        return Bounds(self.top, self.left, self.bottom, self.right)


class SnapshotRow(_Box, Base):
    """One tile of a mask as it was after step `step_id`, the same for all tiles of a frame; those without one are 0.

    Older versions wrote one row with the box of all that was painted.
    """

    __tablename__ = "snapshots"
    frame_id: Mapped[int] = mapped_column(ForeignKey("frames.id", ondelete="CASCADE"), primary_key=True)
    top: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int] = mapped_column(primary_key=True)
    step_id: Mapped[int]
    blob: Mapped[str] = mapped_column(index=True)


class EditRow(Base):
    """One edit, of a document or of a label set; `applied` is the step that last applied it."""

    __tablename__ = "edits"
    __table_args__ = (Index("edits_of_person", "document_id", "person", "state", "applied"),
                      Index("edits_in_order", "document_id", "applied"),
                      Index("edits_of_set", "set_id", "person", "state", "applied"))
    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[str | None] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    set_id: Mapped[str | None] = mapped_column(ForeignKey("label_sets.id", ondelete="CASCADE"))
    name: Mapped[str]
    person: Mapped[str]
    state: Mapped[str]
    applied: Mapped[int]


class PartRow(_Box, Base):
    """What an edit changed in one place.

    Of a mask `payload` holds the changed pixels (`workspace.deltas`), of pixels the patch refers to it, of a label
    `subject` is the cell and `payload` JSON of before and after; a label has no frame and an empty box. Of what became
    of a candidate `subject` is the candidate and `payload` JSON of its states before and after.
    """

    __tablename__ = "parts"
    __table_args__ = (Index("parts_of_frame", "frame_id", "kind", "edit_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    edit_id: Mapped[int] = mapped_column(ForeignKey("edits.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    frame_id: Mapped[int | None] = mapped_column(ForeignKey("frames.id", ondelete="CASCADE"))
    subject: Mapped[str | None] = mapped_column(index=True)
    payload: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


class PatchRow(Base):
    """What a part changed of the pixels: two blobs of the box, in the image's own type."""

    __tablename__ = "patches"
    part_id: Mapped[int] = mapped_column(ForeignKey("parts.id", ondelete="CASCADE"), primary_key=True)
    result_id: Mapped[str]
    before: Mapped[str] = mapped_column(index=True)
    after: Mapped[str] = mapped_column(index=True)


class StepRow(Base):
    """The journal: every application and every undoing of an edit, in order."""

    __tablename__ = "steps"
    id: Mapped[int] = mapped_column(primary_key=True)
    edit_id: Mapped[int] = mapped_column(ForeignKey("edits.id", ondelete="CASCADE"), index=True)
    undo: Mapped[bool]
    at: Mapped[str]


class CandidateRow(_Box, Base):
    __tablename__ = "results"
    __table_args__ = (UniqueConstraint("job_id", "candidate"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[str]
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), index=True)
    frame_id: Mapped[int] = mapped_column(ForeignKey("frames.id", ondelete="CASCADE"), index=True)
    candidate: Mapped[int]
    seed: Mapped[int]
    state: Mapped[str]
    created: Mapped[str]
    seam: Mapped[float | None]
    provenance: Mapped[str]
    notices: Mapped[str]
    patch: Mapped[str] = mapped_column(index=True)
    effective: Mapped[str] = mapped_column(index=True)
    alpha: Mapped[str | None] = mapped_column(index=True)


class PictureRow(Base):
    """One whole generated picture, and the mask that it follows; `document_id` names the image where that was painted.

    Not the job alone, whose record goes after a month.
    """

    __tablename__ = "pictures"
    __table_args__ = (UniqueConstraint("job_id", "candidate"), Index("pictures_in_order", "created", "id"))
    id: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[str]
    document_id: Mapped[str] = mapped_column(index=True, server_default="")
    candidate: Mapped[int]
    seed: Mapped[int]
    created: Mapped[str]
    provenance: Mapped[str]
    pixels: Mapped[str] = mapped_column(index=True)
    mask: Mapped[str | None] = mapped_column(index=True)
    favourite: Mapped[bool] = mapped_column(default=False, server_default="0")


class TraceRow(Base):
    """What a generated picture, or an exported frame with generated pixels, looks like; of a frame with its record."""

    __tablename__ = "traces"
    id: Mapped[int] = mapped_column(primary_key=True)
    picture_id: Mapped[str | None] = mapped_column(ForeignKey("pictures.id", ondelete="CASCADE"), index=True)
    document_id: Mapped[str | None] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), index=True)
    sha256: Mapped[str]
    looks: Mapped[str]
    provenance: Mapped[str]


class LabelSetRow(Base):
    """Cells that are labelled with one schema; `schema` and `options` are JSON."""

    __tablename__ = "label_sets"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    schema: Mapped[str]
    options: Mapped[str]
    created: Mapped[str]
    saved: Mapped[str] = mapped_column(index=True)


class CellBatchRow(Base):
    """Cells that came to a label set together; `document_id` names the opened image that they lie in.

    The arrays of `core.cells.Cells` are blobs: the paths of images stand in no row.
    """

    __tablename__ = "cell_batches"
    id: Mapped[int] = mapped_column(primary_key=True)
    set_id: Mapped[str] = mapped_column(ForeignKey("label_sets.id", ondelete="CASCADE"), index=True)
    document_id: Mapped[str | None] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), index=True)
    count: Mapped[int]
    created: Mapped[str]


class CellArrayRow(Base):
    __tablename__ = "cell_arrays"
    batch_id: Mapped[int] = mapped_column(ForeignKey("cell_batches.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    blob: Mapped[str] = mapped_column(index=True)


class JobRow(Base):
    """A job; `request` is the plain half of its request, None once it is no longer needed."""

    __tablename__ = "jobs"
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    lane: Mapped[str]
    title: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    place: Mapped[float]
    created: Mapped[str]
    document_id: Mapped[str] = mapped_column(index=True)
    message: Mapped[str]
    person: Mapped[str]
    request: Mapped[str | None]
    restarts: Mapped[int] = mapped_column(default=0, server_default="0")


class JobArrayRow(Base):
    __tablename__ = "job_arrays"
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    blob: Mapped[str] = mapped_column(index=True)


class PersonRow(Base):
    __tablename__ = "people"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class AuditRow(Base):
    """Who did what, and when; `subjects` is a JSON list of ids."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[str]
    person: Mapped[str]
    action: Mapped[str]
    subjects: Mapped[str]


BLOB_COLUMNS = (SnapshotRow.blob, PatchRow.before, PatchRow.after, CandidateRow.patch, CandidateRow.effective,
                CandidateRow.alpha, PictureRow.pixels, PictureRow.mask, JobArrayRow.blob, CellArrayRow.blob)
"""Every column that keeps a blob alive."""
