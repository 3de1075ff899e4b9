"""The values that requests, and what a person sets for them, are composed of."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from medsynth_app.core.image import Pixels
from medsynth_app.core.intensity import IntensityRange
from medsynth_app.core.options import option
from medsynth_app.core.pack import MOST_STEPS, PackManifest
from medsynth_app.core.pack_files import InstalledPack

LARGEST_COUNT = 16  # candidates of one run
MOST_PICTURES = 1_000_000  # of one call, or order
LARGEST_SEED = 2**31 - 1
BY_CHANCE = LARGEST_SEED - 1024  # leaves room for the candidates' seed + k
FIRMNESS = 1.5  # masks are kept to clearly better than at 1, as the ControlNets learned it, at no cost to be seen


@dataclass(frozen=True)
class ModelRef:
    """A model pack on this machine.

    Attributes
    ----------
    folder
        Where it lies.
    sha256
        The hash that its manifest states (`PackManifest.sha256`); empty accepts any.
    """

    folder: str
    sha256: str = ""

    @staticmethod
    def of(pack: InstalledPack) -> ModelRef:
        return ModelRef(str(pack.folder), pack.manifest.sha256)


@dataclass(frozen=True)
class Sampling:
    """How pictures are drawn from noise.

    Attributes
    ----------
    steps
        0: as many as the pack recommends; a request always has a number.
    seed
        Candidate k uses ``seed + k``. None: by chance, at every run; a request always has one.
    strength
        0..1, share of the noise schedule that is run; 1 ignores what was there. Of inpainting alone.
    preview_every
        Steps between previews; 0 turns them off.
    device
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    """

    steps: int = option(0, "The number of steps", 0, MOST_STEPS, usual=(0, 200),
                        help="Denoising steps; 0: as many as the model recommends.")
    guidance: float = option(2.5, "Guidance", 0, 30, usual=(0, 15), help="How closely the prompt is followed.")
    seed: int | None = option(None, "The seed", 0, LARGEST_SEED, usual=(0, BY_CHANCE),
                              help="Candidate k uses seed + k; random when not given.")
    count: int = option(4, "The number of candidates", 1, LARGEST_COUNT, help="How many candidates or pictures.")
    strength: float = option(1.0, "How strong", 0.05, 1, help="0 to 1; 1 ignores what was there.")
    preview_every: int = option(2, "Steps between previews", 0, 1000, usual=(0, 50))
    device: str = option("auto", help="auto, cpu, cuda or mps.")

    def with_seed(self) -> Sampling:
        """The same with a seed, where it has none by chance."""
        return replace(self, seed=new_seed()) if self.seed is None else self

    def drawn_with(self, manifest: PackManifest) -> Sampling:
        """The same with the pack's number of steps, where it has none of its own."""
        return self if self.steps else replace(self, steps=manifest.recommended_steps)

    def seed_of(self, candidate: int) -> int:
        if self.seed is None:
            raise ValueError("a seed by chance is chosen before the request is made")
        return self.seed + candidate


@dataclass(frozen=True)
class Conditioning:
    """What is to be drawn.

    Attributes
    ----------
    labels
        What shall be where, shape (h, w), uint8, 0 the background (`PackManifest.mask_labels`), with the pack's
        ControlNet; takes no part in comparisons. None: the prompt alone decides.
    control_scale
        How firmly labels are followed; 0 ignores them, 1 is as the model learned.
    pairs
        Draw a mask for every picture first, from the pack's model of masks; then `labels` is None.
    """

    prompt: str = option("", help="What to draw.")
    negative_prompt: str = option("", help="What shall not appear.", flag="--negative")
    control_scale: float = option(FIRMNESS, "How firmly the mask is followed", 0, 2,
                                  help="How firmly a mask is followed; 0 ignores it, 2 is the most.")
    pairs: bool = False
    labels: npt.NDArray[np.uint8] | None = field(default=None, compare=False)


@dataclass(frozen=True, eq=False)
class ImageContext:
    """The part of an image that a model sees, and how.

    Attributes
    ----------
    crop
        Stored values of the padded context: (h, w) of the image's own integer type or (h, w, 3) uint8.
    mask
        What was painted, shape (h, w), bool.
    bounds
        (top, left, bottom, right) of the crop in the frame.
    regions
        Boxes in the frame, each of which is drawn in a crop of its own; together they hold all of the mask, and no two
        overlap. Empty: the crop is drawn as one.
    revision
        Hash of the crop's pixels when the request was made (`Document.revision`).
    source
        sha256 or UID text for the provenance record, never a path.
    intensity_range
        What the model sees of a grey image; None for RGB.
    inverted
        MONOCHROME1: low values are white.
    rescale
        (slope, intercept) of stored values.
    unit
        Of the rescaled values, "HU" or empty.
    stored_range
        Limits that written values are clipped to.
    """

    crop: Pixels
    mask: npt.NDArray[np.bool_]
    bounds: tuple[int, int, int, int]
    document_id: str
    frame_key: str
    revision: str
    source: str
    intensity_range: IntensityRange | None = None
    inverted: bool = False
    rescale: tuple[float, float] = (1.0, 0.0)
    unit: str = ""
    stored_range: tuple[int, int] = (0, 255)
    regions: tuple[tuple[int, int, int, int], ...] = ()


def new_seed() -> int:
    """A random 31-bit seed, with room for the candidates' seed + k."""
    return secrets.randbelow(BY_CHANCE + 1)
