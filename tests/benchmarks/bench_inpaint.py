"""How fast the engine inpaints; ratios within one run, by the clock and by processor time.

``python tests/benchmarks/bench_inpaint.py [--pack P] [--repeats N] [--steps N] [--threads N] [--json]``. Without
``--steps`` the pack's own number of steps is measured beside 25, in turn. Without a pack, one of the shape of the
blood-cell pack with random weights is made: the time does not depend on what was learned. On a busy machine use one
thread and read the ratios of processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionInpaintPipeline, StableDiffusionPipeline
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from medsynth_app.core.bounds import Bounds  # noqa: E402
from medsynth_app.core.crop import context_bounds  # noqa: E402
from medsynth_app.core.job import EventKind, JobEvent  # noqa: E402
from medsynth_app.core.jobs.request import Sampling  # noqa: E402
from medsynth_app.core.pack import USUAL_STEPS  # noqa: E402
from medsynth_app.engine.device import choose_device  # noqa: E402
from medsynth_app.engine.diffusion.inpaint import run_inpaint  # noqa: E402
from medsynth_app.engine.diffusion.pipelines import load_pack, warm_up  # noqa: E402
from medsynth_app.engine.train.autoencoder import new_autoencoder  # noqa: E402
from medsynth_app.engine.train.denoiser import new_text_encoder, new_unet  # noqa: E402
from medsynth_app.engine.train.recipe import Recipe  # noqa: E402
from medsynth_app.engine.train.tokenizer import train_tokenizer  # noqa: E402
from medsynth_app.engine.train.velocity import SCHEDULE  # noqa: E402
from tests.asking import inpaint_of  # noqa: E402

FORMER_PREVIEWS = 4  # steps between previews when 25 steps were what every pack took
COUNT, GUIDANCE, PROMPT = 4, 2.5, "a neutrophil in a peripheral blood smear"


def random_pack(folder: Path) -> Path:
    recipe = Recipe.load(ROOT / "resources" / "recipes" / "blood-cells.toml")
    tokenizer = train_tokenizer([PROMPT], folder / "tokenizer")
    StableDiffusionPipeline(
        vae=new_autoencoder(recipe), text_encoder=new_text_encoder(recipe, tokenizer), tokenizer=tokenizer,
        unet=new_unet(recipe), safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        scheduler=DPMSolverMultistepScheduler(**SCHEDULE, algorithm_type="dpmsolver++", timestep_spacing="trailing"),
    ).save_pretrained(folder)
    return folder


def frame(size: int) -> tuple[Any, Any]:
    """An RGB frame and a disc of 60 pixels in it."""
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    row, column = np.ogrid[:size, :size]
    return pixels, (row - size // 2) ** 2 + (column - size // 2) ** 2 < 30**2


class Trial:
    """One inpaint from the painted frame to the last staged candidate."""

    def __init__(self, pack: Path, native: int, steps: int, preview_every: int = 0) -> None:
        self.pack, self.native, self.steps, self.preview_every = pack, native, steps, preview_every
        self.first_preview = self.preview_processor = 0.0

    def __call__(self, pixels: Any, mask: Any) -> None:
        begun, used = time.perf_counter(), time.process_time()
        painted = Bounds.of_mask(mask)
        assert painted is not None
        bounds = context_bounds(painted, mask.shape[0], mask.shape[1], self.native, 0.5)
        request = inpaint_of(
            crop=pixels[bounds.slices].copy(), mask=mask[bounds.slices].copy(), bounds=bounds.as_tuple(),
            document_id="", frame_key="", revision="", source="", pack=str(self.pack), pack_sha256="", prompt=PROMPT,
            steps=self.steps, count=COUNT, guidance=GUIDANCE, preview_every=self.preview_every)
        results: list[JobEvent] = []

        def emit(event: JobEvent) -> None:
            if event.kind is EventKind.PREVIEW and not results and event.step == self.preview_every:
                self.first_preview = time.perf_counter() - begun
                self.preview_processor = time.process_time() - used
            if event.kind is EventKind.RESULT:
                results.append(event)

        run_inpaint(request, emit, lambda: False, "bench")
        assert len(results) == COUNT


def in_float32(call: Callable[..., Any], kind: str) -> Callable[..., Any]:
    def run(values: torch.Tensor, *arguments: Any, **options: Any) -> Any:
        with torch.autocast(kind, enabled=False):
            return call(values.float(), *arguments, **options)

    return run


def bare_pipeline(folder: Path, pixels: Any, mask: Any, size: int, steps: int) -> Callable[[], None]:
    policy = choose_device("auto")
    pipeline = StableDiffusionInpaintPipeline.from_pretrained(
        folder, local_files_only=True, safety_checker=None, requires_safety_checker=False)
    pipeline.to(policy.torch_device, policy.weights)
    pipeline.scheduler = type(load_pack(folder, "", policy).text.scheduler).from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    # The same precision at every place: the engine's autoencoder works in float32.
    for name in ("encode", "decode"):
        setattr(pipeline.vae, name, in_float32(getattr(pipeline.vae, name), policy.kind))
    picture, painted = Image.fromarray(pixels).resize((size, size)), Image.fromarray(mask).resize((size, size))

    def draw() -> None:
        with policy.precision():
            pipeline(PROMPT, image=picture, mask_image=painted, height=size, width=size, num_inference_steps=steps,
                     guidance_scale=GUIDANCE, num_images_per_prompt=COUNT, strength=1.0, output_type="np",
                     generator=[torch.Generator("cpu").manual_seed(k) for k in range(COUNT)])

    return draw


def measure(pack: Path, repeats: int, asked: int, only: bool) -> dict[str, Any]:
    """What is measured; with `only` the number of steps before and after, and nothing else."""
    info, loaded = warm_up(str(pack)), load_pack(pack, "", choose_device("auto"))
    native, steps = loaded.native_size, asked or loaded.manifest.recommended_steps
    small, large = frame(256), frame(4096)
    quiet, shown = Trial(pack, native, steps), Trial(pack, native, steps, preview_every=Sampling().preview_every)
    before = Trial(pack, native, USUAL_STEPS, preview_every=FORMER_PREVIEWS)
    works: dict[str, Callable[[], None]] = {"engine with previews": lambda: shown(*small)}
    if not asked:
        works["engine with previews, 25 steps"] = lambda: before(*small)
    if not only:
        works |= {"bare": bare_pipeline(pack, *frame(native), native, steps), "engine": lambda: quiet(*small),
                  "engine, 4096 x 4096": lambda: quiet(*large)}
    for work in works.values():
        work()
    seconds: dict[str, list[float]] = {name: [] for name in works}
    processor: dict[str, list[float]] = {name: [] for name in works}
    trials = {"first preview": shown, **({} if asked else {"first preview, 25 steps": before})}
    previews: dict[str, list[float]] = {name: [] for name in trials}
    previews_processor: dict[str, list[float]] = {name: [] for name in trials}
    for _ in range(repeats):  # in turn, so that a slow minute of the machine strikes all alike
        for name, work in works.items():
            begun, used = time.perf_counter(), time.process_time()
            work()
            seconds[name].append(time.perf_counter() - begun)
            processor[name].append(time.process_time() - used)
        for name, trial in trials.items():
            previews[name].append(trial.first_preview)
            previews_processor[name].append(trial.preview_processor)
    ratios = {"engine_to_bare": ("engine", "bare"), "frame_4096_to_256": ("engine, 4096 x 4096", "engine"),
              "previews_to_none": ("engine with previews", "engine"),
              "recommended_to_25_steps": ("engine with previews", "engine with previews, 25 steps")}
    ratios = {name: pair for name, pair in ratios.items() if set(pair) <= set(works)}
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "device": info["device"], "native_size": native, "steps": steps, "count": COUNT, "repeats": repeats,
        "load_average": round(os.getloadavg()[0], 1),
        "seconds_best": {name: round(value, 3) for name, value in least(seconds).items()},
        "seconds_median": {name: round(statistics.median(values), 3) for name, values in seconds.items()},
        "processor_seconds_best": {name: round(value, 3) for name, value in least(processor).items()},
        **{name: round(least(seconds)[a] / least(seconds)[b], 3) for name, (a, b) in ratios.items()},
        **{f"{name}_by_processor_time": round(least(processor)[a] / least(processor)[b], 3)
           for name, (a, b) in ratios.items()},
        "seconds_to_first_preview": {name: round(value, 3) for name, value in least(previews).items()},
        "processor_seconds_to_first_preview": {name: round(value, 3)
                                               for name, value in least(previews_processor).items()},
        "peak_rss_mib": round(rss / (2**20 if sys.platform == "darwin" else 2**10)),
    }


def least(values: dict[str, list[float]]) -> dict[str, float]:
    return {name: min(several) for name, several in values.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=0, help="of all; without it the pack's own number beside 25")
    parser.add_argument("--only-steps", action="store_true", help="measure nothing but the pack's own number beside 25")
    parser.add_argument("--threads", type=int, help="of torch; its own choice without")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(options.pack or random_pack(Path(folder) / "pack"), options.repeats, options.steps,
                          options.only_steps)
    if options.json:
        print(json.dumps(figures, indent=1))
        return
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):34} {value}")


if __name__ == "__main__":
    main()
