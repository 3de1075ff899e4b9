"""How real, how varied, how new: whole pictures against the held-out real ones."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.pack_files import read_manifest
from medsynth_app.evaluation.classification import per_class_recall
from medsynth_app.evaluation.frechet import frechet_distance
from medsynth_app.evaluation.intervals import Spread, wilson
from medsynth_app.evaluation.kid import kernel_distance
from medsynth_app.evaluation.manifold import precision_recall_density_coverage
from tests.benchmarks.packs import reporting
from tests.benchmarks.packs.copies import add_memorisation
from tests.benchmarks.packs.data import Domain, Item, load_domain, read_pictures, recipe_of
from tests.benchmarks.packs.drawing import Wish, draw
from tests.benchmarks.packs.features import Floats, halves_by_group, space_of
from tests.benchmarks.packs.judges import judge_of
from tests.benchmarks.packs.reporting import Findings

LINE = "quality: Frechet and kernel distance, precision, coverage, named classes, memorisation"
SPLITS = 5
Measure = Callable[[Floats, Floats], float]


@dataclass
class Compared:
    """Features of both sets, `groups` of the real test pictures, and a fresh source of chance for each measure."""

    synthetic: Floats
    real: Floats
    groups: npt.NDArray[np.str_]
    seed: int

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
            one, other = halves_by_group(self.groups, rng)
            size = min(size, len(one))
            rows = rng.permutation(len(self.synthetic))[:size]
            drawn.append(measure(self.real[one[:size]], self.synthetic[rows]))
            floor.append(measure(self.real[one[:size]], self.real[other[:size]]))
        drawn_spread, floor_spread = (Spread(float(np.mean(found)), min(found), max(found), size)
                                      for found in (drawn, floor))
        return drawn_spread, floor_spread


def study(options: argparse.Namespace) -> Findings:
    """All figures of one pack."""
    domain = load_domain(recipe_of(read_manifest(options.pack), options.recipe))
    held_out, native = domain.part("test"), domain.recipe.pack.native_size
    asked = prompts_like(held_out, options.n or min(800, len(held_out)))
    pictures = draw(options.pack, [Wish(caption, options.seed + k) for k, (caption, _) in enumerate(asked)])
    judge = judge_of(domain, options.judge_minutes)
    space = space_of(domain, judge, options.encoder)
    real = read_pictures(held_out, native)
    sets = Compared(*(space.of(each).astype(np.float64) for each in (pictures, real)),
                    np.array([item.group for item in held_out]), options.seed)
    findings = Findings(notes=[judge.words, f"{len(pictures)} pictures drawn, seeds {options.seed} to "
                                            f"{options.seed + len(pictures) - 1}, captions as in the test part"])
    add_distances(findings, sets, space.name, with_targets=domain.cells)  # the others are only to be reported
    if domain.cells:
        add_classes(findings, domain, judge.names(pictures), np.array([label for _, label in asked]), judge.score)
    add_memorisation(findings, domain, options.pack, space, (pictures, real), options.seed)
    return findings


def prompts_like(items: list[Item], n: int) -> list[tuple[str, str]]:
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


def main(arguments: list[str] | None = None) -> int:
    parser = reporting.parser_of("quality", __doc__)
    parser.add_argument("--encoder", type=Path, help="another encoder pack than resources/packs/cell-encoder")
    return reporting.run("quality", parser, study, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
