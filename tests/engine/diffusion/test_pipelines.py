from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel

from medsynth_app.core.errors import UserError
from medsynth_app.core.pack import MANIFEST, PackManifest
from medsynth_app.engine.device import choose_device
from medsynth_app.engine.diffusion import pipelines as packs
from tests.engine.tiny import make_tiny_pack


@pytest.fixture
def own_pack(tiny_pack: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(tiny_pack, tmp_path / "pack"))


def test_a_pack_is_kept_in_memory_and_its_pipelines_share_weights(tiny_pack: Path) -> None:
    policy = choose_device("cpu")
    pack = packs.load_pack(tiny_pack, "", policy)
    assert packs.load_pack(tiny_pack, pack.manifest.sha256, policy) is pack
    assert pack.inpaint.unet is pack.text.unet is pack.image.unet
    assert pack.inpaint.vae is pack.image.vae
    assert (pack.native_size, pack.factor, pack.inpainting_only) == (32, 4, False)
    assert pack.text.safety_checker is None
    assert pack.text.vae.dtype == torch.float32


def test_at_most_two_packs_are_kept(tmp_path: Path) -> None:
    policy = choose_device("cpu")
    folders = [make_tiny_pack(tmp_path / str(k), native_size=16, title=str(k)) for k in range(3)]
    for folder in folders:
        packs.load_pack(folder, "", policy)
    assert [packs.is_loaded(folder) for folder in folders] == [False, True, True]
    packs.forget_packs()
    assert not any(packs.is_loaded(folder) for folder in folders)


@pytest.mark.parametrize(("file", "changes", "words"), [
    ("model_index.json", {"_class_name": ["StableDiffusionPipeline"]}, "cannot use"),
    ("model_index.json", {"_class_name": {}}, "cannot use"),
    ("model_index.json", {"unet": "UNet2DConditionModel"}, "unet"),
    ("model_index.json", {"scheduler": None}, "scheduler"),
    ("model_index.json", {"vae": ["diffusers", ["AutoencoderKL"]]}, "vae"),
    ("unet/config.json", {"sample_size": -16}, "size"), ("unet/config.json", {"sample_size": [8, 8]}, "size"),
    ("unet/config.json", {"sample_size": 2**40}, "size"), ("unet/config.json", {"sample_size": float("nan")}, "size"),
    ("vae/config.json", {"block_out_channels": 7}, "size"),
    ("vae/config.json", {"block_out_channels": [1] * 9999}, "size")])
def test_a_model_that_says_nonsense_of_itself_is_refused(own_pack: Path, file: str, changes: dict[str, Any], words: str
                                                         ) -> None:
    (own_pack / "pack.json").unlink()
    path = own_pack / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(UserError, match=words):
        packs.checked_manifest(own_pack)


@pytest.mark.parametrize("file", ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json"])
@pytest.mark.parametrize("data", [b"\xff", b"[" * 100_000, b"[]", b" " * (2**22 + 1), b""])
def test_json_that_is_none_is_refused_before_a_library_reads_it(own_pack: Path, file: str, data: bytes) -> None:
    (own_pack / "pack.json").unlink()
    (own_pack / file).write_bytes(data)
    with pytest.raises(UserError, match=r"_?(index|config)\.json"):
        packs.checked_manifest(own_pack)


def test_a_pipe_or_a_link_in_a_model_is_never_opened(own_pack: Path) -> None:
    for manifest in (True, False):
        (own_pack / "unet" / "more.safetensors").symlink_to("/dev/zero")
        with pytest.raises(UserError, match="leads out"):
            packs.checked_manifest(own_pack)
        (own_pack / "unet" / "more.safetensors").unlink()
        if manifest:
            (own_pack / "pack.json").unlink()
    packs.checked_manifest(own_pack)


@pytest.mark.parametrize("name", ["unet/diffusion_pytorch_model.bin", "model.ckpt", "embeddings.pt", "vae/code.py"])
def test_pickles_and_code_are_refused(own_pack: Path, name: str) -> None:
    (own_pack / name).write_bytes(b"harmless")
    with pytest.raises(UserError, match=r"pickled|program code"):
        packs.checked_manifest(own_pack)


def test_a_folder_that_is_no_pack(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UserError, match="no model pack"):
            packs.checked_manifest(folder)


def test_another_kind_of_pipeline_and_missing_weights(own_pack: Path) -> None:
    index = own_pack / "model_index.json"
    text = index.read_text()
    index.write_text(text.replace("StableDiffusionPipeline", "StableDiffusionXLPipeline"))
    with pytest.raises(UserError, match="StableDiffusionXLPipeline"):
        packs.checked_manifest(own_pack)
    index.write_text(text)
    next((own_pack / "vae").glob("*.safetensors")).unlink()
    with pytest.raises(UserError, match="vae"):
        packs.checked_manifest(own_pack)


def test_a_model_whose_latents_diffusers_cannot_inpaint_is_refused(own_pack: Path) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(own_pack, local_files_only=True, torch_dtype=torch.float32)
    vae = AutoencoderKL.from_config({**pipeline.vae.config, "latent_channels": 8})
    unet = UNet2DConditionModel.from_config({**pipeline.unet.config, "in_channels": 8, "out_channels": 8})
    for folder in ("vae", "unet"):
        shutil.rmtree(own_pack / folder)
    vae.save_pretrained(own_pack / "vae")
    unet.save_pretrained(own_pack / "unet")
    (own_pack / MANIFEST).unlink()
    with pytest.raises(UserError, match="8 channels"):
        packs.load_pack(own_pack, "", choose_device("cpu"))


def test_a_changed_or_an_added_file_is_found(own_pack: Path) -> None:
    config = own_pack / "unet" / "config.json"
    text = config.read_text()
    config.write_text(text + " ")
    with pytest.raises(UserError, match="differ") as caught:
        packs.checked_manifest(own_pack)
    assert "unet/config.json" in caught.value.details
    config.write_text(text)
    (own_pack / "unet" / "extra.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match="differ"):
        packs.checked_manifest(own_pack)


def test_another_pack_than_the_job_was_made_for(tiny_pack: Path) -> None:
    with pytest.raises(UserError, match="not the one"):
        packs.load_pack(tiny_pack, "0" * 64, choose_device("cpu"))


def test_a_stable_diffusion_folder_without_manifest_works(own_pack: Path) -> None:
    (own_pack / MANIFEST).unlink()
    pack = packs.load_pack(own_pack, "", choose_device("cpu"))
    assert pack.native_size == 32
    assert len(pack.manifest.files) > 5 and len(pack.manifest.sha256) == 64


def test_only_half_precision_files_and_another_scheduler(own_pack: Path) -> None:
    """As many sites keep Stable Diffusion 1.5: variant fp16, PNDM."""
    (own_pack / MANIFEST).unlink()
    for path in list(own_pack.rglob("*.safetensors")):
        path.rename(path.with_name(path.name.replace(".safetensors", ".fp16.safetensors")))
    for path in (own_pack / "model_index.json", own_pack / "scheduler" / "scheduler_config.json"):
        path.write_text(path.read_text().replace("DPMSolverMultistepScheduler", "PNDMScheduler"))
    pack = packs.load_pack(own_pack, "", choose_device("cpu"))
    assert type(pack.text.scheduler).__name__ == "DPMSolverMultistepScheduler"
    assert pack.text.scheduler.config.prediction_type == "v_prediction"


def test_broken_weights_are_told_in_words(own_pack: Path) -> None:
    (own_pack / MANIFEST).unlink()
    next((own_pack / "unet").glob("*.safetensors")).write_bytes(b"nothing")
    with pytest.raises(UserError, match="cannot be loaded") as caught:
        packs.load_pack(own_pack, "", choose_device("cpu"))
    assert str(own_pack) not in caught.value.details


def test_warming_up_says_what_it_runs_on(tiny_pack: Path) -> None:
    info = packs.warm_up(str(tiny_pack), "cpu")
    assert info["kind"] == "cpu" and info["device"].startswith("CPU (")
    manifest = PackManifest.from_json((tiny_pack / MANIFEST).read_text())
    assert info["pack_sha256"] == manifest.sha256
    assert packs.is_loaded(tiny_pack)


def test_encoding_and_decoding(tiny_pack: Path) -> None:
    pack = packs.load_pack(tiny_pack, "", choose_device("cpu"))
    latents = pack.encode(torch.rand(2, 3, 32, 32))
    assert latents.shape == (2, 4, 8, 8)
    pixels = pack.decode(latents)
    assert pixels.shape == (2, 3, 32, 32) and pixels.min() >= 0 and pixels.max() <= 1
    assert (pack.decode(latents, rough=True) - pixels).abs().mean() < 0.05


def test_inference_loads_no_training() -> None:
    names = ["medsynth_app.engine.diffusion.pipelines", "medsynth_app.engine.diffusion.inpaint",
             "medsynth_app.engine.diffusion.generate", "medsynth_app.engine.embed"]
    script = (f"import importlib, sys; [importlib.import_module(name) for name in {names!r}]; "
              "print([name for name in sys.modules if name.startswith('medsynth_app.engine.train')])")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=170)
    assert done.stdout.strip() == "[]"
