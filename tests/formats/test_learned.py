"""``learned.npz``: what is read is what was written, and what is none is refused."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.errors import UserError
from medsynth_app.core.learned import CurvePoint, Learned, Report, Saved, Scores, Share
from medsynth_app.formats.learned import read_learned, write_learned


def learned(cells: int = 7) -> Learned:
    rng = np.random.default_rng(0)
    share = Share(0.5, 0.25, 0.75, 4)
    scores = Scores(share, share, (share, None), ((3, 1), (0, 0)))
    report = Report((4, 0), scores, None, (CurvePoint(2, 0.25, 0.125),), share, True, share, Saved(4, 9, 5, None), 1.5,
                    60, 20)
    return Learned(
        ("blast", "Übergang"), np.array([3, 1], np.int32), np.array([0.5, 0.25], np.float32), ("few", "chance"),
        np.array([[0, 1], [-1, -1]], np.int32), rng.random((cells, 2)).astype(np.float16),
        np.zeros(cells, np.int32), np.arange(cells, dtype=np.int32), np.full((cells, 6), -1, np.int32),
        rng.random((cells, 2)).astype(np.float32), np.array([5], np.int32), np.array([1], np.int32), report)


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    made = learned()
    write_learned(tmp_path / "learned.npz", made)
    found = read_learned(tmp_path / "learned.npz")
    for field in fields(Learned):
        ours, theirs = getattr(made, field.name), getattr(found, field.name)
        if isinstance(ours, np.ndarray):
            assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs), field.name
        else:
            assert ours == theirs, field.name


def test_nothing_ranked_and_nothing_scored_is_kept_too(tmp_path: Path) -> None:
    bare = replace(learned(), order=np.empty(0, np.int32), scores=np.empty(0, np.float32), reasons=(),
                   reason_classes=np.empty((0, 2), np.int32), probabilities=np.empty((0, 2), np.float16),
                   suspects=np.empty(0, np.int32), suspect_classes=np.empty(0, np.int32), report=Report((0, 0)))
    write_learned(tmp_path / "learned.npz", bare)
    found = read_learned(tmp_path / "learned.npz")
    assert found.reasons == () and found.report == bare.report and found.probabilities.shape == (0, 2)


@pytest.mark.parametrize("damage", ["missing", "text", "cut", "other"])
def test_what_is_none_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "learned.npz"
    if damage == "text":
        path.write_text("x")
    elif damage == "cut":
        write_learned(path, learned())
        path.write_bytes(path.read_bytes()[:-200])
    elif damage == "other":
        np.savez(path, format="medsynth-learned/1", order=np.zeros(3))
    with pytest.raises(UserError, match=r"cannot be read\. Every label is kept\. Learn again"):
        read_learned(path)


def test_arrays_of_different_sets_are_no_value() -> None:
    with pytest.raises(ValueError, match="positions"):
        replace(learned(), positions=np.zeros(3, np.int32))
    with pytest.raises(ValueError, match="one set"):
        replace(learned(), probabilities=np.zeros((3, 2), np.float16))
