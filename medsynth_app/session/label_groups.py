"""Groups of cells that are thought alike, page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from medsynth_app.session.label_queue import chance
from medsynth_app.session.labelling import Labelling

PAGE = 60  # cells that are looked at together
CHECKED = 5  # of them, that chance draws to be looked at large


@dataclass(frozen=True)
class GroupPage:
    """Cells to label with one key.

    Attributes
    ----------
    group
        Number in `Learned.groups`.
    kind
        Id of the class that the classifier takes them for; "" while it knows none.
    places
        Indices in the set, like beside like.
    checked
        Those of them that chance drew.
    left
        Cells of the group that nobody has labelled, these among them.
    """

    group: int
    kind: str
    places: tuple[int, ...]
    checked: tuple[int, ...]
    left: int


class LabelGroups:
    """Pages of the open set's groups. Cells with a label and those of the control slice are in none."""

    def __init__(self, labelling: Labelling) -> None:
        self._labelling = labelling

    def sizes(self) -> dict[int, int]:
        """Cells of each group that can be labelled, the largest first."""
        learned, teaching = self._labelling.teaching.learned, self._labelling.teaching
        if learned is None or self._labelling.current is None:
            return {}
        counts = Counter(int(group) for row, group in enumerate(learned.groups)
                         if self._labelling.is_open(teaching.place(row)))
        return dict(counts.most_common())

    def kind(self, group: int) -> str:
        """Id of the class of a group; "" while the groups are clusters."""
        learned = self._labelling.teaching.learned
        return learned.classes[group] if learned is not None and len(learned.probabilities) else ""

    def page(self, group: int, within: Collection[int] | None = None, without: Collection[int] = ()
             ) -> GroupPage | None:
        """The next page of a group, or of a choice of cells whatever their group; None where nothing is left.

        Parameters
        ----------
        within
            Indices in the set, in the order in which they are shown; None for a whole group.
        without
            Indices that are passed over.
        """
        learned, teaching = self._labelling.teaching.learned, self._labelling.teaching
        opened = self._labelling.current
        if opened is None or (learned is None and within is None):
            return None
        if within is not None:
            found = [place for place in within if place not in without and self._labelling.is_open(place)]
        else:
            assert learned is not None
            rows = (learned.groups == group).nonzero()[0]
            rows = rows[learned.positions[rows].argsort(kind="stable")]
            found = [place for row in rows if (place := teaching.place(int(row))) not in without
                     and self._labelling.is_open(place)]
        if not found:
            return None
        places = tuple(found[:PAGE])
        by_chance = sorted(places, key=lambda place: chance(opened.options.seed, "check", opened.cells[place].id))
        return GroupPage(group, self.kind(group) if within is None else "", places, tuple(by_chance[:CHECKED]),
                         len(found))
