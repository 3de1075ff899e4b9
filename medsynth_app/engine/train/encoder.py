"""``train encoder``: a small residual network that turns a picture of one cell into a vector.

It learns from the class labels of the training part, by cross-entropy and by the supervised contrastive loss between
two strongly augmented views (Khosla et al. 2020, arXiv 2004.11362), and is written as a pack of the kind "encoder".
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F
from transformers import ResNetConfig, ResNetModel

from medsynth_app.core.errors import UserError
from medsynth_app.core.pack import PackManifest
from medsynth_app.datasets.dataset import Sample, TrainingSet, read_pixels
from medsynth_app.engine.encoder import FACTS, pooled, to_unit
from medsynth_app.engine.train.average import Average
from medsynth_app.engine.train.checkpoint import load_checkpoint, save_checkpoint
from medsynth_app.engine.train.facts import machine_facts, millions, recipe_fact, training_device
from medsynth_app.engine.train.pack import new_manifest, seal
from medsynth_app.engine.train.recipe import EncoderSection, Recipe
from medsynth_app.engine.train.supervision import Supervisor, set_learning_rate
from medsynth_app.engine.train.views import random_views

SHARE = (0.0, 0.97)
MEAN, SPREAD = 0.5, 0.25  # per channel; fixed, because other stains have other ones
READ_LARGER = 1.25  # pictures are kept so much larger than the views, which may zoom in
WARM_UP = 100
PROJECTED = 128


class Learner(torch.nn.Module):
    """The encoder with the two heads that only training needs.

    Parameters
    ----------
    classes
        How many.
    """

    def __init__(self, section: EncoderSection, classes: int) -> None:
        super().__init__()
        self.encoder = new_encoder(section)
        self.classify = torch.nn.Linear(section.widths[-1], classes)
        self.project = torch.nn.Linear(section.widths[-1], PROJECTED)

    def forward(self, views: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Class scores (n, classes) and unit vectors (n, PROJECTED) of views in [0, 1]."""
        features = pooled(self.encoder, views, MEAN, SPREAD)
        return self.classify(features), F.normalize(self.project(features).float(), dim=1)


def new_encoder(section: EncoderSection) -> ResNetModel:
    """An untrained residual network of basic blocks; its features have ``widths[-1]`` dimensions."""
    return ResNetModel(ResNetConfig(
        embedding_size=section.widths[0], hidden_sizes=list(section.widths), depths=list(section.depths),
        layer_type="basic", downsample_in_first_stage=False))


def train_encoder(recipe: Recipe, data: Path, out: Path, supervisor: Supervisor, checkpoints: Path) -> PackManifest:
    """Train an encoder on the classes of a frozen training set and write it as a pack to `out`.

    Parameters
    ----------
    data
        A frozen set of the layout ``labelled-cells`` (see `TrainingSet.load`).
    checkpoints
        Folder of the checkpoint ``encoder.pt``; an interrupted run resumes from it.

    Raises
    ------
    UserError
        When `data` is no frozen training set, or names fewer than two classes.
    Cancelled
        When `supervisor` asked to stop; a checkpoint has been saved.
    """
    device = training_device()
    frozen = TrainingSet.load(data)
    classes = sorted({sample.label for sample in frozen.samples if sample.label})
    if len(classes) < 2:
        raise UserError("The training set names fewer than two classes, and an encoder learns from their differences.",
                        "Give a data folder with labels.csv or one sub-folder per class.")
    supervisor.report("data", 0, 1, f"reading {len(frozen.samples)} training pictures")
    known = tuple(sample for sample in frozen.samples if sample.label)
    pixels = read_pixels(known, round(recipe.encoder.size * READ_LARGER))
    labels = _numbers(known, classes)
    learner, state = _learn(recipe, pixels, labels, len(classes), checkpoints / "encoder.pt", device, supervisor)
    encoder = learner.encoder.eval()
    supervisor.report("pack", 0, 1, "writing the pack")
    held_out = tuple(sample for sample in frozen.validation if sample.label in classes)
    training = {
        "recipe": recipe_fact(recipe),
        "classes": ", ".join(classes),
        "validation_accuracy_5_nearest": _validated(encoder, known, labels, held_out, classes, recipe, device),
        "validation_images": len(held_out),
        "dimensions": recipe.encoder.widths[-1],
        "parameters_million": millions(encoder),
        "steps": state["step"],
        "samples_seen": state["step"] * recipe.encoder.batch,
        "minutes_of_training": round(state["seconds"] / 60, 1),
        **machine_facts(state["curve"], device),
    }
    about = {**frozen.about, "train_images": len({sample.file for sample in known})}
    return _write(recipe, about, training, encoder, out)


def _numbers(samples: tuple[Sample, ...], classes: list[str]) -> npt.NDArray[np.int64]:
    return np.array([classes.index(sample.label) for sample in samples], np.int64)


def _learn(recipe: Recipe, pixels: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], classes: int, path: Path,
           device: torch.device, supervisor: Supervisor) -> tuple[Learner, dict[str, Any]]:
    """The averaged learner, and its state: step, curve, seconds, finished."""
    section = recipe.encoder
    torch.manual_seed(recipe.seed)
    learner = Learner(section, classes).to(device)
    if device.type == "cpu":
        learner.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Average(learner, section.ema)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=section.learning_rate, weight_decay=section.weight_decay)
    state = {"step": 0, "curve": [], "seconds": 0.0, "finished": False,
             **load_checkpoint(path, learner=learner, average=average, optimizer=optimizer)}
    rng = np.random.default_rng(recipe.seed + 1 + state["step"])
    torch.manual_seed(recipe.seed + 1 + state["step"])
    recent: list[float] = []

    def save() -> None:
        save_checkpoint(path, learner=learner, average=average, optimizer=optimizer, state=state)

    learner.train()
    while not state["finished"]:
        done = supervisor.fraction(state["step"], section.steps, SHARE)
        if done >= 1:
            state["finished"] = True
            save()
            break
        supervisor.stop_if_cancelled(save)
        begun = time.monotonic()
        set_learning_rate(optimizer, section.learning_rate * _rate(done, state["step"]))
        chosen = rng.integers(len(pixels), size=section.batch)
        recent.append(_step(learner, optimizer, pixels[chosen], labels[chosen], section, device))
        state["step"] += 1
        average.update(learner, state["step"])
        state["seconds"] += time.monotonic() - begun
        if state["step"] % recipe.curves_every == 0:
            state["curve"].append([state["step"], sum(recent) / len(recent)])
            recent.clear()
            supervisor.report("encoder", state["step"], section.steps, f"loss {state['curve'][-1][1]:.3f}")
        if state["step"] % 200 == 0:
            save()
    learner.load_state_dict(average.state_dict())
    return learner, state


def _rate(done: float, step: int) -> float:
    """Share of the learning rate: a linear rise, then half a cosine."""
    return min(1.0, (step + 1) / WARM_UP) * max(0.01, 0.5 * (1 + math.cos(math.pi * done)))


def _step(learner: Learner, optimizer: torch.optim.Optimizer, pixels: npt.NDArray[np.uint8],
          labels: npt.NDArray[np.int64], section: EncoderSection, device: torch.device) -> float:
    pictures = to_unit(pixels, device)
    twice = torch.cat([pictures, pictures])
    target = torch.from_numpy(labels).to(device).repeat(2)
    with torch.no_grad():
        views = random_views(twice, section.size)
    if device.type == "cpu":
        views = views.contiguous(memory_format=torch.channels_last)
    with torch.autocast(device.type, torch.bfloat16):
        scores, directions = learner(views)
    loss = F.cross_entropy(scores.float(), target, label_smoothing=0.05)
    total = loss + section.contrast * contrastive_loss(directions, target, section.temperature)
    optimizer.zero_grad(set_to_none=True)
    total.backward()
    torch.nn.utils.clip_grad_norm_(learner.parameters(), 5.0)
    optimizer.step()
    return float(loss.detach())


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


@torch.inference_mode()
def embed_all(encoder: ResNetModel, pixels: npt.NDArray[np.uint8], device: torch.device,
              batch: int = 64) -> torch.Tensor:
    """Embeddings, float32 on the CPU, shape (n, d), of pictures of shape (n, size, size, 3), uint8."""
    return torch.cat([pooled(encoder, to_unit(pixels[start:start + batch], device), MEAN, SPREAD).float().cpu()
                      for start in range(0, len(pixels), batch)])


def _validated(encoder: ResNetModel, known: tuple[Sample, ...], labels: npt.NDArray[np.int64],
               held_out: tuple[Sample, ...], classes: list[str], recipe: Recipe, device: torch.device) -> float | None:
    """Accuracy on the validation part of a vote among the 5 nearest training pictures (cosine)."""
    if not held_out:
        return None
    size = recipe.encoder.size
    asked = embed_all(encoder, read_pixels(held_out, size), device)
    stored = embed_all(encoder, read_pixels(known, size), device)
    nearest = (F.normalize(asked) @ F.normalize(stored).T).topk(min(5, len(stored)), dim=1).indices
    votes = F.one_hot(torch.from_numpy(labels)[nearest], len(classes)).sum(dim=1)
    right = votes.argmax(dim=1).numpy() == _numbers(held_out, classes)
    return round(float(right.mean()), 4)


def _write(recipe: Recipe, about: dict[str, Any], training: dict[str, Any], encoder: ResNetModel,
           out: Path) -> PackManifest:
    out.mkdir(parents=True, exist_ok=True)
    encoder.to("cpu", torch.float16).save_pretrained(out)
    facts = {"size": recipe.encoder.size, "mean": [MEAN] * 3, "std": [SPREAD] * 3,
             "crop": float(recipe.data.get("crops", [1.0])[0]), "dimensions": recipe.encoder.widths[-1]}
    (out / FACTS).write_text(json.dumps(facts, indent=1) + "\n")
    manifest = new_manifest(recipe, about, {"encoder": training}, kind="encoder")
    return seal(replace(manifest, native_size=recipe.encoder.size), out)
