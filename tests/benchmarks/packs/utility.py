"""Do drawn pictures help a model that learns from real ones? Always beside as many augmented copies of the real ones.

All trainings of a study do the same number of steps from their own seed, without augmentation on the fly, and are
tested on the held-out real pictures. The pack itself has seen the whole train part: where few real pictures are given,
the drawn ones carry what the pack learned from the others.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from medsynth_app.core.pack_files import read_manifest
from medsynth_app.engine.train.autoencoder import to_tensor
from medsynth_app.evaluation.classification import balanced_accuracy
from medsynth_app.evaluation.intervals import over_seeds
from tests.benchmarks.packs import networks, reporting
from tests.benchmarks.packs.data import (
    Domain,
    Pictures,
    cache_folder,
    chosen,
    load_domain,
    read_masks,
    read_pictures,
    recipe_of,
)
from tests.benchmarks.packs.drawing import Wish, draw, draw_pairs
from tests.benchmarks.packs.judges import SIZES, mean_dice, resized, resized_masks
from tests.benchmarks.packs.networks import Augment, Plan
from tests.benchmarks.packs.quality import prompts_like
from tests.benchmarks.packs.reporting import Findings

LINE = "utility: train on real, real + drawn, real + augmented copies; test on held-out real"
ARMS = ("real", "real + drawn", "real + augmented copies")
COPIES = Augment((0.8, 1.1), 20, 0.15, True)
BATCH, MOST_STEPS, TIMED = 32, 3000, 15
Truth = npt.NDArray[Any]


@dataclass
class Course:
    """Trains and tests networks, all with the same `steps`; where it is 0, as many as `minutes` allow for each."""

    labels: int
    cells: bool
    test: tuple[Pictures, Truth]
    minutes: float
    steps: int = 0

    def score(self, pictures: Pictures, truth: Truth, seed: int, what: str) -> float:
        """Balanced accuracy or mean Dice on the test part, from the cache where this very training was done before."""
        if not self.steps:
            self.steps = self._pace(pictures, truth)
        key = self._key(pictures, truth, seed)
        path = cache_folder() / "utility" / f"{key}.json"
        if not path.exists():
            network = self._train(pictures, truth, Plan(self.steps, networks.ENDLESS, BATCH, 1e-3, seed), what)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(self._tested(network)))
        return float(json.loads(path.read_text()))

    def _pace(self, pictures: Pictures, truth: Truth) -> int:
        """As many steps as `minutes` allow on this machine, kept, so that an interrupted study goes on with them."""
        path = cache_folder() / "utility" / f"pace-{self._key(pictures[:1], truth[:1], 0)}-{self.minutes:g}.json"
        if not path.exists():
            self._train(pictures, truth, Plan(3, networks.ENDLESS), "warm-up")
            begun = time.monotonic()
            self._train(pictures, truth, Plan(TIMED, networks.ENDLESS), "pace")
            steps = int(self.minutes * 60 * TIMED / (time.monotonic() - begun))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(max(1, min(MOST_STEPS, steps))))
        return int(json.loads(path.read_text()))

    def _train(self, pictures: Pictures, truth: Truth, plan: Plan, what: str) -> torch.nn.Module:
        if self.cells:
            classifier = networks.new_classifier(self.labels, plan.seed)
            networks.fit_classifier(classifier, pictures, truth, plan, Augment(), None, what)
            return classifier
        segmenter = networks.new_segmenter(self.labels, plan.seed)
        networks.fit_segmenter(segmenter, pictures, truth, plan, Augment(), None, what)
        return segmenter

    def _tested(self, network: torch.nn.Module) -> float:
        pictures, truth = self.test
        if self.cells:
            return balanced_accuracy(truth, networks.named(network, pictures))
        assert isinstance(network, networks.UNet)
        return float(mean_dice(networks.segmented(network, pictures), truth).mean())

    def _key(self, pictures: Pictures, truth: Truth, seed: int) -> str:
        found = hashlib.sha256(f"{self.labels} {self.steps} {seed}".encode())
        for array in (pictures, truth, *self.test):
            found.update(f"{array.shape}{array.dtype}".encode() + array.tobytes())
        for module in (__file__, networks.__file__):
            found.update(Path(module).read_bytes())
        return found.hexdigest()[:24]


def study(options: argparse.Namespace) -> Findings:
    """All arms over all seeds; `options.steps` becomes what was run, so that the command repeats it."""
    domain = load_domain(recipe_of(read_manifest(options.pack), options.recipe))
    findings = (cells if domain.cells else masks)(domain, options)
    findings.notes.append(f"each training: {options.steps} steps of 32 pictures, no augmentation on the fly; "
                          f"seeds 0 to {options.seeds - 1}; the interval is Student's over the seeds")
    findings.notes.append("the pack learned from the whole train part, not only from the real pictures of an arm")
    return findings


def masks(domain: Domain, options: argparse.Namespace) -> Findings:
    """A segmenter on all real pairs of the train part (or `--real` of them)."""
    size, native = SIZES[domain.name], domain.recipe.pack.native_size
    train = chosen(domain.with_masks("train"), options.real, options.seed)
    test = domain.with_masks("test")
    real = resized(read_pictures(train, native), size), read_masks(train, size)
    count = options.n or len(train)
    if read_manifest(options.pack).draws_masks:
        wishes = [Wish(caption, options.seed + k) for k, (caption, _) in enumerate(prompts_like(train, count))]
        drawn, held = draw_pairs(options.pack, wishes)
        source = "masks drawn by the pack's model of masks"
    else:
        again = [train[k % len(train)] for k in range(count)]
        held = read_masks(again, native)
        drawn = draw(options.pack, [Wish(item.caption, options.seed + k, mask)
                                    for k, (item, mask) in enumerate(zip(again, held, strict=True))])
        source = "masks of the real train part (the pack has no model of masks)"
    synthetic = resized(drawn, size), resized_masks(held, size)
    known = resized(read_pictures(test, native), size), read_masks(test, size)
    course = Course(len(domain.mask_labels) + 1, False, known, options.minutes, options.steps)
    findings = Findings(notes=[f"{len(drawn)} pairs drawn, {source}"])
    _arms(findings, course, lambda seed: real, synthetic, options,
          f"U-Net, {len(train)} real pairs", f"{len(test)} real test pictures, mean Dice")
    return findings


def cells(domain: Domain, options: argparse.Namespace) -> Findings:
    """A classifier with few real cells of each class; another choice of them for every seed."""
    size, native = SIZES[domain.name], domain.recipe.pack.native_size
    test, train, classes = domain.part("test"), domain.part("train"), domain.classes
    asked = prompts_like(train, options.n or 100 * len(classes))  # the very pictures that `quality` measures
    drawn = draw(options.pack, [Wish(caption, options.seed + k) for k, (caption, _) in enumerate(asked)])
    synthetic = resized(drawn, size), np.array([classes.index(label) for _, label in asked])
    course = Course(len(classes), True, (resized(read_pictures(test, native), size),
                                         np.array([classes.index(item.label) for item in test])),
                    options.minutes, options.steps)
    findings = Findings(notes=[f"{len(asked)} cells drawn, {len(asked) / len(classes):g} of each class"])
    for few in options.per_class:
        def real(seed: int, few: int = few) -> tuple[Pictures, Truth]:
            some = [item for name in classes
                    for item in chosen([each for each in train if each.label == name], few, seed)]
            return (resized(read_pictures(some, native), size), np.array([classes.index(item.label) for item in some]))

        _arms(findings, course, real, synthetic, options, f"classifier, {few} real cells of each class",
              f"{len(test)} real test cells, balanced accuracy")
    return findings


def _arms(findings: Findings, course: Course, real_of: Any, synthetic: tuple[Pictures, Truth],
          options: argparse.Namespace, name: str, n: str) -> None:
    scores: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for seed in range(options.seeds):
        real = real_of(seed)
        copies = augmented_copies(real, len(synthetic[0]), seed)
        for arm, more in zip(ARMS, (None, synthetic, copies), strict=True):
            pictures, truth = real if more is None else (np.concatenate(pair) for pair in zip(real, more, strict=True))
            scores[arm].append(course.score(pictures, truth, seed, f"{name}, {arm}, seed {seed}"))
    options.steps = course.steps
    for arm, found in scores.items():
        findings.add(f"{name}: {arm}", lambda found=found: (over_seeds(found), ""),  # type: ignore[misc]
                     n=f"{n}, {options.seeds} seeds")
    gain = np.array(scores[ARMS[1]]) - np.array(scores[ARMS[2]])
    findings.add(f"{name}: gain of drawn pictures over augmented copies", lambda: (over_seeds(gain), "0"),
                 n=f"{options.seeds} seeds, paired")


def augmented_copies(real: tuple[Pictures, Truth], count: int, seed: int) -> tuple[Pictures, Truth]:
    """`count` copies of the real ones, each varied once; masks (n, h, w) alike, classes (n,) as they are."""
    pictures, truth = real
    rng = np.random.default_rng((seed, count))
    rows = np.arange(count) % len(pictures)
    moved, marked = [], []
    for start in range(0, count, 64):
        some = rows[start:start + 64]
        masks = torch.from_numpy(truth[some])[:, None].float() if truth.ndim == 3 else None
        batch, seen = networks.varied(to_tensor(pictures[some], torch.device("cpu")), masks, COPIES, rng)
        moved.append(batch.clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy())
        marked.append(truth[some] if seen is None else seen[:, 0].to(torch.uint8).numpy())
    return np.concatenate(moved), np.concatenate(marked)


def main(arguments: list[str] | None = None) -> int:
    parser = reporting.parser_of("utility", __doc__, "cells: 100 of each class; masks: as many as real pairs")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each arm")
    parser.add_argument("--per-class", type=lambda text: tuple(map(int, text.split(","))), default=(10, 25, 100),
                        metavar="N,N,...", help="real cells of each class (default: 10,25,100)")
    parser.add_argument("--real", type=int, default=0, help="real pairs (default: all)")
    parser.add_argument("--minutes", type=float, default=2.0, help="the longest that one training takes")
    parser.add_argument("--steps", type=int, default=0, help="of every training (default: what --minutes allow)")
    return reporting.run("utility", parser, study, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
