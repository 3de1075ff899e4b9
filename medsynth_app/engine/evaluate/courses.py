"""Trainings that are to be compared: all of the same length, tested on the same real pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from medsynth_app.engine.evaluate import networks
from medsynth_app.engine.evaluate.kept import Kept, key_of
from medsynth_app.engine.evaluate.networks import Augment, Plan
from medsynth_app.engine.evaluate.progress import Progress
from medsynth_app.engine.train.autoencoder import to_tensor
from medsynth_app.evaluation.classification import balanced_accuracy
from medsynth_app.studies.domain import Pictures
from medsynth_app.studies.pictures import mean_dice

COPIES = Augment((0.8, 1.1), 20, 0.15, True)
BATCH, MOST_STEPS, TIMED = 32, 3000, 15
STAGE = "training to compare"
Truth = npt.NDArray[Any]


class NetworkCourse:
    """Trains and tests networks, all with the same `steps`; where it is 0, as many as `minutes` allow for each.

    Parameters
    ----------
    labels
        Classes, or labels of masks with the background.
    classified
        Whether a classifier is trained; else a segmenter.
    trainings
        How many the study will do, for the progress.
    """

    def __init__(self, labels: int, classified: bool, test: tuple[Pictures, Truth], minutes: float, steps: int,
                 trainings: int, kept: Kept, progress: Progress) -> None:
        self.steps = steps
        self._labels, self._classified, self._test, self._minutes = labels, classified, test, minutes
        self._trainings, self._kept, self._progress = trainings, kept, progress
        self._done = 0

    def score(self, pictures: Pictures, truth: Truth, seed: int, what: str) -> float:
        """Balanced accuracy or mean Dice on the test part, from disk where this very training was done before."""
        if not self.steps:
            self.steps = self._pace(pictures, truth)
        found = self._kept.number("utility", self._key(pictures, truth, seed), lambda: self._tested(
            self._train(pictures, truth, Plan(self.steps, networks.ENDLESS, BATCH, 1e-3, seed), what)))
        self._done += 1
        self._progress.stage(STAGE)(self._done, self._trainings)
        return found

    def varied(self, pictures: Pictures, truth: Truth, rng: np.random.Generator) -> tuple[Pictures, Truth]:
        """Each picture once, zoomed, turned, mirrored and recoloured by chance; masks alike, classes as they are."""
        masks = torch.from_numpy(truth)[:, None].float() if truth.ndim == 3 else None
        batch, seen = networks.varied(to_tensor(pictures, torch.device("cpu")), masks, COPIES, rng)
        moved = batch.clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        return moved, truth if seen is None else seen[:, 0].to(torch.uint8).numpy()

    def _pace(self, pictures: Pictures, truth: Truth) -> int:
        """As many steps as `minutes` allow on this machine, kept, so that an interrupted study goes on with them."""
        def measure() -> float:
            self._train(pictures, truth, Plan(3, networks.ENDLESS), "warm-up")
            begun = self._progress.worked()
            self._train(pictures, truth, Plan(TIMED, networks.ENDLESS), "pace")
            steps = int(self._minutes * 60 * TIMED / (self._progress.worked() - begun))
            return max(1, min(MOST_STEPS, steps))

        key = f"pace-{self._key(pictures[:1], truth[:1], 0)}-{self._minutes:g}"
        return int(self._kept.number("utility", key, measure))

    def _train(self, pictures: Pictures, truth: Truth, plan: Plan, what: str) -> torch.nn.Module:
        if self._classified:
            classifier = networks.new_classifier(self._labels, plan.seed)
            networks.fit_classifier(classifier, pictures, truth, plan, Augment(), self._progress, what)
            return classifier
        segmenter = networks.new_segmenter(self._labels, plan.seed)
        networks.fit_segmenter(segmenter, pictures, truth, plan, Augment(), self._progress, what)
        return segmenter

    def _tested(self, network: torch.nn.Module) -> float:
        pictures, truth = self._test
        if self._classified:
            return balanced_accuracy(truth, networks.named(network, pictures, self._progress))
        assert isinstance(network, networks.UNet)
        return float(mean_dice(networks.segmented(network, pictures, self._progress), truth).mean())

    def _key(self, pictures: Pictures, truth: Truth, seed: int) -> str:
        code = [Path(str(module)).read_bytes() for module in (__file__, networks.__file__)]
        return key_of(self._labels, self.steps, seed, pictures, truth, *self._test, *code)
