"""What an import of labels does and does not, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from medsynth_app.actions.import_labels import LabelImport, Twice
from medsynth_app.actions.pseudonyms import shown_name
from medsynth_app.core.cell_match import Found

SHOWN = 12  # of a list for people; --json has all
_WHY = {Found.ELSEWHERE: "their images are not in this set", Found.AMBIGUOUS: "several images have these names",
        Found.OTHER_IMAGE: "the images of these names are other files here",
        Found.NO_CELL: "there is no cell in that place"}
_BY = {Found.NAME: "by the name of the image's file alone",
       Found.OVERLAP: "with a cell whose box is not quite the same"}


def import_words(plan: LabelImport, images: Mapping[str, str], names: Mapping[str, str], planned: bool = False, *,
                 command: bool = False) -> str:
    """Lines of text.

    Parameters
    ----------
    images
        What the images of cells are called, by cell.
    names
        What people are called, by id.
    planned
        Nothing was changed yet.
    command
        They are for the command line, whose options may be named.
    """
    def told(items: Sequence[Twice]) -> list[str]:
        return some([f"{images.get(each.cell, each.cell)}, {shown_name(names, each.person)}: {each.here} before, "
                     f"{each.file} in the file ({each.where})" for each in items], command)

    count = f"{len(plan.labels)} label{'' if len(plan.labels) == 1 else 's'}"
    lines = [f"{'Would import' if planned else 'Imported'} {count}; {plan.same} stand here already."]
    if plan.replaced:
        lines += [f"{len(plan.replaced)} replaced by a later one of the same person:", *told(plan.replaced)]
    if plan.kept:
        lines += [f"{len(plan.kept)} left as they are, for the label here is the later one:", *told(plan.kept)]
    if plan.undecided:
        lines += [f"{len(plan.undecided)} not imported: the file says two things, and not which is the later:",
                  *told(plan.undecided)]
    if plan.disagreements:
        lines += [f"Cells on which people disagree, and each label is kept: {len(plan.disagreements)}",
                  *some([f"{images.get(cell, cell)}: {said(answers, names)}"
                         for cell, answers in plan.disagreements.items()], command)]
    if plan.mapped:
        lines.append("Classes: " + ", ".join(f"{theirs} is {ours}" for theirs, ours in plan.mapped.items()))
    if plan.unknown:
        lines.append("Not imported, for the classes are none of these: " + ", ".join(
            f"{theirs} ({count})" for theirs, count in plan.unknown.items())
            + (". Say what they are with --map." if command else ". Add them to the classes of this set to have them."))
    for why, rows in plan.unmatched.items():
        lines += [f"{len(rows)} not imported, for {_WHY[why]}:", *some(rows, command)]
    lines += [f"{count} matched {_BY[by]}." for by, count in plan.matched.items() if by in _BY]
    return "\n".join([*lines, *plan.notices])


def said(answers: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Who says what, in one line."""
    return ", ".join(f"{shown_name(names, who)} {what}" for who, what in sorted(answers.items()))


def some(lines: Sequence[str], command: bool = True) -> list[str]:
    """The first few lines, and how many more there are."""
    where = " (--json names all)" if command else ""
    more = [f"  and {len(lines) - SHOWN} more{where}"] if len(lines) > SHOWN else []
    return [f"  {line}" for line in lines[:SHOWN]] + more
