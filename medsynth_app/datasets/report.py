"""What a data set holds, as a person reads it before anything is learned from it, in plain JSON values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from medsynth_app.core.errors import UserError
from medsynth_app.datasets.choice import Chosen, choose, examined_listing
from medsynth_app.datasets.dataset import manifest_of
from medsynth_app.datasets.description import description_of
from medsynth_app.datasets.division import PARTS
from medsynth_app.datasets.examined import Facts, Progress
from medsynth_app.datasets.listing import LABELS, Listing, listed
from medsynth_app.datasets.near import grouped
from medsynth_app.datasets.picture import is_mask_beside, is_unread
from medsynth_app.datasets.recognised import Form, Recognised, recognise

FORM_OF = {"labelled-cells": Form.CLASSES, "image-mask-pairs": Form.PAIRS, "volume-slices": Form.VOLUMES,
           "pictures": Form.PICTURES, "smear-fields": Form.FIELDS}


def inspected(data: Path, layout: str = "", progress: Progress | None = None) -> tuple[dict[str, Any], Listing]:
    """Read every file of a data set and tell what it holds; nothing that is wrong with a file ends the look.

    Parameters
    ----------
    layout
        One of `listing.LAYOUTS`; empty: whatever is recognised.

    Raises
    ------
    UserError
        When nothing there can be learned from, or the list of the data cannot be used.
    """
    found = Recognised(FORM_OF.get(layout, Form.PICTURES), layout) if layout else recognise(data)
    try:
        listing = listed(data, found.layout)
    except OSError as error:
        if not layout:
            raise UserError(f"{data.name} cannot be learned from: {error.strerror}.", "Give it rows with a file and a "
                            "class, or name another folder or list.") from error
        raise UserError(f"The folder {data.name} does not have the layout {found.layout!r} ({error.strerror}).",
                        "Leave --layout out to have it recognised.") from error
    about = description_of(data, {})
    facts = examined_listing(listing, progress, letters=True)
    files = list(data.rglob("*")) if data.is_dir() else []
    entries, good = listing.entries, [fact for fact in facts if not fact.problem]
    report = {
        "form": str(found.form), "layout": found.layout, **about.facts(), "counts": listing.counts,
        "files": len(entries), "pictures": sum(fact.frames for fact in good), **_measures(good),
        "broken": [{"file": entry.name, "problem": fact.problem}
                   for entry, fact in zip(entries, facts, strict=True) if fact.problem],
        "with_text": [entry.name for entry, fact in zip(entries, facts, strict=True) if fact.text],
        "masks_beside": sum(map(is_mask_beside, files)),
        "unread": [] if (data / LABELS).exists() else sorted(
            path.relative_to(data).as_posix() for path in files if is_unread(path)),
        "like_masks": [entry.name for entry, fact in zip(entries, facts, strict=True) if fact.few],
        "not_as_described": dict(about.counts) if about.counts and dict(about.counts) != listing.counts else {},
    }
    try:
        chosen = choose(listing, facts, progress=lambda done, total: progress and progress(len(facts), len(facts)))
    except UserError as error:
        return {**report, "split_problem": error.happened}, listing
    return {**report, **_chosen(chosen)}, listing


def _chosen(chosen: Chosen) -> dict[str, Any]:
    """Patients, copies, and how freezing would split."""
    entries, parts = chosen.listing.entries, Counter(chosen.parts)
    groups: dict[int, list[int]] = {}
    for k, first in enumerate(grouped(len(entries), chosen.same)):
        groups.setdefault(first, []).append(k)
    alike = [group for group in groups.values() if len(group) > 1]
    equal = [group for group in alike if len({chosen.facts[k].sha256 for k in group}) == 1]

    def named(found: Iterable[Sequence[int]]) -> list[list[str]]:
        return [[entries[k].name for k in group] for group in found]

    return {
        "patients": len(set(chosen.patients) - {""}),
        "duplicates": named(equal), "near_duplicates": named(group for group in alike if group not in equal),
        "in_two_classes": named(group for group in alike if len({entries[k].label for k in group}) > 1),
        "synthetic": [entries[k].name for k in chosen.synthetic],
        "split_by": str(chosen.by), "parts": {part: parts[part] for part in PARTS},
        "left_out": [entries[k].name for k in chosen.near],
    }


def _measures(facts: Sequence[Facts]) -> dict[str, Any]:
    """Sizes (columns x rows) from the smallest to the largest, depths, modalities, and how many files hold several."""
    sizes = sorted({(fact.columns, fact.rows) for fact in facts}, key=lambda size: (size[0] * size[1], size))
    return {
        "sizes": [f"{columns} x {rows}" for columns, rows in (sizes if len(sizes) < 3 else (sizes[0], sizes[-1]))],
        "depths": _counted(f"{fact.bits} bits, {'colour' if fact.colour == 'rgb' else 'grey'}" for fact in facts),
        "modalities": _counted(fact.modality for fact in facts if fact.modality),
        "stacks": sum(fact.frames > 1 for fact in facts),
    }


def _counted(texts: Iterable[str]) -> dict[str, int]:
    return dict(Counter(texts).most_common())


def learned(frozen: Path) -> dict[str, Any]:
    """What a run on a frozen set learns: classes with their counts and captions, and what was left out.

    Raises
    ------
    UserError
        When it is no frozen set.
    """
    manifest = manifest_of(frozen)
    if "items" not in manifest:
        raise UserError(f"{frozen.name} is no frozen training set.", "`medsynth data freeze` makes one.")
    classes: dict[str, dict[str, Any]] = {}
    files: dict[tuple[str, str], set[str]] = {}
    for item in manifest["items"]:
        label = str(item.get("class", ""))
        about = classes.setdefault(label, {"train": 0, "val": 0, "test": 0, "captions": []})
        files.setdefault((label, str(item["split"])), set()).add(str(item["file"]))
        about["captions"] += [text for text in item["captions"] if text not in about["captions"]]
    for (label, part), names in files.items():
        classes[label][part] = len(names)
    keys = ("name", "licence", "citation", "set", "split_by", "synthetic", "left_out", "sha256")
    return {**{key: manifest[key] for key in keys if key in manifest}, "classes": classes}
