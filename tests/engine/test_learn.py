"""The job "learn" in this process: what it finds in labels, what it scores, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.learn import LearnRequest
from medsynth_app.core.learned import Learned
from medsynth_app.engine import learn
from medsynth_app.engine.job import Job
from medsynth_app.formats.embeddings import Embeddings, write_embeddings
from medsynth_app.formats.learned import read_learned
from medsynth_app.ranking.catalogue import Reason

CLASSES = ("a", "b", "c", "never")
EACH = 40


@pytest.fixture
def request_(tmp_path: Path) -> LearnRequest:
    """Three clouds of forty cells, of each of which twelve have a label; every fifth cell is of the control slice."""
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), EACH)
    values = 3 * np.eye(6)[truth] + rng.normal(size=(len(truth), 6))
    write_embeddings(tmp_path / "E.npz", Embeddings(tuple(f"c{k}" for k in range(len(truth))),
                                                    values.astype(np.float32), "tiny", "ab" * 32))
    labels = np.where(np.arange(len(truth)) % EACH < 12, truth, -1).astype(np.int32)
    nothing = np.zeros(len(truth), bool)
    return LearnRequest((str(tmp_path / "E.npz"),), CLASSES, labels, np.arange(len(truth)) % 5 == 0, ~nothing, nothing,
                        "useful", 1000, str(tmp_path / "learned.npz"))


def learned(request: LearnRequest) -> Learned:
    learn.run(request, Job("job", lambda message: None))
    return read_learned(Path(request.out))


def test_what_has_no_label_is_ranked_and_the_control_slice_is_left_to_chance(request_: LearnRequest) -> None:
    request_.ignored[[13, 14]] = True
    found = learned(request_)
    expected = np.flatnonzero((request_.labels < 0) & ~request_.control & ~request_.ignored)
    assert sorted(found.order.tolist()) == expected.tolist()
    assert {Reason(each) for each in found.reasons} <= {Reason.FEW, Reason.COPY, Reason.TYPICAL, Reason.CHANCE}
    first = found.reason_classes[found.reasons.index("few")]
    assert set(first.tolist()) <= {0, 1, 2}


def test_classes_probabilities_groups_and_neighbours(request_: LearnRequest) -> None:
    truth = np.repeat(np.arange(3), EACH)
    found = learned(request_)
    assert found.classes == CLASSES
    assert (found.groups == truth).mean() > 0.9
    assert (found.probabilities.argmax(axis=1) == found.groups).mean() > 0.99  # rounded to half precision
    assert found.probabilities[:, 3].max() == 0
    for group in range(3):
        assert sorted(found.positions[found.groups == group]) == list(range((found.groups == group).sum()))
    labelled = np.flatnonzero(request_.labels >= 0)
    assert set(found.neighbours.ravel().tolist()) <= set(labelled.tolist())
    assert (found.neighbours != np.arange(len(truth))[:, None]).all()
    assert (truth[found.neighbours[:, 0]] == truth).mean() > 0.85
    assert found.map.min() == 0 and found.map.max() == 1


def test_scores_are_of_real_cells_alone_and_of_the_control_slice_beside_them(request_: LearnRequest) -> None:
    request_.real[:EACH], request_.control[:] = False, np.arange(3 * EACH) % 2 == 0
    found = learned(request_).report
    assert found.labels == (12, 12, 12, 0) and found.generated == 12
    assert found.scores is not None and found.control is not None
    assert found.scores.macro_f1.n == 24 and found.scores.recall[0] is None and found.scores.recall[3] is None
    assert np.sum(found.scores.confusion) == 24 and sum(found.scores.confusion[0]) == 0
    assert found.scores.macro_f1.low <= found.scores.macro_f1.value <= found.scores.macro_f1.high
    assert found.control.macro_f1.n == 12
    assert found.unseen is not None and found.unseen.n == 12


def test_the_curve_follows_the_order_of_the_labels(request_: LearnRequest) -> None:
    given = np.where(request_.labels >= 0, np.arange(3 * EACH), -1).astype(np.int32)
    found = learned(replace(request_, given=given)).report
    assert [point.labels for point in found.curve] == [18, 36]
    assert found.scores is not None and found.curve[-1].macro_f1 == found.scores.macro_f1.value
    assert found.gain is not None and found.gain.low <= found.gain.value <= found.gain.high
    assert found.curve[0].macro_f1 < found.curve[-1].macro_f1  # of the third class nothing was known then
    assert not found.flat and learned(request_).report.curve == ()


def test_what_chance_would_have_needed_is_told_from_thirty_labels_by_chance_on(request_: LearnRequest) -> None:
    assert learned(request_).report.saved is None
    request_.control[:] = True
    found = learned(request_).report.saved
    assert found is not None and found.given == 36 and found.low <= found.random


def test_labels_given_to_a_page_teach_but_are_not_scored(request_: LearnRequest) -> None:
    grouped = np.arange(3 * EACH) % EACH < 6
    found = learned(replace(request_, grouped=grouped))
    assert found.report.labels == (12, 12, 12, 0)
    assert found.report.scores is not None and found.report.scores.macro_f1.n == 18
    assert (found.report.grouped, found.report.generated) == (18, 0)
    request_.labels[0] = 1
    assert 0 in learned(replace(request_, grouped=grouped)).suspects  # but they are doubted as all others


def test_a_classifier_that_learned_wrong_pages_is_shown_no_better_score_by_them(request_: LearnRequest) -> None:
    """It names the cells of those pages as they were named: scored on them it would look well taught."""
    truth, request_.control[:] = np.repeat(np.arange(3), EACH), True
    grouped = request_.labels < 0
    given = np.where(grouped, 1000, 0) + np.arange(3 * EACH, dtype=np.int32)
    before = learned(replace(request_, given=np.where(grouped, -1, given).astype(np.int32))).report
    request_.labels[grouped] = (truth[grouped] + 1) % 3
    taught = replace(request_, given=given.astype(np.int32))
    found, flattered = learned(replace(taught, grouped=grouped)).report, learned(taught).report
    assert found.scores is not None and before.scores is not None and flattered.scores is not None
    assert found.scores.macro_f1.n == np.sum(found.scores.confusion) == 36 and found.grouped == 84
    assert found.scores.macro_f1.value < 0.2 < 0.5 < flattered.scores.macro_f1.value < before.scores.macro_f1.value
    assert [point.labels for point in found.curve] == [18, 36] and not found.flat
    assert found.saved is not None and found.saved.given == 36
    assert found.control is not None and found.control.macro_f1.n == 36
    assert found.unseen is not None and found.unseen.n == 36


def test_a_score_of_a_handful_of_labels_is_not_told(request_: LearnRequest) -> None:
    request_.labels[np.arange(3 * EACH) % EACH >= 3] = -1
    assert learned(request_).report.scores is None


def test_without_real_labels_no_score_is_shown(request_: LearnRequest) -> None:
    found = learned(replace(request_, real=np.zeros(len(request_.labels), bool))).report
    assert found.scores is None and found.control is None and found.unseen is None


def test_a_score_does_not_come_from_what_was_learned(request_: LearnRequest) -> None:
    """Labels by chance teach nothing: whoever scored on what was learned would find more than chance."""
    labels = np.where(request_.labels >= 0, np.random.default_rng(1).integers(0, 3, len(request_.labels)), -1)
    found = learned(replace(request_, labels=labels.astype(np.int32))).report
    assert found.scores is not None and found.scores.macro_f1.value < 0.6


def test_cells_of_one_image_are_never_on_both_sides(request_: LearnRequest) -> None:
    """With one image for each class nobody can know the class that is left out."""
    found = learned(replace(request_, images=np.repeat(np.arange(3, dtype=np.int32), EACH))).report
    assert found.scores is not None and found.scores.macro_f1.value == 0


def test_a_label_that_is_wrong_is_suspected_first(request_: LearnRequest) -> None:
    request_.labels[5] = 2
    found = learned(request_)
    assert found.suspects[0] == 5 and found.suspect_classes[0] == 0


@pytest.mark.parametrize("labels", ["none", "one", "one class", "all"])
def test_too_few_labels_still_rank_and_lay_out(request_: LearnRequest, labels: str) -> None:
    given = np.full(len(request_.labels), -1, np.int32)
    given[:{"none": 0, "one": 1, "one class": 5, "all": len(given)}[labels]] = 1
    found = learned(replace(request_, labels=given))
    assert found.probabilities.shape == (0, 4) and found.report.scores is None
    assert len(found.order) == (0 if labels == "all" else ((given < 0) & ~request_.control).sum())
    assert len(np.unique(found.groups)) > 1
    assert (found.neighbours[0, 0] == -1) == (labels in ("none", "one"))


@pytest.mark.parametrize("cells", [1, 2, 4])
def test_a_handful_of_cells(request_: LearnRequest, cells: int) -> None:
    path = Path(request_.embeddings[0])
    write_embeddings(path, Embeddings(tuple("abcd"[:cells]), np.eye(4, dtype=np.float32)[:cells], "tiny", "ab" * 32))
    cut = {name: getattr(request_, name)[:cells].copy() for name in ("labels", "control", "real", "ignored")}
    cut["labels"][:] = -1
    cut["control"][:] = False
    found = learned(replace(request_, **cut))
    assert sorted(found.order.tolist()) == list(range(cells))
    cut["labels"][:] = np.arange(cells) % 2
    found = learned(replace(request_, **cut))
    assert len(found.order) == 0 and found.report.scores is None


def test_equal_cells(request_: LearnRequest) -> None:
    path = Path(request_.embeddings[0])
    write_embeddings(path, Embeddings(tuple(f"c{k}" for k in range(3 * EACH)), np.ones((3 * EACH, 6), np.float32),
                                      "tiny", "ab" * 32))
    found = learned(request_)
    assert len(found.order) == ((request_.labels < 0) & ~request_.control).sum()
    assert np.isfinite(found.map).all()


def test_the_map_of_before_is_kept(request_: LearnRequest) -> None:
    first = learned(request_)
    again = learned(replace(request_, before=request_.out, seed=7, out=request_.out + "2.npz"))
    assert np.array_equal(first.map, again.map)
    path = Path(request_.out)
    path.write_bytes(b"damaged")
    assert len(learned(replace(request_, before=request_.out)).map) == len(first.map)


def test_what_is_told_at_the_end(request_: LearnRequest) -> None:
    events: list[JobEvent] = []
    learn.run(request_, Job("job", events.append))  # type: ignore[arg-type]
    last = events[-1]
    assert last.kind is EventKind.RESULT and last.data["labels"] == 36 and last.data["classes_present"] == 3
    assert 0 < last.data["macro_f1"] <= 1 and last.data["file"] == request_.out


def test_other_embeddings_than_those_of_the_cells_are_refused(request_: LearnRequest) -> None:
    with pytest.raises(UserError, match="120 cells, the labels those of 3"):
        learned(replace(request_, labels=request_.labels[:3]))


def test_no_cells_are_refused(request_: LearnRequest) -> None:
    write_embeddings(Path(request_.embeddings[0]), Embeddings((), np.empty((0, 6), np.float32), "tiny", "ab" * 32))
    with pytest.raises(UserError, match="no cells"):
        learned(request_)


def test_it_stops_when_cancelled(request_: LearnRequest) -> None:
    job = Job("job", lambda message: job.cancel())
    with pytest.raises(Cancelled):
        learn.run(request_, job)
    assert not Path(request_.out).exists()
