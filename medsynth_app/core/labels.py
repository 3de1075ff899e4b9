"""The label schema: which classes a mask can hold, their colours and keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# Okabe-Ito without its purple: violet means synthetic, everywhere.
OKABE_ITO = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00")


@dataclass(frozen=True)
class LabelClass:
    """One class: `value` in the mask (1..255), English `name`, `colour` as #RRGGBB."""

    value: int
    name: str
    colour: str


_DENIED = re.compile(r"\b(no|not|without|never|free of)\s+((a|an|any|the)\s+)?$", re.IGNORECASE)


def names(prompt: str, label: str) -> bool:
    """Whether a prompt asks for a label by its name, also in the plural; case does not count, "no polyp" does."""
    found = re.finditer(rf"(?<!\w){re.escape(label)}s?(?!\w)", prompt, re.IGNORECASE) if label else ()
    return any(not _DENIED.search(prompt[:match.start()]) for match in found)


@dataclass(frozen=True)
class LabelSchema:
    """Classes in the order of their number keys. Mask value 0 is background."""

    name: str
    classes: tuple[LabelClass, ...]

    def of(self, value: int) -> LabelClass | None:
        return next((item for item in self.classes if item.value == value), None)

    def means(self, value: int, label: str) -> bool:
        """Whether the class with this value is what a model calls `label`.

        Case does not count, and a class need not repeat the schema's own name: "anterior" of "hippocampus MRI" is
        "anterior hippocampus".
        """
        item = self.of(value)
        own, other = (set(text.casefold().split()) for text in (item.name if item else "", label))
        return bool(own) and own <= other and other - own <= set(self.name.casefold().split())

    def value_in(self, value: int, labels: Sequence[str]) -> int:
        """The value of a class in a model's masks, whose values 1, 2, ... mean `labels`; 0 where it has none.

        A model of one label is also meant by the plain region, which says no more than "here".
        """
        if len(labels) == 1 and value == 1 and self == SCHEMAS["region"]:
            return 1
        item, meant = self.of(value), [k for k, text in enumerate(labels, 1) if self.means(value, text)]
        same = (k for k in meant if item is not None and item.name.casefold() == labels[k - 1].casefold())
        return next(same, meant[0] if meant else 0)

    def to_plain(self) -> str | list[str]:
        """What is remembered of it: the name of one of `SCHEMAS`; else its name and those of its classes.

        The classes too, so that what was painted keeps its meaning when the model that they came from is gone.
        """
        return self.name if SCHEMAS.get(self.name) == self else [self.name, *(item.name for item in self.classes)]

    @staticmethod
    def from_plain(plain: Any) -> LabelSchema | None:
        """The inverse of `to_plain`; None for anything else."""
        if isinstance(plain, list) and len(plain) > 1:
            return LabelSchema.from_names(str(plain[0]), [str(name) for name in plain[1:]])
        return SCHEMAS.get(plain) if isinstance(plain, str) else None

    @staticmethod
    def from_names(name: str, classes: Sequence[str]) -> LabelSchema:
        return LabelSchema(name, tuple(
            LabelClass(k + 1, text, OKABE_ITO[k % len(OKABE_ITO)]) for k, text in enumerate(classes)))


# A schema's values never change their meaning: painted masks hold nothing but the values.
SCHEMAS = {
    "region": LabelSchema.from_names("region", ("region", "region 2", "region 3", "region 4")),
    "blood cells": LabelSchema.from_names("blood cells", ("nucleus", "cytoplasm", "red cell", "platelet")),
    "parts of blood cells": LabelSchema.from_names(
        "parts of blood cells", ("cytoplasm", "nucleus", "red cell", "platelet")),
    "colonoscopy": LabelSchema.from_names("colonoscopy", ("polyp", "instrument", "fold", "reflection")),
    "hippocampus MRI": LabelSchema.from_names("hippocampus MRI", ("anterior", "posterior", "other")),
}


def schema_of(domain: str, labels: Sequence[str] = ()) -> LabelSchema:
    """The classes to paint with for a model: the built-in ones of its domain if they name all its labels, else those.

    Parameters
    ----------
    labels
        What the values 1, 2, ... of a mask mean to the model (`PackManifest.mask_labels`); empty where it knows none.
    """
    own = SCHEMAS.get("parts of blood cells" if domain == "blood cells" else domain)
    if own is not None and all(any(own.means(item.value, text) for item in own.classes) for text in labels):
        return own
    return LabelSchema.from_names(domain, labels) if labels else SCHEMAS["region"]


def schema_for(domain: str, labels: Sequence[str] = (), painted: Callable[[], bool] = lambda: False) -> LabelSchema:
    """The schema that images begin with, by the domain and the labels of the model that suits them.

    Parameters
    ----------
    painted
        Whether the image was painted before schemas were remembered with it: its values mean what they meant then.
        Asked only where that matters, for it may read many masks.
    """
    found, before = schema_of(domain, labels), SCHEMAS.get(domain, SCHEMAS["region"])
    return before if found != before and painted() else found
