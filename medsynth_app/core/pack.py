"""The manifest of a model pack (``pack.json``): what it is, where it came from, the hash of every file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from medsynth_app.core.errors import UserError
from medsynth_app.core.intensity import IntensityRange

FORMAT = "medsynth-pack/1"
MANIFEST = "pack.json"
LATENT_CHANNELS = 4  # as Stable Diffusion's: diffusers' inpainting knows no other number


@dataclass(frozen=True)
class TrainingData:
    """One data set that a model learned from."""

    name: str
    licence: str
    citation: str
    samples: int = 0


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
        ``"base"``: draws pictures; ``"encoder"``: turns pictures into embeddings.
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
        One table per part that was trained (``base``, ``control``, ``masks``, ``encoder``).
    default_prompt, remove_prompt, example_prompts
        What the prompt field starts with, what the mode *remove* draws, what the window offers.
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
            raw: dict[str, Any] = json.loads(text)
            found = raw.pop("format", None)
            if found != FORMAT:
                raise UserError(f"{where} has the unknown format {found!r}.",
                                f"This version reads {FORMAT}; import the pack again or update MedSynth.")
            raw["training_data"] = tuple(TrainingData(**item) for item in raw["training_data"])
            for name in ("modalities", "example_prompts", "known_failures", "mask_labels", "mean_colour"):
                raw[name] = tuple(raw.get(name, ()))
            raw["intensity_ranges"] = {modality: IntensityRange(float(ends["low"]), float(ends["high"]))
                                       for modality, ends in raw.get("intensity_ranges", {}).items()}
            trained = raw.get("training", {})
            if trained and not all(isinstance(table, dict) for table in trained.values()):
                raw["training"] = {"base": trained}  # as packs were written before they had parts
            return PackManifest(**raw)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{where} has a manifest that cannot be read ({error}).",
                            "Copy the pack again from where it came.") from error
