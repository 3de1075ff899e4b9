from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from medsynth_app.core.errors import Cancelled
from medsynth_app.engine.evaluate import networks
from medsynth_app.engine.evaluate.courses import NetworkCourse
from medsynth_app.engine.evaluate.kept import Kept
from medsynth_app.engine.evaluate.networks import Augment, Plan, varied
from medsynth_app.engine.evaluate.progress import Progress
from medsynth_app.studies.pictures import mean_dice
from medsynth_app.studies.utility import augmented_copies
from tests.engine.evaluate.conftest import silent


def test_a_cancelled_training_goes_on_where_it_was(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures, truth = rng.integers(0, 255, (8, 32, 32, 3), np.uint8), np.arange(8) % 2
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 2

    def fit(progress: Progress) -> int:
        return networks.fit_classifier(networks.new_classifier(2, 0), pictures, truth, Plan(5, 5, batch=4), Augment(),
                                       progress, "", tmp_path / "half.pt")

    with pytest.raises(Cancelled):
        fit(silent(cancelled))
    assert 0 < torch.load(tmp_path / "half.pt", weights_only=True)["state"]["step"] < 5
    assert fit(silent()) == 5


def test_a_segmenter_learns_where_the_disc_is() -> None:
    rng = np.random.default_rng(0)
    rows, columns = np.ogrid[:32, :32]
    middles = rng.integers(8, 24, (24, 2))
    discs = np.stack([(rows - y) ** 2 + (columns - x) ** 2 < 36 for y, x in middles]).astype(np.uint8)
    pictures = (40 + 160 * discs[..., None] + rng.integers(0, 20, (24, 32, 32, 3))).astype(np.uint8)
    network = networks.new_segmenter(2, 0)
    networks.fit_segmenter(network, pictures[:16], discs[:16], Plan(60, 5, batch=8, learning_rate=5e-3), Augment(),
                           silent(), "")
    assert mean_dice(networks.segmented(network, pictures[16:], silent()), discs[16:]).mean() > 0.8


def test_masks_move_with_their_pictures(tmp_path: Path) -> None:
    bars = np.zeros((6, 32, 32), np.uint8)
    bars[:, 5:20, 8:16] = 1
    pictures = np.repeat(bars[..., None] * 255, 3, axis=3)
    course = NetworkCourse(2, False, (pictures, bars), 1.0, 1, 1, Kept(tmp_path), silent())
    moved, marked = augmented_copies(course, (pictures, bars), 10, seed=1)
    assert moved.shape == (10, 32, 32, 3) and marked.shape == (10, 32, 32)
    bright = moved.mean(axis=3) > 127
    assert mean_dice(bright.astype(np.uint8), marked).min() > 0.85
    assert not np.array_equal(moved[0], pictures[0])
    same, _ = varied(torch.zeros(2, 3, 8, 8), None, Augment(), np.random.default_rng(0))
    assert torch.equal(same, torch.zeros(2, 3, 8, 8))
