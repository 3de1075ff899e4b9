"""What studies ask of the worker that runs them: drawing, judging, comparing; each brought by `engine.evaluate`.

Whatever takes long tells how far it has come, and raises `Cancelled` once the job is to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from medsynth_app.core.pack import PackManifest
from medsynth_app.evaluation.intervals import Spread
from medsynth_app.studies.domain import Domain, Pictures

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Wish:
    """One picture to draw; `mask`: labels (h, w) uint8 that it shall follow."""

    prompt: str
    seed: int
    mask: Pictures | None = None


@dataclass(frozen=True, eq=False)
class Fill:
    """One region to fill: `frame` (h, w) or (h, w, 3) uint8, `painted` (h, w) bool, in what classes of the pack.

    `feather` None: as in the window.
    """

    frame: Pictures
    painted: Mask
    prompt: str
    seed: int
    mode: str = "replace"
    labels: Pictures | None = None
    feather: int | None = None


Closeness = Callable[[Pictures, Pictures, Mask], float]
"""How far (h, w, 3) uint8 is from the truth (h, w, 3) inside a mask (h, w)."""
FillBy = Callable[[Fill], npt.NDArray[np.float64]]
"""The frame of a fill, whose painted part is filled."""


@dataclass(frozen=True)
class Space:
    """`of` turns pictures (n, h, w, 3) uint8 into features (n, d); `name` says by what."""

    name: str
    of: Callable[[Pictures], npt.NDArray[np.float32]]


class Judge(Protocol):
    """A network that knows real training pictures only, and how well it does on the real test part.

    Where it is wrong about real pictures it is wrong about drawn ones too: read no figure without its score.
    """

    size: int
    """Edge in pixels of the pictures that it sees, and of the masks that it finds."""
    score: Spread
    """Accuracy, or mean Dice over the real test pictures that have a mask."""

    @property
    def words(self) -> str:
        """How it was trained, and its score."""

    def names(self, pictures: Pictures) -> npt.NDArray[np.str_]:
        """The classes that it names, shape (n,)."""

    def finds(self, pictures: Pictures) -> Pictures:
        """The labels that it finds, shape (n, size, size)."""


class MaskDrawer(Protocol):
    """A trained model of masks."""

    @property
    def words(self) -> str:
        """On what it was trained, and how long."""

    def draw(self, counts: dict[str, int], seed: int) -> Pictures:
        """So many masks of each class, at the domain's mask size, shape (n, s, s); one of seed, one of seed + 1, ..."""

    def seen(self) -> Pictures:
        """The masks that it learned from, at that size."""


class Course(Protocol):
    """Trains and tests networks on what is to be compared, all for the same number of steps."""

    steps: int

    def score(self, pictures: Pictures, truth: npt.NDArray[Any], seed: int, what: str) -> float:
        """Balanced accuracy or mean Dice on the test part of a network trained on these."""

    def varied(self, pictures: Pictures, truth: npt.NDArray[Any],
               rng: np.random.Generator) -> tuple[Pictures, npt.NDArray[Any]]:
        """Each picture once, zoomed, turned, mirrored and recoloured by chance; masks alike, classes as they are."""


class Bench(Protocol):
    """The pack under study with all that measures it."""

    manifest: PackManifest
    domain: Domain

    def judge(self) -> Judge:
        """The judge of the domain: trained once and kept."""

    def space(self) -> Space:
        """In which pictures are compared: the chosen encoder's, else the judge's own deepest layer."""

    def outside(self) -> tuple[list[Space], list[str]]:
        """The spaces of encoders that never saw the product, and notes on those that are missing."""

    def closeness(self) -> Closeness | str:
        """How far a fill is from the truth, for an encoder that never saw the product; else why there is none."""

    def telea(self) -> FillBy | None:
        """Telea's fill, where the person has put it beside the encoders of others."""

    def draw(self, wishes: Sequence[Wish], steps: int = 0) -> Pictures:
        """All wishes with the product's own parameters, shape (n, s, s, 3); steps 0: as the study was asked."""

    def draw_pairs(self, wishes: Sequence[Wish]) -> tuple[Pictures, Pictures]:
        """Pictures (n, s, s, 3) and the masks (n, s, s) that the pack's own model of masks drew for them."""

    def fill(self, fills: Sequence[Fill], steps: int = 0) -> tuple[list[Pictures], list[Mask]]:
        """Every frame inpainted, cut and joined as in the window, and the pixels that could change."""

    def redrawn(self, pictures: Pictures, disturbed: float = 0.0, seed: int = 0) -> Pictures:
        """Pictures that went through the pack's autoencoder, with noise of the spread `disturbed` on the latents."""

    def mask_drawer(self, limit: int, minutes: float) -> MaskDrawer:
        """A model of masks trained on `limit` masks (0: all) for `minutes` at most; the pack's own for limit -1."""

    @property
    def judge_size(self) -> int:
        """Edge in pixels of the pictures that judges and the networks of a course see."""

    def course(self, test: tuple[Pictures, npt.NDArray[Any]], minutes: float, steps: int) -> Course:
        """Trainings that are tested on `test`; with `steps` 0 as many as `minutes` allow for each."""
