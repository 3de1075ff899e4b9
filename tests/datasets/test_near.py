"""Pictures that are nearly the same are found, others are not."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from medsynth_app.datasets.near import equal_pairs, grouped, look_of, near_pairs

Picture = npt.NDArray[np.uint8]


def scene(seed: int, edge: int = 120) -> Picture:
    """Soft blobs and some texture."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8)).resize((edge, edge), Image.Resampling.BICUBIC)
    fine = Image.fromarray(rng.integers(0, 256, (40, 40, 3), np.uint8)).resize((edge, edge), Image.Resampling.BICUBIC)
    return np.asarray(Image.blend(coarse, fine, 0.3))


def jpeg(pixels: Picture, quality: int) -> Picture:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def smaller(pixels: Picture) -> Picture:
    return np.asarray(Image.fromarray(pixels).resize((57, 60)))


def brighter(pixels: Picture) -> Picture:
    return np.asarray((pixels / 255.0) ** 0.8 * 255, np.uint8)


@pytest.mark.parametrize("changed", [
    lambda p: jpeg(p, 30), smaller, brighter, lambda p: p[:, 1:], lambda p: p[:, ::-1], np.rot90, np.flipud,
    lambda p: smaller(np.rot90(p[:, ::-1]))])
def test_a_picture_that_was_saved_resized_brightened_turned_or_mirrored_is_found_among_others(changed: object) -> None:
    assert callable(changed)
    pictures = [scene(k) for k in range(40)]
    looks = np.stack([look_of(np.ascontiguousarray(picture)) for picture in [*pictures, changed(pictures[7])]])
    assert near_pairs(looks) == [(7, 40)]


def test_pictures_that_share_light_and_shade_alone_are_not_the_same() -> None:
    shade = np.linspace(40, 200, 120)[:, None] + np.zeros(120)
    rng = np.random.default_rng(0)
    looks = np.stack([look_of(np.asarray(shade + rng.normal(0, 5, (120, 120)), np.uint8)) for _ in range(10)])
    assert near_pairs(looks) == []


def test_pictures_without_contrast_are_like_no_other_and_none_at_all_are_no_fault() -> None:
    assert near_pairs(np.zeros((3, 64, 64), np.uint8)) == []
    assert near_pairs(np.empty((0, 64, 64), np.uint8)) == []


def test_pairs_far_apart_in_a_long_list_are_found_and_it_can_be_ended() -> None:
    rng = np.random.default_rng(1)
    looks = rng.integers(0, 256, (2100, 64, 64), np.uint8)
    looks[2050] = looks[3]
    told: list[tuple[int, int]] = []
    assert near_pairs(looks, lambda done, total: told.append((done, total))) == [(3, 2050)]
    assert told == [(1024, 2100), (2048, 2100), (2100, 2100)]

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        near_pairs(looks[:5], stop)


def test_groups_hang_together_over_others() -> None:
    assert grouped(6, [(4, 5), (0, 2), (2, 4)]) == [0, 1, 0, 3, 0, 0]
    assert equal_pairs(["a", "", "b", "a", "", "a"]) == [(0, 3), (0, 5)]
