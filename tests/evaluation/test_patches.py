from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter, zoom
from scipy.stats import wasserstein_distance

from medsynth_app.evaluation.patches import PatchSpace, patch_distance

Pictures = npt.NDArray[np.uint8]


def spots(n: int, seed: int, radius: float = 9) -> Pictures:
    """Dark discs on grained ground, at any place, of a size of their kind; shape (n, 64, 64, 3)."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:64, :64]
    pictures = []
    for _ in range(n):
        place, size = rng.uniform(16, 48, 2), rng.normal(radius, 1)
        inside = np.hypot(rows - place[0], columns - place[1]) < size
        grey = 190 - 90 * gaussian_filter(inside.astype(float), 0.7) + rng.normal(0, 6, (64, 64))
        pictures.append(grey[..., None] + [10, 0, -10])
    return np.clip(pictures, 0, 255).astype(np.uint8)


def distance(a: Pictures, b: Pictures, seed: int = 0) -> float:
    space = PatchSpace(a, seed)
    return patch_distance(space.described(b), space.described(a))


REAL, OTHERS = spots(24, 0), spots(24, 1)


def test_equal_sets_are_not_apart_whatever_their_order() -> None:
    assert distance(REAL, REAL) == 0
    assert distance(REAL, REAL[::-1].copy()) < 1e-6


@pytest.mark.parametrize("spoiled", [
    np.rint(gaussian_filter(OTHERS.astype(float), (0, 1, 1, 0))).astype(np.uint8),
    np.clip(OTHERS + np.random.default_rng(2).normal(0, 9, OTHERS.shape), 0, 255).astype(np.uint8),
    np.clip(OTHERS + np.array([20, 0, -20]), 0, 255).astype(np.uint8),
    np.rint(np.mean(OTHERS) + 0.6 * (OTHERS - np.mean(OTHERS))).astype(np.uint8),
    spots(24, 1, radius=15),
    np.repeat(OTHERS[:1], 24, axis=0)], ids=["blur", "noise", "colour", "contrast", "another kind", "one picture"])
def test_whatever_spoils_pictures_lies_above_the_floor(spoiled: Pictures) -> None:
    floor = max(distance(REAL, spots(24, seed)) for seed in range(1, 6))
    assert distance(REAL, spoiled) > 1.3 * floor


def test_more_blur_is_further_away() -> None:
    found = [distance(REAL, np.rint(gaussian_filter(OTHERS.astype(float), (0, s, s, 0))).astype(np.uint8))
             for s in (0, 0.7, 1.5, 3)]
    assert found == sorted(found) and found[-1] > 3 * found[0]


def test_the_floor_falls_with_the_number() -> None:
    floor = [np.mean([distance(spots(n, 2 * k), spots(n, 2 * k + 1)) for k in range(4)]) for n in (4, 12, 36)]
    assert floor[0] > floor[1] > floor[2] > 0


def test_it_is_symmetric_and_chance_is_seeded() -> None:
    space = PatchSpace(REAL)
    one, other = space.described(REAL), space.described(OTHERS)
    assert patch_distance(one, other) == patch_distance(other, one) == distance(REAL, OTHERS)
    again = distance(REAL, OTHERS, seed=7)
    assert again != distance(REAL, OTHERS) and again == pytest.approx(distance(REAL, OTHERS), rel=0.3)


def test_along_a_direction_it_is_the_wasserstein_distance() -> None:
    space = PatchSpace(REAL)
    one, other = space.described(REAL), space.described(OTHERS)
    assert [level.shape for level in one] == [(256, 24 * 128), (256, 24 * 128), (256, 24 * 100)]  # 64, 32 and 16 px
    expected = np.mean([np.mean([wasserstein_distance(a, b) for a, b in zip(*pair, strict=True)])
                        for pair in zip(one, other, strict=True)])
    assert patch_distance(one, other) == pytest.approx(expected, rel=1e-4)


def test_the_unit_is_the_spread_of_the_real_pictures() -> None:
    """Noise of spread 30, moved by 15 grey values: the mean alone differs, and only on the coarsest level."""
    noise = np.clip(np.random.default_rng(0).normal(100, 30, (16, 16, 16, 3)), 0, 200).astype(np.uint8)
    space = PatchSpace(noise)  # of one level
    moved = patch_distance(space.described(noise), space.described(noise + 15))
    direction = np.abs(np.random.default_rng(1).normal(size=(10**5, 147)) @ np.full(147, 1 / np.sqrt(147))).mean()
    assert moved == pytest.approx(15 / noise.std() * direction, rel=0.15)  # sum of a unit vector's components, E = 0.8


def test_odd_sizes_and_empty_pictures_are_measured() -> None:
    odd = np.stack([zoom(picture, (45 / 64, 51 / 64, 1), order=1) for picture in REAL])
    assert distance(odd[:12], odd[12:]) > 0
    black = np.zeros((8, 32, 32, 3), np.uint8)
    assert distance(black, black) == 0 and np.isfinite(distance(black, black + 40))


@pytest.mark.parametrize("wrong", [
    REAL.astype(float), REAL[..., 0], REAL[:0], REAL[:, :12], np.concatenate([REAL, REAL[..., :1]], axis=3)])
def test_other_arrays_are_refused(wrong: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="uint8 of the shape"):
        PatchSpace(wrong)
    with pytest.raises(ValueError, match="uint8 of the shape"):
        PatchSpace(REAL).described(wrong)


def test_sets_of_different_sizes_are_refused() -> None:
    space = PatchSpace(REAL)
    with pytest.raises(ValueError, match="as many pictures"):
        patch_distance(space.described(REAL), space.described(REAL[:12]))
    with pytest.raises(ValueError, match="of the reference"):
        space.described(REAL[:, :32, :32].copy())
