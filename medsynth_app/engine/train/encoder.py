"""``train encoder``: a small residual network that turns a picture of one cell into a vector.

It learns from the class labels of the training part, by cross-entropy and by the supervised contrastive loss between
two strongly augmented views (Khosla et al. 2020, arXiv 2004.11362). Where the recipe says ``supervision = "none"`` it
sees no label: the two views of a picture shall be alike, and the numbers that tell pictures apart many (VICReg, Bardes
et al. 2022, arXiv 2105.04906), which needs no large batch. It is written as a pack of the kind "encoder".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file
from torch.nn import functional as F
from torch.optim.swa_utils import update_bn
from transformers import ResNetConfig, ResNetModel

from medsynth_app.core.errors import UserError
from medsynth_app.core.pack import PackManifest
from medsynth_app.datasets.dataset import Sample, TrainingSet, read_pixels
from medsynth_app.engine.eight_bits import packed
from medsynth_app.engine.encoder import FACTS, WEIGHTS, pooled, to_unit
from medsynth_app.engine.train.facts import NOT_EVALUATED, machine_facts, millions, recipe_fact, training_device
from medsynth_app.engine.train.loop import History, Hooks, Learner, Plan, fit
from medsynth_app.engine.train.pack import new_manifest, seal
from medsynth_app.engine.train.recipe import EncoderSection, Recipe
from medsynth_app.engine.train.supervision import Run, Supervisor
from medsynth_app.engine.train.views import random_views, views_without_labels

MEAN, SPREAD = 0.5, 0.25  # per channel; fixed, because other stains have other ones
READ_LARGER = 1.25  # pictures are kept so much larger than the views, which may zoom in
WARM_UP = 100
NORMALISED_BY = 40  # batches
PROJECTED, EXPANDED = 128, 512  # with and without labels
NO_LABELS = "none: no label was seen; two views of a picture shall be alike (VICReg, Bardes et al. 2022)"
ALIKE, SPREAD_OUT, APART = 25.0, 25.0, 1.0  # weights of the three parts of VICReg, as published


class CellLearner(torch.nn.Module):
    """The encoder with the two heads that only training needs.

    Parameters
    ----------
    classes
        How many; 0: none is known.
    """

    def __init__(self, section: EncoderSection, classes: int) -> None:
        super().__init__()
        self.encoder = new_encoder(section)
        width = section.widths[-1]
        self.classify: torch.nn.Module = torch.nn.Linear(width, classes) if classes else torch.nn.Identity()
        # Without classes the loss itself keeps little of a picture: a deeper head leaves more of it in the features.
        self.project: torch.nn.Module = torch.nn.Linear(width, PROJECTED) if classes else torch.nn.Sequential(
            torch.nn.Linear(width, EXPANDED, bias=False), torch.nn.BatchNorm1d(EXPANDED), torch.nn.ReLU(),
            torch.nn.Linear(EXPANDED, EXPANDED))

    def forward(self, views: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Class scores (n, classes), or features, and what they are projected to, float32, of views in [0, 1]."""
        features = pooled(self.encoder, views, MEAN, SPREAD)
        return self.classify(features), self.project(features).float()


def new_encoder(section: EncoderSection) -> ResNetModel:
    """An untrained residual network of basic blocks; its features have ``widths[-1]`` dimensions."""
    return ResNetModel(ResNetConfig(
        embedding_size=section.widths[0], hidden_sizes=list(section.widths), depths=list(section.depths),
        layer_type="basic", downsample_in_first_stage=False))


def train_encoder(run: Run) -> PackManifest:
    """Train an encoder on a frozen set of pictures of cells, by their classes or without, and write it as a pack.

    Raises
    ------
    UserError
        When the data are no frozen training set, or name fewer than two classes where classes are learned from.
    Cancelled
        When the supervisor asked to stop; a checkpoint has been saved.
    """
    recipe, supervisor, device = run.recipe, run.supervisor, training_device()
    frozen = TrainingSet.load(run.data)
    named = {sample.label for sample in frozen.samples if sample.label}
    if strange := sorted(set(recipe.encoder.leave_out) - named):
        raise UserError(f"The recipe leaves out the class {strange[0]!r}, which the training set does not name.",
                        f"It names {', '.join(sorted(named)) or 'none'}.")
    classes = sorted(named - set(recipe.encoder.leave_out))
    blind = recipe.encoder.supervision == "none"
    if len(classes) < 2 and not blind:
        raise UserError("The training set names fewer than two classes to learn from, and an encoder learns from their "
                        "differences.", "Give a data folder with labels.csv or one sub-folder per class, and leave out "
                        "fewer of them.")
    samples = tuple(sample for sample in frozen.samples if sample.label not in recipe.encoder.leave_out)
    supervisor.report("data", 0, 1, f"reading {len(samples)} training pictures")
    known = tuple(sample for sample in samples if sample.label)
    learned = samples if blind else known
    pixels = read_pixels(learned, round(recipe.encoder.size * READ_LARGER))
    taught = np.empty(0, np.int64) if blind else _numbers(known, classes)
    learner, history = _learn(recipe, pixels, taught, 0 if blind else len(classes), run.checkpoints / "encoder.pt",
                              device, supervisor)
    encoder = learner.encoder.eval()
    supervisor.report("pack", 0, 1, "writing the pack")
    held_out = tuple(sample for sample in frozen.validation if sample.label in classes)
    training = {
        "recipe": recipe_fact(recipe),
        "supervision": NO_LABELS if blind else "labels",
        "classes": classes if not blind else None,
        "left_out": list(recipe.encoder.leave_out) or None,
        **_validated(encoder, known, _numbers(known, classes), held_out, classes, recipe, device),
        "validation_images": len(held_out),
        "dimensions": recipe.encoder.widths[-1],
        "parameters_million": millions(encoder),
        "steps": history.step,
        "samples_seen": history.step * recipe.encoder.batch,
        "minutes_of_training": round(history.seconds / 60, 1),
        **machine_facts(history.curve, device),
    }
    about = {**frozen.about, "train_images": len({sample.file for sample in learned})}
    return _write(recipe, about, training, encoder, run.out)


def _numbers(samples: tuple[Sample, ...], classes: list[str]) -> npt.NDArray[np.int64]:
    return np.array([classes.index(sample.label) for sample in samples], np.int64)


def _learn(recipe: Recipe, pixels: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], classes: int, path: Path,
           device: torch.device, supervisor: Supervisor) -> tuple[CellLearner, History]:
    """The averaged learner, and what was done."""
    section = recipe.encoder
    torch.manual_seed(recipe.seed)
    learner = CellLearner(section, classes).to(device)
    if device.type == "cpu":
        learner.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def views_of(chosen: npt.NDArray[np.int64]) -> torch.Tensor:
        pictures = to_unit(pixels[chosen], device)
        with torch.no_grad():
            views = (random_views if classes else views_without_labels)(pictures, section.size)
        return views.contiguous(memory_format=torch.channels_last) if device.type == "cpu" else views

    def losses(rng: np.random.Generator, step: int) -> Iterator[tuple[torch.Tensor, float]]:
        twice = np.tile(rng.integers(len(pixels), size=section.batch), 2)
        scores, projected = learner(views_of(twice))
        if not classes:
            with torch.autocast(device.type, enabled=False):
                loss = vicreg_loss(projected)
            yield loss, float(loss.detach())
            return
        target = torch.from_numpy(labels[twice]).to(device)
        with torch.autocast(device.type, enabled=False):
            contrast = contrastive_loss(F.normalize(projected, dim=1), target, section.temperature)
        loss = F.cross_entropy(scores.float(), target, label_smoothing=0.05)
        yield loss + section.contrast * contrast, float(loss.detach())

    def finish() -> None:
        """Normalisation by what the averaged weights make of the pictures, not by what the last ones made."""
        rng = np.random.default_rng(recipe.seed)
        update_bn((views_of(rng.integers(len(pixels), size=2 * section.batch)) for _ in range(NORMALISED_BY)), learner)

    plan = Plan("encoder", section.steps, recipe.seed, warm_up=WARM_UP, report_every=recipe.curves_every)
    learners = {"learner": Learner(learner, section.learning_rate, section.ema, clip=5.0,
                                        weight_decay=section.weight_decay)}
    return learner, fit(plan, learners, lambda: losses, device, supervisor, path, Hooks(finish=finish))


def contrastive_loss(directions: torch.Tensor, labels: torch.Tensor, temperature: float) -> torch.Tensor:
    """Supervised contrastive loss, ``L_out`` of Khosla et al. 2020 (arXiv 2004.11362), equation 2.

    Parameters
    ----------
    directions
        Unit vectors, shape (n, d), float32; every one needs another of its class (its second view).
    labels
        Shape (n,).
    """
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    likeness = (directions @ directions.T / temperature).masked_fill(itself, -torch.inf)
    log_share = likeness.log_softmax(dim=1).masked_fill(itself, 0.0)
    same = (labels[:, None] == labels[None, :]) & ~itself
    return -((log_share * same).sum(dim=1) / same.sum(dim=1)).mean()


def vicreg_loss(projected: torch.Tensor) -> torch.Tensor:
    """Variance, invariance, covariance: Bardes et al. 2022 (arXiv 2105.04906), weighed as their code does.

    Parameters
    ----------
    projected
        Shape (2 n, d), float32, n above 1: n pictures, then second views of the same.
    """
    first, second = projected.chunk(2)
    loss = ALIKE * F.mse_loss(first, second)
    for views in (first, second):
        centred = views - views.mean(dim=0)
        covariance = centred.T @ centred / (len(views) - 1)
        variance = covariance.diagonal()
        spread = F.relu(1 - (variance + 1e-4).sqrt()).mean()
        apart = (covariance.square().sum() - variance.square().sum()) / views.shape[1]
        loss = loss + SPREAD_OUT / 2 * spread + APART * apart
    return loss


@torch.inference_mode()
def embed_all(encoder: ResNetModel, pixels: npt.NDArray[np.uint8], device: torch.device,
              batch: int = 64) -> torch.Tensor:
    """Embeddings, float32 on the CPU, shape (n, d), of pictures of shape (n, size, size, 3), uint8."""
    return torch.cat([pooled(encoder, to_unit(pixels[start:start + batch], device), MEAN, SPREAD).float().cpu()
                      for start in range(0, len(pixels), batch)])


def _validated(encoder: ResNetModel, known: tuple[Sample, ...], labels: npt.NDArray[np.int64],
               held_out: tuple[Sample, ...], classes: list[str], recipe: Recipe, device: torch.device
               ) -> dict[str, float | str]:
    """How often the validation part is named rightly by a vote among the 5 nearest training pictures (cosine).

    Beside the share of right answers the mean of the classes' shares, and what saying the commonest class alone would
    reach.
    """
    if not held_out or not known:
        return {"validation_accuracy_5_nearest": NOT_EVALUATED}
    size = recipe.encoder.size
    asked = embed_all(encoder, read_pixels(held_out, size), device)
    stored = embed_all(encoder, read_pixels(known, size), device)
    nearest = (F.normalize(asked) @ F.normalize(stored).T).topk(min(5, len(stored)), dim=1).indices
    votes = F.one_hot(torch.from_numpy(labels)[nearest], len(classes)).sum(dim=1)
    truth = _numbers(held_out, classes)
    right = votes.argmax(dim=1).numpy() == truth
    each = [right[truth == number] for number in np.unique(truth)]
    return {"validation_accuracy_5_nearest": round(float(right.mean()), 4),
            "validation_balanced_accuracy_5_nearest": round(float(np.mean([part.mean() for part in each])), 4),
            "validation_share_of_the_commonest_class": round(max(map(len, each)) / len(truth), 4)}


def _write(recipe: Recipe, about: dict[str, Any], training: dict[str, Any], encoder: ResNetModel,
           out: Path) -> PackManifest:
    out.mkdir(parents=True, exist_ok=True)
    save_file(packed(encoder.to("cpu").state_dict()), out / WEIGHTS)
    encoder.config.save_pretrained(out)
    facts = {"size": recipe.encoder.size, "mean": [MEAN] * 3, "std": [SPREAD] * 3,
             "crop": float(recipe.data.get("crops", [1.0])[0]), "dimensions": recipe.encoder.widths[-1]}
    (out / FACTS).write_text(json.dumps(facts, indent=1) + "\n")
    manifest = new_manifest(recipe, about, {"encoder": training}, kind="encoder")
    return seal(replace(manifest, native_size=recipe.encoder.size), out)
