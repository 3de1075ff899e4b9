"""The report of a data set in words, for the window and the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medsynth_app.core.words import _, duration
from medsynth_app.datasets.description import NOT_STATED

SPLIT_BY = {
    "own": _("as the data themselves state it"),
    "own-untested": _("as the data themselves state it, without a test part: their val is for testing, and one of "
                      "fourteen of train validates"),
    "case": _("by case"), "patient": _("by patient"),
    "near-duplicates": _("by image, those that are nearly the same together; no patients are named"),
    "image": _("by image; no patients are named")}
CAPTIONS = 4  # of a class


@dataclass(frozen=True)
class Names:
    """Names under one heading.

    Attributes
    ----------
    wrong
        Whether something has to be done about them.
    """

    heading: str
    names: tuple[str, ...]
    wrong: bool = False


def facts_of(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was found (`datasets.report`), each fact with its name; of a frozen set what a run learns from it."""
    name = _("{name}; licence: {licence}").format(name=found["name"], licence=found["licence"])
    if found["licence"] == NOT_STATED:
        name += " " + _("(write name, licence and citation into dataset.toml in the folder)")
    if "counts" not in found:
        split = [(_("Split"), SPLIT_BY[found["split_by"]])] if "split_by" in found else []
        time = [(_("Time"), time_of(found))] if "seconds" in found else []
        return [(_("Name"), name), *split, *((label or _("All"), _learned(about))
                                             for label, about in found["classes"].items()), *time]
    facts = [(_("What"), _("{form}: {pictures} pictures in {files} files").format(**found)), (_("Name"), name),
             (_("Counts"), _counts(found["counts"])),
             (_("Sizes"), _(" to ").join(found["sizes"]) or _("none")),
             (_("Depth"), "; ".join(f"{name}: {count}" for name, count in found["depths"].items()) or _("none"))]
    if found.get("masks_beside"):
        facts.append((_("Masks"), _("{count} beside pictures, passed over").format(count=found["masks_beside"])))
    if found["modalities"]:
        facts.append((_("Modality"), _counts(found["modalities"])))
    if "split_problem" in found:
        return [*facts, (_("Split"), found["split_problem"])]
    parts = f"{SPLIT_BY[found['split_by']]}: {_counts(found['parts'])}"
    if found.get("synthetic") and not any(found["parts"].values()):
        parts = _("none: a model drew every picture, so nothing is learned from them unless asked (include_synthetic)")
    return [*facts, (_("Patients"), str(found["patients"] or _("not named"))), (_("Split"), parts)]


def time_of(found: Mapping[str, Any]) -> str:
    """How long training takes here, all of it and by stage."""
    seconds: Mapping[str, float] = found["seconds"]
    return _("about {time} for all steps on this machine ({device}): {stages}").format(
        time=duration(sum(seconds.values())), device=found["device"],
        stages=", ".join(f"{name} {duration(each)}" for name, each in seconds.items()))


def names_of(found: Mapping[str, Any]) -> list[Names]:
    """What has to be said of single files; nothing that is empty."""
    if "counts" not in found:
        left_out = found.get("left_out", {})
        lists = [Names(_("Left out of training, because a held-out picture is nearly the same"),
                       tuple(left_out.get("near_duplicates", ()))),
                 Names(_("Drawn by a model, and left out"), tuple(left_out.get("synthetic", ())))]
        if found.get("synthetic"):
            lists.append(Names(_("Drawn by a model, and learned from like the others"),
                               (str(found["synthetic"]),), wrong=True))
        return [each for each in lists if each.names]
    lists = [
        Names(_("Cannot be used"), tuple(f"{each['file']}: {each['problem']}" for each in found["broken"]), wrong=True),
        Names(_("Passed over: pictures of a kind that is not read; save them as PNG, JPEG or TIFF"),
              tuple(found.get("unread", ())), wrong=True),
        Names(_("Counts that its dataset.toml states otherwise"),
              tuple(f"{name} {count}" for name, count in found["not_as_described"].items()), wrong=True),
        Names(_("The same picture in two classes"), _joined(found.get("in_two_classes", ()), "~"), wrong=True),
        Names(_("Of a few values only, as masks are"), tuple(found["like_masks"]), wrong=True),
        Names(_("With text burned in, as it seems: a model learns to draw it, and it may name somebody"),
              tuple(found.get("with_text", ()))),
        Names(_("Drawn by a model, and left out of training unless asked"), tuple(found.get("synthetic", ()))),
        Names(_("Left out of training, because a held-out picture is nearly the same"),
              tuple(found.get("left_out", ()))),
        Names(_("Equal files"), _joined(found.get("duplicates", ()), "=")),
        Names(_("Nearly the same"), _joined(found.get("near_duplicates", ()), "~"))]
    return [each for each in lists if each.names]


def _learned(about: Mapping[str, Any]) -> str:
    captions = [f"“{text}”" for text in about["captions"]]
    more = [_("and {count} more").format(count=len(captions) - CAPTIONS)] if len(captions) > CAPTIONS else []
    return _("train {train}, val {val}, test {test}").format(**about) + "; " + ", ".join([*captions[:CAPTIONS], *more])


def _counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in found.items()) or _("none")


def _joined(groups: Sequence[Sequence[str]], sign: str) -> tuple[str, ...]:
    return tuple(f" {sign} ".join(group) for group in groups)
