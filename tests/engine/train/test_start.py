"""Training that starts from another pack."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import CLIPTokenizer

from medsynth_app.core.errors import UserError
from medsynth_app.engine.train.autoencoder import new_autoencoder
from medsynth_app.engine.train.base import train_base
from medsynth_app.engine.train.denoiser import new_text_encoder, new_unet
from medsynth_app.engine.train.recipe import AutoencoderSection, Recipe
from medsynth_app.engine.train.start import start_autoencoder, start_denoiser
from medsynth_app.engine.train.supervision import Run
from medsynth_app.engine.train.tokenizer import train_tokenizer
from tests.engine.train.test_base import frozen, recipe

__all__ = ["frozen", "recipe"]


@pytest.fixture
def first(recipe: Recipe, frozen: Path, tmp_path: Path) -> Path:
    (tmp_path / "kept").mkdir()
    train_base(Run(recipe, frozen, tmp_path / "first", tmp_path / "kept"))
    return tmp_path / "first"


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.allclose(a, b.to(a.dtype), atol=1e-3)


def test_weights_are_taken_over_where_name_and_shape_agree(recipe: Recipe, first: Path) -> None:
    torch.manual_seed(5)
    vae, again = new_autoencoder(recipe), new_autoencoder(recipe)
    start_autoencoder(vae, first)
    start_autoencoder(again, first)
    assert all(same(a, b) for a, b in zip(vae.state_dict().values(), again.state_dict().values(), strict=True))
    deeper = new_autoencoder(recipe)
    deeper.encoder.conv_out = torch.nn.Conv2d(16, 16, 3, padding=1)
    before = deeper.encoder.conv_out.weight.clone()
    start_autoencoder(deeper, first)
    assert same(deeper.state_dict()["encoder.conv_in.weight"], vae.state_dict()["encoder.conv_in.weight"])
    assert torch.equal(deeper.encoder.conv_out.weight, before)  # another shape stays as it was


def test_the_text_encoder_is_taken_over_only_where_both_spell_alike(recipe: Recipe, first: Path,
                                                                    tmp_path: Path) -> None:
    tokenizer = CLIPTokenizer.from_pretrained(first / "tokenizer", local_files_only=True)
    other = train_tokenizer(["quite another language altogether"] * 3, tmp_path / "other")
    kept, strange = new_text_encoder(recipe, tokenizer), new_text_encoder(recipe, other)
    unet, before = new_unet(recipe), strange.state_dict()["final_layer_norm.weight"].clone()
    name = next(key for key in kept.state_dict() if key.endswith("token_embedding.weight"))
    untouched = strange.state_dict()[name].clone()
    start_denoiser(unet, kept, tokenizer, first)
    start_denoiser(new_unet(recipe), strange, other, first)
    twin = new_text_encoder(recipe, tokenizer)
    start_denoiser(new_unet(recipe), twin, tokenizer, first)
    assert same(kept.state_dict()[name], twin.state_dict()[name])
    assert torch.equal(strange.state_dict()[name], untouched)
    assert torch.equal(strange.state_dict()["final_layer_norm.weight"], before)


def test_the_card_says_from_what_it_started(recipe: Recipe, frozen: Path, first: Path, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    frozen_text = (frozen / "manifest.json").read_text()
    (frozen / "manifest.json").write_text(frozen_text.replace('"name": "n"', '"name": "own"'))
    manifest = train_base(Run(recipe, frozen, tmp_path / "second", tmp_path / "again", pack=first))
    assert manifest.training["base"]["started_from"].startswith("tiny ")
    assert [data.name for data in manifest.training_data] == ["own", "n"]  # what the start learned from, too
    card = (tmp_path / "second" / "README.md").read_text()
    assert "started from" in card and "| trained on | own, " in card and "| trained on | n, " in card


def test_a_pack_of_another_shape_is_no_start(recipe: Recipe, first: Path) -> None:
    wide = new_autoencoder(replace(recipe, autoencoder=AutoencoderSection(widths=(64, 64, 64))))
    with pytest.raises(UserError, match="another shape"):
        start_autoencoder(wide, first)


def test_a_denoiser_of_another_shape_is_told_before_the_autoencoder_learns(
        recipe: Recipe, frozen: Path, first: Path, tmp_path: Path) -> None:
    wide = replace(recipe, denoiser=replace(recipe.denoiser, widths=(64, 64)))
    with pytest.raises(UserError, match="The unet of the pack to start from has another shape"):
        train_base(Run(wide, frozen, tmp_path / "second", tmp_path / "new", pack=first))
    assert not (tmp_path / "new").exists()


def test_a_pack_that_cannot_be_read_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no vae"):
        start_autoencoder(new_autoencoder(recipe), tmp_path)
