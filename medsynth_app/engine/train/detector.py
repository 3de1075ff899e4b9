"""``train detector``: a small network that finds the cells of smear fields, from their boxes.

Where the recipe says that boxes of a class miss cells, a cell without a box is no background: no field is learned from
in which none of the class has a box, and of what the network itself takes for a cell the loss says nothing. So the loss
of the background is put right where the network contradicts it, as in Zhang et al. 2020 (arXiv 2002.05274), who turn
its sign there; here it is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file
from torch.nn import functional as F
from torch.optim.swa_utils import update_bn

from medsynth_app.core.cell import FoundCell
from medsynth_app.core.errors import UserError
from medsynth_app.core.pack import PackManifest
from medsynth_app.datasets.dataset import Sample, TrainingSet, read_whole
from medsynth_app.engine.detector import STRIDE, CellNetwork, Floats, Pixels, light_of, lit, normalised, overlaps
from medsynth_app.engine.eight_bits import packed
from medsynth_app.engine.find_cells import FACTS, WEIGHTS, Detector, resized
from medsynth_app.engine.train.facts import machine_facts, millions, recipe_fact, training_device
from medsynth_app.engine.train.loop import History, Hooks, Learner, Plan, fit
from medsynth_app.engine.train.pack import new_manifest, seal
from medsynth_app.engine.train.recipe import DetectorSection, Recipe
from medsynth_app.engine.train.supervision import Run, Supervisor
from medsynth_app.engine.train.views import blurred, restained, stained

READ_LARGER = 1.4  # fields are kept so much larger than they are seen, which may be zoomed in
SPREAD = 0.54 / 6  # of a peak, as a share of its box's sides, as in TTFNet
NARROWEST = 0.6  # pixels of the map
HIDDEN = 0.4  # share of a cell below which what a crop shows of it is neither cell nor background
TOLD = 0.2  # height of a peak down to which the box is told
WARM_UP = 100
NORMALISED_BY = 40  # batches
FLOOR = 0.1  # confidence from which validation looks at cells
SAME = 0.5  # overlap of boxes that are of one cell
TRUSTED_AFTER = 0.2  # share of the steps after which a network that is sure may contradict the boxes
BESIDE = 0.02  # of a peak: what is nearer to a box's middle than this belongs to that cell

Objects = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Field:
    """A training field: pixels at `READ_LARGER` of what is seen, and its cells.

    Attributes
    ----------
    objects
        Left, top, right, bottom in these pixels, and the number of the class; shape (n, 5).
    scale
        Pixels that are seen for one of these.
    """

    pixels: Pixels
    light: Floats
    objects: Objects
    scale: float


@dataclass(frozen=True, eq=False)
class Targets:
    """What the network should say of a batch, at the stride of its map.

    Attributes
    ----------
    heat
        Peaks, (n, classes, h, w).
    counts
        Where it counts that there is none: 0 where a cell is mostly hidden, and for a class of which nothing is known
        there; (n, classes, h, w).
    box, told
        What `CellNetwork.forward` says of boxes, and the weight with which it is told: (n, 4, h, w), (n, 1, h, w).
    """

    heat: torch.Tensor
    counts: torch.Tensor
    box: torch.Tensor
    told: torch.Tensor


def train_detector(run: Run) -> PackManifest:
    """Train a detector on the boxes of a frozen set of the layout ``smear-fields`` and write it as a pack.

    Raises
    ------
    UserError
        When the data are no frozen training set, or hold no box.
    Cancelled
        When the supervisor asked to stop; a checkpoint has been saved.
    """
    recipe, supervisor, device = run.recipe, run.supervisor, training_device()
    frozen, section = TrainingSet.load(run.data), run.recipe.detector
    classes = tuple(dict.fromkeys(recipe.data["classes"].values()))
    supervisor.report("data", 0, 1, f"reading {len(frozen.samples)} training fields")
    fields = [read_field(sample, classes, section.longer) for sample in frozen.samples]
    cells = sum(len(field.objects) for field in fields)
    if not cells:
        raise UserError("The training fields have no boxes.", "Give fields with the boxes of their cells.")
    usual = usual_sizes(fields, len(classes))
    network, history = _learn(recipe, fields, classes, run.checkpoints / "detector.pt", device, supervisor)
    detector = Detector(network.eval(), device, classes, usual, (FLOOR,) * len(classes), section.longer)
    supervisor.report("pack", 0, 1, f"finding the cells of {len(frozen.validation)} validation fields")
    limits, validated = validate(detector, frozen.validation, section.incomplete)
    training = {
        "recipe": recipe_fact(recipe), "classes": ", ".join(classes), "cells": cells,
        "validation_fields": len(frozen.validation), **validated, "parameters_million": millions(network),
        "steps": history.step, "samples_seen": history.step * section.batch,
        "minutes_of_training": round(history.seconds / 60, 1), **machine_facts(history.curve, device),
    }
    about = {**frozen.about, "train_images": len(frozen.samples)}
    return _write(recipe, about, training, replace(detector, least=limits), run.out)


def read_field(sample: Sample, classes: Sequence[str], longer: int) -> Field:
    """A field as training keeps it."""
    pixels = read_whole(sample)
    factor = min(1.0, READ_LARGER * longer / max(pixels.shape[:2]))
    size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
    boxes = np.array([[*box, classes.index(name)] for name, *box in sample.objects], np.float32).reshape(-1, 5)
    boxes[:, :4] *= factor
    return Field(resized(pixels, size), light_of(pixels), boxes, longer / max(size))


def usual_sizes(fields: Sequence[Field], classes: int) -> Floats:
    """The median of the root of the boxes' area, as they are seen, of each class."""
    sizes: list[list[float]] = [[] for _ in range(classes)]
    for field in fields:
        for left, top, right, bottom, kind in field.objects:
            sizes[int(kind)].append(float(np.sqrt((right - left) * (bottom - top))) * field.scale)
    everything = [size for of_class in sizes for size in of_class]
    return np.array([np.median(of_class or everything) for of_class in sizes], np.float32)


def unknown_of(fields: Sequence[Field], classes: Sequence[str], incomplete: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Of which classes nothing is known in a field: of an incomplete one without any box; (fields, classes)."""
    boxed = np.array([np.isin(np.arange(len(classes)), field.objects[:, 4]) for field in fields])
    found: npt.NDArray[np.bool_] = ~boxed & np.isin(classes, incomplete)
    return found


def _learn(recipe: Recipe, fields: Sequence[Field], classes: Sequence[str], path: Path, device: torch.device,
           supervisor: Supervisor) -> tuple[CellNetwork, History]:
    """The averaged network, and what was done."""
    section = recipe.detector
    torch.manual_seed(recipe.seed)
    network = CellNetwork(len(classes), section.widths).to(device)
    unknown = unknown_of(fields, classes, section.incomplete)
    believed = torch.tensor([section.believed if name in section.incomplete else torch.inf for name in classes],
                            device=device)
    if device.type == "cpu":
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def batch(rng: np.random.Generator) -> tuple[torch.Tensor, list[Objects], npt.NDArray[np.bool_]]:
        chosen = rng.integers(len(fields), size=section.batch)
        crops = [crop_of(fields[k], section, rng) for k in chosen]
        light = torch.from_numpy(np.stack([light for _picture, light, _objects in crops])).view(-1, 3, 1, 1)
        pictures = torch.from_numpy(np.stack([picture for picture, _light, _objects in crops])).permute(0, 3, 1, 2)
        seen = lit(pictures.to(device).float(), light.to(device))
        seen = stained(blurred(restained(seen, section.stain).clamp_(0, 1) if section.stain else seen))
        return (normalised(seen).contiguous(memory_format=torch.channels_last), [objects for *_, objects in crops],
                unknown[chosen])

    def losses(rng: np.random.Generator, step: int) -> Iterator[tuple[torch.Tensor, float]]:
        pictures, objects, silent = batch(rng)
        targets = targets_of(objects, len(classes), section.crop // STRIDE, device, silent)
        limits = believed if step > TRUSTED_AFTER * section.steps else torch.full_like(believed, torch.inf)
        heat, box = network(pictures)
        with torch.autocast(device.type, enabled=False):
            found, placed = heat_loss(heat.float(), targets, limits), box_loss(box.float(), targets)
        loss = found + section.box * placed
        yield loss, float(loss.detach())

    def finish() -> None:
        """Normalisation by what the averaged weights make of the fields, not by what the last ones made."""
        rng = np.random.default_rng(recipe.seed)
        update_bn((batch(rng)[0] for _ in range(NORMALISED_BY)), network)

    plan = Plan("detector", section.steps, recipe.seed, warm_up=WARM_UP, report_every=recipe.curves_every)
    learners = {"network": Learner(network, section.learning_rate, section.ema, clip=5.0,
                                   weight_decay=section.weight_decay)}
    return network, fit(plan, learners, lambda: losses, device, supervisor, path, Hooks(finish=finish))


def crop_of(field: Field, section: DetectorSection, rng: np.random.Generator) -> tuple[Pixels, Floats, Objects]:
    """A random square of a field, turned and zoomed: pixels, their light, and the cells of which it shows anything.

    Returns
    -------
    The objects have a sixth column: the share of each that is seen.
    """
    pixels, objects = _turned(field.pixels, field.objects, int(rng.integers(8)))
    factor = field.scale * np.exp(rng.uniform(-1, 1) * np.log(section.zoom))  # seen pixels for one that is kept
    edge = section.crop / factor
    left, top = (rng.uniform(min(0.0, side - edge), max(0.0, side - edge)) for side in pixels.shape[1::-1])
    shown = [max(0, round(left)), max(0, round(top)), min(pixels.shape[1], round(left + edge)),
             min(pixels.shape[0], round(top + edge))]
    at = [min(max(0, round((value - origin) * factor)), section.crop)
          for value, origin in zip(shown, (left, top, left, top), strict=True)]
    canvas = np.empty((section.crop, section.crop, 3), np.uint8)
    canvas[:] = np.minimum(field.light * 0.75, 255).astype(np.uint8)  # beyond the field there is nothing
    part = pixels[shown[1]:shown[3], shown[0]:shown[2]]
    canvas[at[1]:at[3], at[0]:at[2]] = resized(np.ascontiguousarray(part), (at[2] - at[0], at[3] - at[1]))
    boxes = (objects[:, :4] - np.array([left, top, left, top], np.float32)) * np.float32(factor)
    clipped = np.clip(boxes, 0, section.crop)
    areas, seen = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), np.prod(clipped[:, 2:] - clipped[:, :2], axis=1)
    found = np.concatenate([clipped, objects[:, 4:], (seen / np.maximum(areas, 1e-6))[:, None]], axis=1)
    return canvas, field.light, found[seen > 1].astype(np.float32)


def _turned(pixels: Pixels, objects: Objects, turn: int) -> tuple[Pixels, Objects]:
    """One of the eight ways in which a field can lie."""
    found = objects.copy()
    if turn & 1:
        pixels = pixels[:, ::-1]
        found[:, [0, 2]] = pixels.shape[1] - found[:, [2, 0]]
    if turn & 2:
        pixels = pixels[::-1]
        found[:, [1, 3]] = pixels.shape[0] - found[:, [3, 1]]
    if turn & 4:
        pixels = pixels.transpose(1, 0, 2)
        found[:, :4] = found[:, [1, 0, 3, 2]]
    return np.ascontiguousarray(pixels), found


def targets_of(batch: Sequence[Objects], classes: int, edge: int, device: torch.device,
               unknown: npt.NDArray[np.bool_]) -> Targets:
    """The targets of crops whose map has `edge` pixels a side; objects as `crop_of` gives them.

    Parameters
    ----------
    unknown
        Of which classes the absence of boxes says nothing, for each crop: shape (n, classes).
    """
    n, middle = len(batch), np.arange(edge, dtype=np.float32) + 0.5
    heat, counts = np.zeros((n, classes, edge, edge), np.float32), np.ones((n, classes, edge, edge), np.float32)
    counts[unknown] = 0
    box, told = np.zeros((n, 4, edge, edge), np.float32), np.zeros((n, 1, edge, edge), np.float32)
    for k, objects in enumerate(batch):
        for *sides, kind, seen in objects:
            left, top, right, bottom = (side / STRIDE for side in sides)
            if seen < HIDDEN:
                counts[k, :, int(top):int(np.ceil(bottom)), int(left):int(np.ceil(right))] = 0
                continue
            x, y, wide, high = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
            row, column = (min(int(value), edge - 1) for value in (y, x))
            spread_x, spread_y = (max(NARROWEST, SPREAD * side) for side in (wide, high))
            peak = np.exp(-((middle[None, :] - column - 0.5) / spread_x)**2 / 2
                          - ((middle[:, None] - row - 0.5) / spread_y)**2 / 2)
            np.maximum(heat[k, int(kind)], peak, out=heat[k, int(kind)])
            own = (peak >= TOLD) & (peak > told[k, 0])
            told[k, 0][own] = peak[own]
            rows, columns = np.nonzero(own)
            box[k, 0][own], box[k, 1][own] = x - columns - 0.5, y - rows - 0.5
            box[k, 2][own], box[k, 3][own] = np.log(max(wide, 0.1)), np.log(max(high, 0.1))
    return Targets(*(torch.from_numpy(values).to(device) for values in (heat, counts, box, told)))


def heat_loss(logits: torch.Tensor, targets: Targets, believed: torch.Tensor) -> torch.Tensor:
    """The focal loss of CenterNet, equation 1, in which every class counts alike however rare it is.

    Parameters
    ----------
    believed
        Confidence of each class, (classes,), from which there may be a cell that has no box: there, off all cells that
        have one, it does not count that there is none.
    """
    log_yes, log_no = F.logsigmoid(logits), F.logsigmoid(-logits)
    yes, no = log_yes.exp(), log_no.exp()
    middle, beside = (targets.heat == 1).float(), targets.heat.amax(dim=1, keepdim=True) > BESIDE
    counts = targets.counts * ((yes.detach() < believed.view(-1, 1, 1)) | beside)
    loss = -(middle * no**2 * log_yes + (1 - middle) * counts * (1 - targets.heat)**4 * yes**2 * log_no)
    return (loss.sum(dim=(0, 2, 3)) / middle.sum(dim=(0, 2, 3)).clamp(min=1)).mean()


def box_loss(box: torch.Tensor, targets: Targets) -> torch.Tensor:
    """Mean distance of middles, in shares of the box, and of the logarithms of its sides."""
    scale = torch.cat([targets.box[:, 2:].exp(), torch.ones_like(targets.box[:, 2:])], dim=1).clamp(min=1)
    return ((box - targets.box).abs() / scale * targets.told).sum() / targets.told.sum().clamp(min=1)


def validate(detector: Detector, samples: Sequence[Sample], incomplete: Sequence[str]
             ) -> tuple[tuple[float, ...], dict[str, Any]]:
    """The limit of each class at which most cells of the validation fields are found and fewest else, and how many.

    Fields without any box of an incomplete class say nothing of it.
    """
    hits: list[list[tuple[float, bool]]] = [[] for _ in detector.classes]
    known = [0] * len(detector.classes)
    for sample in samples:
        found = detector.find(read_whole(sample))
        for kind, name in enumerate(detector.classes):
            there = np.array([box for called, *box in sample.objects if called == name], np.float32).reshape(-1, 4)
            if name in incomplete and not len(there):
                continue
            known[kind] += len(there)
            hits[kind] += judged([cell for cell in found if cell.kind == name], there)
    limits, figures = [], {}
    for kind, name in enumerate(detector.classes):
        limit, f1, recall, precision = best_limit(hits[kind], known[kind])
        limits.append(limit)
        if known[kind]:
            figures[f"validation_{name}"] = f"F1 {f1:.3f}, recall {recall:.3f}, precision {precision:.3f} " \
                                            f"from a confidence of {limit:.2f}, {known[kind]} cells"
    return tuple(limits), figures


def judged(found: Sequence[FoundCell], there: Floats) -> list[tuple[float, bool]]:
    """Confidence of each found cell, the surest first, and whether it is one of those that are there: each once."""
    left, told = there, []
    for cell in sorted(found, key=lambda cell: -cell.confidence):
        box = np.array([cell.bounds.left, cell.bounds.top, cell.bounds.right, cell.bounds.bottom], np.float32)
        shares = overlaps(box, left)
        hit = bool(len(shares)) and float(shares.max()) >= SAME
        if hit:
            left = np.delete(left, int(shares.argmax()), axis=0)
        told.append((cell.confidence, hit))
    return told


def best_limit(told: Sequence[tuple[float, bool]], known: int) -> tuple[float, float, float, float]:
    """The confidence from which F1 is best, that F1, recall and precision; 0.3 where nothing tells.

    It lies midway between the least sure cell that is told and the next one.
    """
    order = sorted(told, reverse=True)
    found, right = [(0.3, 0.0, 0.0, 0.0)], 0
    for count, (confidence, hit) in enumerate(order, 1):
        right += hit
        below = order[count][0] if count < len(order) else FLOOR
        found.append((round((confidence + below) / 2, 3), 2 * right / (count + known), right / max(known, 1),
                      right / count))
    return max(found, key=lambda each: each[1])


def _write(recipe: Recipe, about: dict[str, Any], training: dict[str, Any], detector: Detector,
           out: Path) -> PackManifest:
    out.mkdir(parents=True, exist_ok=True)
    save_file(packed({name: value.cpu() for name, value in detector.network.state_dict().items()}), out / WEIGHTS)
    facts = {"classes": list(detector.classes), "widths": list(recipe.detector.widths),
             "usual": [round(float(size), 2) for size in detector.usual], "least": list(detector.least),
             "longer": detector.longer}
    (out / FACTS).write_text(json.dumps(facts, indent=1) + "\n")
    manifest = new_manifest(recipe, about, {"detector": training}, kind="detector")
    return seal(replace(manifest, native_size=detector.longer), out)
