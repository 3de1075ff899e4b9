"""Remove study: rows, history, results, jobs and files, down to the bytes."""

from __future__ import annotations

import logging
import sqlite3
from typing import Any

from sqlalchemy import Select, delete, func, select

from medsynth_app.workspace.blobs import Blobs
from medsynth_app.workspace.database import Database
from medsynth_app.workspace.documents import Documents
from medsynth_app.workspace.masks import Masks
from medsynth_app.workspace.tables import (
    DocumentRow,
    EditRow,
    FrameRow,
    JobArrayRow,
    JobRow,
    MetaRow,
    PatchRow,
    PathRow,
    PictureRow,
    ResultRow,
    SnapshotRow,
    SourceRow,
)

WIPE = "wipe"       # in `meta` while deleted rows may still have bytes in a file
log = logging.getLogger(__name__)


class Studies:
    def __init__(self, database: Database, blobs: Blobs, masks: Masks, documents: Documents) -> None:
        self._database = database
        self._blobs = blobs
        self._masks = masks
        self._documents = documents

    def remove(self, document_id: str) -> dict[str, int]:
        """Purge one document; the file that it was opened from stays where it is.

        The backups of the database are replaced by a new one, for the old ones still hold what was purged. Opened
        documents of this id become read-only. Other documents keep all that they share with it.

        Returns
        -------
        How many frames, edits, results, pictures that follow its masks, jobs and files went.
        """
        self._masks.flush()     # nothing of it may still be on its way to the disk
        with self._database.lock:
            with self._database.write() as session:
                counts = {name: session.scalar(select(func.count()).where(table.document_id == document_id)) or 0
                          for name, table in (("frames", FrameRow), ("edits", EditRow), ("results", ResultRow),
                                              ("pictures", PictureRow), ("jobs", JobRow), ("paths", PathRow))}
                blobs = {row[0] for query in _blobs_of(document_id) for row in session.execute(query) if row[0]}
                for table in (JobRow, PictureRow):
                    session.execute(delete(table).where(table.document_id == document_id))
                session.execute(delete(DocumentRow).where(DocumentRow.id == document_id))
                session.execute(delete(SourceRow).where(SourceRow.id.not_in(select(FrameRow.source_id))))
                session.merge(MetaRow(key=WIPE, value="1"))
            self._documents.forget(document_id)
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


def _blobs_of(document_id: str) -> list[Select[Any]]:
    frames = select(FrameRow.id).where(FrameRow.document_id == document_id)
    edits = select(EditRow.id).where(EditRow.document_id == document_id)
    jobs = select(JobRow.id).where(JobRow.document_id == document_id)
    return [select(SnapshotRow.blob).where(SnapshotRow.frame_id.in_(frames)),
            select(PatchRow.before).where(PatchRow.edit_id.in_(edits)),
            select(PatchRow.after).where(PatchRow.edit_id.in_(edits)),
            *(select(column).where(ResultRow.document_id == document_id)
              for column in (ResultRow.patch, ResultRow.effective, ResultRow.alpha)),
            *(select(column).where(PictureRow.document_id == document_id)
              for column in (PictureRow.pixels, PictureRow.mask)),
            select(JobArrayRow.blob).where(JobArrayRow.job_id.in_(jobs))]
