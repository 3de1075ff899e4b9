"""Small networks, trained on real pictures (or, for utility, on what is to be compared) in minutes on a CPU."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F
from transformers import ResNetConfig, ResNetForImageClassification

from medsynth_app.engine.evaluate.progress import Progress
from medsynth_app.engine.train.autoencoder import to_tensor
from medsynth_app.engine.train.loop import Learner, fit, precision
from medsynth_app.engine.train.loop import Plan as LoopPlan
from medsynth_app.engine.train.supervision import Supervisor

Pictures = npt.NDArray[np.uint8]
ENDLESS = 1e6  # minutes


@dataclass(frozen=True)
class Plan:
    """How long and from which seed a network is trained: `steps`, or `minutes` if they end first."""

    steps: int
    minutes: float
    batch: int = 32
    learning_rate: float = 1e-3
    seed: int = 0


@dataclass(frozen=True)
class Augment:
    """How pictures are varied: a zoom factor, turns in degrees, gains of the channels, flips and quarter turns."""

    zoom: tuple[float, float] = (1.0, 1.0)
    turn: float = 0.0
    colour: float = 0.0
    flips: bool = False


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def new_classifier(classes: int, seed: int) -> nn.Module:
    """A ResNet of 3 million parameters."""
    torch.manual_seed(seed)
    config = ResNetConfig(embedding_size=32, hidden_sizes=[40, 80, 160, 240], depths=[2, 2, 2, 2],
                          layer_type="basic", num_labels=classes)
    network: nn.Module = ResNetForImageClassification(config)
    return network.to(device())


class UNet(nn.Module):
    """A U-Net (Ronneberger et al. 2015, arXiv 1505.04597) with batch normalisation and a residual in each block.

    It takes in and gives out blocks of 2 x 2 pixels as channels: a quarter of the time, at nearly the same sharpness.
    """

    def __init__(self, labels: int, widths: tuple[int, ...] = (16, 32, 64, 128, 192)) -> None:
        super().__init__()
        self.down = nn.ModuleList(_Block(a, b) for a, b in itertools.pairwise((12, *widths)))
        self.up = nn.ModuleList(_Block(a + b, a) for a, b in itertools.pairwise(widths))
        self.head = nn.Conv2d(widths[0], 4 * labels, 1)

    def encode(self, x: torch.Tensor) -> list[torch.Tensor]:
        kept = [self.down[0](F.pixel_unshuffle(x, 2))]
        for block in self.down[1:]:
            kept.append(block(F.max_pool2d(kept[-1], 2)))
        return kept

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = self.encode(x)
        x = kept.pop()
        for block in reversed(self.up):
            beside = kept.pop()
            x = block(torch.cat([beside, F.interpolate(x, size=beside.shape[-2:], mode="nearest")], 1))
        drawn: torch.Tensor = F.pixel_shuffle(self.head(x), 2)
        return drawn


class _Block(nn.Module):
    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(inside, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside),
                                   nn.ReLU(inplace=True))
        self.second = nn.Sequential(nn.Conv2d(outside, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        return F.relu(x + self.second(x))


def new_segmenter(labels: int, seed: int) -> UNet:
    """A U-Net of 1.6 million parameters for `labels` labels, background included."""
    torch.manual_seed(seed)
    return UNet(labels).to(device())


def fit_classifier(network: nn.Module, pictures: Pictures, truth: npt.NDArray[np.int64], plan: Plan,
                   augment: Augment, progress: Progress, stage: str, checkpoint: Path | None = None) -> int:
    """Train with cross-entropy; returns the steps done. Classes are drawn as often as they occur."""
    def loss(rng: np.random.Generator) -> torch.Tensor:
        rows = rng.integers(len(pictures), size=plan.batch)
        batch, _ = varied(to_tensor(pictures[rows], device()), None, augment, rng)
        with precision(device()):
            logits = network(batch).logits
        return F.cross_entropy(logits.float(), torch.from_numpy(truth[rows]).to(device()), label_smoothing=0.05)

    return _fit(network, loss, plan, checkpoint, progress, stage)


def fit_segmenter(network: UNet, pictures: Pictures, masks: Pictures, plan: Plan, augment: Augment,
                  progress: Progress, stage: str, checkpoint: Path | None = None) -> int:
    """Train with cross-entropy and soft Dice; returns the steps done."""
    def loss(rng: np.random.Generator) -> torch.Tensor:
        rows = rng.integers(len(pictures), size=plan.batch)
        truth = torch.from_numpy(masks[rows]).to(device())[:, None].float()
        batch, marked = varied(to_tensor(pictures[rows], device()), truth, augment, rng)
        assert marked is not None
        labels = marked[:, 0].long()
        with precision(device()):
            logits = network(batch)
        logits = logits.float()
        share = logits.softmax(1)[:, 1:]
        wanted = F.one_hot(labels, logits.shape[1]).permute(0, 3, 1, 2)[:, 1:].float()
        overlap = (2 * (share * wanted).sum((0, 2, 3)) + 1) / ((share + wanted).sum((0, 2, 3)) + 1)
        whole: torch.Tensor = F.cross_entropy(logits, labels) + 1 - overlap.mean()
        return whole

    return _fit(network, loss, plan, checkpoint, progress, stage)


def varied(batch: torch.Tensor, masks: torch.Tensor | None, how: Augment,
           rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Zoomed, shifted as far as the zoom leaves room, turned, flipped and recoloured pictures, masks alike."""
    n = len(batch)
    if how == Augment():
        return batch, masks
    scale = rng.uniform(*how.zoom, size=n)
    turn = np.deg2rad(rng.uniform(-how.turn, how.turn, size=n) + (90 * rng.integers(4, size=n) if how.flips else 0))
    mirror = rng.choice([-1, 1], size=n) if how.flips else np.ones(n)
    theta = np.zeros((n, 2, 3))
    theta[:, 0, 0], theta[:, 0, 1] = mirror * np.cos(turn) * scale, -np.sin(turn) * scale
    theta[:, 1, 0], theta[:, 1, 1] = mirror * np.sin(turn) * scale, np.cos(turn) * scale
    theta[:, :, 2] = rng.uniform(-1, 1, size=(n, 2)) * np.abs(1 - scale)[:, None]
    grid = F.affine_grid(torch.from_numpy(theta).float().to(batch.device), list(batch.shape), align_corners=False)
    moved = F.grid_sample(batch, grid, padding_mode="reflection", align_corners=False)
    if how.colour:
        gain = rng.uniform(1 - how.colour, 1 + how.colour, size=(n, 3, 1, 1))
        moved = (moved + 1) * torch.from_numpy(gain).float().to(batch.device) - 1
    if masks is not None:
        masks = F.grid_sample(masks, grid, mode="nearest", padding_mode="reflection", align_corners=False)
    return moved, masks


@torch.inference_mode()
def in_batches(work: Callable[[torch.Tensor], torch.Tensor], network: nn.Module, pictures: Pictures,
               progress: Progress, size: int = 64) -> npt.NDArray[Any]:
    """`work` over pictures (n, h, w, 3) as tensors in [-1, 1], joined; the network in evaluation mode."""
    network.eval()
    parts = []
    for start in range(0, len(pictures), size):
        progress.stop_if_cancelled()
        parts.append(work(to_tensor(pictures[start:start + size], device())).cpu())
    found: npt.NDArray[Any] = torch.cat(parts).numpy()
    return found


def named(network: nn.Module, pictures: Pictures, progress: Progress) -> npt.NDArray[np.int64]:
    """The class that a classifier names, shape (n,)."""
    return in_batches(lambda batch: network(batch).logits.argmax(1), network, pictures, progress)


def segmented(network: UNet, pictures: Pictures, progress: Progress) -> Pictures:
    """The labels that a segmenter finds, shape (n, h, w), uint8."""
    return in_batches(lambda batch: network(batch).argmax(1).to(torch.uint8), network, pictures, progress)


def _fit(network: nn.Module, loss_of: Callable[[np.random.Generator], torch.Tensor], plan: Plan,
         checkpoint: Path | None, progress: Progress, stage: str) -> int:
    told = progress.stage(stage, stops=False)  # the supervisor stops, and saves what there is

    def losses(rng: np.random.Generator, step: int) -> Iterator[tuple[torch.Tensor, float]]:
        loss = loss_of(rng)
        yield loss, loss.item()

    supervisor = supervised(progress, plan.minutes,
                            lambda name, step, steps, message: told(round(100 * supervisor.fraction(name, step, steps)),
                                                                    100))
    history = fit(LoopPlan(stage, plan.steps, plan.seed, report_every=10),
                  {"network": Learner(network, plan.learning_rate, clip=2.0)}, lambda: losses, device(), supervisor,
                  checkpoint)
    network.eval()
    return history.step


def supervised(progress: Progress, minutes: float, report: Callable[[str, int, int, str], None]) -> Supervisor:
    """A supervisor of a training of `minutes` at most, in which the time that the job gives way does not count."""
    def stopped() -> bool:
        before = progress.idle
        stop = progress.stopped()
        supervisor.started += progress.idle - before
        return stop

    supervisor = Supervisor(report=report, cancelled=stopped, max_seconds=minutes * 60)
    return supervisor
