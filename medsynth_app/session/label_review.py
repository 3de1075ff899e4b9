"""What labels say of one another: doubtful ones, those that people disagree on, those of cells like the asked one."""

from __future__ import annotations

from medsynth_app.core.cell_label import SKIPPED, subject_of
from medsynth_app.session.label_queue import Asked, in_control
from medsynth_app.session.labelling import Labelling
from medsynth_app.session.people import People


class LabelReview:
    """Looks at the labels of the open set. Of others' it tells nothing before one has given one's own."""

    def __init__(self, labelling: Labelling, people: People) -> None:
        self._labelling, self._people = labelling, people

    @property
    def doubtful(self) -> list[tuple[int, str]]:
        """Cells whose label, one's own, may be wrong, the likeliest first, and the class that the others speak for.

        None of the control slice, which would no longer measure the classifier, and none where the set is blind.
        """
        learned, opened = self._labelling.teaching.learned, self._labelling.current
        if learned is None or opened is None or opened.options.blind:
            return []
        found = [(self._labelling.teaching.place(int(row)), learned.classes[int(kind)])
                 for row, kind in zip(learned.suspects, learned.suspect_classes, strict=True)]
        return [(place, kind) for place, kind in found if not in_control(opened.options, opened.cells[place])
                and (own := self._labelling.label_of(place)) is not None and own.answer not in (kind, SKIPPED)]

    @property
    def disagreements(self) -> list[int]:
        """Cells that one has labelled and somebody else calls otherwise."""
        opened, person, answers = self._labelling.current, self._people.id, dict[str, set[str]]()
        if opened is None:
            return []
        for each in opened.labels.values():
            if each.repeat == 0 and each.answer != SKIPPED:
                answers.setdefault(each.cell, set()).add(each.answer)
        return [opened.places[cell] for cell, given in answers.items() if len(given) > 1
                and subject_of(cell, person) in opened.labels and cell in opened.places]

    def neighbours(self, asked: Asked, most: int = 3) -> list[tuple[str, list[int]]]:
        """Cells with a label of one's own that are most like the asked one, `most` of each likely class.

        Empty where predictions may not be shown: they would tell of them.
        """
        learned, row = self._labelling.teaching.learned, self._labelling.teaching.row(asked.place)
        if learned is None or row is None or asked.control or asked.repeat or self._labelling.opened().options.blind:
            return []
        found: dict[str, list[int]] = {}
        for other in learned.neighbours[row]:
            place = self._labelling.teaching.place(int(other)) if other >= 0 else asked.place
            own = self._labelling.label_of(place)
            if place != asked.place and own is not None and own.answer in self._labelling.opened().schema.ids:
                found.setdefault(own.answer, []).append(place)
        if self._labelling.suggests:  # else the class of the most alike comes first, whatever the classifier thinks
            found = dict(sorted(found.items(), key=lambda each: -self._labelling.teaching.share(asked.place, each[0])))
        return [(kind, places[:most]) for kind, places in found.items()]
