"""The manifest of a model pack (``pack.json``): what it is, where it came from, the hash of every file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any

from medsynth_app.core.errors import UserError
from medsynth_app.core.intensity import IntensityRange

FORMAT = "medsynth-pack/1"
MANIFEST = "pack.json"
SMALLEST, LARGEST = 8, 4096  # pixels: edges at which models draw
USUAL_STEPS = 25  # denoising steps of a pack that recommends no other number
MOST_STEPS = 1000
LATENT_CHANNELS = 4  # as Stable Diffusion's: diffusers' inpainting knows no other number


@dataclass(frozen=True)
class TrainingData:
    """One data set that a model learned from.

    Attributes
    ----------
    samples
        How many training images.
    split_by
        What was never torn apart when it was split: "own" (the set's own split), "own-untested" (one without
        a test part), "case", "patient", "near-duplicates", "image"; empty where it is not known.
    left_out
        How many images were left out of training because a held-out one is nearly the same.
    synthetic
        How many of the set's images were themselves drawn by a model.
    """

    name: str
    licence: str
    citation: str
    samples: int = 0
    split_by: str = ""
    left_out: int = 0
    synthetic: int = 0


@dataclass(frozen=True)
class PackManifest:
    """What a pack says of itself.

    Attributes
    ----------
    modalities
        DICOM modalities (0008,0060) that the pack may be used on, e.g. ``("MR",)``.
    native_size
        Edge of the square, in pixels, at which the model draws.
    kind
        ``"base"``: draws pictures; ``"encoder"``: turns pictures into embeddings; ``"detector"``: finds the
        cells of fields.
    colour
        ``"rgb"`` or ``"grey"``: what the training pictures were.
    mean_colour
        Mean red, green and blue (0 to 255) of the training pictures; empty where it is not known. An image that
        states no modality is matched by it.
    intensity_ranges
        What the training pictures showed as black and white, by modality and in its units: HU for ``"CT"``. Those that
        are not named have the rule of `core.intensity`.
    mask_labels
        What the label values 1, 2, ... of a mask mean to the ControlNet and the mask model; empty where there are none.
    training
        One table per part that was trained (``base``, ``control``, ``masks``, ``encoder``, ``detector``).
    default_prompt, remove_prompt, example_prompts
        What the prompt field starts with, what the mode *remove* draws, what the window offers.
    recommended_steps
        Denoising steps where a person names no number: the fewest that the study ``steps`` could not tell from more.
    files
        sha256 (hex) of every file but the manifest itself, keyed by POSIX path.
    """

    name: str
    version: str
    domain: str
    title: str
    modalities: tuple[str, ...]
    colour: str
    licence: str
    native_size: int
    training_data: tuple[TrainingData, ...]
    default_prompt: str = ""
    remove_prompt: str = ""
    example_prompts: tuple[str, ...] = ()
    intended_use: str = "Research use only, not for diagnosis."
    knows_not: str = ""
    licence_note: str = ""
    known_failures: tuple[str, ...] = ()
    kind: str = "base"
    mask_labels: tuple[str, ...] = ()
    mean_colour: tuple[float, ...] = ()
    intensity_ranges: dict[str, IntensityRange] = field(default_factory=dict)
    training: dict[str, dict[str, Any]] = field(default_factory=dict)
    recommended_steps: int = USUAL_STEPS
    files: dict[str, str] = field(default_factory=dict)

    @property
    def draws_from_masks(self) -> bool:
        """Whether it holds a ControlNet for masks."""
        return "controlnet/config.json" in self.files

    @property
    def draws_masks(self) -> bool:
        """Whether it holds a model of masks themselves."""
        return "masks/config.json" in self.files

    @property
    def taught(self) -> tuple[str, ...] | None:
        """Classes whose labels an encoder saw while it learned: () for none, None where it is not told."""
        about = self.training.get("encoder", {})
        if named := about.get("classes"):  # a text in packs of before: names without a comma
            return tuple(map(str, named) if isinstance(named, list) else map(str.strip, str(named).split(",")))
        return () if "supervision" in about else None

    @property
    def sha256(self) -> str:
        """One hash for the whole pack: over the sorted names and hashes of its files."""
        listing = "".join(f"{digest}  {path}\n" for path, digest in sorted(self.files.items()))
        return hashlib.sha256(listing.encode()).hexdigest()

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"

    @staticmethod
    def from_json(text: str, where: str = "The pack") -> PackManifest:
        """Read a manifest; raises `UserError` when it is none or of another format."""
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _unreadable(where, "it is no JSON") from error
        return PackManifest.from_dict(raw, where)

    @staticmethod
    def from_dict(raw: Any, where: str = "The pack") -> PackManifest:
        """As `from_json`, of what JSON held. A pack is input like any other: every value is of its type, or refused."""
        if not isinstance(raw, dict):
            raise _unreadable(where, "it is no table")
        found = raw.get("format")
        if found != FORMAT:
            raise UserError(f"{where} has the unknown format {_short(found)}.",
                            f"This version reads {FORMAT}; import the pack again or update MedSynth.")
        unknown = [name for name in raw if name not in _READ and name != "format"]
        missing = [name for name in _NEEDED if name not in raw]
        if unknown or missing:
            raise _unreadable(where, f"it has no {missing[0]}" if missing else f"it holds {_short(unknown[0])}")
        values = {}
        for name, read in _READ.items():
            if name in raw:
                try:
                    values[name] = read(raw[name])
                except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
                    raise _unreadable(where, f"its {name} is {_short(raw[name])}") from error
        return PackManifest(**values)


def checked_size(value: Any) -> int:
    """Edge in pixels at which a model draws; raises ValueError for anything else than such a number."""
    if type(value) is not int or not SMALLEST <= value <= LARGEST:
        raise ValueError("no edge of a picture")
    return value


def _unreadable(where: str, why: str) -> UserError:
    return UserError(f"{where} has a manifest that cannot be read ({why}).", "Copy the pack again from where it came.")


def _short(value: Any) -> str:
    """What stands there, for a sentence."""
    try:
        return f"{value!r:.40}"
    except (RecursionError, ValueError):  # nested deep, or a number of thousands of digits
        return "no such value"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    value.encode()  # half a character, which JSON can hold, is a ValueError
    return value


def _name(value: Any) -> str:
    if not _text(value).strip():
        raise ValueError(value)
    return _text(value)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(value)
    return tuple(_text(item) for item in value)


def _data(value: Any) -> tuple[TrainingData, ...]:
    if not isinstance(value, list):
        raise TypeError(value)
    return tuple(_one_set(item) for item in value)


def _one_set(item: Any) -> TrainingData:
    counts = {name: item.get(name, 0) for name in ("samples", "left_out", "synthetic")}
    if set(item) - {"name", "licence", "citation", "split_by", *counts} \
            or any(type(count) is not int or count < 0 for count in counts.values()):
        raise ValueError(item)
    return TrainingData(_text(item["name"]), _text(item["licence"]), _text(item["citation"]),
                        split_by=_text(item.get("split_by", "")), **counts)


def _mean(value: Any) -> tuple[float, ...]:
    numbers = tuple(float(number) for number in value if isinstance(number, (int, float)))
    if not isinstance(value, list) or len(numbers) != len(value) or len(numbers) not in (0, 3) \
            or not all(0 <= number <= 255 for number in numbers):
        raise ValueError(value)
    return numbers


def _ranges(value: Any) -> dict[str, IntensityRange]:
    return {modality: IntensityRange(float(ends["low"]), float(ends["high"])) for modality, ends in value.items()}


def _trained(value: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict):
        raise TypeError(value)
    if value and not all(isinstance(table, dict) for table in value.values()):
        return {"base": value}  # as packs were written before they had parts
    return value


def _steps(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MOST_STEPS:
        raise ValueError(value)
    return value


def _files(value: Any) -> dict[str, str]:
    return {_text(path): _text(digest) for path, digest in value.items()}


_READ: dict[str, Callable[[Any], Any]] = {
    "name": _name, "version": _text, "domain": _text, "title": _text, "modalities": _texts, "colour": _text,
    "licence": _text, "native_size": checked_size, "training_data": _data, "default_prompt": _text,
    "remove_prompt": _text, "example_prompts": _texts, "intended_use": _text, "knows_not": _text,
    "licence_note": _text, "known_failures": _texts, "kind": _text, "mask_labels": _texts, "mean_colour": _mean,
    "intensity_ranges": _ranges, "training": _trained, "recommended_steps": _steps,
    "files": _files,
}  # every field of `PackManifest`
_NEEDED = tuple(item.name for item in fields(PackManifest)
                if item.default is MISSING and item.default_factory is MISSING)
