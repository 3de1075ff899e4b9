from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from medsynth_app.core.blend import seam_measure
from medsynth_app.evaluation.seam import reference_seams, seam_percentile, within_95


def _untouched(seed: int, n: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(90, 110, (n, 32, 32), np.uint8)


IMAGES = _untouched(0, 60)


def _masks() -> npt.NDArray[np.bool_]:
    masks = np.zeros((2, 32, 32), np.bool_)
    masks[0, 4:20, 6:26] = masks[1, 10:14, 10:14] = True
    return masks


def test_a_painted_edge_stands_out_and_an_untouched_one_does_not() -> None:
    masks = _masks()
    references = reference_seams(IMAGES, masks)
    assert references.shape == (2, 60) and references[1, 7] == seam_measure(IMAGES[7], masks[1])
    untouched = _untouched(1, 9)
    painted = untouched[0].copy()
    painted[masks[0]] += 40
    plain = np.sort(reference_seams(untouched, masks[1:])[0])[4]  # the middle one of nine
    assert seam_percentile(seam_measure(painted, masks[0]), references[0]) == 100
    assert 20 < seam_percentile(plain, references[1]) < 80
    assert within_95([seam_measure(painted, masks[0]), plain], references) == 0.5


def test_untouched_images_are_within_as_often_as_chance_says() -> None:
    references = reference_seams(IMAGES, _masks()[:1])
    others = reference_seams(_untouched(2, 300), _masks()[:1])
    assert within_95(others[0], references[0]) == pytest.approx(0.95, abs=0.06)


def test_percentiles_by_hand() -> None:
    references = np.arange(1, 101)
    assert seam_percentile(0, references) == 0
    assert seam_percentile(50.5, references) == 50
    assert seam_percentile(100, references) == 99.5
    assert seam_percentile(3, np.full(20, 3)) == 50
    assert within_95([95, 97], references) == 0.5
    assert within_95([95, 97], np.stack([references, references + 5])) == 1


def test_colour_and_signed_images_serve() -> None:
    colour = np.repeat(IMAGES[:, :, :, None], 3, axis=3)
    np.testing.assert_allclose(reference_seams(colour, _masks()), reference_seams(IMAGES, _masks()))
    np.testing.assert_allclose(reference_seams(IMAGES.astype(np.int16) - 1000, _masks()),
                               reference_seams(IMAGES, _masks()))


def test_wrong_input_is_refused_in_words() -> None:
    masks = _masks()
    with pytest.raises(ValueError, match="At least one"):
        reference_seams(IMAGES[:0], masks)
    for wrong in (np.zeros_like(masks), np.ones_like(masks)):
        with pytest.raises(ValueError, match="no contour"):
            reference_seams(IMAGES, wrong)
    with pytest.raises(ValueError, match="does not fit"):
        reference_seams(IMAGES, masks[:, :16])
    with pytest.raises(ValueError, match="finite"):
        reference_seams(IMAGES * np.nan, masks)
    with pytest.raises(ValueError, match="at least 20"):
        seam_percentile(1, range(19))
    with pytest.raises(ValueError, match="not finite"):
        seam_percentile(float("nan"), range(20))
    with pytest.raises(ValueError, match="2 seams but 3 rows"):
        within_95([1, 2], np.ones((3, 20)))
    with pytest.raises(ValueError, match="at least 20"):
        within_95([1, 2], np.ones((2, 19)))
