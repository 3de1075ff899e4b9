"""Find the class of a schema that a file from elsewhere means: by its id or name, never by its number or place."""

from __future__ import annotations

import re
from collections.abc import Mapping

from medsynth_app.core.cell_schema import OTHER_ANSWERS, CellSchema
from medsynth_app.core.errors import UserError


class ClassMatcher:
    """Answers by what files call them.

    Parameters
    ----------
    given
        Ids of this schema by what the file says, where a person has said so.

    Raises
    ------
    UserError
        When `given` names a class that the schema has not.
    """

    def __init__(self, schema: CellSchema, given: Mapping[str, str]) -> None:
        answers = (*schema.ids, *OTHER_ANSWERS)
        self._known = {_plain(each.name): each.id for each in schema.classes} | {_plain(each): each for each in answers}
        for theirs, ours in given.items():
            if ours not in answers:
                raise UserError(f"{ours!r} is no class of {schema.name}.", f"Its classes are: {', '.join(answers)}.",
                                safe="No label was changed.")
            self._known[_plain(theirs)] = ours

    def match(self, label: str) -> str:
        """Id of the answer; "" where there is none. Of "neutrophil: band neutrophil" the narrowest counts."""
        return self._known.get(_plain(label)) or self._known.get(_plain(label.rpartition(":")[2]), "")


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]+", "-", text.strip().casefold())
