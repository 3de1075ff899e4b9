"""Whole pictures from a prompt, held to a mask where there is one; wholly synthetic."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from medsynth_app.core.control_image import checked_labels, control_image, fitted, is_stretched, labels_in, resized
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import pixels_sha256
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.generate import GenerateRequest
from medsynth_app.core.mask_text import mask_to_text
from medsynth_app.core.provenance import Provenance
from medsynth_app.engine.device import choose_device
from medsynth_app.engine.diffusion.environment import environment
from medsynth_app.engine.diffusion.memory import draw_in_batches
from medsynth_app.engine.diffusion.pipelines import Pack, PackInUse
from medsynth_app.engine.diffusion.prompt import told
from medsynth_app.engine.diffusion.watch import Emit, Watch
from medsynth_app.engine.job import Job

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Guide:
    """What pictures are held to: the mask `of` a candidate, at the pictures' size, and what is recorded of it.

    `notices` are what the person should know of it.
    """

    of: Callable[[int], Picture]
    about: Mapping[str, Any]
    notices: tuple[str, ...] = ()


def run(request: GenerateRequest, job: Job) -> None:
    """Do a job of the kind "generate"."""
    policy = choose_device(request.sampling.device)
    job.started(policy.words, policy.dtype)
    run_generate(request, job.emit, job.cancelled, job.id)


def run_generate(request: GenerateRequest, emit: Emit, cancelled: Callable[[], bool], job_id: str) -> None:
    """Draw ``request.sampling.count`` pictures and emit each as an ``EventKind.RESULT``.

    A result's arrays: ``picture`` (uint8, (h, w, 3), or (h, w) of a grey pack) and, where it was held to one, its
    ``mask`` (uint8 labels, of the picture's size); its data: candidate, seed, provenance.

    Raises
    ------
    UserError
        An unusable pack, device, size or mask, or not enough memory.
    Cancelled
        At the end of the step in which `cancelled` became true.
    """
    packs = PackInUse(Path(request.model.folder), request.model.sha256, request.sampling.device, emit, job_id)
    height, width = _size(request, packs.get())
    notices: list[str] = []
    watch = Watch(emit, cancelled, job_id, request.sampling.preview_every)

    def note(event: JobEvent) -> None:
        if event.kind is EventKind.NOTICE:
            notices.append(event.message)
        emit(event)

    guide = _guide(request, packs.get(), height, width, cancelled)
    asked = request.conditioning
    of_prompt = told(packs.get(), asked.prompt, asked.negative_prompt)
    for text in (*request.notices, *of_prompt, *(guide.notices if guide is not None else ())):
        note(JobEvent(job_id, EventKind.NOTICE, message=text))

    def draw(candidates: Sequence[int], sparing: bool, batches: int) -> None:
        pack = packs.get(sparing)
        if request.conditioning.pairs:
            emit(JobEvent(job_id, EventKind.PROGRESS, message="Drawing the masks"))
        masks = {k: guide.of(k) for k in candidates} if guide is not None else {}
        watch.begin_batch(lambda latents: {str(k): picture for k, picture in zip(
            candidates, _pictures(pack, latents, rough=True), strict=True)}, batches)
        drawn = _pictures(pack, _latents(request, pack, height, width, candidates, masks, watch))
        watch.stop_if_cancelled()
        for picture, k in zip(drawn, candidates, strict=True):
            event = _result(request, pack, picture, k, candidates, notices, job_id)
            emit(event if guide is None else _held_to(event, masks[k], guide))

    draw_in_batches(range(request.sampling.count), packs.policy.batch(height, width), draw, note, job_id)


def _size(request: GenerateRequest, pack: Pack) -> tuple[int, int]:
    if pack.inpainting_only:
        raise UserError("This model can only fill regions, not draw whole pictures.", "Choose another model.")
    height, width = request.height or pack.native_size, request.width or pack.native_size
    step = max(8, pack.factor)
    if height < step or width < step or height % step or width % step:
        raise UserError(f"Pictures of {width} x {height} pixels cannot be drawn.",
                        f"Choose a width and a height that are multiples of {step}.")
    return height, width


def _guide(request: GenerateRequest, pack: Pack, height: int, width: int,
           cancelled: Callable[[], bool]) -> Guide | None:
    """None where the prompt alone decides. The mask of a pair has the seed of its picture."""
    asked = request.conditioning
    if asked.labels is None and not asked.pairs:
        return None
    pack.require_control()
    about = {"control_scale": asked.control_scale,
             "mask_labels": {str(value): name for value, name in enumerate(pack.manifest.mask_labels, 1)}}
    if asked.labels is not None:
        mask, notices = _given(asked.labels, pack.manifest.mask_labels, height, width)
        return Guide(lambda candidate: mask, about, notices)
    from medsynth_app.engine.diffusion.mask_model import MaskModel, enlarge

    model = MaskModel.load(pack.folder, pack.policy.torch_device)
    named = model.class_in(asked.prompt)

    def drawn(candidate: int) -> Picture:
        small = model.sample(1, request.sampling.seed_of(candidate), class_name=named, cancelled=cancelled)
        return resized(enlarge(small, max(height, width))[0], height, width)

    return Guide(drawn, {**about, "pairs": True, "mask_class": named})


def _given(mask: Picture, labels: Sequence[str], height: int, width: int) -> tuple[Picture, tuple[str, ...]]:
    """A mask that a person gave at the pictures' size, and what that did to it."""
    checked = checked_labels(mask, labels)
    small, lost = fitted(checked, height, width, labels_in(checked))
    notices = []
    if is_stretched(mask, height, width):
        notices.append("The mask has other proportions than the picture; it was stretched to fit.")
    if lost:
        names = " and ".join(labels[value - 1] for value in lost)
        notices.append(f"The mask's {names} is too small for pictures of {width} x {height} pixels; nothing of it is "
                       "left.")
    return small, tuple(notices)


def _latents(request: GenerateRequest, pack: Pack, height: int, width: int, candidates: Sequence[int],
             masks: Mapping[int, Picture], watch: Watch) -> torch.Tensor:
    asked, sampling = request.conditioning, request.sampling
    generators = [torch.Generator("cpu").manual_seed(sampling.seed_of(k)) for k in candidates]
    common: dict[str, Any] = {
        "height": height, "width": width, "num_inference_steps": sampling.steps, "guidance_scale": sampling.guidance,
        "generator": generators, "output_type": "latent", "callback_on_step_end": watch}
    with torch.inference_mode(), pack.policy.precision():
        if masks:
            hints = torch.from_numpy(control_image(np.stack([masks[k] for k in candidates]))).permute(0, 3, 1, 2)
            drawn: torch.Tensor = pack.control(
                [asked.prompt] * len(candidates), image=hints,
                negative_prompt=[asked.negative_prompt] * len(candidates),
                controlnet_conditioning_scale=float(asked.control_scale), **common).images
        else:
            drawn = pack.text(asked.prompt, negative_prompt=asked.negative_prompt,
                              num_images_per_prompt=len(candidates), **common).images
    return drawn


def _pictures(pack: Pack, latents: torch.Tensor, rough: bool = False) -> list[Picture]:
    pixels = pack.decode(latents, rough)
    if pack.manifest.colour == "grey":  # what little its channels differ is no colour
        return [picture.mean(dim=0).mul(255).round().to(torch.uint8).numpy() for picture in pixels]
    pixels = pixels.mul(255).round().to(torch.uint8)
    return [np.ascontiguousarray(picture.permute(1, 2, 0).numpy()) for picture in pixels]


def _result(request: GenerateRequest, pack: Pack, picture: Picture, candidate: int, batch: Sequence[int],
            notices: Sequence[str], job_id: str) -> JobEvent:
    asked, sampling, seed = request.conditioning, request.sampling, request.sampling.seed_of(candidate)
    parameters: dict[str, Any] = {
        "prompt": asked.prompt, "negative_prompt": asked.negative_prompt, "steps": sampling.steps,
        "guidance": sampling.guidance, "seed": sampling.seed, "count": sampling.count, "candidate": candidate,
        "height": picture.shape[0], "width": picture.shape[1], "result_sha256": pixels_sha256(picture)}
    provenance = Provenance(
        action="generate", pack=pack.manifest.name, pack_sha256=pack.manifest.sha256, seed=seed,
        created=datetime.now(UTC).isoformat(timespec="seconds"), source=request.source, parameters=parameters,
        environment=environment(pack, batch), notices=tuple(notices))
    return JobEvent(job_id, EventKind.RESULT, arrays={"picture": picture},
                    data={"candidate": candidate, "seed": seed, "provenance": provenance.to_dict()})


def _held_to(event: JobEvent, mask: Picture, guide: Guide) -> JobEvent:
    """The result with its mask, and with what its provenance says of the mask."""
    digest = hashlib.sha256(mask.tobytes()).hexdigest()
    record = event.data["provenance"]
    parameters = {**record["parameters"], **guide.about, "mask_sha256": digest}
    if not parameters.get("pairs"):  # those masks are drawn again from the seed
        parameters["mask"] = mask_to_text(mask)
    return replace(event, arrays={**event.arrays, "mask": mask}, data={
        **event.data, "provenance": {**record, "mask_sha256": digest, "parameters": parameters}})
