"""The audit: who did what, when, and to which ids. No names of people or patients, no paths, no original UIDs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from medsynth_app.workspace.database import Database, chunks
from medsynth_app.workspace.tables import AuditRow, now

# No dot, slash or blank: neither a UID nor a path nor a name in clear is an id.
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """One thing that was done.

    Attributes
    ----------
    at
        When, in UTC.
    person
        Id of who did it; empty where nobody has said who is at work.
    action
        Name of the file in `actions/`: "accept_result".
    subjects
        Ids of documents, candidates, pictures, jobs or packs.
    """

    at: datetime
    person: str
    action: str
    subjects: tuple[str, ...]


class Audit:
    """Entries are added, and read page by page; nothing changes one, but that the ids of what was removed go."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, action: str, person: str, subjects: Iterable[str] = ()) -> None:
        """Write an entry; durable when this returns.

        Raises
        ------
        ValueError
            When one of the texts is no id: a bug, for it could tell of a patient.
        """
        ids = tuple(dict.fromkeys(subjects))
        for text in (action, *ids, *([person] if person else ())):
            if not _ID.fullmatch(text):
                raise ValueError("the audit holds ids alone")
        with self._database.write() as session:
            write(session, action, person, ids)

    @property
    def count(self) -> int:
        with self._database.read() as session:
            return session.scalar(select(func.count()).select_from(AuditRow)) or 0

    def entries(self, offset: int = 0, limit: int = 100) -> tuple[Entry, ...]:
        """At most `limit` entries from the `offset`-th on, newest first."""
        with self._database.read() as session:
            rows = session.scalars(select(AuditRow).order_by(AuditRow.id.desc()).offset(offset).limit(limit)).all()
        return tuple(Entry(datetime.fromisoformat(row.at), row.person, row.action, tuple(json.loads(row.subjects)))
                     for row in rows)


def write(session: Session, action: str, person: str, subjects: Iterable[str] = ()) -> None:
    """An entry as part of a transaction; all of these are ids that the workspace itself has given."""
    session.execute(insert(AuditRow), [dict(at=now(), person=person, action=action,
                                            subjects=json.dumps(list(dict.fromkeys(subjects))))])


def purge(session: Session, gone: Sequence[str]) -> None:
    """Take ids out of all entries; an entry that named nothing else goes as a whole."""
    subject = func.json_each(AuditRow.subjects).table_valued("value")
    ids = set(gone)
    naming: dict[int, list[str]] = {}
    for part in chunks(sorted(ids)):
        rows = session.execute(select(AuditRow.id, AuditRow.subjects).join(subject, subject.c.value.in_(part)))
        naming |= {number: json.loads(subjects) for number, subjects in rows}
    for number, subjects in naming.items():
        left = [subject for subject in subjects if subject not in ids]
        session.execute(update(AuditRow).where(AuditRow.id == number).values(subjects=json.dumps(left)) if left
                        else delete(AuditRow).where(AuditRow.id == number))
