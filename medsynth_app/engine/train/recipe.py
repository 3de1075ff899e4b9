"""A recipe: everything that decides how a pack is trained, read from a TOML file."""

from __future__ import annotations

import hashlib
import math
import tomllib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.request import LARGEST_SEED
from medsynth_app.core.pack import LARGEST, SMALLEST

T = TypeVar("T")
COLOURS = ("rgb", "grey")
STORED = ("float16", "float8")
SUPERVISION = ("labels", "none")
TURNS = ("hflip", "vflip", "rot90")
WORDS = {"str": "a text", "int": "a whole number", "float": "a number", "tuple[str, ...]": "a list of texts",
         "tuple[int, ...]": "a list of whole numbers"}
BELOW_ONE = ("ema", "drop_caption", "believed")
ABOVE_NOTHING = ("learning_rate", "temperature")
LEAST = {"steps": 1, "batch": 1, "crop": 16, "variants": 1, "text_width": 1, "text_layers": 1, "critic_width": 1,
         "hint_width": 1, "size": 8, "limit": 0, "learning_rate": 0, "temperature": 0, "weight_decay": 0, "contrast": 0,
         "ema": 0, "drop_caption": 0, "noise": 0,
         "adversarial": 0, "layers": 1, "kl_weight": 0, "perceptual": 0, "critic_after": 0, "equivariance": 0,
         "stain": 0, "evaluate_every": 0, "longer": 32, "zoom": 1, "box": 0, "believed": 0.05}
NONE_AT_ALL = ("decoder", "steps")  # 0 says that there is no such stage
NORM_GROUPS = 16  # of the group normalisation in autoencoder and UNet


@dataclass(frozen=True)
class PackSection:
    """What the trained pack says of itself.

    `licence` is that of the pack; without one it has the licence of the data, which their own description states.
    `stored` is what matrices and kernels of UNet and ControlNet are stored in: "float8" halves the pack.
    """

    name: str
    version: str
    domain: str
    title: str
    modalities: tuple[str, ...]
    licence: str = ""
    colour: str = "rgb"
    native_size: int = 128
    remove_prompt: str = ""
    default_prompt: str = ""
    grid_prompts: tuple[str, ...] = ()
    knows_not: str = ""
    licence_note: str = ""
    known_failures: tuple[str, ...] = ()
    mask_labels: tuple[str, ...] = ()
    stored: str = "float16"


@dataclass(frozen=True)
class AutoencoderSection:
    """Shape, losses and schedule of the autoencoder. ``len(widths) - 1`` halvings: three widths make factor 4.

    It always learns by the pixels (L1, and L1 of their differences) and a small KL term. Further losses, each by its
    weight, none at 0: `perceptual`, likeness in the eyes of the frozen `perceptual_network` (see
    `engine.train.perceptual`); `adversarial`, likeness in the eyes of a critic, heard from step `critic_after` on;
    `equivariance`, that shrunken latents decode to the shrunken picture, without which latents are near white noise.

    `layers` is the number of residual blocks at every level, `ema` the decay of the average of the weights (0: none),
    `stain` the share of pictures that are seen with another stain and light, `evaluate_every` the steps between
    validations (0: none).
    """

    widths: tuple[int, ...] = (32, 64, 96)
    layers: int = 1
    steps: int = 3000
    batch: int = 16
    crop: int = 64
    learning_rate: float = 1e-3
    ema: float = 0.0
    kl_weight: float = 1e-7
    perceptual: float = 0.0
    perceptual_network: str = "efficientnet-lite0"
    adversarial: float = 0.0
    critic_after: int = 1000
    critic_width: int = 32
    equivariance: float = 0.0
    stain: float = 0.0
    evaluate_every: int = 0


@dataclass(frozen=True)
class DecoderSection:
    """Schedule of the decoder's second turn, against a critic; with no steps there is none.

    `adversarial` weighs likeness in the critic's eyes against closeness of pixels; `noise` is what is added to the
    latents, whose spread is 1.
    """

    steps: int = 0
    batch: int = 16
    learning_rate: float = 4e-4
    ema: float = 0.99
    adversarial: float = 0.5
    noise: float = 0.1
    critic_width: int = 32


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

    `supervision` is "labels", or "none": then no class is looked at, and views of a picture shall be alike. With labels
    `contrast` weighs the contrastive loss against the cross-entropy, and `temperature` is that loss's own; a step sees
    two views of `batch` pictures. Pictures of the classes in `leave_out` are not learned from, so that they are new to
    the encoder.
    """

    size: int = 96
    widths: tuple[int, ...] = (32, 64, 128, 256)
    depths: tuple[int, ...] = (1, 1, 1, 1)
    steps: int = 4000
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    ema: float = 0.998
    supervision: str = "labels"
    contrast: float = 0.5
    temperature: float = 0.1
    leave_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class DetectorSection:
    """Shape and schedule of the detector of cells.

    Fields are seen at `longer` pixels of their longer side, in squares of `crop` pixels, at `zoom` times less to `zoom`
    times more than that, with up to `stain` more or less of each dye. `box` weighs the loss of the boxes against that
    of the heat maps. `incomplete` names the classes of which many cells have no box: of such a class nothing is learned
    from a field without any box of it, and a cell without a box of which the network is surer than `believed` is
    nothing that it is to unlearn.
    """

    longer: int = 240
    crop: int = 192
    zoom: float = 1.5
    stain: float = 0.0
    widths: tuple[int, ...] = (16, 32, 64, 96, 96)
    steps: int = 1400
    batch: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    ema: float = 0.99
    box: float = 1.0
    incomplete: tuple[str, ...] = ()
    believed: float = 0.5


SECTIONS: dict[str, type] = {"autoencoder": AutoencoderSection, "decoder": DecoderSection,
                             "denoiser": DenoiserSection, "control": ControlSection, "masks": MasksSection,
                             "encoder": EncoderSection, "detector": DetectorSection}


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
    decoder: DecoderSection = DecoderSection()
    denoiser: DenoiserSection = DenoiserSection()
    control: ControlSection = ControlSection()
    masks: MasksSection = MasksSection()
    encoder: EncoderSection = EncoderSection()
    detector: DetectorSection = DetectorSection()
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
            why = error.strerror if isinstance(error, OSError) else error  # an OSError's text holds the path
            why = "it is no text in UTF-8" if isinstance(error, UnicodeDecodeError) else why
            raise UserError(f"The recipe {path.name} cannot be read: {why}.",
                            "Give the path of a TOML file such as those in resources/recipes.") from error
        sections = ("pack", "data", "training", *SECTIONS)
        if strange := [name for name in raw if name not in sections]:
            raise UserError(f"The recipe {path.name} has the unknown section [{strange[0]}].",
                            f"Known are {', '.join(sections)}.")
        training = _table(raw, "training", path)
        if strange := sorted(set(training) - {"augment", "seed"}):
            raise UserError(f"[training] of the recipe {path.name} has the unknown key {strange[0]!r}.",
                            "It has augment and seed.")
        turns, seed = training.get("augment", []), training.get("seed", 0)
        if not isinstance(turns, list) or not all(turn in TURNS for turn in turns):
            raise UserError(f"In the recipe {path.name}, augment in [training] is of the wrong kind: {turns!r:.60}.",
                            f"It is a list of some of {', '.join(TURNS)}.")
        if type(seed) is not int or not 0 <= seed <= LARGEST_SEED:
            raise UserError(f"In the recipe {path.name}, seed in [training] is {seed!r:.60}.",
                            f"It is a whole number, 0 to {LARGEST_SEED}.")
        recipe = Recipe(
            pack=_section(PackSection, "pack", raw, path),
            data=_table(raw, "data", path),
            **{name: _section(kind, name, raw, path) for name, kind in SECTIONS.items()},
            augment=tuple(turns),
            seed=seed,
            sha256=hashlib.sha256(text).hexdigest(),
        )
        _check_ranges(recipe, path, "autoencoder" in raw)
        return recipe


def _check_ranges(recipe: Recipe, path: Path, has_pictures: bool) -> None:
    """Refuse numbers with which no training could run; an encoder's recipe has no pictures to draw."""
    if recipe.pack.colour not in COLOURS:
        raise UserError(f"In the recipe {path.name}, colour in [pack] is {recipe.pack.colour!r}.",
                        f"It has to be {' or '.join(COLOURS)}.")
    if recipe.pack.stored not in STORED:
        raise UserError(f"In the recipe {path.name}, stored in [pack] is {recipe.pack.stored!r}.",
                        f"It has to be {' or '.join(STORED)}.")
    if not SMALLEST <= recipe.pack.native_size <= LARGEST:
        raise UserError(f"In the recipe {path.name}, native_size in [pack] is {recipe.pack.native_size}.",
                        f"It is the edge of a picture in pixels, {SMALLEST} to {LARGEST}.")
    for name in SECTIONS:
        for key, value in vars(getattr(recipe, name)).items():
            if key in LEAST:
                _check_number(name, key, value, path)
    for name, widths in (("autoencoder", recipe.autoencoder.widths), ("denoiser", recipe.denoiser.widths),
                         ("masks", recipe.masks.widths)):
        if not widths or any(width <= 0 or width % NORM_GROUPS for width in widths):
            raise UserError(f"The recipe {path.name} has widths in [{name}] that are no multiples of {NORM_GROUPS}: "
                            f"{', '.join(map(str, widths)) or 'none at all'}.", "Round them to such multiples.")
    encoder = recipe.encoder
    if not encoder.widths or len(encoder.widths) != len(encoder.depths) or min(encoder.widths + encoder.depths) < 1:
        raise UserError(f"In [encoder] of the recipe {path.name}, widths or depths cannot be used.",
                        "They are as many whole numbers above 0, one of each for every stage of the network.")
    if recipe.encoder.supervision not in SUPERVISION:
        raise UserError(f"In the recipe {path.name}, supervision in [encoder] is {recipe.encoder.supervision!r}.",
                        f"It has to be {' or '.join(SUPERVISION)}.")
    detector = recipe.detector
    if detector.crop % 32 or len(detector.widths) != 5 or min(detector.widths) < 1:
        raise UserError(f"In [detector] of the recipe {path.name}, crop or widths cannot be used.",
                        "crop is a multiple of 32, and widths are five numbers above 0.")
    classes = recipe.data.get("classes")
    called = set(classes.values()) if isinstance(classes, dict) else set()
    if strange := sorted(set(detector.incomplete) - called):
        raise UserError(f"In the recipe {path.name}, incomplete in [detector] names {strange[0]!r}.",
                        f"It has to be one of what classes in [data] calls the boxes: {', '.join(sorted(called))}.")
    crop, factor = recipe.autoencoder.crop, 2 ** (len(recipe.autoencoder.widths) - 1)
    if has_pictures and recipe.pack.native_size % (factor * 2 ** (len(recipe.denoiser.widths) - 1)):
        step = factor * 2 ** (len(recipe.denoiser.widths) - 1)
        raise UserError(f"In the recipe {path.name}, native_size in [pack] is {recipe.pack.native_size}.",
                        f"With these widths of [autoencoder] and [denoiser] it has to be a multiple of {step}.")
    if has_pictures and (crop % factor or crop > recipe.pack.native_size):
        raise UserError(f"In the recipe {path.name}, crop in [autoencoder] is {crop}.",
                        f"It has to be a multiple of {factor} and at most native_size, {recipe.pack.native_size}.")


def _check_number(section: str, key: str, value: float, path: Path) -> None:
    low, high = 0 if (section, key) == NONE_AT_ALL else LEAST[key], 1 if key in BELOW_ONE else math.inf
    if not low <= value < high or (key in ABOVE_NOTHING and value <= 0):
        allowed = "above 0" if key in ABOVE_NOTHING else f"{low} or more"
        raise UserError(f"In the recipe {path.name}, {key} in [{section}] is {value}.",
                        f"It has to be a number {allowed}{' and less than 1' if high == 1 else ''}.")


def _table(raw: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    found = raw.get(name, {})
    if not isinstance(found, dict):
        raise UserError(f"In the recipe {path.name}, {name} is no section.", f"Write it as [{name}].")
    return found


def _section(kind: type[T], name: str, raw: dict[str, Any], path: Path) -> T:
    given, known = _table(raw, name, path), {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(given) - set(known)):
        raise UserError(f"[{name}] of the recipe {path.name} has unknown keys: {', '.join(unknown)}.",
                        f"Known keys here are {', '.join(sorted(known))}.")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    for key, f in known.items():
        if key not in values and f.default is MISSING:
            raise UserError(f"[{name}] of the recipe {path.name} lacks the key {key}.",
                            f"It is {WORDS[str(f.type)]}; compare it with a recipe in resources/recipes.")
        if key in values and not _is(values[key], str(f.type)):
            raise UserError(f"In the recipe {path.name}, {key} in [{name}] is of the wrong kind: {given[key]!r:.60}.",
                            f"{key} is {WORDS[str(f.type)]}.")
    return kind(**values)


def _is(value: Any, kind: str) -> bool:
    """Whether a value read from TOML is of the kind that a field's annotation names."""
    if kind.startswith("tuple"):
        inner = str if "str" in kind else int
        return isinstance(value, tuple) and all(type(item) is inner for item in value)
    allowed: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float)}
    return isinstance(value, allowed[kind]) and not isinstance(value, bool)
