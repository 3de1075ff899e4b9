"""The network of a detector: a heat map for each class of cells, and at each of its pixels the box of a cell there.

After CenterNet (Zhou et al. 2019, arXiv 1904.07850); the box is told at all pixels about a cell's middle, as in TTFNet
(Liu et al. 2020, arXiv 1909.00700), which takes far fewer steps to learn.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

STRIDE = 4  # pixels of the field for one of the heat map
DEEPEST = 32  # pixels for one of the coarsest features
UNLIT = 98.0  # percentile of each channel that counts as the light of a field
LEAST_LIGHT = 32.0  # grey levels; a darker picture is not brightened further
MEAN, SPREAD = 0.75, 0.25  # of lit pictures in [0, 1], roughly
RARE = 0.02  # confidence that every pixel of the map begins with
MOST = 4000  # peaks of one class and picture that are looked at

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Peaks:
    """Cells of a picture.

    Attributes
    ----------
    boxes
        Left, top, right, bottom in pixels of the picture, shape (n, 4).
    kinds
        Number of the class of each.
    confidence
        Height of the map there, 0 to 1.
    """

    boxes: Floats
    kinds: npt.NDArray[np.int64]
    confidence: Floats

    def of(self, chosen: npt.NDArray[Any]) -> Peaks:
        return Peaks(self.boxes[chosen], self.kinds[chosen], self.confidence[chosen])

    @staticmethod
    def joined(parts: Sequence[Peaks]) -> Peaks:
        if not parts:
            return Peaks(np.empty((0, 4), np.float32), np.empty(0, np.int64), np.empty(0, np.float32))
        return Peaks(np.concatenate([part.boxes for part in parts]), np.concatenate([part.kinds for part in parts]),
                     np.concatenate([part.confidence for part in parts]))


class CellNetwork(torch.nn.Module):
    """Pictures to heat maps and boxes.

    Parameters
    ----------
    classes
        How many.
    widths
        Channels at a half, a quarter, ... down to a thirty-second of the picture: five numbers.
    """

    def __init__(self, classes: int, widths: Sequence[int]) -> None:
        super().__init__()
        if len(widths) != 5:
            raise ValueError(f"five widths are needed, not {len(widths)}")
        self.classes = classes
        stem, *levels = widths
        self.stem = _block(3, stem, 2)
        self.down = torch.nn.ModuleList(torch.nn.Sequential(_block(before, width, 2), _block(width, width))
                                        for before, width in zip(widths, levels, strict=False))
        self.beside = torch.nn.ModuleList(torch.nn.Conv2d(deep, width, 1, bias=False)
                                          for width, deep in itertools.pairwise(levels))
        self.up = torch.nn.ModuleList(_block(width, width) for width in levels[:-1])
        self.head = _block(levels[0], 2 * levels[0])
        self.heat = torch.nn.Conv2d(2 * levels[0], classes, 1)
        self.box = torch.nn.Conv2d(2 * levels[0], 4, 1)
        torch.nn.init.constant_(self.heat.bias, float(np.log(RARE / (1 - RARE))))  # type: ignore[arg-type]

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (n, classes, h/4, w/4), and (n, 4, h/4, w/4): right and down to the middle in pixels of the map, then
        log of width and height in them; of pictures (n, 3, h, w), whose sides are multiples of `DEEPEST`.
        """
        features = [self.stem(pictures)]
        for level in self.down:
            features.append(level(features[-1]))
        found = features.pop()
        for beside, up in zip(reversed(self.beside), reversed(self.up), strict=True):
            found = up(features.pop() + F.interpolate(beside(found), scale_factor=2.0, mode="nearest"))
        found = self.head(found)
        return self.heat(found), self.box(found)


def _block(before: int, width: int, stride: int = 1) -> torch.nn.Sequential:
    return torch.nn.Sequential(torch.nn.Conv2d(before, width, 3, stride, 1, bias=False), torch.nn.BatchNorm2d(width),
                               torch.nn.ReLU(inplace=True))


def light_of(pixels: Pixels) -> Floats:
    """The light of a field, for each channel: what hardly a pixel is brighter than."""
    step = max(1, max(pixels.shape[:2]) // 512)
    found = np.percentile(pixels[::step, ::step].reshape(-1, 3), UNLIT, axis=0).astype(np.float32)
    return np.maximum(found, LEAST_LIGHT)


def lit(pixels: torch.Tensor, light: torch.Tensor) -> torch.Tensor:
    """Pictures (n, 3, h, w) with values up to 255, as shares of their light (n, 3, 1, 1); in [0, 1]."""
    return (pixels / light).clamp(0, 1)


def normalised(pictures: torch.Tensor) -> torch.Tensor:
    """What the network sees of pictures in [0, 1]."""
    return (pictures - MEAN) / SPREAD


@torch.inference_mode()
def peaks_of(network: CellNetwork, picture: torch.Tensor, least: Sequence[float]) -> Peaks:
    """Cells of one lit picture (3, h, w), whatever its size, before overlapping ones are removed.

    Parameters
    ----------
    least
        Confidence of each class below which nothing is a cell.
    """
    height, width = picture.shape[1:]
    room = (0, -width % DEEPEST, 0, -height % DEEPEST)
    heat, box = network(F.pad(normalised(picture), room)[None])
    return decoded(heat.float().sigmoid()[0], box.float()[0], least, (height, width))


def decoded(heat: torch.Tensor, box: torch.Tensor, least: Sequence[float], size: tuple[int, int]) -> Peaks:
    """Local maxima of a heat map (classes, h, w) with their boxes (4, h, w), clipped to a picture of `size`."""
    top = F.max_pool2d(heat[None], 3, 1, 1)[0]
    parts = []
    for kind, limit in enumerate(least):
        rows, columns = torch.nonzero((heat[kind] == top[kind]) & (heat[kind] >= limit), as_tuple=True)
        order = heat[kind][rows, columns].argsort(descending=True)[:MOST]
        rows, columns = rows[order], columns[order]
        right, down, wide, high = box[:, rows, columns]
        x, y = (columns + 0.5 + right) * STRIDE, (rows + 0.5 + down) * STRIDE
        half_w, half_h = wide.clamp(-4, 6).exp() * STRIDE / 2, high.clamp(-4, 6).exp() * STRIDE / 2
        boxes = torch.stack([(x - half_w).clamp(0, size[1]), (y - half_h).clamp(0, size[0]),
                             (x + half_w).clamp(0, size[1]), (y + half_h).clamp(0, size[0])], dim=1)
        parts.append(Peaks(boxes.cpu().numpy().astype(np.float32), np.full(len(rows), kind, np.int64),
                           heat[kind][rows, columns].cpu().numpy().astype(np.float32)))
    return Peaks.joined(parts)


def apart(peaks: Peaks, least: Sequence[float], same: float, other: float) -> Peaks:
    """Cells that remain when overlapping ones have made each other less likely, the surest first.

    Soft non-maximum suppression (Bodla et al. 2017, arXiv 1704.04503) within a class, by a Gaussian of the overlap
    (IoU) of width `same`; a cell that overlaps a surer one of another class by `other` is that one.

    Parameters
    ----------
    least
        Confidence of each class below which a cell is given up.
    """
    boxes, kinds, confidence = peaks.boxes, peaks.kinds, peaks.confidence.copy()
    limits = np.asarray(least, np.float32)[kinds]
    waiting, kept = np.arange(len(kinds)), []
    while len(waiting):
        best = waiting[np.argmax(confidence[waiting])]
        kept.append(best)
        waiting = waiting[waiting != best]
        share = overlaps(boxes[best], boxes[waiting])
        alike = kinds[waiting] == kinds[best]
        confidence[waiting] *= np.where(alike, np.exp(-share**2 / same), share < other).astype(np.float32)
        waiting = waiting[confidence[waiting] >= limits[waiting]]
    chosen = np.array(kept, np.int64)
    return Peaks(boxes[chosen], kinds[chosen], confidence[chosen])


def overlaps(box: Floats, boxes: Floats) -> Floats:
    """Intersection over union of one box with each of others, shape (n,)."""
    size = np.clip(np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]), 0, None)
    both = size[:, 0] * size[:, 1]
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) + np.prod(box[2:] - box[:2])
    found: Floats = both / np.maximum(areas - both, 1e-6)
    return found
