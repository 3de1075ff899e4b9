"""What is shown of a cell that is labelled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from medsynth_app.actions.cell_crops import CropReader
from medsynth_app.core.cells import Cell, cell_id
from medsynth_app.core.errors import UserError
from medsynth_app.core.files import file_sha256
from tests.actions.bench import png


@pytest.fixture
def field(tmp_path: Path) -> Path:
    return png(tmp_path / "field.png", 60, 80)


def cell_in(path: Path, *box: int) -> Cell:
    sha256 = file_sha256(path)
    return Cell(cell_id(sha256, box or (0, 0, 0, 0)), path.name, str(path), sha256, box or (0, 0, 0, 0))  # type: ignore[arg-type]


def test_a_box_is_shown_with_what_lies_round_it(field: Path) -> None:
    pixels = np.asarray(Image.open(field))
    crop = CropReader().read(cell_in(field, 30, 20, 40, 30), 2.0)
    assert np.array_equal(crop.pixels, pixels[15:35, 25:45]) and crop.box == (5, 5, 15, 15)
    alone = CropReader().read(cell_in(field, 30, 20, 40, 30))
    assert np.array_equal(alone.pixels, pixels[20:30, 30:40]) and alone.box == (0, 0, 10, 10)


def test_the_size_of_a_pixel_is_known_where_the_image_says_it(field: Path) -> None:
    sized = field.with_suffix(".tif")
    tifffile.imwrite(sized, np.asarray(Image.open(field)), photometric="rgb", resolution=(40_000, 40_000),
                     resolutionunit="CENTIMETER")
    for cell in (cell_in(sized), cell_in(sized, 30, 20, 40, 30)):
        assert CropReader().read(cell).pixel_mm == pytest.approx(0.00025)
    assert CropReader().read(cell_in(field)).pixel_mm is None


def test_a_cell_at_the_edge_shows_what_there_is(field: Path) -> None:
    crop = CropReader().read(cell_in(field, 0, 50, 12, 60), 3.0)
    assert crop.pixels.shape[:2] == (23, 24) and crop.box == (0, 13, 12, 23)


def test_a_whole_picture_is_shown_whole(field: Path) -> None:
    crop = CropReader().read(cell_in(field), 2.0)
    assert crop.pixels.shape == (60, 80, 3) and crop.box == (0, 0, 80, 60)


def test_an_image_that_is_gone_or_another_one_now_is_told(field: Path) -> None:
    cell, reader = cell_in(field, 1, 1, 9, 9), CropReader()
    reader.read(cell)
    png(field, 60, 80, seed=5)
    with pytest.raises(UserError, match="another one now"):
        reader.read(cell)
    field.write_bytes(b"no picture")
    with pytest.raises(UserError):
        reader.read(cell)
    field.unlink()
    with pytest.raises(UserError, match="not there any more"):
        reader.read(cell)


def test_a_box_outside_its_image_is_told(field: Path) -> None:
    with pytest.raises(UserError, match="outside its image"):
        CropReader().read(cell_in(field, 90, 70, 99, 79))


def test_images_are_held_as_long_as_there_is_room(field: Path, tmp_path: Path) -> None:
    reader = CropReader(held=60 * 80 * 3)
    first = reader.read(cell_in(field)).pixels
    assert reader.read(cell_in(field)).pixels is first
    reader.read(cell_in(png(tmp_path / "other.png", 60, 80, seed=1)))
    assert reader.read(cell_in(field)).pixels is not first
