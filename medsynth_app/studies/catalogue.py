"""Every study by name, in plain words. The only part of this package that the window's side imports, so: no NumPy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StudyEntry:
    """One study, as a person is told of it.

    Attributes
    ----------
    name
        On the command line and in the pack's card.
    title
        Two or three words for a heading.
    help
        What it asks, in one sentence.
    kind
        Of pack that it measures: "base", "encoder", or "" for any.
    takes
        Which fields of `core.jobs.study.StudyRequest` it heeds, besides the pack, the folders of report and cache, and
        `record`.
    defaults
        Where they differ from those of the request.
    """

    name: str
    title: str
    help: str
    kind: str
    takes: tuple[str, ...]
    defaults: tuple[tuple[str, object], ...] = ()


DEFAULT_ENCODER = "cell-encoder"  # compares pictures of cells where no other is named

_PICTURES = ("data", "recipe", "n", "seed", "judge_minutes")

STUDIES: tuple[StudyEntry, ...] = (
    StudyEntry("quality", "Fidelity and privacy",
               "Do whole pictures look real and varied, do they show what was asked, and do they repeat training "
               "pictures?", "base", (*_PICTURES, "encoder", "peers", "drawing_steps")),
    StudyEntry("control", "Following masks",
               "Is the mask that a picture was drawn after found in it again?", "base", (*_PICTURES, "drawing_steps")),
    StudyEntry("inpaint", "Inpainting",
               "Is what was painted over gone, replaced or redrawn as asked, and does the edge of the region show?",
               "base", (*_PICTURES, "peers", "drawing_steps")),
    StudyEntry("steps", "Denoising steps",
               "How few denoising steps suffice: classes, distances, fills and followed masks in several numbers of "
               "steps?", "base", (*_PICTURES, "counts", "peers")),
    StudyEntry("masks", "Shapes of masks",
               "Have drawn masks the sizes and forms of real ones, and are they new?", "base",
               ("data", "recipe", "n", "seed", "limits", "minutes"), (("minutes", 10.0),)),
    StudyEntry("utility", "Usefulness for training",
               "Do drawn pictures help a model that learns from real ones, more than copies of the real ones do?",
               "base", ("data", "recipe", "n", "seed", "seeds", "per_class", "real", "minutes", "steps",
                        "drawing_steps"), (("seeds", 5),)),
    StudyEntry("encoders", "Encoders of cells",
               "Are like cells near each other for an encoder: on held-out cells, on another stain, and how fast?",
               "encoder", ("data", "n", "other", "peers")),
    StudyEntry("load", "Loading",
               "How fast is a pack ready, how much memory does it take, and does it keep to the limits of size?", "",
               ("repeats",)),
    StudyEntry("cell-parts", "Parts of cells",
               "How well does the separation of nucleus and cytoplasm agree with masks that experts drew?", "",
               ("data",)),
)


def entry_of(name: str) -> StudyEntry:
    """The study of that name; KeyError for none."""
    return {entry.name: entry for entry in STUDIES}[name]
