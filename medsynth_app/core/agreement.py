"""How far those who label agree: with each other, with themselves, and with what they were shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from medsynth_app.core.learned import Share

FEWEST = 20  # cells below which no kappa is given
FEWEST_ASKED = 10  # answers below which no share is given


@dataclass(frozen=True)
class Agreed:
    """Agreement on cells that more than one person labelled.

    Attributes
    ----------
    cells
        How many of them there are.
    kappa
        Beyond chance, 1 at most, with its 95 % interval; None below `FEWEST` cells, or where everybody called all
        cells the same, so that chance alone explains it.
    same
        Share of them that all called the same; None below `FEWEST` cells.
    """

    cells: int
    kappa: Share | None = None
    same: Share | None = None

    @property
    def too_few(self) -> bool:
        return self.cells < FEWEST


@dataclass(frozen=True)
class Pair:
    """Cohen's kappa of two, by their places in `AgreementReport.people`."""

    first: int
    second: int
    agreed: Agreed


@dataclass(frozen=True)
class Again:
    """What a person called cells that were asked again; `same` is None below `FEWEST_ASKED` of them."""

    person: int
    cells: int
    same: Share | None = None


@dataclass(frozen=True)
class Pull:
    """How far shown predictions pull people.

    Attributes
    ----------
    shown, unseen
        How often answers were those of the prediction, where it was on the screen, and where it was not and chance had
        put the cell there; None below `FEWEST_ASKED` answers.
    difference
        The first less the second, with its interval; None where one of them is.
    """

    shown_answers: int
    unseen_answers: int
    shown: Share | None = None
    unseen: Share | None = None
    difference: Share | None = None


@dataclass(frozen=True)
class AgreementReport:
    """Of one label set.

    Attributes
    ----------
    people
        How many labelled.
    method
        What `together` and `control` are: "cohen" for two, "fleiss" for more, "" where nobody or one person labelled.
    together, control
        On all cells that more than one labelled; on those of them that chance drew, the same for everybody.
    pairs
        Where more than two labelled.
    again, again_all
        Of each person who was asked again, and of all of them.
    """

    people: int
    method: str
    together: Agreed
    control: Agreed
    pairs: tuple[Pair, ...]
    again: tuple[Again, ...]
    again_all: Again
    pull: Pull

    def to_plain(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)

    @staticmethod
    def from_plain(plain: Mapping[str, Any]) -> AgreementReport:
        """The inverse of `to_plain`; raises KeyError or TypeError for anything else."""
        return AgreementReport(
            plain["people"], plain["method"], _agreed(plain["together"]), _agreed(plain["control"]),
            tuple(Pair(each["first"], each["second"], _agreed(each["agreed"])) for each in plain["pairs"]),
            tuple(_again(each) for each in plain["again"]), _again(plain["again_all"]), _pull(plain["pull"]))


def _share(plain: Mapping[str, Any] | None) -> Share | None:
    return Share(**plain) if plain is not None else None


def _agreed(plain: Mapping[str, Any]) -> Agreed:
    return Agreed(plain["cells"], _share(plain["kappa"]), _share(plain["same"]))


def _again(plain: Mapping[str, Any]) -> Again:
    return Again(plain["person"], plain["cells"], _share(plain["same"]))


def _pull(plain: Mapping[str, Any]) -> Pull:
    return Pull(plain["shown_answers"], plain["unseen_answers"], _share(plain["shown"]), _share(plain["unseen"]),
                _share(plain["difference"]))
