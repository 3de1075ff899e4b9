"""What the person sets before a run: plain values with the defaults that the window shows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.inpaint import MODES
from medsynth_app.core.labels import names

LARGEST_COUNT = 16  # candidates of one run
LARGEST_SEED = 2**31 - 1
FIRMNESS = 1.5  # masks are kept to clearly better than at 1, as the ControlNets learned it, at no cost to be seen


@dataclass(frozen=True)
class InpaintParameters:
    """How a painted region is filled; see `InpaintRequest` for the meaning of the numbers.

    Attributes
    ----------
    mode
        ``"replace"`` (draw the prompt), ``"remove"`` (fill from the surroundings), ``"vary"`` (keep the likeness).
    strength
        0..1; 1 ignores what was there.
    count
        Candidates per run, 1..16.
    seed
        None takes a new random seed at every run; the seed used is recorded.
    context
        Surroundings that the model sees on each side, as a share of the painted region's longer edge.
    feather
        Width in image pixels of the soft edge inside the mask.
    match_seam
        Fit tone and grain to what surrounds the fill. None: of colour images; the grain of CT and MR is no white noise.
    follow
        Draw each painted class where it is painted, with the pack's ControlNet; only to replace. None: where the prompt
        names one of these classes.
    control_scale
        How firmly; see `InpaintRequest`.
    preview_every
        Steps between previews; 0 turns them off.
    device
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    """

    prompt: str = ""
    negative_prompt: str = ""
    mode: str = "replace"
    strength: float = 1.0
    count: int = 4
    seed: int | None = None
    steps: int = 25
    guidance: float = 2.5
    context: float = 0.5
    feather: int = 4
    match_seam: bool | None = None
    follow: bool | None = None
    control_scale: float = FIRMNESS
    preview_every: int = 4
    device: str = "auto"

    def matches_seam(self, colour: str) -> bool:
        """Whether the seam of an image of this colour ("rgb" or "grey") is matched."""
        return colour == "rgb" if self.match_seam is None else self.match_seam

    def follows(self, painted: Collection[str], prompt: str) -> bool:
        """Whether a fill with this prompt keeps to what is painted: `painted` are its classes that the pack knows."""
        if self.mode != "replace" or not painted:
            return False
        return any(names(prompt, each) for each in painted) if self.follow is None else self.follow

    def checked(self) -> InpaintParameters:
        """These parameters; raises `UserError` when one is out of its range."""
        if self.mode not in MODES:
            raise UserError(f"The mode {self.mode!r} is unknown.", f"Use one of {', '.join(MODES)}.")
        _within("How strong", self.strength, 0.05, 1)
        _within("The context", self.context, 0, 8)
        _within("The feather", self.feather, 0, 256)
        _within("How firmly the mask is followed", self.control_scale, 0, 2)
        _check_sampling(self.count, self.steps, self.guidance, self.seed)
        return self


@dataclass(frozen=True)
class GenerateParameters:
    """How whole pictures are made; see `GenerateRequest`. `width` and `height` 0 mean the pack's native size.

    `mask` takes no part in comparisons.
    """

    prompt: str = ""
    negative_prompt: str = ""
    width: int = 0
    height: int = 0
    count: int = 4
    seed: int | None = None
    steps: int = 25
    guidance: float = 2.5
    preview_every: int = 4
    device: str = "auto"
    mask: npt.NDArray[np.uint8] | None = field(default=None, compare=False)
    control_scale: float = FIRMNESS
    pairs: bool = False

    def checked(self) -> GenerateParameters:
        """These parameters; raises `UserError` when one is out of its range."""
        for edge in (self.width, self.height):
            if edge and (edge % 8 or not 32 <= edge <= 2048):
                raise UserError(f"A picture cannot be {edge} pixels wide or high.",
                                "Choose a multiple of 8 between 32 and 2048, or 0 for the model's own size.")
        if self.pairs and self.mask is not None:
            raise UserError("Pairs bring masks of their own.", "Give a mask, or ask for pairs.")
        _within("How firmly the mask is followed", self.control_scale, 0, 2)
        _check_sampling(self.count, self.steps, self.guidance, self.seed)
        return self


def _check_sampling(count: int, steps: int, guidance: float, seed: int | None) -> None:
    _within("The number of candidates", count, 1, LARGEST_COUNT)
    _within("The number of steps", steps, 1, 1000)
    _within("Guidance", guidance, 0, 30)
    if seed is not None:
        _within("The seed", seed, 0, LARGEST_SEED)


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise UserError(f"{name} is {value}, outside {low} to {high}.", "Choose a value in that range.")
