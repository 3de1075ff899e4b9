"""Nucleus and cytoplasm told apart on drawn cells: known outlines, two stains, neighbours that touch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from medsynth_app.segmentation.cell_parts import cell_parts

MAY_GRUENWALD = {"background": (252, 232, 205), "red cell": (205, 165, 165), "cytoplasm": (215, 180, 190),
                 "nucleus": (75, 40, 120)}
YELLOWISH = {"background": (255, 250, 140), "red cell": (235, 225, 130), "cytoplasm": (215, 185, 120),
             "nucleus": (110, 25, 60)}
Mask = npt.NDArray[np.bool_]


def disc(size: int, y: float, x: float, radius: float) -> Mask:
    rows, columns = np.indices((size, size)) + 0.5
    found: Mask = np.hypot(rows - y * size, columns - x * size) < radius * size
    return found


def smear(colours: dict[str, tuple[int, int, int]], parts: list[tuple[str, Mask]], size: int) -> npt.NDArray[np.uint8]:
    picture = np.full((size, size, 3), colours["background"], np.float64)
    for name, mask in parts:
        picture[mask] = colours[name]
    picture += np.random.default_rng(0).normal(0, 4, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def dice(a: Mask, b: Mask) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.mark.parametrize("size", [64, 224, 360])
@pytest.mark.parametrize("colours", [MAY_GRUENWALD, YELLOWISH])
def test_a_cell_with_an_eccentric_nucleus_among_red_cells(colours: dict[str, Any], size: int) -> None:
    cell, nucleus = disc(size, 0.5, 0.52, 0.2), disc(size, 0.46, 0.5, 0.11)
    around = [("red cell", disc(size, y, x, 0.12)) for y, x in ((0.1, 0.2), (0.85, 0.15), (0.2, 0.88), (0.9, 0.85))]
    found = cell_parts(smear(colours, [*around, ("cytoplasm", cell), ("nucleus", nucleus)], size))
    assert found.shape == (size, size) and found.dtype == np.uint8
    assert dice(found == 2, nucleus) > 0.9
    assert dice(found > 0, cell) > 0.93


def test_a_touching_red_cell_stays_outside() -> None:
    cell, nucleus = disc(224, 0.5, 0.5, 0.2), disc(224, 0.5, 0.5, 0.12)
    touching = disc(224, 0.5, 0.82, 0.14)
    found = cell_parts(smear(MAY_GRUENWALD, [("red cell", touching), ("cytoplasm", cell), ("nucleus", nucleus)], 224))
    assert dice(found > 0, cell) > 0.93
    assert (found[touching & ~cell] > 0).mean() < 0.1


def test_lobes_belong_to_one_nucleus_and_other_cells_do_not() -> None:
    cell = disc(224, 0.5, 0.5, 0.2)
    lobes = disc(224, 0.42, 0.46, 0.06) | disc(224, 0.58, 0.46, 0.06) | disc(224, 0.5, 0.6, 0.05)
    neighbour = disc(224, 0.12, 0.12, 0.1)
    found = cell_parts(smear(MAY_GRUENWALD, [("nucleus", neighbour), ("cytoplasm", cell), ("nucleus", lobes)], 224))
    assert dice(found == 2, lobes) > 0.85
    assert not found[neighbour].any()


def test_a_platelet_is_found_though_it_is_small() -> None:
    platelet = disc(224, 0.5, 0.5, 0.05)
    around = [("red cell", disc(224, 0.2, 0.5, 0.14)), ("red cell", disc(224, 0.8, 0.3, 0.14))]
    found = cell_parts(smear(MAY_GRUENWALD, [*around, ("nucleus", platelet)], 224))
    assert dice(found > 0, platelet) > 0.75


@pytest.mark.parametrize("parts", [[], [("red cell", disc(128, 0.5, 0.5, 0.2))]])
def test_where_there_is_no_white_cell_the_mask_is_empty(parts: list[tuple[str, Mask]]) -> None:
    assert not cell_parts(smear(MAY_GRUENWALD, parts, 128)).any()


def test_a_flat_picture_is_no_accident() -> None:
    assert not cell_parts(np.zeros((64, 80, 3), np.uint8)).any()
    assert not cell_parts(np.full((64, 80, 3), 255, np.uint8)).any()


def test_grey_or_tiny_pictures_are_refused() -> None:
    for shape in ((64, 64), (8, 64, 3), (64, 64, 4)):
        with pytest.raises(ValueError, match="needed"):
            cell_parts(np.zeros(shape, np.uint8))
