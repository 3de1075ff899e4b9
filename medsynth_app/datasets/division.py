"""Which picture belongs to which part, train, val or test: decided before anything is learned. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from medsynth_app.core.errors import UserError
from medsynth_app.datasets.near import equal_pairs, grouped

PARTS = ("train", "val", "test")
VALIDATED = 14  # one of so many is for validation, where the data state no test


class SplitBy(StrEnum):
    """What is never torn apart by a split. `OWN`: the data state their split themselves, `OWN_UNTESTED`: train and val
    alone; `CASE`: a volume.
    """

    OWN = "own"
    OWN_UNTESTED = "own-untested"
    CASE = "case"
    PATIENT = "patient"
    GROUP = "near-duplicates"
    IMAGE = "image"


@dataclass(frozen=True)
class Claim:
    """What decides about one picture.

    Attributes
    ----------
    name
        What it is drawn by, its patient or its file as they are listed: into the same part every time.
    split
        As the data state it; empty where they do not.
    patient
        Equal for pictures of one patient, and empty where that is not known.
    """

    name: str
    split: str = ""
    patient: str = ""


@dataclass(frozen=True)
class Division:
    """A split.

    Attributes
    ----------
    parts
        One of `PARTS` per picture; empty: left out, because a held-out picture is nearly the same.
    """

    parts: tuple[str, ...]
    by: SplitBy

    @property
    def left_out(self) -> list[int]:
        return [k for k, part in enumerate(self.parts) if not part]


def divide(claims: Sequence[Claim], same: Sequence[tuple[int, int]]) -> Division:
    """Split pictures so that no patient and no two that are nearly the same lie in different parts.

    Where the data state a split, it stays; of pictures that are nearly the same but lie in different parts of it, those
    of the part that is held back most (test, then val) stay, and the others are left out. Where that split has no test,
    its val is held back for figures, as of pairs, and one of fourteen patients, else groups of such pictures of train
    is for validation: one at the least, unless it is the only one. Where they state none, one of ten patients, else
    groups of such pictures, else pictures is kept for validation and one for testing; something is always learned from.

    Parameters
    ----------
    same
        Pairs of places in `claims` whose pictures are nearly the same.

    Raises
    ------
    UserError
        A split that is none of `PARTS`, a patient whom the data themselves put into two parts.
    """
    _check(claims)
    judged_on_val = {claim.split for claim in claims} == {"train", "val"}
    if judged_on_val:
        claims = [replace(claim, split="test") if claim.split == "val" else claim for claim in claims]
    near = grouped(len(claims), same)
    whole = grouped(len(claims), [*same, *equal_pairs([claim.patient for claim in claims])])
    stated: dict[int, str] = {}  # the part of a group of pictures that are alike
    beside: dict[int, str] = {}  # the part of whatever hangs together
    for claim, group, hangs in zip(claims, near, whole, strict=True):
        if claim.split:
            stated[group] = _held_back(stated.get(group, ""), claim.split)
            beside[hangs] = _held_back(beside.get(hangs, ""), claim.split)
    parts = []
    for claim, group, hangs in zip(claims, near, whole, strict=True):
        if group in stated:
            parts.append(stated[group] if claim.split in ("", stated[group]) else "")
        else:
            parts.append(beside.get(hangs) or _drawn(claims[hangs].name))
    if judged_on_val:
        validating = _validating({hangs: claims[hangs].name for part, hangs in zip(parts, whole, strict=True)
                                  if part == "train"})
        parts = ["val" if part == "train" and hangs in validating else part
                 for part, hangs in zip(parts, whole, strict=True)]
    if not stated and claims and "train" not in parts:  # so few groups that chance gave it none: the largest is learned
        largest = Counter(whole).most_common(1)[0][0]
        parts = ["train" if hangs == largest else part for part, hangs in zip(parts, whole, strict=True)]
    return Division(tuple(parts), SplitBy.OWN_UNTESTED if judged_on_val else _by(claims, near))


def _validating(learned: Mapping[int, str]) -> set[int]:
    """Which of these groups of train, by their names, are for validation: one of fourteen, one at the least, never all.
    """
    by_chance = sorted(learned, key=lambda group: (_place(learned[group]) % VALIDATED, _place(learned[group])))
    wanted = sum(_place(name) % VALIDATED == 0 for name in learned.values())
    return set(by_chance[:min(max(wanted, 1), len(learned) - 1)])


def _held_back(one: str, other: str) -> str:
    """Of two parts the one that is held back more."""
    return max(one, other, key=("", *PARTS).index)


def _by(claims: Sequence[Claim], near: Sequence[int]) -> SplitBy:
    if claims and all(claim.split for claim in claims):
        return SplitBy.OWN
    if claims and all(claim.patient or claim.split for claim in claims):
        return SplitBy.PATIENT
    return SplitBy.GROUP if len(set(near)) < len(near) else SplitBy.IMAGE


def _drawn(name: str) -> str:
    """One of ten is val, one test: by its name, so that it is the same every time."""
    return {0: "val", 1: "test"}.get(_place(name) % 10, "train")


def _place(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest()[:12], 16)


def _check(claims: Sequence[Claim]) -> None:
    wrong = sorted({claim.split for claim in claims} - {"", *PARTS})
    if wrong:
        raise UserError(f"The data name the unknown split {wrong[0]!r}.", f"Name {', '.join(PARTS)}, or none.")
    of: dict[str, str] = {}
    for claim in claims:
        if claim.patient and claim.split and of.setdefault(claim.patient, claim.split) != claim.split:
            raise UserError(f"A patient of the data is in two parts of the split, {of[claim.patient]} and "
                            f"{claim.split}.", "Give every patient to one part only.")
