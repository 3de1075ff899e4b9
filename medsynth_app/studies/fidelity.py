"""How real, how varied: whole pictures against the held-out real ones; with them, how new (`privacy`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.datasets.items import Item, read_pictures
from medsynth_app.evaluation.arrays import Floats
from medsynth_app.evaluation.classification import per_class_recall
from medsynth_app.evaluation.frechet import LEAST, frechet_distance
from medsynth_app.evaluation.intervals import Spread, wilson
from medsynth_app.evaluation.kid import kernel_distance
from medsynth_app.evaluation.manifold import precision_recall_density_coverage
from medsynth_app.studies.bench import Bench, Wish
from medsynth_app.studies.domain import Domain
from medsynth_app.studies.findings import Findings
from medsynth_app.studies.halves import halves_by_group
from medsynth_app.studies.pictures import as_files
from medsynth_app.studies.privacy import add_memorisation

SPLITS = 5
Measure = Callable[[Floats, Floats], float]


@dataclass
class Compared:
    """Features of both sets, and a fresh source of chance for each measure.

    Attributes
    ----------
    groups, classes
        Of the real test pictures; no classes where they have none.
    through
        The real ones after a way through the pack's autoencoder, which drawn pictures cannot be better than.
    """

    synthetic: Floats
    real: Floats
    groups: npt.NDArray[np.str_]
    seed: int
    classes: npt.NDArray[np.str_] | None = None
    through: Floats | None = None

    @property
    def size(self) -> int:
        """Pictures a side: as many as are drawn, at most half of the real test part."""
        return min(len(self.synthetic), len(self.real) // 2)

    def against_floor(self, measure: Measure) -> tuple[Spread, Spread]:
        """A measure between drawn and real, and between real and real: mean, least and most over random halves."""
        rng = np.random.default_rng(self.seed)
        drawn, floor = [], []
        size = self.size
        for _ in range(SPLITS):
            one, other = halves_by_group(self.groups, rng, self.classes)
            size = min(size, len(one))
            rows = rng.permutation(len(self.synthetic))[:size]
            drawn.append(measure(self.real[one[:size]], self.synthetic[rows]))
            floor.append(measure(self.real[one[:size]], self.real[other[:size]]))
        drawn_spread, floor_spread = (Spread(float(np.mean(found)), min(found), max(found), size)
                                      for found in (drawn, floor))
        return drawn_spread, floor_spread


    def of_autoencoder(self, measure: Measure) -> tuple[Spread, str]:
        """The measure between half of the real pictures and the other half after the autoencoder; no floor."""
        if self.through is None:
            raise ValueError("the pictures did not go through the autoencoder")
        left = Compared(self.through, self.real, self.groups, self.seed, self.classes)
        rng, found, size = np.random.default_rng(self.seed), [], self.size
        for _ in range(SPLITS):
            one, other = halves_by_group(self.groups, rng, self.classes)
            size = min(size, len(one))
            rng.permutation(len(self.synthetic))  # the same halves as the drawn ones are held against
            found.append(measure(left.real[one[:size]], left.synthetic[other[:size]]))
        return Spread(float(np.mean(found)), min(found), max(found), size), ""


def quality(bench: Bench, request: StudyRequest) -> Findings:
    """All figures of whole pictures of one pack.

    Raises
    ------
    UserError
        Fewer pictures asked for than a Frechet distance needs.
    """
    if 0 < request.n < LEAST:
        raise UserError(f"{request.n} pictures are too few: a Frechet distance needs at least {LEAST}.",
                        f"Ask for {LEAST} or more; 0 takes as many as the test part has, at most 800.")
    domain = bench.domain
    held_out = domain.part("test")
    asked = prompts_like(held_out, request.n or min(800, len(held_out)))
    pictures = bench.draw([Wish(caption, request.seed + k) for k, (caption, _) in enumerate(asked)])
    judge, space = bench.judge(), bench.space()
    outside, notes = bench.outside()
    real = read_pictures(held_out, domain.native_size)
    findings = Findings(notes=[judge.words, f"{len(pictures)} pictures drawn, seeds {request.seed} to "
                                            f"{request.seed + len(pictures) - 1}, captions as in the test part",
                               "distances: all pictures at the pack's size and by way of the same JPEG file; read the "
                               "kernel distance first, for a Frechet distance below 1,000 pictures depends on their "
                               "number", *notes])
    redrawn = bench.redrawn(real)
    for each in (space, *outside):
        drawn, truth, through = (each.of(as_files(side)).astype(np.float64) for side in (pictures, real, redrawn))
        sets = Compared(drawn, truth, np.array([item.group for item in held_out]), request.seed,
                        np.array([item.label for item in held_out]) if domain.classified else None, through)
        add_distances(findings, sets, each.name, with_targets=domain.classified and each is space)
        if each is space:
            add_manifold(findings, sets, with_targets=domain.classified)  # the others are only to be reported
    if domain.classified:
        add_classes(findings, domain, judge.names(pictures), np.array([label for _, label in asked]), judge.score)
    add_memorisation(findings, bench, space, pictures, real, request.seed)
    return findings


def prompts_like(items: Sequence[Item], n: int) -> list[tuple[str, str]]:
    """n (caption, class) in the proportions of `items`: largest remainders, in the order of the names."""
    counts = Counter((item.caption, item.label) for item in items)
    exact = {key: n * count / len(items) for key, count in sorted(counts.items())}
    whole = {key: int(value) for key, value in exact.items()}
    by_remainder = sorted(exact, key=lambda key: whole[key] - exact[key])
    for key in by_remainder[:n - sum(whole.values())]:
        whole[key] += 1
    return [key for key, count in whole.items() for _ in range(count)]


def add_distances(findings: Findings, sets: Compared, space: str, with_targets: bool = True) -> None:
    """Kernel and Frechet distance in a space: drawn, real and real, and the autoencoder alone."""
    def times_floor() -> tuple[str, str]:
        drawn, floor = sets.against_floor(frechet_distance)
        return f"{drawn.mean / floor.mean:.2f} x", f"{floor.mean:.3g}"

    n, rng = f"2 x {sets.size}, {SPLITS} splits", np.random.default_rng(sets.seed)
    measures: tuple[tuple[str, Measure], ...] = (
        ("Kernel distance (KID)", lambda a, b: kernel_distance(a, b, rng).mean), ("Frechet distance", frechet_distance))
    for name, measure in measures:
        findings.add(f"{name} on {space}", lambda measure=measure: sets.against_floor(measure), n=n)  # type: ignore[misc]
        findings.add("the same of real pictures that only went through the autoencoder",
                     lambda measure=measure: sets.of_autoencoder(measure), n=n)  # type: ignore[misc]
    if with_targets:
        findings.add("Frechet distance over the real-vs-real floor", times_floor, target="at most 2.5 x", n=n)


def add_manifold(findings: Findings, sets: Compared, with_targets: bool = True) -> None:
    def measure(name: str) -> Measure:
        return lambda real, drawn: float(getattr(precision_recall_density_coverage(real, drawn), name))

    n = f"2 x {sets.size}, {SPLITS} splits"
    for name, target in (("precision", "at least 0.6"), ("coverage", "at least 0.6"), ("recall", ""), ("density", "")):
        findings.add(name, lambda name=name: sets.against_floor(measure(name)),  # type: ignore[misc]
                     target=target if with_targets else "", n=n)


def add_classes(findings: Findings, domain: Domain, named: npt.NDArray[np.str_], asked: npt.NDArray[np.str_],
                own: Spread) -> None:
    right = wilson(int((named == asked).sum()), len(asked))
    findings.add(f"asked class named by a classifier of real {domain.noun} (floor: its accuracy on real test "
                 f"{domain.noun})", right, own, "at least 0.85", f"{len(asked)} drawn")
    each = per_class_recall(asked, named, domain.classes)
    findings.add("the same for each class", ", ".join(f"{name} {found.mean:.2f}" for name, found in each.items()),
                 n=" ".join(str(found.n) for found in each.values()))
