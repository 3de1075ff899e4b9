"""Whole pictures from a prompt; wholly synthetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.provenance import Provenance
from medsynth_app.core.requests import GenerateRequest
from medsynth_app.engine.environment import environment
from medsynth_app.engine.memory import draw_in_batches
from medsynth_app.engine.packs import Pack, PackInUse
from medsynth_app.engine.watch import Emit, Watch


def run_generate(request: GenerateRequest, emit: Emit, cancelled: Callable[[], bool], job_id: str) -> None:
    """Draw ``request.count`` pictures and emit each as an ``EventKind.RESULT``.

    A result's arrays: ``picture`` (uint8, (h, w, 3)); its data: candidate, seed, provenance.

    Raises
    ------
    UserError
        An unusable pack, device or size, or not enough memory.
    Cancelled
        At the end of the step in which `cancelled` became true.
    """
    packs = PackInUse(Path(request.pack), request.pack_sha256, request.device, emit, job_id)
    height, width = _size(request, packs.get())
    notices: list[str] = []
    watch = Watch(emit, cancelled, job_id, request.preview_every)

    def draw(candidates: Sequence[int], sparing: bool, batches: int) -> None:
        pack = packs.get(sparing)
        watch.begin_batch(lambda latents: {str(k): picture for k, picture in zip(
            candidates, _pictures(pack, latents, rough=True), strict=True)}, batches)
        drawn = _pictures(pack, _latents(request, pack, height, width, candidates, watch))
        watch.stop_if_cancelled()
        for picture, k in zip(drawn, candidates, strict=True):
            emit(_result(request, pack, picture, k, len(candidates), notices, job_id))

    def note(event: JobEvent) -> None:
        if event.kind is EventKind.NOTICE:
            notices.append(event.message)
        emit(event)

    draw_in_batches(range(request.count), packs.policy.batch(height, width), draw, note, job_id)


def _size(request: GenerateRequest, pack: Pack) -> tuple[int, int]:
    if pack.inpainting_only:
        raise UserError("This model can only fill regions, not draw whole pictures.", "Choose another model.")
    height, width = request.height or pack.native_size, request.width or pack.native_size
    step = max(8, pack.factor)
    if height < step or width < step or height % step or width % step:
        raise UserError(f"Pictures of {width} x {height} pixels cannot be drawn.",
                        f"Choose a width and a height that are multiples of {step}.")
    return height, width


def _latents(request: GenerateRequest, pack: Pack, height: int, width: int, candidates: Sequence[int],
             watch: Watch) -> torch.Tensor:
    generators = [torch.Generator("cpu").manual_seed(request.seed + k) for k in candidates]
    with torch.inference_mode(), pack.policy.precision():
        drawn: torch.Tensor = pack.text(
            request.prompt, negative_prompt=request.negative_prompt, height=height, width=width,
            num_inference_steps=request.steps, guidance_scale=request.guidance,
            num_images_per_prompt=len(candidates), generator=generators, output_type="latent",
            callback_on_step_end=watch).images
    return drawn


def _pictures(pack: Pack, latents: torch.Tensor, rough: bool = False) -> list[npt.NDArray[np.uint8]]:
    pixels = pack.decode(latents, rough).mul(255).round().to(torch.uint8)
    return [np.ascontiguousarray(picture.permute(1, 2, 0).numpy()) for picture in pixels]


def _result(request: GenerateRequest, pack: Pack, picture: npt.NDArray[np.uint8], candidate: int, batch: int,
            notices: Sequence[str], job_id: str) -> JobEvent:
    seed = request.seed + candidate
    parameters: dict[str, Any] = {
        "prompt": request.prompt, "negative_prompt": request.negative_prompt, "steps": request.steps,
        "guidance": request.guidance, "seed": request.seed, "count": request.count, "candidate": candidate,
        "height": picture.shape[0], "width": picture.shape[1]}
    provenance = Provenance(
        action="generate", pack=pack.manifest.name, pack_sha256=pack.manifest.sha256, seed=seed,
        created=datetime.now(UTC).isoformat(timespec="seconds"), parameters=parameters,
        environment=environment(pack, batch), notices=tuple(notices))
    return JobEvent(job_id, EventKind.RESULT, arrays={"picture": picture},
                    data={"candidate": candidate, "seed": seed, "provenance": provenance.to_dict()})
