"""Every pack that ships draws and fills, here and now: in two steps, for speed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline

from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.labels import schema_for
from medsynth_app.core.pack import MANIFEST, PackManifest
from medsynth_app.engine.diffusion.generate import run_generate
from tests.asking import generate_of
from tests.engine.tiny import make_request, results_of

FOLDER = Path(__file__).resolve().parents[2] / "resources" / "packs"
PACKS = [path.parent for path in sorted(FOLDER.glob(f"*/{MANIFEST}"))
         if PackManifest.from_json(path.read_text()).kind == "base"]


def test_there_is_a_pack_of_every_domain() -> None:
    assert {path.name for path in PACKS} == {"blood-cells", "chest-xray", "colonoscopy", "hippocampus-mri"}


@pytest.mark.parametrize("pack", PACKS, ids=lambda path: path.name)
def test_a_shipped_pack_fills_a_region_and_draws_a_picture(pack: Path) -> None:
    rng, mask = np.random.default_rng(0), np.zeros((96, 96), bool)
    mask[30:60, 30:60] = True
    colour = PackManifest.from_json((pack / MANIFEST).read_text()).colour
    crop = rng.integers(60, 200, (96, 96, 3) if colour == "rgb" else (96, 96), np.uint8)
    (result,) = results_of(make_request(pack, crop, mask, steps=2))
    patch = result.arrays["patch"]
    assert patch.shape == crop.shape and np.array_equal(patch[~mask], crop[~mask]) and (patch[mask] != crop[mask]).any()
    events: list[JobEvent] = []
    run_generate(generate_of(pack=str(pack), steps=2, count=1, preview_every=0, device="cpu"), events.append,
                 lambda: False, "job")
    (picture,) = [event.arrays["picture"] for event in events if event.kind is EventKind.RESULT]
    assert picture.ndim == crop.ndim and picture.std() > 1


@pytest.mark.parametrize("pack", PACKS, ids=lambda path: path.name)
def test_diffusers_alone_draws_with_a_shipped_pack_as_its_card_says(pack: Path) -> None:
    assert 'StableDiffusionPipeline.from_pretrained("this folder")' in (pack / "README.md").read_text()
    pipeline = StableDiffusionPipeline.from_pretrained(pack)
    pipeline.set_progress_bar_config(disable=True)
    assert {pipeline.unet.dtype, pipeline.vae.dtype, pipeline.text_encoder.dtype} == {torch.float32}
    seed, prompt = torch.Generator("cpu").manual_seed(0), "a polyp"
    picture = pipeline(prompt, num_inference_steps=1, generator=seed, output_type="np").images[0]
    assert picture.shape[2] == 3 and np.isfinite(picture).all() and picture.std() > 0.01


def test_painted_classes_have_the_values_that_the_packs_know() -> None:
    for folder in PACKS:
        manifest = PackManifest.from_json((folder / MANIFEST).read_text())
        painted = [item.name for item in schema_for(manifest.domain).classes]
        assert [name.split()[0] for name in manifest.mask_labels] == painted[:len(manifest.mask_labels)]
