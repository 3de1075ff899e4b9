"""How far people agree who label the same cells, and on which they do not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsynth_app.core.agreement import FEWEST, FEWEST_ASKED, Agreed, AgreementReport
from medsynth_app.core.cell_label import SKIPPED, CellLabel
from medsynth_app.core.cell_schema import NOT_SURE, OTHER_ANSWERS
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.agreement import WITHOUT, AgreementRequest
from medsynth_app.core.learned import Share
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.label_sets import LabelSet


@dataclass(frozen=True)
class Disagreement:
    """A cell that people call otherwise; `answers` by who gave them."""

    cell: str
    answers: Mapping[str, str]


def annotators(label_set: LabelSet) -> list[str]:
    """Ids of everybody who has answered, in the order of `AgreementReport`."""
    return sorted({each.person for each in _counted(label_set)})


def agreement_request(label_set: LabelSet, out: Path, seed: int = 0) -> AgreementRequest:
    """All that a worker needs; raises `UserError` where nobody has labelled.

    Skipped cells and those of which somebody was not sure do not count: they say nothing.
    """
    labels = _counted(label_set)
    if not labels:
        raise UserError(f"{label_set.name} has no labels yet.", "Label some cells first.")
    people = {each: k for k, each in enumerate(annotators(label_set))}
    answers = {each: k for k, each in enumerate((*label_set.schema.ids, *OTHER_ANSWERS))}
    cells: dict[str, int] = {}
    return AgreementRequest(
        _numbers(cells.setdefault(each.cell, len(cells)) for each in labels),
        _numbers(people[each.person] for each in labels),
        _numbers(answers.setdefault(each.answer, len(answers)) for each in labels),
        _numbers(each.repeat for each in labels), np.array([each.control for each in labels], np.bool_),
        _numbers(answers.get(each.shown, WITHOUT) for each in labels),
        _numbers(answers.get(each.predicted, WITHOUT) for each in labels), len(people), len(answers),
        str(out.resolve()), seed)


def count_agreement(queue: JobQueue, request: AgreementRequest, person: str = "") -> Changes:
    """Queue the counting."""
    return Changes(jobs=(queue.submit(request, person=person),))


def read_agreement(path: Path) -> AgreementReport:
    """What the worker wrote; raises `UserError` when it cannot be read."""
    try:
        return AgreementReport.from_plain(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError("The agreement that was counted cannot be read.", "Count it again.",
                        details=type(error).__name__) from error


def disagreements(label_set: LabelSet) -> list[Disagreement]:
    """Cells on which people disagree, in the order of the set; hidden repeats do not count."""
    said: dict[str, dict[str, str]] = {}
    for each in _counted(label_set):
        if each.repeat == 0:
            said.setdefault(each.cell, {})[each.person] = each.answer
    places = label_set.places
    return sorted((Disagreement(cell, answers) for cell, answers in said.items() if len(set(answers.values())) > 1),
                  key=lambda each: places.get(each.cell, len(places)))


def agreement_words(report: AgreementReport, names: Mapping[int, str]) -> list[str]:
    """The report in sentences; where cells are too few, how many are there and how many are needed.

    Parameters
    ----------
    names
        What people are called, by their places in the report.
    """
    lines = []
    if report.people < 2:
        lines.append("One person has labelled: agreement needs two or more.")
    else:
        title = "Cohen's kappa" if report.method == "cohen" else "Fleiss' kappa"
        lines.append(f"{title}: {_kappa(report.together)}")
        if report.control.cells and report.control.cells != report.together.cells:
            lines.append(f"{title} on cells that chance drew: {_kappa(report.control)}")
        lines += [f"Cohen's kappa of {names[each.first]} and {names[each.second]}: {_kappa(each.agreed)}"
                  for each in report.pairs]
    if report.again_all.cells:
        lines.append(f"The same answer when asked again: {_share(report.again_all.same, report.again_all.cells)}")
        if len(report.again) > 1:
            lines += [f"  {names[each.person]}: {_share(each.same, each.cells)}" for each in report.again]
    else:
        lines.append("Nobody has been asked a cell again yet.")
    pull = report.pull
    if pull.shown is not None and pull.unseen is not None and pull.difference is not None:
        lines += [f"Answers as predicted where the prediction was shown: {_percent(pull.shown)}",
                  f"Answers as predicted where it was not, on cells that chance drew: {_percent(pull.unseen)}",
                  f"Pull of shown predictions: {_points(pull.difference)}. Shown cells are not drawn by chance, so "
                  "this holds how hard they are, too."]
    else:
        lines.append(f"Pull of shown predictions: not counted yet. {FEWEST_ASKED} answers with the prediction shown "
                     f"and {FEWEST_ASKED} on cells that chance drew are needed; there are {pull.shown_answers} and "
                     f"{pull.unseen_answers}.")
    return lines


def _counted(label_set: LabelSet) -> list[CellLabel]:
    return [each for each in label_set.labels.values() if each.answer not in (SKIPPED, NOT_SURE)]


def _numbers(values: object) -> np.ndarray:
    return np.fromiter(values, np.int32)  # type: ignore[call-overload, no-any-return]


def _kappa(agreed: Agreed) -> str:
    if agreed.too_few:
        return f"{agreed.cells} cells are labelled by two or more; {FEWEST} are needed."
    same = f"all the same on {_percent(agreed.same)}" if agreed.same is not None else ""
    if agreed.kappa is None:
        return f"none, for everything was called the same ({agreed.cells} cells)."
    kappa = agreed.kappa
    return f"{kappa.value:.2f} ({kappa.low:.2f} to {kappa.high:.2f}), {same}"


def _share(share: Share | None, count: int) -> str:
    return _percent(share) if share is not None else f"{count} cells were asked again; {FEWEST_ASKED} are needed."


def _percent(share: Share) -> str:
    return f"{100 * share.value:.0f} % ({100 * share.low:.0f} to {100 * share.high:.0f} %) of {share.n}"


def _points(share: Share) -> str:
    return f"{100 * share.value:+.0f} points ({100 * share.low:+.0f} to {100 * share.high:+.0f})"
