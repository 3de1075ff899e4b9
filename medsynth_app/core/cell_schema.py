"""The classes that cells are labelled with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medsynth_app.core.errors import UserError

NOT_A_CELL, IMPLAUSIBLE, NOT_SURE = "not-a-cell", "implausible", "not-sure"
OTHER_ANSWERS = (NOT_A_CELL, IMPLAUSIBLE, NOT_SURE)
"""Answers that are no class, in every schema: they teach no classifier."""

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
KEYS = "1234567890abcdefhijklmopqrtvwxyz"  # g, n, s and u are commands of the place
MOST = len(KEYS)
_REMEDY = "Mend the file: resources/schemas holds examples."


@dataclass(frozen=True)
class CellClass:
    """One class.

    Attributes
    ----------
    id
        What label files hold: lower-case letters, digits and hyphens.
    key
        One of `KEYS`, by which it is given.
    parent
        Id of the broader class that it belongs to; "" for none.
    code
        A SNOMED CT code, "" for none. Of the codes that may be used freely as a part of DICOM none is of blood cells,
        so the shipped schemas have none; sites with a licence of their own fill them in.
    """

    id: str
    name: str
    key: str
    parent: str = ""
    code: str = ""


@dataclass(frozen=True)
class CellSchema:
    """Classes in the order in which they are shown; raises `UserError` for one that cannot be.

    Attributes
    ----------
    id
        Name of its file.
    """

    id: str
    name: str
    classes: tuple[CellClass, ...]

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise UserError(f"{self.id!r} cannot be the id of a set of classes.",
                            "An id has lower-case letters, digits and hyphens; that of a file is its name without the "
                            "ending.")
        if not self.name.strip():
            raise UserError(f"The set of classes {self.id} has no name.", _REMEDY)
        if not 2 <= len(self.classes) <= MOST:
            raise UserError(f"The set of classes {self.name} has {len(self.classes)}.", f"Give it 2 to {MOST}.")
        known = {each.id for each in self.classes}
        for what, values in (("id", [each.id for each in self.classes]), ("key", [each.key for each in self.classes]),
                             ("name", [each.name.casefold() for each in self.classes])):
            twice = next((value for value in values if values.count(value) > 1), None)
            if twice is not None:
                raise UserError(f"Two classes of {self.name} have the {what} {twice!r}.", "Give each one of its own.")
        for each in self.classes:
            self._check(each, known)
            line, above = {each.id}, each.parent
            while above:
                if above in line:
                    raise UserError(f"The class {each.id} of {self.name} lies in itself.", _REMEDY)
                line.add(above)
                above = next((other.parent for other in self.classes if other.id == above), "")

    def _check(self, each: CellClass, known: set[str]) -> None:
        if not _ID.fullmatch(each.id) or each.id in OTHER_ANSWERS:
            raise UserError(f"{each.id!r} is no id of a class.",
                            f"Use lower-case letters, digits and hyphens, and none of {', '.join(OTHER_ANSWERS)}.")
        if len(each.key) != 1 or each.key not in KEYS:
            raise UserError(f"The class {each.id} cannot have the key {each.key!r}.", f"Use one of {' '.join(KEYS)}.")
        if not each.name.strip():
            raise UserError(f"The class {each.id} has no name.", _REMEDY)
        if each.parent and each.parent not in known:
            raise UserError(f"The class {each.id} belongs to {each.parent!r}, which {self.name} has not.", _REMEDY)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(each.id for each in self.classes)

    def of(self, class_id: str) -> CellClass | None:
        return next((each for each in self.classes if each.id == class_id), None)

    def by_key(self, key: str) -> CellClass | None:
        return next((each for each in self.classes if each.key == key), None)

    def named_in(self, text: str) -> str:
        """Id of the class that a prompt asks for by name or id; "" where it names none. The longest name decides."""
        words = text.casefold()
        found = [(len(name), each.id) for each in self.classes
                 for name in (each.name.casefold(), each.id, each.id.replace("-", " "))
                 if re.search(rf"(?<!\w){re.escape(name)}s?(?!\w)", words)]
        return max(found)[1] if found else ""

    def to_plain(self) -> dict[str, Any]:
        """As TOML and JSON hold it."""
        return {"id": self.id, "name": self.name, "classes": [
            {name: value for name, value in vars(each).items() if value} for each in self.classes]}

    @staticmethod
    def from_plain(plain: Mapping[str, Any]) -> CellSchema:
        """The inverse of `to_plain`; keys left out are given in order. Raises `UserError` for anything else."""
        try:
            rows, name, number = list(plain["classes"]), str(plain["name"]), str(plain["id"])
            if not all(isinstance(row, Mapping) for row in rows):
                raise UserError(f"The classes of {name} are no tables.", "Write each as [[classes]], with an id.")
            if unknown := {key for row in rows for key in row} - {"id", "name", "key", "parent", "code"}:
                raise UserError(f"The classes of {name} have an unknown entry {sorted(unknown)[0]!r}.", _REMEDY)
            taken = {str(row["key"]) for row in rows if "key" in row}
            free = iter([key for key in KEYS if key not in taken])
            return CellSchema(number, name, tuple(
                CellClass(str(row["id"]), str(row.get("name", row["id"])), str(row["key"] if "key" in row
                                                                                 else next(free, "")),
                          str(row.get("parent", "")), str(row.get("code", ""))) for row in rows))
        except KeyError as error:
            lacking = "A class of the set has no id." if error.args[0] == "id" else \
                f"The set of classes lacks {error.args[0]!r}."
            raise UserError(lacking, _REMEDY) from error
        except (TypeError, AttributeError) as error:
            raise UserError("This is no set of classes.", _REMEDY, details=str(error)) from error
