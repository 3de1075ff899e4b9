"""Pictures to vectors: an encoder from its pack, and the job that runs it over many files."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import ResNetConfig, ResNetModel

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.embed import EmbedRequest
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.pack_files import read_json
from medsynth_app.datasets.picture import read_rgb
from medsynth_app.engine.device import DevicePolicy, choose_device
from medsynth_app.engine.diffusion.pipelines import checked_manifest, loading, refuse_another
from medsynth_app.engine.diffusion.watch import Emit
from medsynth_app.engine.eight_bits import unpacked
from medsynth_app.engine.encoder import FACTS, FORMER_WEIGHTS, WEIGHTS, pooled, to_unit
from medsynth_app.engine.job import Job
from medsynth_app.formats.embeddings import Embeddings, write_embeddings

BATCH = 32
BOX_SHARE = 1.6  # a detector's box hugs its cell; the pictures learned from show so much more than the cell
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Encoder:
    """A loaded encoder. It computes in float32 on every device.

    Attributes
    ----------
    size
        Edge in pixels of what the network sees.
    mean, spread
        What is taken from each channel (of values in [0, 1]), and what it is divided by; shape (3, 1, 1).
    crop
        Share of the edge of a whole picture that it was taught on, about the middle.
    dimensions
        Length of an embedding.
    """

    manifest: PackManifest
    policy: DevicePolicy
    model: ResNetModel
    size: int
    mean: torch.Tensor
    spread: torch.Tensor
    crop: float
    dimensions: int

    def embed(self, pixels: npt.NDArray[np.uint8], crop: float = 0.0) -> npt.NDArray[np.float32]:
        """Embeddings of pictures, shape (n, dimensions); a picture's row does not depend on the others.

        Parameters
        ----------
        pixels
            Shape (n, h, w, 3), uint8.
        crop
            Share of the shorter edge that is seen, about the middle; 0: what the encoder was taught on.
        """
        height, width = pixels.shape[1:3]
        seen = square(width, height, None, crop or self.crop)
        rows = [self.embed_fitted(np.stack([fitted(Image.fromarray(picture), self.size, seen)
                                            for picture in pixels[start:start + BATCH]]))
                for start in range(0, len(pixels), BATCH)]
        return np.concatenate([np.empty((0, self.dimensions), np.float32), *rows])

    @torch.inference_mode()
    def embed_fitted(self, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Embeddings of one batch that has the encoder's size already, shape (n, size, size, 3), uint8."""
        unit = to_unit(pictures, self.policy.torch_device)
        return pooled(self.model, unit, self.mean, self.spread).cpu().numpy()


def load_encoder(folder: Path, policy: DevicePolicy, expected_sha256: str = "") -> Encoder:
    """The encoder of a pack, after its files were compared with the manifest.

    Parameters
    ----------
    expected_sha256
        `PackManifest.sha256` that the request was made for; empty accepts any.

    Raises
    ------
    UserError
        When the folder is no pack of the kind "encoder", holds pickled weights or code, or differs from its manifest
        or the request.
    """
    manifest = checked_manifest(folder, "encoder")
    refuse_another(manifest, expected_sha256)
    device = policy.torch_device
    with loading(folder):
        facts = read_json(folder / FACTS)
        shape = read_json(folder / "config.json")
        if (kind := shape["model_type"]) != "resnet":
            raise UserError(f"The encoder is a {kind!r} network, which this version cannot run.",
                            "Choose an encoder that `medsynth train encoder` made.")
        model = ResNetModel(ResNetConfig.from_dict({**shape, "dtype": None}))
        weights = WEIGHTS if (folder / WEIGHTS).exists() else FORMER_WEIGHTS
        model.load_state_dict(unpacked(load_file(folder / weights)))
        model.to(device).eval().requires_grad_(False)
        mean, spread = (torch.tensor(facts[key], device=device).view(3, 1, 1) for key in ("mean", "std"))
        return Encoder(manifest, policy, model, int(facts["size"]), mean, spread, float(facts["crop"]),
                       int(model.config.hidden_sizes[-1]))


def square(width: int, height: int, box: Box | None, share: float) -> Box:
    """The square that is seen of a picture: within it, about the middle of the picture or of a box.

    Parameters
    ----------
    box
        Left, top, right, bottom in pixels; None: the whole picture.
    share
        Its edge in terms of the shorter edge of the picture, or of the longer one of the box.
    """
    left, top, right, bottom = box or (0, 0, width, height)
    reach = max(right - left, bottom - top) if box else min(width, height)
    edge = max(1, min(round(reach * share), width, height))
    x = min(max((left + right - edge) // 2, 0), width - edge)
    y = min(max((top + bottom - edge) // 2, 0), height - edge)
    return x, y, x + edge, y + edge


def fitted(image: Image.Image, size: int, seen: Box) -> npt.NDArray[np.uint8]:
    """What is seen of an image at the encoder's size, resampled as in training; (size, size, 3) uint8."""
    return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.LANCZOS, box=seen))


def run(request: EmbedRequest, job: Job) -> None:
    """Do a job of the kind "embed"."""
    policy = choose_device(request.device)
    job.started(policy.words, policy.dtype)
    run_embed(request, job.emit, job.cancelled, job.id)


def run_embed(request: EmbedRequest, emit: Emit, cancelled: Callable[[], bool], job_id: str) -> None:
    """Embed every picture of a request, write ``request.out``, and emit an ``EventKind.RESULT``.

    Its data: file, pictures and dimensions (how many), encoder (name) and sha256; the vectors stand in the file alone.

    Raises
    ------
    UserError
        An unusable pack or device, a picture that cannot be read, a file that cannot be written.
    Cancelled
        At the end of the batch in which `cancelled` became true.
    """
    encoder = load_encoder(Path(request.model.folder), choose_device(request.device), request.model.sha256)
    total, rows = len(request.pictures), []
    pictures = _pictures(request, encoder)
    while batch := list(itertools.islice(pictures, BATCH)):
        if cancelled():
            raise Cancelled
        rows.append(encoder.embed_fitted(np.stack(batch)))
        emit(JobEvent(job_id, EventKind.PROGRESS, step=min(len(rows) * BATCH, total), steps=total))
    made = Embeddings(request.pictures.ids(), np.concatenate(rows), encoder.manifest.name, encoder.manifest.sha256,
                      request.pictures.labels())
    write_embeddings(Path(request.out), made)
    emit(JobEvent(job_id, EventKind.RESULT, step=total, steps=total,
                  data={"file": request.out, "pictures": total, "dimensions": encoder.dimensions,
                        "encoder": made.encoder, "sha256": made.sha256}))


def _pictures(request: EmbedRequest, encoder: Encoder) -> Iterator[npt.NDArray[np.uint8]]:
    """What the encoder sees, one after the other; a file that follows itself (many cells of one field) is read once."""
    boxes = request.pictures.boxes
    share = request.crop or (BOX_SHARE if boxes is not None else encoder.crop)
    opened = ""
    image = Image.new("RGB", (1, 1))
    for k, file in enumerate(request.pictures.paths()):
        if file != opened:
            image, opened = _read(Path(file)), file
        box = None
        if boxes is not None:
            left, top, right, bottom = (int(value) for value in boxes[k])
            box = left, top, right, bottom
        yield fitted(image, encoder.size, square(*image.size, box, share))


def _read(path: Path) -> Image.Image:
    try:
        return Image.fromarray(read_rgb(path))
    except UserError as error:
        raise UserError(f"The picture {path.name} cannot be read: {error.happened}", error.remedy,
                        details=error.details) from error
