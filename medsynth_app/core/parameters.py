"""What the person sets before a run: plain values with the defaults that the window shows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TypeVar

from medsynth_app.core import options
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.inpaint import MODES
from medsynth_app.core.jobs.request import LARGEST_SEED, Conditioning, Sampling
from medsynth_app.core.labels import names
from medsynth_app.core.options import option

T = TypeVar("T", bound="InpaintParameters | GenerateParameters")


@dataclass(frozen=True)
class InpaintParameters:
    """How a painted region is filled; the values that it shares with `InpaintRequest` say what the numbers mean.

    Attributes
    ----------
    mode
        ``"replace"`` (draw the prompt), ``"remove"`` (fill from the surroundings), ``"vary"`` (keep the likeness).
    context
        Surroundings that the model sees on each side, as a share of the painted region's longer edge.
    feather
        Width in image pixels of the soft edge inside the mask.
    match_seam
        Fit tone and grain to what surrounds the fill.
    follow
        Draw each painted class where it is painted, with the pack's ControlNet; only to replace. None: where the prompt
        names one of these classes.
    classical
        Remove without a model, from the surroundings alone. None: where no pack knows the image.
    """

    conditioning: Conditioning = field(default_factory=Conditioning)
    sampling: Sampling = field(default_factory=Sampling)
    mode: str = option("replace", help=f"One of {', '.join(MODES)}.")
    context: float = option(0.5, "The context", 0, 8, usual=(0, 2),
                            help="Surroundings that the model sees, as a share.")
    feather: int = option(4, "The feather", 0, 256, usual=(0, 64), help="Soft edge inside the mask, in pixels.")
    match_seam: bool = option(True, flag="--match-seam/--no-match-seam",
                              help="Fit tone and grain to what surrounds the fill.")
    follow: bool | None = option(None, flag="--follow/--no-follow", help="Draw each label of the mask where it stands, "
                                 "with a model that learned it; without either: where the prompt names one.")
    classical: bool | None = None

    def without_model(self, pack_removes: bool) -> bool:
        """Whether a run takes the classical fill; `pack_removes`: there is a pack that removes from such images."""
        return self.mode == "remove" and (not pack_removes if self.classical is None else self.classical)

    def follows(self, painted: Collection[str], prompt: str) -> bool:
        """Whether a fill with this prompt keeps to what is painted: `painted` are its classes that the pack knows."""
        if self.mode != "replace" or not painted:
            return False
        return any(names(prompt, each) for each in painted) if self.follow is None else self.follow

    def checked(self) -> InpaintParameters:
        """These parameters; raises `UserError` when one is out of its range."""
        if self.mode not in MODES:
            raise UserError(f"The mode {self.mode!r} is unknown.", f"Use one of {', '.join(MODES)}.")
        return _with_room_for_seeds(options.checked(self))


@dataclass(frozen=True)
class GenerateParameters:
    """How whole pictures are made; see `GenerateRequest`. `width` and `height` 0 mean the pack's native size."""

    conditioning: Conditioning = field(default_factory=Conditioning)
    sampling: Sampling = field(default_factory=Sampling)
    width: int = option(0, help="Pixels, a multiple of 8; 0: the model's own.")
    height: int = option(0, help="Pixels, a multiple of 8; 0: the model's own.")

    def checked(self) -> GenerateParameters:
        """These parameters; raises `UserError` when one is out of its range."""
        for edge in (self.width, self.height):
            if edge and (edge % 8 or not 32 <= edge <= 2048):
                raise UserError(f"A picture cannot be {edge} pixels wide or high.",
                                "Choose a multiple of 8 between 32 and 2048, or 0 for the model's own size.")
        if self.conditioning.pairs and self.conditioning.labels is not None:
            raise UserError("Pairs bring masks of their own.", "Give a mask, or ask for pairs.")
        return _with_room_for_seeds(options.checked(self))


def _with_room_for_seeds(parameters: T) -> T:
    """`parameters`; raises `UserError` where the last candidate's seed would be too large."""
    sampling = parameters.sampling
    if sampling.seed is not None and sampling.seed + sampling.count - 1 > LARGEST_SEED:
        raise UserError(f"The seed {sampling.seed} leaves no room for {sampling.count} candidates, each of which has "
                        f"the next one; the largest is {LARGEST_SEED}.", "Choose a smaller seed.")
    return parameters
