"""The people who work in this workspace; a name is asked once."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import select

from medsynth_app.core.errors import UserError
from medsynth_app.workspace.database import Database
from medsynth_app.workspace.tables import PersonRow

_CURRENT = "person"


@dataclass(frozen=True)
class Person:
    """Somebody at work; `id` is what edits and jobs carry."""

    id: str
    name: str


class People:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str) -> Person:
        """Add a person; one whose name is known already (in any case of letters) is returned instead."""
        name = " ".join(name.split())
        if not name:
            raise UserError("A person needs a name.", "Type a name or initials.")
        with self._database.write() as session:
            for row in session.scalars(select(PersonRow)):
                if row.name.casefold() == name.casefold():
                    return Person(row.id, row.name)
            row = PersonRow(id=uuid.uuid4().hex[:12], name=name)
            session.add(row)
            return Person(row.id, row.name)

    def all(self) -> list[Person]:
        """Everybody, by name."""
        with self._database.read() as session:
            return [Person(row.id, row.name) for row in session.scalars(select(PersonRow).order_by(PersonRow.name))]

    @property
    def current(self) -> Person | None:
        """Who is at work; remembered over a restart."""
        number = self._database.meta(_CURRENT)
        return next((person for person in self.all() if person.id == number), None)

    @property
    def current_id(self) -> str:
        """Of who is at work; "" where nobody has said so."""
        current = self.current
        return current.id if current is not None else ""

    def set_current(self, person: Person | None) -> None:
        self._database.set_meta(_CURRENT, person.id if person is not None else "")
