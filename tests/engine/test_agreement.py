"""The job that counts agreement: kappa, repeats, the pull of shown predictions, and too little of each."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.agreement import AgreementReport
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.agreement import WITHOUT, AgreementRequest
from medsynth_app.engine.agreement import counted, run
from medsynth_app.engine.job import Job

CLASSES = 4


def asked(answers: list[tuple[int, int, int]], people: int, out: str = "", **about: object) -> AgreementRequest:
    """A request of (cell, person, answer); `about` holds arrays."""
    cells, persons, given = (np.array(each, np.int32) for each in zip(*answers, strict=True))
    none = np.full(len(cells), WITHOUT, np.int32)
    return AgreementRequest(**{  # type: ignore[arg-type]
        "cells": cells, "persons": persons, "answers": given, "repeats": np.zeros(len(cells), np.int32),
        "control": np.zeros(len(cells), np.bool_), "shown": none, "predicted": none, "people": people,
        "classes": CLASSES, "out": out, **about})


def test_two_people_are_compared_on_the_cells_that_both_named() -> None:
    both = [(k, person, k % 2) for k in range(50) for person in (0, 1)]
    changed = [(cell, person, 3 if (cell, person) in {(0, 1), (7, 0)} else answer) for cell, person, answer in both]
    report = counted(asked([*changed, *((k, 0, 1) for k in range(50, 90))], 2))
    assert report.method == "cohen" and report.together.cells == 50 and not report.pairs
    kappa, same = report.together.kappa, report.together.same
    assert kappa is not None and same is not None and same.value == pytest.approx(0.96)
    assert 0.9 < kappa.value < 0.96 and kappa.low < kappa.value < kappa.high <= 1
    assert report.control.cells == 0 and report.control.too_few


def test_of_three_people_every_two_are_compared_too() -> None:
    answers = [(k, person, k % 3) for k in range(30) for person in (0, 1)]
    answers += [(k, 2, (k + 1) % 3) for k in range(25)]
    report = counted(asked(answers, 3, control=np.array([cell < 22 for cell, _, _ in answers])))
    assert report.method == "fleiss" and report.together.cells == 30 and report.control.cells == 22
    first, second, third = report.pairs
    assert first.agreed.kappa is not None and first.agreed.kappa.value == 1
    assert second.agreed.kappa is not None and second.agreed.kappa.value < 0 and second.agreed.cells == 25
    assert third.agreed.same is not None and third.agreed.same.value == 0


def test_too_few_cells_have_no_score_and_neither_has_one_class() -> None:
    few = counted(asked([(k, person, k % 2) for k in range(19) for person in (0, 1)], 2))
    assert few.together.cells == 19 and few.together.too_few and few.together.kappa is None is few.together.same
    one = counted(asked([(k, person, 2) for k in range(30) for person in (0, 1)], 2))
    assert one.together.kappa is None and not one.together.too_few and one.together.same is not None
    alone = counted(asked([(k, 0, 2) for k in range(30)], 1))
    assert alone.method == "" and alone.together.cells == 0


def test_who_is_asked_again_is_compared_with_what_they_said_at_first() -> None:
    answers = [(k, 0, 1) for k in range(40)] + [(k, 0, 1 if k < 9 else 2) for k in range(12)] + [(99, 0, 1), (0, 1, 3)]
    repeats = np.array([0] * 40 + [1] * 12 + [1, 0], np.int32)  # cell 99 was never named at first
    report = counted(asked(answers, 2, repeats=repeats))
    again, = report.again
    assert (again.person, again.cells, report.again_all.cells) == (0, 12, 12)
    assert again.same is not None and again.same.value == 0.75 and again.same.low < 0.75 < again.same.high
    fewer = counted(asked(answers[:40] + answers[40:49], 1, repeats=repeats[:49]))
    assert fewer.again_all.cells == 9 and fewer.again_all.same is None


def test_the_pull_of_shown_predictions_is_that_against_unseen_ones_on_the_control_slice() -> None:
    count = 100
    answers = [(k, 0, 1) for k in range(3 * count)]
    shown = np.full(3 * count, WITHOUT, np.int32)
    predicted = np.ones(3 * count, np.int32)
    control = np.zeros(3 * count, np.bool_)
    shown[:count] = 1
    shown[:10] = predicted[:10] = 2  # 90 of 100 as shown
    control[count:2 * count] = True
    predicted[count:count + 40] = 2  # 60 of 100 as predicted, unseen
    predicted[2 * count:] = 3  # neither shown nor by chance: not counted
    pull = counted(asked(answers, 1, shown=shown, predicted=predicted, control=control)).pull
    assert pull.shown is not None and pull.unseen is not None and pull.difference is not None
    assert (pull.shown.value, pull.unseen.value) == (0.9, 0.6)
    assert (pull.shown_answers, pull.unseen_answers) == (100, 100)
    assert pull.difference.value == pytest.approx(0.3) and 0.17 < pull.difference.low < 0.2
    little = counted(asked(answers[:9], 1, shown=shown[:9], predicted=predicted[:9])).pull
    assert little.shown is None is little.difference and little.shown_answers == 9


def test_the_report_is_written_and_read_back(tmp_path: Path) -> None:
    told: list[object] = []
    request = asked([(k, person, k % 3) for k in range(30) for person in (0, 1, 2)], 3, str(tmp_path / "a.json"))
    run(request, Job("job", told.append))
    assert any(isinstance(event, JobEvent) and event.kind is EventKind.RESULT for event in told)
    assert AgreementReport.from_plain(json.loads((tmp_path / "a.json").read_text())) == counted(request)
