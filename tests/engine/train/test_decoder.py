"""The decoder's second turn, against a critic."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from diffusers import AutoencoderKL

from medsynth_app.core.errors import Cancelled
from medsynth_app.engine.train.autoencoder import encode_all, new_autoencoder
from medsynth_app.engine.train.base import train_base
from medsynth_app.engine.train.critic import HEAD_START, Critic
from medsynth_app.engine.train.decoder import train_decoder
from medsynth_app.engine.train.recipe import DecoderSection, Recipe
from medsynth_app.engine.train.supervision import Run, Supervisor
from tests.engine.train.test_base import RECIPE, frozen

CPU = torch.device("cpu")
__all__ = ["frozen"]


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE + "[decoder]\nsteps = 4\nbatch = 2\ncritic_width = 8\n")
    return Recipe.load(path)


@pytest.fixture
def pixels() -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 255, (6, 32, 32, 3), np.uint8)


def weights(vae: AutoencoderKL, part: str) -> torch.Tensor:
    return torch.cat([value.flatten().clone() for value in getattr(vae, part).parameters()])


def test_only_the_decoder_learns_so_latents_stay(recipe: Recipe, pixels: npt.NDArray[np.uint8],
                                                 tmp_path: Path) -> None:
    recipe = replace(recipe, decoder=replace(recipe.decoder, steps=HEAD_START + 3))  # the critic speaks in the last
    vae = new_autoencoder(recipe)
    latents, decoder = encode_all(vae, pixels, CPU), weights(vae, "decoder")
    deaf = copy.deepcopy(vae)
    train_decoder(recipe, pixels, vae, tmp_path / "heard", CPU, Supervisor())
    train_decoder(replace(recipe, decoder=replace(recipe.decoder, adversarial=0.0)), pixels, deaf, tmp_path / "deaf",
                  CPU, Supervisor())
    assert not torch.equal(weights(vae, "decoder"), weights(deaf, "decoder"))  # the critic was heard
    assert torch.equal(encode_all(vae, pixels, CPU), latents)
    learned = weights(vae, "decoder")
    assert torch.isfinite(learned).all() and not torch.equal(learned, decoder)
    finished = new_autoencoder(recipe)
    finished.load_state_dict({**vae.state_dict(), **{f"decoder.{name}": torch.zeros_like(value)
                                                    for name, value in vae.decoder.state_dict().items()}})
    train_decoder(recipe, pixels, finished, tmp_path / "heard", CPU, Supervisor())  # from the checkpoint
    assert torch.equal(weights(finished, "decoder"), learned)


def test_a_cancelled_turn_resumes(recipe: Recipe, pixels: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    asked = iter(range(10_000))
    vae = new_autoencoder(recipe)
    with pytest.raises(Cancelled):
        train_decoder(recipe, pixels, vae, tmp_path, CPU, Supervisor(cancelled=lambda: next(asked) >= 2))
    (path,) = tmp_path.glob("decoder-*.pt")
    state = torch.load(path, weights_only=True)["state"]
    assert (state["step"], state["curve"], state["finished"]) == (2, [], False)
    assert train_decoder(recipe, pixels, vae, tmp_path, CPU, Supervisor()) == 4
    state = torch.load(path, weights_only=True)["state"]
    assert state["step"] == 4 and state["finished"]
    longer = replace(recipe, decoder=replace(recipe.decoder, steps=50))
    assert train_decoder(longer, pixels, vae, tmp_path, CPU, Supervisor()) == 4  # it was finished, and says so


def test_another_encoder_gets_a_decoder_of_its_own(recipe: Recipe, pixels: npt.NDArray[np.uint8],
                                                   tmp_path: Path) -> None:
    for seed in (0, 1):
        torch.manual_seed(seed)
        train_decoder(recipe, pixels, new_autoencoder(recipe), tmp_path, CPU, Supervisor())
    assert len(list(tmp_path.glob("decoder-*.pt"))) == 2


def test_a_recipe_without_steps_leaves_the_decoder(recipe: Recipe, pixels: npt.NDArray[np.uint8],
                                                   tmp_path: Path) -> None:
    vae = new_autoencoder(recipe)
    before = weights(vae, "decoder")
    train_decoder(replace(recipe, decoder=DecoderSection()), pixels, vae, tmp_path, CPU, Supervisor())
    assert torch.equal(weights(vae, "decoder"), before) and not list(tmp_path.glob("*.pt"))


def test_the_critic_learns_to_tell_real_from_drawn() -> None:
    torch.manual_seed(0)
    critic = Critic(8)
    optimizer = torch.optim.AdamW(critic.parameters(), lr=1e-2)
    real, drawn = torch.rand(8, 3, 32, 32) * 2 - 1, torch.full((8, 3, 32, 32), 0.1)
    for _ in range(40):
        loss = (1 - critic(real)[0]).relu().mean() + (1 + critic(drawn)[0]).relu().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    marks = critic(real)[0].mean() - critic(drawn)[0].mean()
    assert marks > 0.5


def test_the_card_tells_of_it(recipe: Recipe, frozen: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    manifest = train_base(Run(recipe, frozen, tmp_path / "out", tmp_path / "kept"))
    assert manifest.training["base"]["decoder_steps_against_a_critic"] == 4
    assert "| decoder steps against a critic | 4 |" in (tmp_path / "out" / "README.md").read_text()
