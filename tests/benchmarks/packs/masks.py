"""The model of masks, trained here on few and on all: have they the sizes and forms of real ones, are they new?"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.pack import PackManifest
from medsynth_app.core.pack_files import read_manifest
from medsynth_app.datasets.dataset import TrainingSet
from medsynth_app.engine.device import choose_device
from medsynth_app.engine.diffusion import mask_maps
from medsynth_app.engine.train import denoiser
from medsynth_app.engine.train import mask_model as training
from medsynth_app.engine.train.card import weights_key
from medsynth_app.engine.train.mask_model import chosen_masks, train_masks
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Run, Supervisor
from medsynth_app.evaluation.intervals import Spread
from medsynth_app.evaluation.shapes import ShapeDescriptors, distribution_distance, nearest_mask, shape_descriptors
from tests.benchmarks.packs import reporting
from tests.benchmarks.packs.data import (
    Domain,
    Pictures,
    cache_folder,
    chosen,
    load_domain,
    orientations,
    read_masks,
    recipe_of,
)
from tests.benchmarks.packs.drawing import kept
from tests.benchmarks.packs.features import halves_by_group
from tests.benchmarks.packs.pictures import coloured, sheet
from tests.benchmarks.packs.progress import Progress
from tests.benchmarks.packs.reporting import Findings

LINE = "masks: a model of masks trained on 25, 100 and all masks; sizes, counts, forms; nearest training mask"
DESCRIPTORS = ("area", "count", "eccentricity")
SPLITS = 20


@dataclass
class Drawn:
    """Masks of one model, and the training masks that it saw, turned and mirrored as in training."""

    name: str
    masks: Pictures
    seen: Pictures


def study(options: argparse.Namespace) -> Findings:
    """Train (or go on), draw as many as there are held-out masks, compare."""
    recipe = recipe_of(read_manifest(options.pack), options.recipe)
    domain = load_domain(recipe)
    items = [item for item in domain.with_masks("test") if item.mask_class]
    items = chosen(items, options.n or 800, options.seed)
    real = read_masks(items, recipe.masks.size)
    groups = np.array([item.group for item in items])
    counts = Counter(item.mask_class for item in items)
    findings = Findings(notes=[f"{len(items)} held-out masks at {recipe.masks.size} px; as many drawn by each model, "
                               f"of the same classes, seeds from {options.seed}"])
    shipped = read_manifest(options.pack)
    models = [_model(domain, options, limit, counts, findings) for limit in options.limits
              if limit or not shipped.draws_masks]
    if shipped.draws_masks:  # the pack's own has learned from all masks
        models.append(Drawn("all, as shipped", *_sampled(options.pack, counts, options.seed, recipe, domain, 0)))
        findings.notes.append(_told(shipped))
    for label, name in enumerate(domain.mask_labels, 1):
        _add_shapes(findings, models, (real, groups), (label, name), options.seed)
    _add_nearest(findings, models, real, domain)
    return findings


def _model(domain: Domain, options: argparse.Namespace, limit: int, counts: Counter[str],
           findings: Findings) -> Drawn:
    recipe = replace(domain.recipe, masks=replace(domain.recipe.masks, limit=limit))
    folder = cache_folder() / "masks" / f"{domain.name}-{_key(recipe, domain, options.minutes)}"
    if not (folder / "pack" / "pack.json").exists():
        progress = Progress(f"training on {limit or 'all'} masks", recipe.masks.steps)
        supervisor = Supervisor(report=lambda stage, step, steps, message: progress(step, message),
                                max_seconds=options.minutes * 60)
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        train_masks(Run(recipe, domain.frozen, folder / "pack", folder / "checkpoints", supervisor, options.pack))
    findings.notes.append(_told(read_manifest(folder / "pack")))
    return Drawn(str(limit or "all"), *_sampled(folder / "pack", counts, options.seed, recipe, domain, limit))


def _told(pack: PackManifest) -> str:
    about = pack.training["masks"]
    return (f"model of {about['masks']} masks: {about['steps']} steps, {about['samples_seen']} samples, "
            f"{about['minutes_of_last_run']} minutes on {about['device']}")


def _sampled(pack: Path, counts: Counter[str], seed: int, recipe: Recipe, domain: Domain,
             limit: int) -> tuple[Pictures, Pictures]:
    from medsynth_app.engine.diffusion.mask_model import MaskModel, enlarge

    model = MaskModel.load(pack, choose_device("auto").torch_device)
    weights = weights_key(read_manifest(pack), ("masks/",))
    progress, drawn, done = Progress("drawing masks", sum(counts.values())), [], 0
    for name, count in sorted(counts.items()):  # a class that a small training set lacks is drawn without its name
        known = name if name in model.classes else None

        def work(count: int = count, first: int = seed + done, known: str | None = known) -> dict[str, Pictures]:
            return {"masks": model.sample(count, first, class_name=known)}

        found = kept("masks-drawn", weights, f"{seed + done}-{count}-{known}", work)["masks"]
        drawn.append(enlarge(found, recipe.masks.size))  # a shipped pack may be of another size
        done += count
        progress(done)
    limited = replace(recipe, masks=replace(recipe.masks, limit=limit))
    seen = chosen_masks(limited, TrainingSet.load(domain.frozen))[0]
    return np.concatenate(drawn), np.concatenate(orientations(seen, recipe.augment))


def _add_shapes(findings: Findings, models: list[Drawn], held_out: tuple[Pictures, npt.NDArray[np.str_]],
                label: tuple[int, str], seed: int) -> None:
    real, groups = held_out
    truth = shape_descriptors(real, label[0])
    described = {model.name: shape_descriptors(model.masks, label[0]) for model in models}
    for which in DESCRIPTORS:
        measured, floor = {}, ""
        for name, shapes in described.items():
            try:
                drawn, least = against_floor(truth, shapes, which, groups, seed)
                measured[name], floor = f"{drawn.mean:.2f}", str(least)
            except ValueError as error:
                measured[name] = f"not measured: {error}"
        findings.add(f"{label[1]}: {which}, distance of its distribution from the real one in standard deviations",
                     ", ".join(f"{value} ({name})" for name, value in measured.items()), floor,
                     n=f"2 x {len(real) // 2}, {SPLITS} splits; (masks learned from)")


def against_floor(real: ShapeDescriptors, drawn: ShapeDescriptors, which: str, groups: npt.NDArray[np.str_],
                  seed: int) -> tuple[Spread, Spread]:
    """Distance of drawn from real, and of real from real, over the same halves: mean, least and most."""
    rng = np.random.default_rng(seed)
    truth, made = getattr(real, which), getattr(drawn, which)
    found: list[list[float]] = [[], []]
    size = 0
    for _ in range(SPLITS):
        one, other = halves_by_group(groups, rng)
        size = len(one)
        some = rng.permutation(len(made))[:size]
        for place, values in enumerate((made[some], truth[other])):
            found[place].append(distribution_distance(*(part[np.isfinite(part)] for part in (truth[one], values))))
    drawn_spread, floor = (Spread(float(np.mean(values)), min(values), max(values), size) for values in found)
    return drawn_spread, floor


def _add_nearest(findings: Findings, models: list[Drawn], real: Pictures, domain: Domain) -> None:
    medians, floors = [], []
    for model in models:
        indices, overlap = nearest_mask(model.masks, model.seen)
        medians.append(f"{np.median(overlap):.2f}, {np.quantile(overlap, 0.99):.2f} ({model.name})")
        floors.append(f"{np.median(nearest_mask(real, model.seen)[1]):.2f} ({model.name})")
        closest = np.argsort(-overlap, kind="stable")[:20]
        rows = [(coloured(model.masks[k]), coloured(model.seen[indices[k]])) for k in closest]
        findings.pictures.append(sheet(rows, [f"overlap {overlap[k]:.2f}" for k in closest],
                                       f"learned from {model.name}: SYNTHETIC mask | nearest training mask, turned "
                                       "alike", domain.name, f"nearest-masks-{model.name.replace(' ', '-')}.png"))
    findings.add("overlap (IoU) with the nearest training mask: median, 99 % (floor: median of held-out masks)",
                 "; ".join(medians), "; ".join(floors), n=f"{len(real)} masks; (masks learned from)")


def _key(recipe: Recipe, domain: Domain, minutes: float) -> str:
    found = hashlib.sha256(json.dumps([repr(recipe.masks), repr(recipe.augment), recipe.seed, minutes,
                                       domain.frozen.name]).encode())
    for module in (training, mask_maps, denoiser):
        found.update(Path(str(module.__file__)).read_bytes())
    return found.hexdigest()[:16]


def main(arguments: list[str] | None = None) -> int:
    parser = reporting.parser_of("masks", __doc__, "all held-out masks, at most 800")
    parser.add_argument("--limits", type=lambda text: tuple(map(int, text.split(","))), default=(25, 100, 0),
                        metavar="N,N,...",
                        help="masks to learn from; 0: all, which is the pack's own model where it has one "
                             "(default: 25,100,0)")
    parser.add_argument("--minutes", type=float, default=10.0, help="the longest that one training takes (default: 10)")
    return reporting.run("masks", parser, study, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
