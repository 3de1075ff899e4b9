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
    """

    synthetic: Floats
    real: Floats
    groups: npt.NDArray[np.str_]
    seed: int
    classes: npt.NDArray[np.str_] | None = None

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
    real = read_pictures(held_out, domain.native_size)
    drawn, truth = (space.of(each).astype(np.float64) for each in (pictures, real))
    sets = Compared(drawn, truth, np.array([item.group for item in held_out]), request.seed,
                    np.array([item.label for item in held_out]) if domain.cells else None)
    findings = Findings(notes=[judge.words, f"{len(pictures)} pictures drawn, seeds {request.seed} to "
                                            f"{request.seed + len(pictures) - 1}, captions as in the test part"])
    add_distances(findings, sets, space.name, with_targets=domain.cells)  # the others are only to be reported
    if domain.cells:
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
    def times_floor() -> tuple[str, str]:
        drawn, floor = sets.against_floor(frechet_distance)
        return f"{drawn.mean / floor.mean:.2f} x", f"{floor.mean:.3g}"

    def manifold(name: str) -> Measure:
        return lambda real, drawn: float(getattr(precision_recall_density_coverage(real, drawn), name))

    n = f"2 x {sets.size}, {SPLITS} splits"
    findings.add(f"Frechet distance on {space}", lambda: sets.against_floor(frechet_distance), n=n)
    findings.add("that distance over the real-vs-real floor", times_floor,
                 target="at most 2.5 x" if with_targets else "", n=n)
    rng = np.random.default_rng(sets.seed)
    findings.add(f"Kernel distance (KID) on {space}",
                 lambda: sets.against_floor(lambda a, b: kernel_distance(a, b, rng).mean), n=n)
    for name, target in (("precision", "at least 0.6"), ("coverage", "at least 0.6"), ("recall", ""), ("density", "")):
        target = target if with_targets else ""
        findings.add(name, lambda name=name: sets.against_floor(manifold(name)),  # type: ignore[misc]
                     target=target, n=n)


def add_classes(findings: Findings, domain: Domain, named: npt.NDArray[np.str_], asked: npt.NDArray[np.str_],
                own: Spread) -> None:
    right = wilson(int((named == asked).sum()), len(asked))
    findings.add("asked class named by a classifier of real cells (floor: its accuracy on real test cells)", right, own,
                 "at least 0.85", f"{len(asked)} drawn")
    each = per_class_recall(asked, named, domain.classes)
    findings.add("the same for each class", ", ".join(f"{name} {found.mean:.2f}" for name, found in each.items()),
                 n=" ".join(str(found.n) for found in each.values()))
