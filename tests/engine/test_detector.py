"""The detector's network, and what its maps say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medsynth_app.engine.detector import STRIDE, CellNetwork, Peaks, apart, decoded, light_of, overlaps, peaks_of

WIDTHS = (8, 8, 12, 12, 12)


def test_a_map_has_a_quarter_of_the_pixels_and_begins_near_nothing() -> None:
    network = CellNetwork(3, WIDTHS).eval()
    heat, box = network(torch.rand(2, 3, 64, 96))
    assert heat.shape == (2, 3, 16, 24) and box.shape == (2, 4, 16, 24)
    assert float(heat.sigmoid().mean().detach()) < 0.1
    with pytest.raises(ValueError, match="five"):
        CellNetwork(3, WIDTHS[:4])


@pytest.mark.parametrize("size", [(33, 47), (64, 64), (100, 31)])
def test_a_picture_of_any_size_is_looked_at_and_its_boxes_lie_in_it(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    found = peaks_of(CellNetwork(2, WIDTHS).eval(), torch.rand(3, *size), (0.001, 0.001))
    assert len(found.kinds) > 0
    assert (found.boxes[:, :2] >= 0).all() and (found.boxes[:, 2:] <= (size[1], size[0])).all()


def test_peaks_of_a_map_are_cells_with_their_boxes() -> None:
    heat, box = torch.full((2, 16, 16), 0.01), torch.zeros(4, 16, 16)
    heat[0, 4, 5], heat[0, 4, 6], heat[1, 10, 3], heat[1, 2, 2] = 0.9, 0.5, 0.6, 0.2
    box[:, 4, 5] = torch.tensor([0.25, -0.25, np.log(6.0), np.log(4.0)])
    box[2:, 10, 3] = float(np.log(40.0))
    found = decoded(heat, box, (0.3, 0.3), (64, 64))
    assert found.kinds.tolist() == [0, 1] and found.confidence == pytest.approx([0.9, 0.6])
    middle_x, middle_y = 5.75 * STRIDE, 4.25 * STRIDE
    assert found.boxes[0] == pytest.approx([middle_x - 12, middle_y - 8, middle_x + 12, middle_y + 8], abs=1e-4)
    assert found.boxes[1].tolist() == [0, 0, 64, 64]  # clipped to the picture


def test_of_overlapping_cells_the_surest_stays() -> None:
    boxes = np.array([[0, 0, 20, 20], [1, 1, 21, 21], [12, 0, 32, 20], [0, 1, 20, 21]], np.float32)
    peaks = Peaks(boxes, np.array([0, 0, 0, 1]), np.array([0.8, 0.7, 0.6, 0.5], np.float32))
    found = apart(peaks, (0.3, 0.3), 0.5, 0.6)
    assert found.boxes.tolist() == [boxes[0].tolist(), boxes[2].tolist()]  # the same cell; and one of another class
    assert found.confidence[0] == pytest.approx(0.8) and 0.5 < found.confidence[1] < 0.6
    assert len(apart(Peaks.joined([]), (0.3,), 0.5, 0.6).kinds) == 0


def test_overlaps_are_shares_of_what_both_cover() -> None:
    found = overlaps(np.array([0, 0, 10, 10], np.float32), np.array([[0, 5, 10, 15], [20, 20, 30, 30]], np.float32))
    assert found == pytest.approx([1 / 3, 0])


def test_the_light_of_a_field_is_what_its_ground_shows() -> None:
    pixels = np.full((60, 60, 3), (200, 180, 160), np.uint8)
    pixels[10:40, 10:40] = 40
    assert light_of(pixels).tolist() == [200, 180, 160]
    assert light_of(np.zeros((60, 60, 3), np.uint8)).min() > 0
