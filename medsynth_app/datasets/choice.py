"""What of a data set is learned from, what is kept back, what is left out, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from medsynth_app.datasets.dataset import FIELDS
from medsynth_app.datasets.division import Claim, SplitBy, divide
from medsynth_app.datasets.examined import Facts, Progress, examine, same_pictures
from medsynth_app.datasets.fields import boxes_problem
from medsynth_app.datasets.listing import PAIRS, VOLUMES, Entry, Listing
from medsynth_app.datasets.near import equal_pairs
from medsynth_app.datasets.pairs import mask_problem
from medsynth_app.datasets.volumes import label_problem


@dataclass(frozen=True, eq=False)
class Chosen:
    """A data set, split.

    Attributes
    ----------
    facts
        Of every entry of the listing.
    parts
        Of every entry: ``train``, ``val`` or ``test``; empty: left out, or it cannot be used.
    patients
        A neutral name for the patient of every entry; empty where none is known.
    same
        Pairs of places of entries that are equal or nearly the same.
    near, synthetic
        Places of entries that are left out: nearly the same as one that is held back, or drawn by a model.
    by
        What is never torn apart.
    """

    listing: Listing
    facts: Sequence[Facts]
    parts: tuple[str, ...]
    patients: tuple[str, ...]
    same: tuple[tuple[int, int], ...]
    near: tuple[int, ...]
    synthetic: tuple[int, ...]
    by: SplitBy

    @property
    def drawn(self) -> int:
        """How many entries that a model drew are in a part."""
        return sum(fact.synthetic and bool(part) for fact, part in zip(self.facts, self.parts, strict=True))


def choose(listing: Listing, facts: Sequence[Facts], include_synthetic: bool = False,
           progress: Progress | None = None) -> Chosen:
    """Split all that can be used.

    Parameters
    ----------
    facts
        Of every entry, as `examined_listing` finds them.
    include_synthetic
        Whether pictures that a model drew are learned from like others.
    progress
        See `near.near_pairs`.

    Raises
    ------
    UserError
        See `division.divide`.
    """
    entries = listing.entries
    usable = [k for k, fact in enumerate(facts) if not fact.problem]
    # Of volumes only copies: slices of small ones look alike in all people.
    found = equal_pairs([facts[k].sha256 for k in usable]) if listing.layout == VOLUMES else \
        same_pictures([facts[k] for k in usable], progress)
    same = tuple((usable[i], usable[j]) for i, j in found)
    synthetic = tuple(k for k in usable if facts[k].synthetic and not include_synthetic)
    left_out = set(synthetic)
    kept = [k for k in usable if k not in left_out]
    place = {k: at for at, k in enumerate(kept)}
    patients = _patients(entries, facts)
    division = divide([Claim(entries[k].patient or entries[k].name, entries[k].split, patients[k]) for k in kept],
                      [(place[i], place[j]) for i, j in same if i in place and j in place])
    parts = [""] * len(entries)
    for k, part in zip(kept, division.parts, strict=True):
        parts[k] = part
    return Chosen(listing, facts, tuple(parts), patients, same, tuple(kept[k] for k in division.left_out), synthetic,
                  SplitBy.CASE if listing.layout == VOLUMES else division.by)


def _patients(entries: Sequence[Entry], facts: Sequence[Facts]) -> tuple[str, ...]:
    """A neutral name for each patient whom the list or else the file names, by first appearance; else empty.

    Of a file that names no patient, its series stands for one.
    """
    known = [entry.patient or fact.patient or fact.series for entry, fact in zip(entries, facts, strict=True)]
    numbers = {name: k for k, name in enumerate(dict.fromkeys(filter(None, known)), 1)}
    return tuple(f"patient-{numbers[name]:04d}" if name else "" for name in known)


def examined_listing(listing: Listing, progress: Progress | None = None, letters: bool = False) -> list[Facts]:
    """`examine`, and for pairs, volumes and fields a look at their masks or boxes."""
    facts = examine(listing.entries, progress, letters)
    return [fact if fact.problem else replace(fact, problem=_problem(listing.layout, entry, fact))
            for entry, fact in zip(listing.entries, facts, strict=True)]


def _problem(layout: str, entry: Entry, fact: Facts) -> str:
    """Why a picture that can be read cannot be used in this layout; empty where it can."""
    if layout == VOLUMES:
        return label_problem(entry, (fact.frames, fact.rows, fact.columns))
    if layout == FIELDS:
        return boxes_problem(entry, fact.rows, fact.columns)
    if layout != PAIRS:
        return ""
    return "It holds several images, and a mask is of one." if fact.frames > 1 \
        else mask_problem(entry, fact.rows, fact.columns)
