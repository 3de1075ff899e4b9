"""A bench that draws and judges without any model, for protocols that are to be tested alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from medsynth_app.core.pack import PackManifest
from medsynth_app.datasets.items import Item
from medsynth_app.evaluation.intervals import Spread
from medsynth_app.studies.bench import Closeness, Fill, FillBy, Mask, Space, Wish
from medsynth_app.studies.domain import Domain, Pictures

SIZE = 32


def manifest(**changes: Any) -> PackManifest:
    values: dict[str, Any] = {
        "name": "fake", "version": "1", "domain": "test", "title": "Fake", "modalities": ("OT",), "colour": "rgb",
        "licence": "CC0", "native_size": SIZE, "training_data": (), "mask_labels": ("polyp",),
        "files": {"controlnet/config.json": "0"}, **changes}
    return PackManifest(**values)


def frames_with_discs(folder: Path, train: int = 6, test: int = 12) -> Domain:
    """Grey frames with one bright disc each, and its mask; frames are of 96 px, so that plain places are left."""
    rng, items = np.random.default_rng(0), []
    rows, columns = np.ogrid[:96, :96]
    for k in range(train + test):
        y, x = rng.integers(20, 40, 2)
        disc = (rows - y) ** 2 + (columns - x) ** 2 < 12**2
        pixels = np.repeat((100 + 100 * disc)[..., None], 3, 2) + rng.integers(0, 9, (96, 96, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{k}.png")
        Image.fromarray(disc.astype(np.uint8)).save(folder / f"{k}-mask.png")
        items.append(Item(folder / f"{k}.png", (0, 0, 96, 96), "a polyp", "object", "train" if k < train else "test",
                          str(k), folder / f"{k}-mask.png", "object"))
    return Domain("fake", "image-mask-pairs", SIZE, False, ("polyp",), ("hflip",), "a polyp", SIZE, (), folder,
                  tuple(items), tuple(items[:train]))


def make_cells(folder: Path) -> Path:
    """``images`` and ``masks`` of two dark squares on pale ground, in `folder`, which is returned."""
    pixels = np.random.default_rng(0).integers(220, 240, (60, 60, 3), np.uint8)
    pixels[20:40, 20:40] = (90, 20, 120)
    mask = np.zeros((60, 60), np.uint8)
    mask[20:40, 20:40] = 2
    for name, array in (("images", pixels), ("masks", mask)):
        (folder / name).mkdir()
        for cell in ("a", "b"):
            Image.fromarray(array).save(folder / name / f"{cell}.png")
    return folder


class BrightJudge:
    """Finds what is bright."""

    size = SIZE
    score = Spread(0.9, 0.8, 1.0, 12)
    words = "judge (made up)"

    def names(self, pictures: Pictures) -> npt.NDArray[np.str_]:
        raise NotImplementedError

    def finds(self, pictures: Pictures) -> Pictures:
        small = [np.asarray(Image.fromarray(each).resize((SIZE, SIZE))) for each in pictures]
        return (np.stack(small).mean(axis=3) > 150).astype(np.uint8)


class FakeBench:
    """Draws bright where a mask asks for it; fills dark to remove, bright to replace."""

    def __init__(self, domain: Domain, **changes: Any) -> None:
        self.domain, self.manifest = domain, manifest(**changes)
        self.judge_size = SIZE

    def judge(self) -> BrightJudge:
        return BrightJudge()

    def space(self) -> Space:
        return Space("means", lambda pictures: np.stack([pictures.mean((1, 2, 3)), pictures.std((1, 2, 3))], 1))

    def outside(self) -> tuple[list[Space], list[str]]:
        return [replace(self.space(), name="a stranger")], ["another stranger is missing"]

    def closeness(self) -> Closeness | str:
        return lambda true, filled, painted: float(np.abs(true[painted].astype(float) - filled[painted]).mean())

    def telea(self) -> FillBy | None:
        return None

    def draw(self, wishes: Sequence[Wish], steps: int = 0) -> Pictures:
        masks = [np.zeros((SIZE, SIZE), np.uint8) if wish.mask is None else wish.mask for wish in wishes]
        pictures = np.repeat((100 + 100 * (np.stack(masks) > 0))[..., None], 3, 3)
        pictures[:, 0] += np.array([wish.seed % 40 for wish in wishes])[:, None, None]  # no two seeds are alike
        return (pictures + np.arange(3) * (steps == 2)).astype(np.uint8)  # two steps are too few

    def draw_pairs(self, wishes: Sequence[Wish]) -> tuple[Pictures, Pictures]:
        raise NotImplementedError

    def fill(self, fills: Sequence[Fill], steps: int = 0) -> tuple[list[Pictures], list[Mask]]:
        after = []
        for each in fills:
            frame = each.frame.copy()
            frame[each.painted] = 100 if each.mode == "remove" else 200
            after.append(frame)
        return after, [each.painted for each in fills]

    def redrawn(self, pictures: Pictures, disturbed: float = 0.0, seed: int = 0) -> Pictures:
        return pictures

    def mask_drawer(self, limit: int, minutes: float) -> Any:
        raise NotImplementedError

    def course(self, test: tuple[Pictures, npt.NDArray[Any]], minutes: float, steps: int) -> Any:
        raise NotImplementedError
