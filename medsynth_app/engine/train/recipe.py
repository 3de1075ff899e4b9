"""A recipe: everything that decides how a pack is trained, read from a TOML file."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from medsynth_app.core.errors import UserError

T = TypeVar("T")
LATENT_CHANNELS = 4  # as Stable Diffusion's: diffusers' inpainting knows no other number
NORM_GROUPS = 16  # of the group normalisation in autoencoder and UNet


@dataclass(frozen=True)
class PackSection:
    """What the trained pack says of itself."""

    name: str
    version: str
    domain: str
    title: str
    modalities: tuple[str, ...]
    licence: str
    colour: str = "rgb"
    native_size: int = 128
    remove_prompt: str = ""
    default_prompt: str = ""
    grid_prompts: tuple[str, ...] = ()
    knows_not: str = ""
    licence_note: str = ""
    known_failures: tuple[str, ...] = ()
    mask_labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class AutoencoderSection:
    """Shape and schedule of the autoencoder. ``len(widths) - 1`` halvings: three widths make factor 4."""

    widths: tuple[int, ...] = (32, 64, 96)
    steps: int = 3000
    batch: int = 16
    crop: int = 64
    learning_rate: float = 1e-3
    kl_weight: float = 1e-7


@dataclass(frozen=True)
class DenoiserSection:
    """Shape and schedule of UNet and text encoder, trained together from nothing."""

    widths: tuple[int, ...] = (96, 160, 224)
    text_width: int = 192
    text_layers: int = 3
    steps: int = 4000
    batch: int = 48
    learning_rate: float = 6e-4
    ema: float = 0.999
    drop_caption: float = 0.1
    variants: int = 4


@dataclass(frozen=True)
class ControlSection:
    """Schedule of the ControlNet for masks; its shape follows the base pack's UNet.

    `hint_width` is the number of channels in which a mask is read at pixel resolution, doubled at each halving;
    `variants` how many augmented views of every picture are kept.
    """

    steps: int = 1500
    batch: int = 32
    learning_rate: float = 3e-4
    ema: float = 0.995
    drop_caption: float = 0.3
    hint_width: int = 8
    variants: int = 4


@dataclass(frozen=True)
class MasksSection:
    """Shape and schedule of the model of masks; `size` is the edge, in pixels, at which it draws them.

    `limit` is how many of the training masks it learns from, chosen by the recipe's seed; 0: all of them.
    """

    size: int = 64
    widths: tuple[int, ...] = (32, 64, 96)
    steps: int = 3000
    batch: int = 32
    learning_rate: float = 5e-4
    ema: float = 0.999
    limit: int = 0


@dataclass(frozen=True)
class EncoderSection:
    """Shape and schedule of the encoder; `size` is the edge, in pixels, of the pictures that it sees.

    `contrast` weighs the contrastive loss against the cross-entropy; a step sees two views of `batch` pictures.
    """

    size: int = 96
    widths: tuple[int, ...] = (32, 64, 128, 256)
    depths: tuple[int, ...] = (1, 1, 1, 1)
    steps: int = 4000
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    ema: float = 0.998
    contrast: float = 0.5
    temperature: float = 0.1


@dataclass(frozen=True)
class Recipe:
    """A whole recipe.

    Raises
    ------
    UserError
        From `load`, when the file is no TOML or a key is unknown or missing.
    """

    pack: PackSection
    data: dict[str, Any]
    autoencoder: AutoencoderSection = AutoencoderSection()
    denoiser: DenoiserSection = DenoiserSection()
    control: ControlSection = ControlSection()
    masks: MasksSection = MasksSection()
    encoder: EncoderSection = EncoderSection()
    augment: tuple[str, ...] = ()
    seed: int = 0
    sha256: str = ""
    curves_every: int = field(default=50)

    @staticmethod
    def load(path: Path) -> Recipe:
        try:
            text = path.read_bytes()
            raw = tomllib.loads(text.decode())
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UserError(f"The recipe {path.name} cannot be read: {error}.",
                            "Give the path of a TOML file such as those in resources/recipes.") from error
        training = raw.get("training", {})
        recipe = Recipe(
            pack=_section(PackSection, raw.get("pack", {}), path),
            data=raw.get("data", {}),
            autoencoder=_section(AutoencoderSection, raw.get("autoencoder", {}), path),
            denoiser=_section(DenoiserSection, raw.get("denoiser", {}), path),
            control=_section(ControlSection, raw.get("control", {}), path),
            masks=_section(MasksSection, raw.get("masks", {}), path),
            encoder=_section(EncoderSection, raw.get("encoder", {}), path),
            augment=tuple(training.get("augment", ())),
            seed=int(training.get("seed", 0)),
            sha256=hashlib.sha256(text).hexdigest(),
        )
        for section, widths in (("autoencoder", recipe.autoencoder.widths), ("denoiser", recipe.denoiser.widths),
                                ("masks", recipe.masks.widths)):
            if any(width <= 0 or width % NORM_GROUPS for width in widths):
                raise UserError(f"The recipe {path.name} has widths in [{section}] that are no multiples of "
                                f"{NORM_GROUPS}: {', '.join(map(str, widths))}.", "Round them to such multiples.")
        return recipe


def _section(kind: type[T], raw: dict[str, Any], path: Path) -> T:
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(raw) - known)
    if unknown:
        raise UserError(f"The recipe {path.name} has unknown keys: {', '.join(unknown)}.",
                        f"Known keys here are {', '.join(sorted(known))}.")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise UserError(f"The recipe {path.name} lacks a key: {error}.",
                        "Compare it with a recipe in resources/recipes.") from error
