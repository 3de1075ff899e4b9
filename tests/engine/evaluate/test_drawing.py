from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.errors import UserError
from medsynth_app.engine.evaluate.drawing import Drawing, _runs
from medsynth_app.engine.evaluate.kept import Kept
from medsynth_app.studies.bench import Fill, Wish
from tests.engine.evaluate.conftest import silent


@pytest.fixture
def drawing(world: Path, tmp_path: Path) -> Drawing:
    return Drawing(world / "pack", Kept(tmp_path), silent(), "cpu")


def test_drawn_pictures_are_kept_and_do_not_depend_on_how_they_were_asked_for(
        drawing: Drawing, monkeypatch: pytest.MonkeyPatch) -> None:
    wishes = [Wish("a round cell", 3 + k) for k in range(3)]
    assert [len(run) for run in _runs([*wishes, Wish("nothing", 6), Wish("nothing", 8)])] == [3, 1, 1]
    first = drawing.draw(wishes)
    monkeypatch.setattr("medsynth_app.engine.evaluate.drawing.run_generate", None)
    assert np.array_equal(drawing.draw(wishes), first)
    assert first.shape == (3, 32, 32, 3) and first.dtype == np.uint8


def test_a_mask_for_a_pack_without_controlnet_is_refused(drawing: Drawing) -> None:
    with pytest.raises(UserError, match="ControlNet"):
        drawing.draw([Wish("a round cell", 0, np.ones((32, 32), np.uint8))])


def test_filling_changes_nothing_outside_the_region(drawing: Drawing) -> None:
    frame = np.random.default_rng(0).integers(0, 255, (40, 40), np.uint8)
    painted = np.zeros((40, 40), np.bool_)
    painted[10:24, 12:30] = True
    [after], [changed] = drawing.fill([Fill(frame, painted, "a round cell", 5)])
    assert np.array_equal(after[~changed], frame[~changed]) and (after != frame).any()
    assert (changed <= painted).all()


def test_without_a_soft_edge_hardly_anything_of_what_was_painted_over_stays(drawing: Drawing) -> None:
    """So that a fill can be held against it."""
    painted = np.zeros((40, 40), np.bool_)
    painted[10:24, 12:30] = True
    truths = [np.where(painted, value, 90).astype(np.uint8) for value in (0, 250)]
    apart = {}
    for feather in (0, None):
        drawn, _ = drawing.fill([Fill(truth, painted, "a round cell", 5, feather=feather) for truth in truths])
        apart[feather] = float(np.abs(drawn[0][painted].astype(int) - drawn[1][painted]).mean())
    assert apart[0] < 15 < 45 < apart[None]  # what is left came across the region's edge as the crop was resampled


def test_an_empty_region_is_refused(drawing: Drawing) -> None:
    with pytest.raises(UserError, match="region of the study is empty"):
        drawing.fill([Fill(np.zeros((40, 40), np.uint8), np.zeros((40, 40), np.bool_), "", 0)])
