"""What is asked of the worker about agreement, and what is said of its answer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.actions.agreement import (
    agreement_request,
    agreement_words,
    annotators,
    count_agreement,
    disagreements,
    read_agreement,
)
from medsynth_app.actions.pseudonyms import person_of, pseudonym, shown_name, unnamed_person
from medsynth_app.core.agreement import Again, Agreed, AgreementReport, Pair, Pull
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.agreement import WITHOUT
from medsynth_app.core.learned import Share
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.workspace import Workspace
from tests.actions.label_bench import give, make_files, make_set

NONE = Agreed(0)
FEW = AgreementReport(2, "cohen", Agreed(7), NONE, (), (), Again(WITHOUT, 0), Pull(3, 0))


def test_every_answer_but_skips_and_doubts_is_counted_with_what_was_shown(workspace: Workspace, tmp_path: Path) -> None:
    made = make_set(workspace, make_files(tmp_path / "images"))
    give(made, "bob", {0: "band", 2: "skipped", 3: "not-sure"}, shown="band", predicted="band")
    give(made, "ann", {0: "monocyte", 1: "not-a-cell"}, predicted="neutrophil", control=True)
    give(made, "ann", {0: "band"}, repeat=1)
    request = agreement_request(made, tmp_path / "a.json")
    assert annotators(made) == ["ann", "bob"] and request.people == 2 and request.classes == 6
    rows = zip(request.cells, request.persons, request.answers, request.repeats, request.control, request.shown,
               request.predicted, strict=True)
    assert {tuple(int(value) for value in row) for row in rows} == {
        (0, 1, 1, 0, 0, 1, 1), (0, 0, 2, 0, 1, WITHOUT, 0), (1, 0, 3, 0, 1, WITHOUT, 0),
        (0, 0, 1, 1, 0, WITHOUT, WITHOUT)}
    assert request.cells.dtype == np.int32
    differ, = disagreements(made)
    assert differ.cell == made.cells[0].id and dict(differ.answers) == {"bob": "band", "ann": "monocyte"}


def test_nobody_who_labelled_is_said(workspace: Workspace, tmp_path: Path) -> None:
    made = make_set(workspace, make_files(tmp_path / "images"))
    with pytest.raises(UserError, match="no labels yet"):
        agreement_request(made, tmp_path / "a.json")


def test_it_is_queued_for_the_person_who_asks(workspace: Workspace, queue: JobQueue, tmp_path: Path) -> None:
    made = make_set(workspace, make_files(tmp_path / "images"))
    give(made, "ann", {0: "band"})
    job, = count_agreement(queue, agreement_request(made, tmp_path / "a.json"), "ann").jobs
    record, = workspace.jobs.records()
    assert (record.id, record.kind, record.person, record.title) == (job, "agreement", "ann", "Agreement: 1 labels")


def test_a_report_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(FEW.to_plain()))
    assert read_agreement(path) == FEW
    for text in ("{}", "[]", "no", json.dumps({**FEW.to_plain(), "pull": None})):
        path.write_text(text)
        with pytest.raises(UserError, match="cannot be read"):
            read_agreement(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_agreement(tmp_path / "gone.json")


def test_too_few_cells_are_said_instead_of_a_figure() -> None:
    first, again, pull = agreement_words(FEW, {})
    assert first == "Cohen's kappa: 7 cells are labelled by two or more; 20 are needed."
    assert again == "Nobody has been asked a cell again yet."
    assert "not counted yet" in pull and "there are 3 and 0" in pull


def test_figures_come_with_intervals_and_what_they_do_not_say() -> None:
    share = Share(0.8, 0.7, 0.9, 40)
    full = Agreed(40, share, share)
    report = AgreementReport(3, "fleiss", full, Agreed(25, None, share), (Pair(0, 2, full),),
                             (Again(0, 12, share), Again(1, 4)), Again(WITHOUT, 16, share),
                             Pull(50, 60, share, Share(0.5, 0.4, 0.6, 60), Share(0.3, 0.1, 0.5, 50)))
    text = "\n".join(agreement_words(report, {0: "Ann", 1: "Bob", 2: "Cid"}))
    assert "Fleiss' kappa: 0.80 (0.70 to 0.90), all the same on 80 % (70 to 90 %) of 40" in text
    assert "on cells that chance drew: none, for everything was called the same (25 cells)" in text
    assert "Cohen's kappa of Ann and Cid: 0.80" in text and "Bob: 4 cells were asked again; 10 are needed." in text
    assert "Pull of shown predictions: +30 points (+10 to +50)" in text and "how hard they are" in text


def test_pseudonyms_lead_back_here_alone(workspace: Workspace, tmp_path: Path) -> None:
    ann = workspace.people.add("Ann").id
    assert person_of(workspace, pseudonym(workspace, ann)) == ann
    assert person_of(workspace, pseudonym(workspace, "")) == ""
    with Workspace.open(tmp_path / "other") as other:
        assert person_of(other, pseudonym(workspace, "")) == pseudonym(workspace, "") != pseudonym(other, "")
    assert person_of(workspace, "Dr. Müller/../x").startswith("other-") and "/" not in person_of(workspace, "a/b")
    assert unnamed_person("a.csv") == unnamed_person("a.csv") != unnamed_person("b.csv")
    assert shown_name({ann: "Ann"}, ann) == "Ann" and shown_name({}, "") == "nobody named"
