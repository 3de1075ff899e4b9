"""Model packs in memory: checked, loaded offline, kept for the next request."""

from __future__ import annotations

import functools
import gc
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    ControlNetModel,
    DPMSolverMultistepScheduler,
    StableDiffusionControlNetInpaintPipeline,
    StableDiffusionControlNetPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
)
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.pack import LATENT_CHANNELS, MANIFEST, PackManifest, checked_size
from medsynth_app.core.pack_files import files_in, hash_files, read_json, read_manifest, require_whole
from medsynth_app.engine.device import DevicePolicy, choose_device

PICKLED = {".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle"}
CODE = {".py", ".so", ".dll", ".dylib"}
WEIGHTED = ("unet", "vae", "text_encoder")
CONTROLNET = "controlnet"
FAMILY = {"StableDiffusionPipeline", "StableDiffusionInpaintPipeline", "StableDiffusionImg2ImgPipeline"}
# Multistep solvers replace these: better pictures in as few steps. Distilled models (LCM, TCD, ...) keep their own.
REPLACED = {"PNDMScheduler", "DDIMScheduler", "DDPMScheduler", "LMSDiscreteScheduler", "EulerDiscreteScheduler"}
KEPT = 2  # packs in memory


class _ControlNetInpaintPipeline(StableDiffusionControlNetInpaintPipeline):  # type: ignore[misc]
    """Encodes as `Pack.encode` does: in the autoencoder's own precision, without chance.

    diffusers' own would give a float32 autoencoder pixels in the UNet's precision, and draw from the candidate's seed,
    so that the same seed meant other noise than without a shape to follow.
    """

    def _encode_vae_image(self, image: torch.Tensor, generator: Any) -> torch.Tensor:
        with torch.autocast(image.device.type, enabled=False):
            latents: torch.Tensor = self.vae.encode(image.to(self.vae.dtype)).latent_dist.mode()
            latents = (latents * self.vae.config.scaling_factor).to(image.dtype)
        return latents


@dataclass
class Pack:
    """A loaded pack. Its pipelines share one set of weights.

    Attributes
    ----------
    sparing
        True when it was loaded to spare memory: sliced attention and decoding, weights off the GPU when unused.
    """

    folder: Path
    manifest: PackManifest
    policy: DevicePolicy
    text: Any
    sparing: bool = False

    @functools.cached_property
    def inpaint(self) -> Any:
        return self._sharing(StableDiffusionInpaintPipeline)

    @functools.cached_property
    def image(self) -> Any:
        return self._sharing(StableDiffusionImg2ImgPipeline)

    @functools.cached_property
    def control(self) -> Any:
        """Draws from a mask. Raises `UserError` where the pack cannot."""
        return self._sharing(StableDiffusionControlNetPipeline, controlnet=self._controlnet)

    @functools.cached_property
    def control_inpaint(self) -> Any:
        """Fills a region and follows a mask. Raises `UserError` where the pack cannot."""
        return self._sharing(_ControlNetInpaintPipeline, controlnet=self._controlnet)

    @functools.cached_property
    def _controlnet(self) -> Any:
        """Loaded when it is first asked for."""
        self.require_control()
        return _controlnet(self.folder / CONTROLNET, self.policy, self.sparing)

    def require_control(self) -> None:
        """Raise `UserError` where the pack cannot draw from masks; loads nothing."""
        if not self.manifest.draws_from_masks:
            raise UserError("This pack cannot draw from masks.",
                            "Choose a pack that holds a ControlNet, or generate without a mask.")

    def _sharing(self, kind: Any, **parts: Any) -> Any:
        pipeline = kind(**self.text.components, **parts, requires_safety_checker=False)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    @property
    def factor(self) -> int:
        """Pixels per latent along one edge."""
        return int(self.text.vae_scale_factor)

    @property
    def native_size(self) -> int:
        return self.manifest.native_size or int(self.text.unet.config.sample_size) * self.factor

    @property
    def inpainting_only(self) -> bool:
        """True for a UNet that takes mask and masked image as five more channels."""
        return int(self.text.unet.config.in_channels) == 9

    @torch.inference_mode()
    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) float32 in [0, 1] to latents: the mode of the posterior, so without chance."""
        vae = self.text.vae
        values = pixels.to(self.policy.torch_device).mul(2).sub(1)
        latents: torch.Tensor = vae.encode(values).latent_dist.mode() * vae.config.scaling_factor
        return latents

    @torch.inference_mode()
    def decode(self, latents: torch.Tensor, rough: bool = False) -> torch.Tensor:
        """Latents to (n, 3, h, w) float32 in [0, 1] on the CPU; `rough` is faster, for previews."""
        vae = self.text.vae
        values = latents.to(self.policy.torch_device, torch.float32) / vae.config.scaling_factor
        if rough:
            with self.policy.precision():
                decoded = vae.decode(values, return_dict=False)[0]
        else:
            decoded = vae.decode(values, return_dict=False)[0]
        pixels: torch.Tensor = decoded.float().div(2).add(0.5).clamp(0, 1).cpu()
        return pixels


_loaded: OrderedDict[tuple[str, str, DevicePolicy], Pack] = OrderedDict()
_verified: dict[tuple[Path, int, str], PackManifest] = {}


def load_pack(folder: Path, expected_sha256: str, policy: DevicePolicy, sparing: bool = False) -> Pack:
    """A pack ready to draw: from memory, or read from its folder after its files were checked.

    Parameters
    ----------
    folder
        A pack, or any Stable Diffusion 1.5 / 2.x folder in diffusers' layout.
    expected_sha256
        `PackManifest.sha256` that the request was made for; empty accepts any.
    sparing
        Spare memory instead of time; such a pack is not kept.

    Raises
    ------
    UserError
        When the folder is no pack, holds pickled weights or code, or differs from its manifest or the request.
    """
    manifest = checked_manifest(folder)
    refuse_another(manifest, expected_sha256)
    key = (str(folder), manifest.sha256, policy)
    if not sparing and key in _loaded:
        _loaded.move_to_end(key)
        return _loaded[key]
    pack = Pack(folder, manifest, policy, _pipeline(folder, policy, sparing), sparing)
    if not sparing:
        _loaded[key] = pack
        while len(_loaded) > KEPT:
            _loaded.popitem(last=False)
    return pack


class PackInUse:
    """The pack of one job; gives way to a copy that spares memory when that runs out.

    Creating it loads the pack and emits ``EventKind.STARTED`` with the device.
    """

    def __init__(self, folder: Path, expected_sha256: str, device: str, emit: Callable[[JobEvent], None],
                 job_id: str) -> None:
        self._folder, self._expected = folder, expected_sha256
        self.policy = choose_device(device)
        if not is_loaded(folder):
            emit(JobEvent(job_id, EventKind.PROGRESS, message="Loading the model"))
        self._pack: Pack | None = load_pack(folder, expected_sha256, self.policy)
        emit(JobEvent(job_id, EventKind.STARTED, data={"device": self.policy.words, "dtype": self.policy.dtype}))

    def get(self, sparing: bool = False) -> Pack:
        if self._pack is None or self._pack.sparing != sparing:
            self._pack = None  # both copies at once would need the memory that is missing
            forget_packs()
            gc.collect()
            self._pack = load_pack(self._folder, self._expected, self.policy, sparing)
        return self._pack


def forget_packs() -> None:
    """Free the memory of all packs."""
    _loaded.clear()


def is_loaded(folder: Path) -> bool:
    return any(key[0] == str(folder) for key in _loaded)


def warm_up(folder: str, device: str = "auto") -> dict[str, Any]:
    """Choose the device, load a pack and draw once in two steps, so that the first job finds all ready.

    Returns
    -------
    device (in words), kind, dtype, threads, pack_sha256: plain values.
    """
    policy = choose_device(device)
    pack = load_pack(Path(folder), "", policy)
    if not pack.inpainting_only:
        with torch.inference_mode(), policy.precision():
            latents = pack.text("", num_inference_steps=2, guidance_scale=2.0, height=pack.native_size,
                                width=pack.native_size, output_type="latent").images
        pack.decode(latents)
    return {"device": policy.words, "kind": policy.kind, "dtype": policy.dtype,
            "threads": torch.get_num_threads(), "pack_sha256": pack.manifest.sha256}


def checked_manifest(folder: Path, kind: str = "base") -> PackManifest:
    """The manifest after every file was compared with it, once per process; made from the files where there is none.

    Parameters
    ----------
    kind
        What the pack must be (`PackManifest.kind`): a Stable Diffusion folder, or an encoder with its manifest.

    Raises
    ------
    UserError
        A pack of another kind, pickled weights, code, files that differ from the manifest, or no pack at all.
    """
    stated = next((folder / name for name in (MANIFEST, "model_index.json") if (folder / name).is_file()), folder)
    key = (folder, stated.stat().st_mtime_ns if stated.exists() else 0, kind)
    if key in _verified:
        return _verified[key]
    manifest = read_manifest(folder) if kind != "base" or (folder / MANIFEST).exists() else None
    if manifest is not None and manifest.kind != kind:
        raise UserError(f"The pack {manifest.name} is of the kind {manifest.kind!r}, and {kind!r} is needed here.",
                        "Choose another pack; `medsynth packs list` tells the kinds.")
    if kind == "base":
        _refuse_no_pipeline(folder)
    _refuse_unsafe(folder)
    if kind == "base":
        _refuse_other_pipelines(folder)
    if manifest is not None:
        require_whole(folder, manifest)
    else:
        manifest = _foreign_manifest(folder)
    _verified[key] = manifest
    return manifest


def refuse_another(manifest: PackManifest, expected_sha256: str) -> None:
    """Raise `UserError` where the pack is not the one that a request was made for; an empty hash accepts any."""
    if expected_sha256 and expected_sha256 != manifest.sha256:
        raise UserError("The model pack is not the one that this job was made for.",
                        "Start the job again with the pack that is installed now.",
                        details=f"expected {expected_sha256[:16]}, found {manifest.sha256[:16]}")


def _refuse_no_pipeline(folder: Path) -> None:
    if not (folder / "model_index.json").is_file():
        raise UserError("This folder is no model pack: it has no model_index.json.",
                        "Choose a folder in the layout of diffusers' StableDiffusionPipeline.")


def _refuse_unsafe(folder: Path) -> None:
    files = files_in(folder)
    suffixes = {path.suffix.lower() for path in files}
    if unsafe := suffixes & PICKLED:
        raise UserError(f"The model holds pickled weights ({', '.join(sorted(unsafe))}), which can run hidden code.",
                        "Use a copy of the model that holds .safetensors files only.")
    if suffixes & CODE:
        raise UserError("The model folder holds program code.", "Use a copy of the model without it.")
    for path in files:
        if path.name.endswith(("config.json", "model_index.json")):
            read_json(path)  # what the libraries read without a limit


def _refuse_other_pipelines(folder: Path) -> None:
    index = read_json(folder / "model_index.json")
    kind = index.get("_class_name")
    if not isinstance(kind, str) or kind not in FAMILY:
        raise UserError(f"The model is a {kind!r:.60}, which MedSynth cannot use.",
                        "Use a model of the Stable Diffusion 1.5 or 2.x family.")
    for part in (*WEIGHTED, "tokenizer", "scheduler"):
        names = index.get(part)
        if not isinstance(names, list) or len(names) != 2 or not all(isinstance(name, str) for name in names):
            raise UserError(f"The model does not say what its {part} is.", "Copy the model again.")
    parts = (*WEIGHTED, CONTROLNET) if (folder / CONTROLNET).exists() else WEIGHTED
    for part in parts:
        if not any((folder / part).glob("*.safetensors")):
            raise UserError(f"The model lacks the weights of its {part} (.safetensors).", "Copy the model again.")


def _foreign_manifest(folder: Path) -> PackManifest:
    """For a Stable Diffusion folder without a manifest: what its own files say."""
    unet, vae = read_json(folder / "unet" / "config.json"), read_json(folder / "vae" / "config.json")
    try:
        native = checked_size(unet["sample_size"] * 2 ** (len(vae["block_out_channels"]) - 1))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError("The model does not say at which size it draws.", "Copy the model again.",
                        details=type(error).__name__) from error
    return PackManifest(
        name=folder.name, version="", domain="unknown", title=folder.name, modalities=(), colour="rgb",
        licence="unknown", native_size=native, training_data=(), files=hash_files(folder))


def _pipeline(folder: Path, policy: DevicePolicy, sparing: bool) -> Any:
    with loading(folder):
        pipeline = StableDiffusionPipeline.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, variant=_variant(folder / "unet"),
            safety_checker=None, feature_extractor=None, image_encoder=None, requires_safety_checker=False)
    channels = int(pipeline.vae.config.latent_channels)
    if channels != LATENT_CHANNELS:
        raise UserError(f"The model has latents of {channels} channels.",
                        f"Use a model of the Stable Diffusion 1.5 or 2.x family: theirs have {LATENT_CHANNELS}.")
    for part, precision in ((pipeline.unet, policy.weights), (pipeline.text_encoder, policy.weights),
                            (pipeline.vae, torch.float32)):
        part.to(precision).requires_grad_(False)
    if type(pipeline.scheduler).__name__ in REPLACED:
        pipeline.scheduler = DPMSolverMultistepScheduler.from_config(pipeline.scheduler.config)
    _place(pipeline, policy, sparing)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _place(pipeline: Any, policy: DevicePolicy, sparing: bool) -> None:
    if policy.kind == "cpu":
        pipeline.unet.to(memory_format=torch.channels_last)
        pipeline.vae.to(memory_format=torch.channels_last)
    if policy.autocast is not None:
        # The scheduler keeps the latents in the precision of this output.
        pipeline.unet.register_forward_hook(lambda module, args, output: (output[0].float(), *output[1:]))
    if sparing:
        pipeline.enable_attention_slicing()
        pipeline.vae.enable_slicing()
    if sparing and policy.kind == "cuda":
        pipeline.enable_model_cpu_offload()
    else:
        pipeline.to(policy.torch_device)


def _controlnet(folder: Path, policy: DevicePolicy, sparing: bool) -> Any:
    """Placed as the UNet is; stays on the GPU when memory is spared, for every step needs it beside the UNet."""
    with loading(folder.parent):
        net = ControlNetModel.from_pretrained(folder, local_files_only=True, use_safetensors=True,
                                              variant=_variant(folder))
    net.to(policy.weights).requires_grad_(False).eval()
    if policy.kind == "cpu":
        net.to(memory_format=torch.channels_last)
    if sparing:
        net.set_attention_slice("auto")
    return net.to(policy.torch_device)


def _variant(folder: Path) -> str | None:
    """Which of its files a model is read from: the plain ones where there are any."""
    plain = any(".fp16." not in path.name for path in folder.glob("*.safetensors"))
    return None if plain else "fp16"


@contextmanager
def loading(folder: Path) -> Iterator[None]:
    """Quiet libraries, and one sentence for whatever they raise."""
    for logging in (diffusers_logging, transformers_logging):
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise UserError("The model cannot be loaded.", "Copy the pack again from where it came.",
                        details=f"{type(error).__name__}: {error}"[:500].replace(str(folder), "…")) from error
