"""The fill report on fills whose figures are known."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from medsynth_app.core import blend
from medsynth_app.core.fill_report import FillReport, Remark, fill_report
from tests.core.test_grain import disc, noise

TISSUE, GRAIN = 18.0, 8.0  # HU, as brain in a head CT


def brain(size: int = 96) -> npt.NDArray[np.float64]:
    return TISSUE + noise(0.8, GRAIN, size)


def report(after: npt.NDArray[Any], mask: npt.NDArray[np.bool_]) -> FillReport:
    found = fill_report(after, mask, "HU")
    assert found is not None
    return found


def test_a_fill_like_its_surroundings_has_their_figures_and_no_remark() -> None:
    found = report(brain(), disc(96, 18))
    for side in (found.inside, found.around):
        assert side.mean == pytest.approx(TISSUE, abs=2) and side.spread == pytest.approx(GRAIN, rel=0.1)
        assert side.noise == pytest.approx(0.85 * GRAIN, rel=0.15)  # what is coarser than the low-pass is structure
        assert side.low == pytest.approx(TISSUE - 2.33 * GRAIN, abs=4)
        assert side.high == pytest.approx(TISSUE + 2.33 * GRAIN, abs=4)
    assert found.inside.edge == pytest.approx(found.around.edge, rel=0.2)
    assert found.unit == "HU" and found.remarks == ()


@pytest.mark.parametrize(("height", "word"), [(21, Remark.BRIGHTER), (-21, Remark.DARKER)])
@pytest.mark.parametrize("radius", [5, 9, 18])
def test_a_ball_in_even_tissue_is_called_out_whether_it_fills_the_region_or_not(
        height: int, word: Remark, radius: int) -> None:
    """Its rim is soft: no step at the seam, and the measure that was there alone called it fine."""
    mask, row = disc(96, 18), np.arange(96) - 48
    distance = np.hypot(row[:, None], row[None, :])
    ball = brain() + 1.5 * height * np.clip(1 - (distance / radius) ** 2, 0, 1)
    assert blend.seam_measure(ball, mask) < 1.2 * blend.seam_measure(brain(), mask)
    assert report(ball, mask).remarks == (word,)
    negative = fill_report(-ball, mask, inverted=True)
    assert negative is not None and negative.remarks == (word,)


def test_smooth_and_pepper_and_a_hard_edge_are_called_out() -> None:
    mask = disc(96, 18)
    rng = np.random.default_rng(1)
    smooth = np.where(mask, TISSUE + 0.3 * noise(0.8, GRAIN, 96, seed=2), brain())
    assert report(smooth, mask).remarks == (Remark.SMOOTHER,)
    pepper = np.where(mask, TISSUE + rng.normal(0, 2 * GRAIN, mask.shape), brain())
    assert Remark.GRAINIER in report(pepper, mask).remarks
    step = report(brain() + 60 * mask, mask)
    assert set(step.remarks) == {Remark.BRIGHTER, Remark.EDGE}
    assert step.inside.edge == pytest.approx(60, rel=0.15) and step.around.edge < 10


def test_bone_beside_soft_tissue_is_no_reason_to_call_either_out() -> None:
    after = brain()
    after[:, 60:] += 1200  # the skull, which runs through region and surroundings
    assert report(after, disc(96, 18)).remarks == ()


def test_a_flat_image_has_no_remark_and_colours_are_looked_at_together() -> None:
    mask = disc(96, 18)
    assert report(np.full((96, 96), 7, np.uint8), mask).remarks == ()
    rgb = np.random.default_rng(0).integers(90, 111, (96, 96, 3)).astype(np.uint8)
    found = fill_report(rgb, mask)
    assert found is not None and found.remarks == () and found.inside.mean == pytest.approx(100, abs=1)
    assert found.unit == "" and found.inside.edge == pytest.approx(blend.seam_measure(rgb, mask))


def test_it_comes_back_from_plain_values() -> None:
    found = report(brain() + 60 * disc(96, 18), disc(96, 18))
    assert FillReport.from_dict(json.loads(json.dumps(found.to_dict()))) == found and found.remarks


@pytest.mark.parametrize("mask", [np.zeros((9, 9), np.bool_), np.ones((9, 9), np.bool_)])
def test_without_a_fill_or_surroundings_there_is_none(mask: npt.NDArray[np.bool_]) -> None:
    assert fill_report(np.zeros((9, 9)), mask) is None


@pytest.mark.parametrize("size", [2, 3, 5])
def test_the_smallest_images_have_one(size: int) -> None:
    mask = np.zeros((size, size), np.bool_)
    mask[0, 0] = True
    assert report(np.arange(size * size, dtype=np.int16).reshape(size, size), mask).inside.spread == 0
