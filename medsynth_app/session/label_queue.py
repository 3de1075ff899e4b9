"""Which cell is asked next: the ranked ones, between them the control slice, and hidden repeats."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.core.cell_label import SKIPPED, CellLabel
from medsynth_app.core.cells import Cell
from medsynth_app.core.label_options import RANDOM, LabelOptions
from medsynth_app.ranking.catalogue import Reason, reason_words

AHEAD = 6  # cells that are settled on: they keep their order when a new one comes
LATER = 25  # answers after which a cell may be asked again


@dataclass(frozen=True)
class Place:
    """A cell's place in a ranked order.

    Attributes
    ----------
    rank
        From 1.
    reason, plain
        Why it stands there, in words; and the same without the classes that it is taken for.
    """

    cell: int
    rank: int
    strategy: str
    reason: str
    plain: str


@dataclass(frozen=True)
class Asked:
    """A cell that is asked.

    Attributes
    ----------
    place
        Index in the set.
    repeat
        Above 0 where this person is asked again.
    control
        Whether chance put it here.
    rank
        0 where it stands in no order.
    """

    cell: Cell
    place: int
    repeat: int = 0
    control: bool = False
    rank: int = 0
    strategy: str = RANDOM
    reason: str = reason_words(Reason.CHANCE)
    plain: str = reason_words(Reason.CHANCE)


def chance(seed: int, *parts: object) -> float:
    """A number from 0 to 1 that is the same on every machine for the same seed and parts."""
    digest = hashlib.blake2b("/".join(map(str, (seed, *parts))).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def in_control(options: LabelOptions, cell: Cell) -> bool:
    """Whether a cell belongs to the control slice: the same for everybody, however many cells come later."""
    return chance(options.seed, "control", cell.id) < options.control


class LabelQueue:
    """The cells that one person is asked, one after the other.

    Parameters
    ----------
    labels
        All that stand, of everybody; it is read anew at every call, so give the living mapping.
    """

    def __init__(self, cells: Sequence[Cell], options: LabelOptions, labels: Mapping[str, CellLabel], person: str
                 ) -> None:
        self._cells, self._options, self._labels, self._person = cells, options, labels, person
        self._index = {cell.id: k for k, cell in enumerate(cells)}
        self._in_control = {k for k, cell in enumerate(cells) if in_control(options, cell)}
        by_chance = sorted(range(len(cells)), key=lambda k: chance(options.seed, "order", cells[k].id))
        self._control = [k for k in by_chance if k in self._in_control]
        why = reason_words(Reason.CHANCE)
        self._rest = [Place(k, 0, RANDOM, why, why) for k in by_chance if k not in self._in_control]
        self._ranked: Sequence[Place] = ()
        self.ahead: list[Asked] = []
        self._reviewed: set[int] = set()
        self._before: dict[int, Asked] = {}  # as cells were asked that are answered, for an undo
        self.read()

    def read(self) -> None:
        """Count the labels anew, after an undo or labels from elsewhere: what has one is asked no longer."""
        self._mine: dict[int, int] = {}  # answers of this person's, by cell
        self._turn: list[int] = []  # as they were given
        self._taken: set[int] = set()  # labelled by anybody
        self._skipped: dict[int, str] = {}  # by this person, and when
        for each in sorted(self._labels.values(), key=lambda label: label.at):
            self._count(each)
        self._settle()

    def answered(self, label: CellLabel) -> None:
        """Count one more label, and go on."""
        self._count(label)
        self._reviewed.discard(self._index.get(label.cell, -1))
        self._settle()

    def _count(self, label: CellLabel) -> None:
        place = self._index.get(label.cell)
        if place is None:
            return
        if label.answer != SKIPPED:
            self._taken.add(place)
        if label.person != self._person:
            return
        if label.answer == SKIPPED:
            self._skipped[place] = label.at
        else:
            self._skipped.pop(place, None)
            if self._mine.get(place, 0) <= label.repeat:
                self._mine[place] = label.repeat + 1
                if label.alone:  # what was labelled in a group was not looked at so that one could say the same again
                    self._turn.append(place)

    def _settle(self) -> None:
        self._before |= {asked.place: asked for asked in self.ahead if not self._open(asked)}
        self.ahead = [asked for asked in self.ahead if self._open(asked)]
        self._fill()

    def take(self, options: LabelOptions) -> None:
        """Go on with options of which neither order nor control slice has changed."""
        self._options = options

    def rank(self, places: Iterable[Place]) -> None:
        """Take another order; what is settled on stays."""
        self._ranked = tuple(places)
        self._fill()

    def first(self, place: int, again: str = "") -> None:
        """Ask this cell next, whatever the order says; `again`: why its label may be given anew."""
        self.ahead = [asked for asked in self.ahead if asked.place != place]
        if again:
            self._reviewed.add(place)
        self.ahead.insert(0, Asked(self._cells[place], place, control=place in self._in_control, reason=again,
                                   plain=again) if again else self._asked(place))
        self._fill()

    def passed(self, place: int) -> None:
        """Leave the label of a cell that was asked again as it is."""
        self._reviewed.discard(place)
        self._settle()

    def upcoming(self, count: int) -> list[Asked]:
        """The next cells: those that are settled on, and as things stand those after them."""
        found = list(self.ahead[:count])
        seen = {asked.place for asked in found}
        for place in self._order():
            if len(found) >= count:
                break
            if place.cell not in seen:
                found.append(self._ranked_one(place))
                seen.add(place.cell)
        return found

    def is_open(self, place: int) -> bool:
        """Whether a cell has no label, was not skipped, and is not of the control slice."""
        return place not in self._taken and place not in self._skipped and place not in self._in_control

    def open_places(self) -> npt.NDArray[np.bool_]:
        """`is_open` of every cell."""
        return ~(self._where(self._taken) | self._where(self._skipped) | self._where(self._in_control))

    def control_places(self) -> npt.NDArray[np.bool_]:
        """Which cells are of the control slice."""
        return self._where(self._in_control)

    @property
    def left(self) -> int:
        """How many cells nobody has labelled, that this person has not skipped."""
        return len(self._cells) - len(self._taken | self._skipped.keys())

    # -- inner

    def _where(self, places: Collection[int]) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(self._cells), np.bool_)
        found[np.fromiter(places, np.int64, len(places))] = True
        return found

    def _open(self, asked: Asked) -> bool:
        if not asked.repeat and asked.place in self._reviewed:
            return True
        if asked.repeat:
            return self._mine.get(asked.place, 0) == asked.repeat
        if asked.control:
            return asked.place not in self._mine and asked.place not in self._skipped
        return asked.place not in self._taken and asked.place not in self._skipped

    def _fill(self) -> None:
        while len(self.ahead) < AHEAD:
            found = self._choose()
            if found is None:
                return
            self.ahead.append(found)

    def _choose(self) -> Asked | None:
        """The one after those that are settled on."""
        turn = len(self._turn) + len(self._skipped) + len(self.ahead)
        settled = {asked.place for asked in self.ahead}
        repeats = len(self._turn) - len(self._mine) + sum(asked.repeat > 0 for asked in self.ahead)
        if repeats < self._options.repeats * turn and (again := self._again(settled)) is not None:
            return again
        controls = len(self._in_control & (self._mine.keys() | self._skipped.keys())) \
            + sum(asked.control for asked in self.ahead)
        if controls < self._options.control * (turn + 1) and (found := self._from_control(settled)) is not None:
            return found
        for place in self._order():
            if place.cell not in settled:
                return self._ranked_one(place)
        if (found := self._from_control(settled)) is not None:
            return found
        # What was skipped comes back at the end, the longest ago first.
        back = [place for place in sorted(self._skipped, key=self._skipped.__getitem__) if place not in settled]
        return self._asked(back[0]) if back else None

    def _order(self) -> Iterable[Place]:
        known = set()
        for place in self._ranked:
            known.add(place.cell)
            if place.cell not in self._taken and place.cell not in self._skipped \
                    and place.cell not in self._in_control:
                yield place
        for place in self._rest:
            if place.cell not in known and place.cell not in self._taken and place.cell not in self._skipped:
                yield place

    def _from_control(self, settled: set[int]) -> Asked | None:
        place = next((k for k in self._control if k not in self._mine and k not in self._skipped and k not in settled),
                     None)
        return None if place is None else Asked(self._cells[place], place, control=True)

    def _again(self, settled: set[int]) -> Asked | None:
        """A cell of this person's own, of those answered a while ago, not asked again yet."""
        old = [place for place in self._turn[:-LATER] if self._mine[place] == 1 and place not in settled]
        if not old:
            return None
        place = old[int(chance(self._options.seed, "repeat", self._person, len(self._turn)) * len(old))]
        return Asked(self._cells[place], place, repeat=1, control=place in self._in_control)

    def _ranked_one(self, place: Place) -> Asked:
        return Asked(self._cells[place.cell], place.cell, 0, self._options.strategy == RANDOM, place.rank,
                     place.strategy, place.reason, place.plain)

    def _asked(self, place: int) -> Asked:
        """A cell that somebody went to, as it was asked before or as it stands in the order."""
        repeat, before = self._mine.get(place, 0), self._before.get(place)
        if before is not None and before.repeat == repeat:
            return before
        ranked = next((each for each in self._ranked if each.cell == place), None)
        if ranked is not None and not repeat and place not in self._in_control:
            return self._ranked_one(ranked)
        return Asked(self._cells[place], place, repeat, place in self._in_control)
