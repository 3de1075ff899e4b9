"""Models of masks, trained on few and on all: have their masks the sizes and forms of real ones, are they new?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.datasets.items import read_labels
from medsynth_app.evaluation.intervals import Spread
from medsynth_app.evaluation.shapes import ShapeDescriptors, distribution_distance, nearest_mask, shape_descriptors
from medsynth_app.studies.bench import Bench
from medsynth_app.studies.domain import Pictures, chosen, orientations
from medsynth_app.studies.findings import Findings, coloured, sheet
from medsynth_app.studies.halves import halves_by_group

DESCRIPTORS = ("area", "count", "eccentricity")
SPLITS = 20
SHIPPED = -1  # as a limit: the pack's own model
Kinds = tuple[npt.NDArray[np.str_], npt.NDArray[np.str_]]
"""Group and class of each held-out mask."""


@dataclass
class Drawn:
    """Masks of one model, and the training masks that it saw, turned and mirrored as in training."""

    name: str
    masks: Pictures
    seen: Pictures


def masks(bench: Bench, request: StudyRequest) -> Findings:
    """Train (or go on), draw as many as there are held-out masks, compare."""
    domain, size = bench.domain, bench.domain.mask_size
    items = [item for item in domain.with_masks("test") if item.mask_class]
    items = chosen(items, request.n or 800, request.seed)
    real = read_labels(items, size)
    groups, classes = (np.array(texts) for texts in ([item.group for item in items],
                                                     [item.mask_class for item in items]))
    counts = Counter(item.mask_class for item in items)
    findings = Findings(notes=[f"{len(items)} held-out masks at {size} px; as many drawn by each model, "
                               f"of the same classes, seeds from {request.seed}"])
    ships = bench.manifest.draws_masks  # the pack's own has learned from all masks
    limits = [limit for limit in request.limits if limit or not ships] + ([SHIPPED] if ships else [])
    models = []
    for limit in limits:
        drawer = bench.mask_drawer(limit, request.minutes)
        findings.notes.append(drawer.words)
        models.append(Drawn("all, as shipped" if limit == SHIPPED else str(limit or "all"),
                            drawer.draw(dict(counts), request.seed),
                            np.concatenate(orientations(drawer.seen(), domain.augment))))
    for label, name in enumerate(domain.mask_labels, 1):
        _add_shapes(findings, models, real, (groups, classes), (label, name), request.seed)
    _add_nearest(findings, models, real)
    return findings


def _add_shapes(findings: Findings, models: list[Drawn], real: Pictures, kinds: Kinds, label: tuple[int, str],
                seed: int) -> None:
    truth = shape_descriptors(real, label[0])
    described = {model.name: shape_descriptors(model.masks, label[0]) for model in models}
    for which in DESCRIPTORS:
        measured, floor = {}, ""
        for name, shapes in described.items():
            try:
                drawn, least = against_floor(truth, shapes, which, kinds, seed)
                measured[name], floor = f"{drawn.mean:.2f}", str(least)
            except ValueError as error:
                measured[name] = f"not measured: {error}"
        findings.add(f"{label[1]}: {which}, distance of its distribution from the real one in standard deviations",
                     ", ".join(f"{value} ({name})" for name, value in measured.items()), floor,
                     n=f"2 x {len(real) // 2}, {SPLITS} splits; (masks learned from)")


def against_floor(real: ShapeDescriptors, drawn: ShapeDescriptors, which: str, kinds: Kinds,
                  seed: int) -> tuple[Spread, Spread]:
    """Distance of drawn from real, and of real from real, over the same halves: mean, least and most."""
    rng = np.random.default_rng(seed)
    truth, made = getattr(real, which), getattr(drawn, which)
    found: list[list[float]] = [[], []]
    size = 0
    for _ in range(SPLITS):
        one, other = halves_by_group(kinds[0], rng, kinds[1])
        size = len(one)
        some = rng.permutation(len(made))[:size]
        for place, values in enumerate((made[some], truth[other])):
            found[place].append(distribution_distance(*(part[np.isfinite(part)] for part in (truth[one], values))))
    drawn_spread, floor = (Spread(float(np.mean(values)), min(values), max(values), size) for values in found)
    return drawn_spread, floor


def _add_nearest(findings: Findings, models: list[Drawn], real: Pictures) -> None:
    medians, floors = [], []
    for model in models:
        indices, overlap = nearest_mask(model.masks, model.seen)
        medians.append(f"{np.median(overlap):.2f}, {np.quantile(overlap, 0.99):.2f} ({model.name})")
        floors.append(f"{np.median(nearest_mask(real, model.seen)[1]):.2f} ({model.name})")
        closest = np.argsort(-overlap, kind="stable")[:20]
        rows = [(coloured(model.masks[k]), coloured(model.seen[indices[k]])) for k in closest]
        findings.sheets.append(sheet(rows, [f"overlap {overlap[k]:.2f}" for k in closest],
                                     f"learned from {model.name}: SYNTHETIC mask | nearest training mask, turned alike",
                                     f"nearest-masks-{model.name.replace(', ', '-').replace(' ', '-')}.png"))
    findings.add("overlap (IoU) with the nearest training mask: median, 99 % (floor: median of held-out masks)",
                 "; ".join(medians), "; ".join(floors), n=f"{len(real)} masks; (masks learned from)")
