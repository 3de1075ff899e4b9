"""Every strategy by name, and every reason in words. The part that the window's side imports, so: no NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from medsynth_app.core.words import _

DEFAULT = "useful"


class Reason(StrEnum):
    """Why a cell stands where it stands."""

    CHANCE = "chance"
    TYPICAL = "typical"
    UNLIKE = "unlike"
    UNSURE = "unsure"
    FEW = "few"
    WAVERS = "wavers"
    RARE = "rare"
    TEACHES = "teaches"
    BETWEEN = "between"
    NEW = "new"
    COPY = "copy"
    LIKE = "like"
    GROUP = "group"


_WORDS = {
    Reason.CHANCE: _("chosen by chance"),
    Reason.TYPICAL: _("typical of many cells without a label"),
    Reason.UNLIKE: _("unlike every cell with a label"),
    Reason.UNSURE: _("could be {0} or {1}"),
    Reason.FEW: _("few labels of {0} so far; may be one, or {1}"),
    Reason.WAVERS: _("taken for {0}, but not when a part of it is hidden"),
    Reason.RARE: _("taken for {0}, which is rare, and not surely"),
    Reason.TEACHES: _("its label would change most, {0} or {1}"),
    Reason.BETWEEN: _("where {0} ends among the cells sorted by likeness to it"),
    Reason.NEW: _("drawn as real cells are, and unlike every cell with a label"),
    Reason.COPY: _("nearly the same as a cell before it"),
    Reason.LIKE: _("looks like the example"),
    Reason.GROUP: _("taken for {0}, as the others of its page"),
}


_WITHOUT_CLASSES = {
    Reason.UNSURE: _("could be one of two classes"),
    Reason.FEW: _("may be of a class that has few labels so far"),
    Reason.WAVERS: _("taken for something else when a part of it is hidden"),
    Reason.RARE: _("may be of a rare class"),
    Reason.TEACHES: _("its label would change most"),
    Reason.BETWEEN: _("where a class ends among the cells sorted by likeness to it"),
    Reason.GROUP: _("looks like the others of its page"),
}


def reason_words(reason: Reason, classes: Sequence[str] = ()) -> str:
    """A reason as a sentence's end; `classes` fill its gaps, where it has any. Without them it predicts nothing."""
    return _WORDS[reason].format(*classes) if classes else _WITHOUT_CLASSES.get(reason, _WORDS[reason])


@dataclass(frozen=True)
class Weight:
    """What a strategy can be told to mind more or less: 0 not at all, 1 as usual."""

    title: str
    help: str
    usual: float = 1.0


@dataclass(frozen=True)
class StrategyEntry:
    """One strategy, as a person is told of it.

    Attributes
    ----------
    name
        As `ranking.rank` and the command line call it.
    title
        Two or three words.
    help
        What it looks for.
    source
        Where it was published.
    learns
        It asks a classifier, and so needs labels of two classes; before, the cold start of `useful` takes its place.
    generated
        It orders generated cells; all others come after them.
    weights
        What can be set, in the order in which `ranking.rank` takes them.
    """

    name: str
    title: str
    help: str
    source: str
    learns: bool = True
    generated: bool = False
    weights: tuple[Weight, ...] = ()


STRATEGIES: tuple[StrategyEntry, ...] = (
    StrategyEntry("useful", _("Most useful first"),
                  _("Typical cells first, until there are labels to learn from; then those nearest to the limits of "
                    "the classes with the fewest labels. Rare classes are found early."),
                  "Bae et al. 2024, arXiv 2407.12212; then balanced-boundary"),
    StrategyEntry("random", _("Random"), _("By chance: what every other order is held against."), "", learns=False),
    StrategyEntry("balanced-boundary", _("Balanced boundary"),
                  _("Takes the class with the fewest labels so far, and the cell whose margin against all other "
                    "classes is nearest to zero; counts it as that class, and goes on."),
                  "this program; after Zhang et al. 2022, arXiv 2202.01402"),
    StrategyEntry("margin", _("Smallest margin"), _("Where the two likeliest classes are nearly equally likely."),
                  "Scheffer et al. 2001"),
    StrategyEntry("entropy", _("Largest entropy"), _("Where the classifier's answer is most spread over the classes."),
                  "Shannon 1948; Settles 2009"),
    StrategyEntry("k-center", _("Core-set"), _("The cell farthest from all that have a label, again and again."),
                  "Sener and Savarese 2018, arXiv 1708.00489", learns=False),
    StrategyEntry("typiclust", _("Typical of clusters"),
                  _("The most typical cell of the largest groups in which nothing has a label."),
                  "Hacohen et al. 2022, arXiv 2202.02794", learns=False),
    StrategyEntry("maxherding", _("Max herding"),
                  _("The cells that together lie near as many others as can be."),
                  "Bae et al. 2024, arXiv 2407.12212", learns=False),
    StrategyEntry("badge", _("Diverse gradients"),
                  _("Cells whose label would change the classifier much, and each in another way."),
                  "Ash et al. 2020, arXiv 1906.03671"),
    StrategyEntry("dropquery", _("Wavering predictions"),
                  _("Cells whose class changes when parts of what the encoder saw are hidden, spread over the pool."),
                  "Gupte et al. 2024, arXiv 2401.14555"),
    StrategyEntry("sadafi", _("Unsure and rare"),
                  _("Images whose cells are classified unsurely under dropout and hold rare classes, their most "
                    "telling cells first."),
                  "Sadafi et al. 2019, doi 10.1007/978-3-030-32239-7_76"),
    StrategyEntry("galaxy", _("Bisecting the order"),
                  _("Sorts the cells by likeness to each class and halves the gaps between labels that differ."),
                  "Zhang et al. 2022, arXiv 2202.01402"),
    StrategyEntry("direct", _("Optimal separation"),
                  _("Finds for each class where it ends among the cells sorted by likeness to it, and asks for those "
                    "nearest to that place, equally many for each class."),
                  "Nuggehalli et al. 2025, arXiv 2312.09196"),
    StrategyEntry("synthetic", _("Generated, real and new"),
                  _("Generated cells that look like real ones and unlike every cell with a label; those that nearly "
                    "repeat a real cell come late."),
                  "this program; realism as a rank after Kynkaanniemi et al. 2019, arXiv 1904.06991", learns=False,
                  generated=True, weights=(
                      Weight(_("Realism"), _("How many real cells lie as far from their neighbours.")),
                      Weight(_("Novelty"), _("How far the nearest cell with a label is.")),
                      Weight(_("No copies"), _("How far the nearest real cell is, where it is very near.")))),
)


def strategy_of(name: str) -> StrategyEntry:
    """Raises KeyError for none."""
    for entry in STRATEGIES:
        if entry.name == name:
            return entry
    raise KeyError(name)
