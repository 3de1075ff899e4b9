"""Groups of cells that are thought alike, page by page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.core.cell_page import SIZE, checked, next_page, strangers
from medsynth_app.core.learned import NONE, Share
from medsynth_app.session.label_queue import chance
from medsynth_app.session.labelling import Labelling


@dataclass(frozen=True)
class GroupPage:
    """Cells to label with one key.

    Attributes
    ----------
    group
        Number in `Learned.groups`; `NONE` for a choice of cells.
    kind
        Id of the class that the classifier takes them for; "" while it knows none, and where predictions are hidden.
    places
        Indices in the set, like beside like.
    checked
        Those of them that chance drew.
    left
        Cells of the group that nobody has labelled, these among them.
    expected
        As `CellPage` has it.
    """

    group: int
    kind: str
    places: tuple[int, ...]
    checked: tuple[int, ...]
    left: int
    expected: float | None = None

    def strangers(self, out: Collection[int]) -> Share:
        """Share of strangers among the cells that a key would label unseen, when these places are left out."""
        wrong = len(set(self.checked).intersection(out))
        found = len(set(self.places).intersection(out)) - wrong
        return strangers(len(self.places) - len(self.checked), len(self.checked), wrong, found, self.expected)


class LabelGroups:
    """Pages of the open set's groups. Cells with a label and those of the control slice are in none."""

    def __init__(self, labelling: Labelling) -> None:
        self._labelling = labelling

    def sizes(self) -> dict[int, int]:
        """Cells of each group that can be labelled, the largest first."""
        learned = self._labelling.teaching.learned
        if learned is None or self._labelling.current is None:
            return {}
        groups, counts = np.unique(learned.groups[self._open()], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return {int(groups[k]): int(counts[k]) for k in order}

    def kind(self, group: int) -> str:
        """Id of the class of a group; "" while the groups are clusters, and where predictions are hidden."""
        learned = self._labelling.teaching.learned
        if learned is None or not len(learned.probabilities) or not self._labelling.suggests:
            return ""
        return learned.classes[group]

    def page(self, group: int | None, without: Collection[int] = ()) -> GroupPage | None:
        """The next page of a group, or None for the surest one of all; None where nothing is left.

        Parameters
        ----------
        without
            Indices in the set that are passed over.
        """
        learned, teaching = self._labelling.teaching.learned, self._labelling.teaching
        if learned is None or self._labelling.current is None:
            return None
        is_open = self._open()
        is_open[[row for place in without if (row := teaching.row(place)) is not None]] = False
        found = next_page(learned, is_open, lambda rows: self._lots(teaching.places[rows]), group)
        if found is None:
            return None
        return GroupPage(found.group, self.kind(found.group), tuple(teaching.places[found.cells].tolist()),
                         tuple(teaching.places[found.checks].tolist()), found.left, found.expected)

    def choice(self, places: Collection[int]) -> GroupPage | None:
        """The next page of a choice of cells, indices in the set, in the order in which they are shown."""
        found = np.array([place for place in places if self._labelling.is_open(place)], np.int32)
        if self._labelling.current is None or not len(found):
            return None
        cells = found[:SIZE]
        return GroupPage(NONE, "", tuple(cells.tolist()), tuple(checked(cells, self._lots).tolist()), len(found))

    def number(self, group: int) -> int:
        """What a group without a name is called, from 1; it does not tell the class where predictions are hidden."""
        learned = self._labelling.teaching.learned
        if learned is None or not len(learned.probabilities):
            return group + 1
        seed = self._labelling.opened().options.seed
        return sorted(range(len(learned.classes)), key=lambda k: chance(seed, "group", k)).index(group) + 1

    # -- inner

    def _open(self) -> npt.NDArray[np.bool_]:
        """Which rows of what was learned may be labelled."""
        return self._labelling.open_places()[self._labelling.teaching.places]

    def _lots(self, places: npt.NDArray[np.int32]) -> list[float]:
        """The same for a cell whenever it is drawn: nobody can turn pages until no stranger shows."""
        opened = self._labelling.opened()
        return [chance(opened.options.seed, "check", opened.cells[place].id) for place in places.tolist()]
