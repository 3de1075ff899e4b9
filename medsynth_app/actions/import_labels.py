"""Import labels from files: matched with the cells of a set, merged by cell and annotator, one step of undo."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medsynth_app.actions.guard import require_writable
from medsynth_app.actions.label import label
from medsynth_app.actions.pseudonyms import person_of, unnamed_person
from medsynth_app.core.cell_label import CellLabel
from medsynth_app.core.cell_match import CellMatcher, Found
from medsynth_app.core.changes import Changes
from medsynth_app.core.class_match import ClassMatcher
from medsynth_app.core.errors import UserError
from medsynth_app.core.label_rows import LabelFile, LabelRow, moment
from medsynth_app.formats.label_files.qupath import object_id
from medsynth_app.formats.label_files.table import read_labels
from medsynth_app.workspace.label_sets import LabelSet
from medsynth_app.workspace.workspace import Workspace

SHOWN = 5  # of what is listed in a sentence
_ACTION = "import_labels"


@dataclass(frozen=True)
class Twice:
    """Two answers of one person on one cell.

    Attributes
    ----------
    where
        The row of the file.
    taken
        Which answer counts from now on; "" where neither of the file's two was taken, because nothing says which of
        them is the later one.
    """

    cell: str
    person: str
    here: str
    file: str
    where: str
    taken: str


@dataclass(frozen=True)
class LabelImport:
    """What would be imported, and what not, and why.

    Attributes
    ----------
    labels
        New and changed labels.
    new_people
        Names by the ids that stand for them in `labels` until they are added.
    same
        How many labels of the file stand here already.
    replaced, kept, undecided
        Where the file and this set, or two rows of the file, say two things of one person: the file's was later, the
        one here was later, nothing says which is.
    disagreements
        Cells on which the file's people and those here disagree; each keeps their own label. What each person says.
    unknown
        What the file calls classes that this set has not, with how many rows say so: not imported.
    mapped
        Ids of classes by what the file calls them, where it calls them otherwise.
    unmatched
        Rows without a cell, by why.
    matched
        How many rows were matched by which means.
    """

    name: str
    labels: tuple[CellLabel, ...]
    new_people: Mapping[str, str]
    same: int
    replaced: tuple[Twice, ...]
    kept: tuple[Twice, ...]
    undecided: tuple[Twice, ...]
    disagreements: Mapping[str, Mapping[str, str]]
    unknown: Mapping[str, int]
    mapped: Mapping[str, str]
    unmatched: Mapping[Found, tuple[str, ...]]
    matched: Mapping[Found, int]
    notices: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        """JSON values; of people, ids alone."""
        def plain(items: Iterable[Twice]) -> list[dict[str, str]]:
            return [vars(each) for each in items]

        return {"file": self.name, "imported": len(self.labels), "same": self.same, "replaced": plain(self.replaced),
                "kept": plain(self.kept), "undecided": plain(self.undecided),
                "disagreements": [{"cell_id": cell, "answers": dict(said)}
                                  for cell, said in self.disagreements.items()],
                "unknown_classes": dict(self.unknown), "mapped_classes": dict(self.mapped),
                "unmatched": {why.name.lower(): list(rows) for why, rows in self.unmatched.items()},
                "matched": {by.name.lower(): count for by, count in self.matched.items()},
                "notices": list(self.notices)}


def plan_import(workspace: Workspace, label_set: LabelSet, path: Path, *, annotator: str = "",
                classes: Mapping[str, str] | None = None) -> LabelImport:
    """Read a file of labels and find out what it changes; nothing is changed yet. May run on any thread.

    Parameters
    ----------
    annotator
        Name of whose labels these are, where the file does not say.
    classes
        Ids of classes of this set by what the file calls them, where id or name do not say.

    Raises
    ------
    UserError
        As `formats.label_files.table.read_labels`; where the file has no labels, none of its classes is one of the
        set's, or none of its cells.
    """
    held = read_labels(path)
    if not held.rows:
        raise UserError(f"{held.name} holds no labels.", "Give a file in which cells are labelled.")
    return _plan(held, label_set, _People(workspace, annotator, held.name), classes or {})


def import_labels(workspace: Workspace, label_set: LabelSet, plan: LabelImport, person: str = "") -> Changes:
    """Journal what was planned as one step of undo of the person at work.

    Raises
    ------
    UserError
        When the workspace is read-only, or a label was changed since.
    """
    require_writable(workspace)
    if not plan.labels:
        return Changes()
    ids = {number: workspace.people.add(name).id for number, name in plan.new_people.items()}
    labels = [replace(each, person=ids.get(each.person, each.person)) for each in plan.labels]
    count = f"{len(labels)} label{'s' if len(labels) > 1 else ''}"
    changes = label(label_set, labels, person, name=f"import {count}", action=_ACTION)
    return replace(changes, cells=(label_set.id,), people=tuple(ids.values()))  # the queue begins anew


class _People:
    """Who gave the labels of a file."""

    def __init__(self, workspace: Workspace, annotator: str, file: str) -> None:
        self._workspace = workspace
        self._known = {each.name.casefold(): each.id for each in workspace.people.all()}
        self.new: dict[str, str] = {}
        self._unsaid = self._named(annotator) if annotator.strip() else unnamed_person(file)

    def of(self, row: LabelRow) -> str:
        if row.name:
            return self._named(row.name)
        return person_of(self._workspace, row.annotator) if row.annotator else self._unsaid

    def _named(self, name: str) -> str:
        name = " ".join(name.split())
        if name.casefold() not in self._known:
            number = f"new-{hashlib.blake2b(name.casefold().encode(), digest_size=8).hexdigest()}"
            self._known[name.casefold()] = number
            self.new[number] = name
        return self._known[name.casefold()]


def _plan(held: LabelFile, label_set: LabelSet, people: _People, given: Mapping[str, str]) -> LabelImport:
    answers = ClassMatcher(label_set.schema, given)
    cells = CellMatcher(label_set.cells, {object_id(cell.id): cell.id for cell in label_set.cells})
    unknown: Counter[str] = Counter()
    mapped: dict[str, str] = {}
    unmatched: dict[Found, list[str]] = {}
    matched: Counter[Found] = Counter()
    by_subject: dict[str, list[tuple[CellLabel, str]]] = {}
    timeless = 0
    for row in held.rows:
        answer = answers.match(row.label)
        if not answer:
            unknown[row.label] += 1
            continue
        if answer != row.label:
            mapped[row.label] = answer
        cell, by = cells.match(row)
        if cell is None:
            unmatched.setdefault(by, []).append(f"{row.where}: {row.image or row.cell_id}")
            continue
        matched[by] += 1
        at = moment(row.at)
        timeless += at is None and bool(row.at)
        made = CellLabel(
            cell.id, cell.image_sha256, cell.box, people.of(row), answer, row.repeat, at.isoformat() if at else "",
            row.seconds, row.rank, row.reason, row.strategy, row.model, answers.match(row.shown),
            answers.match(row.predicted), row.confidence, row.control, row.group, row.checked)
        by_subject.setdefault(made.subject, []).append((made, row.where))
    if len(unknown) and not matched and not unmatched:
        raise _foreign(held.name, unknown, label_set)
    if not matched:
        raise _elsewhere(held.name, unmatched)
    if timeless:
        held = replace(held, notices=(*held.notices, f"Times that are none, and were left out: {timeless}."))
    return _merged(held, label_set, people, by_subject, unknown, mapped, unmatched, matched)


def _merged(held: LabelFile, label_set: LabelSet, people: _People,
            by_subject: Mapping[str, Sequence[tuple[CellLabel, str]]], unknown: Counter[str],
            mapped: Mapping[str, str], unmatched: Mapping[Found, Sequence[str]], matched: Counter[Found]
            ) -> LabelImport:
    labels: list[CellLabel] = []
    replaced: list[Twice] = []
    kept: list[Twice] = []
    undecided: list[Twice] = []
    same = 0
    for subject, rows in by_subject.items():
        last, where = rows[0]
        unsure = False
        for other, at in rows[1:]:
            if other.answer == last.answer:
                continue
            order = _order(last, other)
            unsure = order == 0
            replaced_one = Twice(last.cell, last.person, last.answer, other.answer, at,
                                 "" if unsure else other.answer if order > 0 else last.answer)
            (undecided if unsure else replaced).append(replaced_one)
            if unsure:
                break
            if order > 0:
                last, where = other, at
        standing = label_set.labels.get(subject)
        if unsure:
            continue
        if standing is None:
            labels.append(last)
        elif standing.answer == last.answer:
            same += 1
        elif _order(standing, last) > 0 or not moment(standing.at):
            labels.append(last)
            replaced.append(Twice(last.cell, last.person, standing.answer, last.answer, where, last.answer))
        else:
            kept.append(Twice(last.cell, last.person, standing.answer, last.answer, where, standing.answer))
    used = {each.person for each in labels}
    return LabelImport(
        held.name, tuple(labels), {number: name for number, name in people.new.items() if number in used}, same,
        tuple(replaced), tuple(kept), tuple(undecided), _disagreements(label_set, labels), dict(unknown), dict(mapped),
        {why: tuple(rows) for why, rows in unmatched.items()}, dict(matched), held.notices)


def _order(one: CellLabel, other: CellLabel) -> int:
    """1 where the second is the later one, -1 where the first is, 0 where nothing says so."""
    first, second = moment(one.at), moment(other.at)
    if first is None or second is None or first == second:
        return -1 if first is not None and second is None else 1 if first is None and second is not None else 0
    return 1 if second > first else -1


def _disagreements(label_set: LabelSet, labels: Sequence[CellLabel]) -> dict[str, dict[str, str]]:
    """Of the cells with new labels, those on which people then disagree."""
    said: dict[str, dict[str, str]] = {}
    for each in labels:
        if each.repeat == 0:
            said.setdefault(each.cell, {})[each.person] = each.answer
    for cell, new in said.items():
        for standing in label_set.labels_of(cell):
            if standing.repeat == 0:
                new.setdefault(standing.person, standing.answer)
    return {cell: answers for cell, answers in said.items() if len(set(answers.values())) > 1}


def _foreign(name: str, unknown: Counter[str], label_set: LabelSet) -> UserError:
    theirs = ", ".join(repr(each) for each, _count in unknown.most_common(SHOWN))
    more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
    return UserError(f"{name} was labelled with other classes ({theirs}{more}): none of them is one of "
                     f"{label_set.schema.name}.",
                     f"Rename them in the file, or say on the command line which is which: --map THEIRS=OURS. Ours are "
                     f"{', '.join(label_set.schema.ids)}.",
                     safe="No label was changed.")


def _elsewhere(name: str, unmatched: Mapping[Found, Sequence[str]]) -> UserError:
    count = sum(map(len, unmatched.values()))
    why = {Found.AMBIGUOUS: "several images of this set have the names that it gives",
           Found.OTHER_IMAGE: "the images that it names are other files here",
           Found.NO_CELL: "this set has no cells in those places",
           }.get(max(unmatched, key=lambda each: len(unmatched[each])), "its images are not in this set")
    return UserError(f"None of the {count} labels of {name} belongs to a cell of this set: {why}.",
                     "Add those images first with `medsynth label add`, or choose the set that they belong to.",
                     safe="No label was changed.")
