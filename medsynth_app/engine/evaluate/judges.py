"""Judges: networks that know real pictures only, from the train part alone, cached, always shown with their own score.

Where a judge is wrong about real pictures it is wrong about drawn ones too: read no figure without its score.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from medsynth_app.datasets.items import Item, read_labels, read_pictures
from medsynth_app.engine.evaluate import networks
from medsynth_app.engine.evaluate.kept import key_of
from medsynth_app.engine.evaluate.networks import Augment, Plan
from medsynth_app.engine.evaluate.progress import Progress
from medsynth_app.evaluation.classification import accuracy
from medsynth_app.evaluation.intervals import Spread, bootstrap, wilson
from medsynth_app.studies.domain import Domain, Pictures
from medsynth_app.studies.pictures import mean_dice, resized

SEED = 20240  # of the judges; the packs' encoders and generators start elsewhere
SIZES = {"blood-cells": 96, "colonoscopy": 128, "hippocampus-mri": 64}
LARGEST = 128  # of a domain that is not among these
STEPS = 4000
STAGE = "training the judge"


@dataclass
class Judge:
    """A trained network and how well it does on the real test part.

    Attributes
    ----------
    size
        Edge in pixels of the pictures that it sees.
    score
        Accuracy, or mean Dice over the real test pictures that have a mask.
    trained
        Steps, minutes at most, pictures: in words.
    """

    network: nn.Module
    domain: Domain
    size: int
    score: Spread
    trained: str
    progress: Progress

    @property
    def words(self) -> str:
        kind = "accuracy" if self.domain.classified else "Dice"
        return f"judge ({self.trained}): {kind} on real test pictures {self.score}"

    def names(self, pictures: Pictures) -> npt.NDArray[np.str_]:
        """The classes that it names, shape (n,)."""
        classes = np.array(self.domain.classes)
        return classes[networks.named(self.network, self._seen(pictures), self.progress)]

    def finds(self, pictures: Pictures) -> Pictures:
        """The labels that it finds, shape (n, size, size)."""
        assert isinstance(self.network, networks.UNet)
        return networks.segmented(self.network, self._seen(pictures), self.progress)

    def features(self, pictures: Pictures) -> npt.NDArray[np.float32]:
        """The classifier's last but one layer, or mean and spread of the U-Net's deepest one."""
        def deepest(batch: torch.Tensor) -> torch.Tensor:
            if isinstance(self.network, networks.UNet):
                last = self.network.encode(batch)[-1]
                return torch.cat([last.mean((2, 3)), last.std((2, 3))], 1)
            resnet: Any = self.network.resnet
            pooled: torch.Tensor = resnet(batch).pooler_output
            return pooled.flatten(1)

        found: npt.NDArray[np.float32] = networks.in_batches(deepest, self.network, self._seen(pictures), self.progress)
        return found

    def _seen(self, pictures: Pictures) -> Pictures:
        """By way of the pack's own size, so that real pictures are no sharper than drawn ones."""
        return resized(resized(pictures, self.domain.native_size), self.size)


def judge_size(domain: Domain) -> int:
    """Edge in pixels of the pictures that the judge of a domain sees."""
    return SIZES.get(domain.name, min(domain.native_size, LARGEST))


def judge_of(domain: Domain, minutes: float, cache: Path, progress: Progress) -> Judge:
    """The judge of a domain: from the cache, else trained for `minutes` at most.

    The cache knows it by the hash of this code, of the pixels and masks that it learns from, and of `minutes`; its
    score by that of the test part.
    """
    size = judge_size(domain)
    train = domain.part("train")
    test = domain.part("test") if domain.classified else domain.with_masks("test")
    pictures = resized(read_pictures(train, domain.native_size), size)
    truth = _truth(domain, train, size)
    network = _new(domain)
    folder = cache / "judges" / f"{domain.name}-{_key(pictures, truth, minutes)}"
    if not (folder / "judge.json").exists():
        _train(domain, network, pictures, truth, minutes, folder, progress)
    network.load_state_dict(load_file(folder / "judge.safetensors"))
    about: dict[str, Any] = json.loads((folder / "judge.json").read_text())
    judge = Judge(network.eval(), domain, size, Spread(0, 0, 0, 0), about["trained"], progress)
    shown = read_pictures(test, domain.native_size)
    right = np.array([item.label for item in test]) if domain.classified else read_labels(test, size)
    tested = key_of(shown, right)  # the test part may be another one, though the train part is the same
    if about.get("tested") != tested:
        about |= {"tested": tested, "score": _score(judge, shown, right)}
        (folder / "judge.json").write_text(json.dumps(about))
    judge.score = Spread(*about["score"])
    return judge


def _new(domain: Domain) -> nn.Module:
    if domain.classified:
        return networks.new_classifier(len(domain.classes), SEED)
    return networks.new_segmenter(len(domain.mask_labels) + 1, SEED)


def _truth(domain: Domain, items: list[Item], size: int) -> npt.NDArray[Any]:
    if domain.classified:
        return np.array([domain.classes.index(item.label) for item in items], np.int64)
    domain.with_masks("train")  # says in words when there are none
    return read_labels(items, size)


def _train(domain: Domain, network: nn.Module, pictures: Pictures, truth: npt.NDArray[Any], minutes: float,
           folder: Path, progress: Progress) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    flips = bool(domain.augment)
    half = folder / "half-way.pt"
    if domain.classified:
        plan = Plan(STEPS, minutes, batch=48, seed=SEED)
        steps = networks.fit_classifier(network, pictures, truth, plan, Augment((0.8, 1.1), 20, 0.1, flips), progress,
                                        STAGE, half)
    else:
        assert isinstance(network, networks.UNet)
        # Free zoom, so that it also sees frames without the object; MRI crops keep their place and size.
        augment = Augment((0.4, 1.1), 20, 0.15, True) if flips else Augment((0.85, 1.15), 10, 0.1, False)
        plan = Plan(STEPS, minutes, batch=24, learning_rate=2e-3, seed=SEED)
        steps = networks.fit_segmenter(network, pictures, truth, plan, augment, progress, STAGE, half)
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, folder / "judge.safetensors")
    trained = f"trained for {steps} steps of {plan.batch} on {len(pictures)} real pictures of the train part"
    (folder / "judge.json").write_text(json.dumps({"trained": trained}))
    half.unlink(missing_ok=True)


def _score(judge: Judge, pictures: Pictures, right: npt.NDArray[Any]) -> list[float]:
    if judge.domain.classified:
        score = wilson(round(accuracy(right, judge.names(pictures)) * len(right)), len(right))
    else:
        score = bootstrap(mean_dice(judge.finds(pictures), right), np.random.default_rng(SEED))
    return [score.mean, score.low, score.high, score.n]


def _key(pictures: Pictures, truth: npt.NDArray[Any], minutes: float) -> str:
    found = hashlib.sha256(f"{minutes} {pictures.shape} {truth.dtype}".encode())
    for module in (__file__, networks.__file__):  # another way of training makes another judge
        found.update(Path(str(module)).read_bytes())
    found.update(pictures.tobytes())
    found.update(truth.tobytes())
    return found.hexdigest()[:16]
