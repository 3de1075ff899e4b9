"""Do drawn pictures help a model that learns from real ones? Always beside as many augmented copies of the real ones.

All trainings of a study do the same number of steps from their own seed, without augmentation on the fly, and are
tested on the held-out real pictures. The pack itself has seen the whole train part: where few real pictures are given,
the drawn ones carry what the pack learned from the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.datasets.items import read_labels, read_pictures
from medsynth_app.evaluation.intervals import over_seeds
from medsynth_app.studies.bench import Bench, Course, Wish
from medsynth_app.studies.domain import Pictures, chosen
from medsynth_app.studies.fidelity import prompts_like
from medsynth_app.studies.findings import Findings
from medsynth_app.studies.pictures import resized, resized_masks

ARMS = ("real", "real + drawn", "real + augmented copies")
Truth = npt.NDArray[Any]
Set = tuple[Pictures, Truth]


def utility(bench: Bench, request: StudyRequest) -> Findings:
    """All arms over all seeds; `Findings.settled` says how many steps were done, so that the command repeats it."""
    findings = (_classes if bench.domain.classified else _masks)(bench, request)
    findings.notes.append(f"each training: {findings.settled['steps']} steps of 32 pictures, no augmentation on the "
                          f"fly; seeds 0 to {request.seeds - 1}; the interval is Student's over the seeds")
    findings.notes.append("the pack learned from the whole train part, not only from the real pictures of an arm")
    return findings


def _masks(bench: Bench, request: StudyRequest) -> Findings:
    """A segmenter on all real pairs of the train part (or `real` of them)."""
    domain = bench.domain
    native, size = domain.native_size, bench.judge_size
    train = chosen(domain.with_masks("train"), request.real, request.seed)
    test = domain.with_masks("test")
    real = resized(read_pictures(train, native), size), read_labels(train, size)
    count = request.n or len(train)
    if bench.manifest.draws_masks:
        wishes = [Wish(caption, request.seed + k) for k, (caption, _) in enumerate(prompts_like(train, count))]
        drawn, held = bench.draw_pairs(wishes)
        source = "masks drawn by the pack's model of masks"
    else:
        again = [train[k % len(train)] for k in range(count)]
        held = read_labels(again, native)
        drawn = bench.draw([Wish(item.caption, request.seed + k, mask)
                            for k, (item, mask) in enumerate(zip(again, held, strict=True))])
        source = "masks of the real train part (the pack has no model of masks)"
    synthetic = resized(drawn, size), resized_masks(held, size)
    known = resized(read_pictures(test, native), size), read_labels(test, size)
    course = bench.course(known, request.minutes, request.steps)
    findings = Findings(notes=[f"{len(drawn)} pairs drawn, {source}"])
    _arms(findings, course, lambda seed: real, synthetic, request,
          f"U-Net, {len(train)} real pairs", f"{len(test)} real test pictures, mean Dice")
    return findings


def _classes(bench: Bench, request: StudyRequest) -> Findings:
    """A classifier with few real pictures of each class; another choice of them for every seed."""
    domain = bench.domain
    native, size = domain.native_size, bench.judge_size
    test, train, classes = domain.part("test"), domain.part("train"), domain.classes
    asked = prompts_like(train, request.n or 100 * len(classes))  # the very pictures that `quality` measures
    drawn = bench.draw([Wish(caption, request.seed + k) for k, (caption, _) in enumerate(asked)])
    synthetic = resized(drawn, size), np.array([classes.index(label) for _, label in asked])
    course = bench.course((resized(read_pictures(test, native), size),
                           np.array([classes.index(item.label) for item in test])), request.minutes, request.steps)
    findings = Findings(notes=[f"{len(asked)} {domain.noun} drawn, {len(asked) / len(classes):g} of each class"])
    for few in request.per_class:
        def real(seed: int, few: int = few) -> Set:
            some = [item for name in classes
                    for item in chosen([each for each in train if each.label == name], few, seed)]
            return (resized(read_pictures(some, native), size), np.array([classes.index(item.label) for item in some]))

        _arms(findings, course, real, synthetic, request, f"classifier, {few} real {domain.noun} of each class",
              f"{len(test)} real test {domain.noun}, balanced accuracy")
    return findings


def _arms(findings: Findings, course: Course, real_of: Callable[[int], Set], synthetic: Set, request: StudyRequest,
          name: str, n: str) -> None:
    scores: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for seed in range(request.seeds):
        real = real_of(seed)
        copies = augmented_copies(course, real, len(synthetic[0]), seed)
        for arm, more in zip(ARMS, (None, synthetic, copies), strict=True):
            pictures, truth = real if more is None else (np.concatenate(pair) for pair in zip(real, more, strict=True))
            scores[arm].append(course.score(pictures, truth, seed, f"{name}, {arm}, seed {seed}"))
    findings.settled["steps"] = course.steps
    for arm, found in scores.items():
        findings.add(f"{name}: {arm}", lambda found=found: (over_seeds(found), ""),  # type: ignore[misc]
                     n=f"{n}, {request.seeds} seeds")
    gain = np.array(scores[ARMS[1]]) - np.array(scores[ARMS[2]])
    findings.add(f"{name}: gain of drawn pictures over augmented copies", lambda: (over_seeds(gain), "0"),
                 n=f"{request.seeds} seeds, paired")


def augmented_copies(course: Course, real: Set, count: int, seed: int) -> Set:
    """`count` copies of the real ones, each varied once; masks (n, h, w) alike, classes (n,) as they are."""
    pictures, truth = real
    rng = np.random.default_rng((seed, count))
    rows = np.arange(count) % len(pictures)
    parts = [course.varied(pictures[rows[start:start + 64]], truth[rows[start:start + 64]], rng)
             for start in range(0, count, 64)]
    return np.concatenate([each for each, _ in parts]), np.concatenate([each for _, each in parts])
