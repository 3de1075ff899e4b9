"""Inpainting: crop-and-stitch round a diffusers pipeline; only painted pixels change."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from medsynth_app.core import blend, crop
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Pixels, Rescale
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.engine.candidate import Origin, candidate_event
from medsynth_app.engine.device import choose_device
from medsynth_app.engine.diffusion.conditioning import Followed, followed_record
from medsynth_app.engine.diffusion.environment import environment
from medsynth_app.engine.diffusion.memory import draw_in_batches
from medsynth_app.engine.diffusion.overview import Overview
from medsynth_app.engine.diffusion.pipelines import Pack, PackInUse
from medsynth_app.engine.diffusion.prompt import told
from medsynth_app.engine.diffusion.watch import Emit, Watch
from medsynth_app.engine.job import Job

MOST_VARY = 0.9    # more would no longer be a variation of what is there
LONGEST = 4        # longer edge by shorter edge of what the model draws; longer crops are squeezed


def run(request: InpaintRequest, job: Job) -> None:
    """Do a job of the kind "inpaint"."""
    policy = choose_device(request.sampling.device)
    job.started(policy.words, policy.dtype)
    run_inpaint(request, job.emit, job.cancelled, job.id)


def run_inpaint(request: InpaintRequest, emit: Emit, cancelled: Callable[[], bool], job_id: str) -> None:
    """Draw ``request.sampling.count`` candidates and emit each (`engine.candidate.candidate_event`).

    Raises
    ------
    UserError
        Nothing painted, an unusable pack or device, or not enough memory.
    Cancelled
        At the end of the step in which `cancelled` became true.
    """
    if not request.image.mask.any():
        raise UserError("Nothing is painted.", "Paint the region to fill first.")
    assert request.model is not None
    packs = PackInUse(Path(request.model.folder), request.model.sha256, request.sampling.device, emit, job_id)
    scenes = [Scene.make(each, packs.get()) for each in request.by_region()]
    notices = list(request.notices)
    watch = Watch(emit, cancelled, job_id, request.sampling.preview_every, {"bounds": request.image.bounds})
    overview = Overview(request.image) if len(scenes) > 1 and request.sampling.preview_every else None

    def draw(candidates: Sequence[int], sparing: bool, batches: int) -> None:
        pack = packs.get(sparing)
        patches: dict[int, list[Pixels]] = {k: [] for k in candidates}
        for number, scene in enumerate(scenes):
            drawn = pack.decode(scene.latents(pack, candidates, watch, batches * len(scenes) - number, overview))
            if overview is not None:
                overview.keep(scene.bounds, scene.seen(drawn, candidates))
            for picture, k in zip(drawn, candidates, strict=True):
                watch.stop_if_cancelled()
                patches[k].append(scene.patch(picture, request.sampling.seed_of(k)))
        # all are made before the first is sent: a retry sends none twice
        for event in [_result(request, scenes, pack, patches[k], k, candidates, notices, job_id)
                      for k in candidates]:
            emit(event)

    def note(event: JobEvent) -> None:
        if event.kind is EventKind.NOTICE:
            notices.append(event.message)
        emit(event)

    of_prompt = told(packs.get(), scenes[0].prompt, request.conditioning.negative_prompt)
    for text in dict.fromkeys([*of_prompt, *(text for scene in scenes for text in scene.followed.notices)]):
        note(JobEvent(job_id, EventKind.NOTICE, message=text))
    batch = min(packs.policy.batch(scene.height, scene.width) for scene in scenes)
    draw_in_batches(range(request.sampling.count), batch, draw, note, job_id)


@dataclass(frozen=True)
class Scene:
    """A request, or a region of one, made ready for a pack: everything that all candidates share.

    Attributes
    ----------
    height, width
        Size in pixels that the model draws; multiples of the pack's latent factor.
    alpha
        `blend.feather_alpha` of the mask, shape of the crop.
    unit
        The crop at the model's size as it is seen, float32 (1, 3, height, width) in [0, 1].
    start
        The same with the masked part filled (modes replace and remove).
    cells
        Latents that are drawn, float32 (1, 1, height, width), 1 in every latent cell that the mask touches.
    strength
        Share of the noise schedule that is run.
    followed
        The painted classes that the fill keeps to.
    """

    request: InpaintRequest
    height: int
    width: int
    alpha: npt.NDArray[np.float32]
    unit: torch.Tensor
    start: torch.Tensor
    cells: torch.Tensor
    prompt: str
    strength: float
    followed: Followed

    @staticmethod
    def make(request: InpaintRequest, pack: Pack) -> Scene:
        image = request.image
        seen = crop.to_model_unit(image.crop, Rescale(*image.rescale), image.intensity_range, image.inverted,
                                  image.stored_range)
        height, width = model_size(image.mask.shape[0], image.mask.shape[1], pack.native_size, pack.factor)
        unit = resized(torch.from_numpy(seen).permute(2, 0, 1)[None], height, width)
        cells = latent_cells(image.mask, height // pack.factor, width // pack.factor)
        masked = np.kron(cells, np.ones((pack.factor, pack.factor), np.bool_))
        start = unit
        if request.mode != "vary":
            filled = blend.fill_smooth(unit[0].permute(1, 2, 0).numpy(), masked)
            start = torch.from_numpy(filled).permute(2, 0, 1)[None]
        prompt = request.conditioning.prompt
        if request.mode == "remove" and not prompt.strip():
            prompt = pack.manifest.remove_prompt
        return Scene(request, height, width, blend.feather_alpha(image.mask, request.feather), unit, start,
                     torch.from_numpy(masked.astype(np.float32))[None, None], prompt, _strength(request),
                     Followed.of(request, pack, height, width))

    @property
    def bounds(self) -> Bounds:
        """Of its crop in the frame."""
        return Bounds(*self.request.image.bounds)

    def latents(self, pack: Pack, candidates: Sequence[int], watch: Watch, batches: int,
                overview: Overview | None = None) -> torch.Tensor:
        """Draw candidates with the pack's pipeline; candidate k's noise comes from seed + k alone.

        Previews are those of this crop, or where there is an `overview` in there.
        """
        asked, sampling = self.request.conditioning, self.request.sampling
        with torch.inference_mode():
            def preview(latents: torch.Tensor) -> Mapping[str, npt.NDArray[Any]]:
                pictures = self.seen(pack.decode(latents, rough=True), candidates)
                return pictures if overview is None else overview.with_part(self.bounds, pictures)

            watch.begin_batch(preview, batches)
            pipeline, values = self._pipeline(pack)
            with pack.policy.precision():
                drawn: torch.Tensor = pipeline(
                    prompt=self.prompt, negative_prompt=asked.negative_prompt, mask_image=self.cells,
                    height=self.height, width=self.width, strength=self.strength, num_inference_steps=sampling.steps,
                    guidance_scale=sampling.guidance, num_images_per_prompt=len(candidates),
                    generator=[torch.Generator("cpu").manual_seed(sampling.seed_of(k)) for k in candidates],
                    output_type="latent", callback_on_step_end=watch, **values).images
        return drawn

    def _pipeline(self, pack: Pack) -> tuple[Any, dict[str, Any]]:
        """The pipeline that fills, and what it alone takes."""
        if self.followed.hint is not None:  # that one encodes for itself
            scale = float(self.request.conditioning.control_scale)
            return pack.control_inpaint, {"image": self.start, "control_image": self.followed.hint,
                                          "controlnet_conditioning_scale": scale}
        image = pack.encode(self.start)
        # Only a UNet with nine channels looks at the masked image; grey is what its training put there.
        masked = pack.encode(torch.where(self.cells > 0, 0.5, self.unit)) if pack.inpainting_only else image
        return pack.inpaint, {"image": image, "masked_image_latents": masked}

    def patch(self, drawn: torch.Tensor, seed: int) -> Pixels:
        """One decoded picture (3, height, width) stitched into the crop, in its stored type."""
        request, image = self.request, self.request.image
        rows, columns = image.mask.shape
        unit = resized(drawn[None], rows, columns)[0].permute(1, 2, 0).numpy()
        about = Rescale(*image.rescale), image.intensity_range
        generated = crop.from_model_unit(unit, image.crop.ndim == 2, *about, image.inverted, image.stored_range)
        kept = np.zeros(image.crop.shape)
        if image.crop.ndim == 2:
            # Drawn anew, nothing but the soft edge has what was there before; varied, all of it has.
            anew = request.mode != "vary"
            kept = crop.beyond_model(image.crop, generated, *about, image.stored_range, anew)
            kept *= 1 - self.alpha if anew else 1
            generated += kept
        if request.match_seam:  # what the model could not see is no measure of how it draws
            matched = blend.match_seam(generated, image.crop, image.mask, seed)
            generated = np.where(kept == 0, matched, generated)
        if not np.isfinite(generated).all():
            raise RuntimeError("the model drew values that are no numbers")
        return blend.composite(image.crop, generated, self.alpha, image.stored_range)

    def seen(self, drawn: torch.Tensor, candidates: Sequence[int]) -> dict[str, npt.NDArray[np.uint8]]:
        """What is drawn, (n, 3, height, width), as uint8 RGB, the unpainted part as it is, keyed by candidate."""
        share = resized(torch.from_numpy(self.alpha)[None, None], self.height, self.width)
        mixed = self.unit + share * (drawn - self.unit)
        pixels = mixed.mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
        return {str(k): pixels[place] for place, k in enumerate(candidates)}


def _strength(request: InpaintRequest) -> float:
    """The strength that is run: at least one step, and less than all of it when varying what is there."""
    most = MOST_VARY if request.mode == "vary" else 1.0
    sampling = request.sampling
    return min(max(sampling.strength, 1.001 / sampling.steps), most) if sampling.steps > 1 else 1.0


def _result(request: InpaintRequest, scenes: Sequence[Scene], pack: Pack, patches: Sequence[Pixels], candidate: int,
            batch: Sequence[int], notices: Sequence[str], job_id: str) -> JobEvent:
    """A candidate of the patches of its regions."""
    whole, patch = Bounds(*request.image.bounds), request.image.crop.copy()
    alpha = np.zeros(patch.shape[:2], np.float32)
    for scene, part in zip(scenes, patches, strict=True):
        place = scene.bounds.within(whole).slices
        patch[place], alpha[place] = part, scene.alpha
    origin = Origin(pack.manifest.name, pack.manifest.sha256, _parameters(request, scenes, candidate),
                    environment(pack, batch))
    return candidate_event(request, candidate, patch, alpha, origin, notices, job_id)


def _parameters(request: InpaintRequest, scenes: Sequence[Scene], candidate: int) -> dict[str, Any]:
    """What was asked for, as plain values; the pixels and the pack's place on this machine are left out."""
    left_out = {"model", "image", "conditioning", "sampling", "crop", "mask", "labels", "control_scale", "pairs",
                "document_id", "frame_key", "source", "notices", *(() if request.image.regions else ("regions",))}
    asked: Mapping[str, Any] = {field.name: getattr(part, field.name)
                                for part in (request, request.image, request.conditioning, request.sampling)
                                for field in dataclasses.fields(part) if field.name not in left_out}
    scene, sizes = scenes[0], [[scene.height, scene.width] for scene in scenes]
    return {**asked, "prompt": scene.prompt, "strength": scene.strength, "strength_asked": request.sampling.strength,
            "candidate": candidate, "drawn_at": sizes if request.image.regions else sizes[0],
            **followed_record(request, [scene.followed for scene in scenes])}


def model_size(rows: int, columns: int, native: int, factor: int) -> tuple[int, int]:
    """(height, width) that the model draws for a crop: as many pixels as native x native, the crop's proportions.

    Both are multiples of twice the latent factor; proportions beyond `LONGEST` are squeezed.
    """
    stretch = math.sqrt(min(max(rows / columns, 1 / LONGEST), LONGEST))
    step = 2 * factor

    def rounded(edge: float) -> int:
        return max(step, round(edge / step) * step)

    return rounded(native * stretch), rounded(native / stretch)


def latent_cells(mask: npt.NDArray[np.bool_], rows: int, columns: int) -> npt.NDArray[np.bool_]:
    """True for every latent cell that a painted pixel touches, shape (rows, columns): nothing painted is missed."""
    down = _overlaps(mask.shape[0], rows)
    across = _overlaps(mask.shape[1], columns)
    touched: npt.NDArray[np.bool_] = (down @ mask.astype(np.float32) @ across.T) > 0
    return touched


def _overlaps(pixels: int, cells: int) -> npt.NDArray[np.float32]:
    """(cells, pixels): 1 where a pixel's span of the edge overlaps that of a cell."""
    cell, pixel = np.arange(cells)[:, None], np.arange(pixels)[None, :]
    # in whole numbers: cell k spans k * pixels .. (k + 1) * pixels, pixel j spans j * cells .. (j + 1) * cells
    return ((pixel * cells < (cell + 1) * pixels) & ((pixel + 1) * cells > cell * pixels)).astype(np.float32)


def resized(images: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(n, c, h, w) in [0, 1] resampled bicubically, antialiased; the same tensor where the size is right."""
    if tuple(images.shape[-2:]) == (height, width):
        return images
    return torch.nn.functional.interpolate(
        images, (height, width), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
