"""The label schema: which classes a mask can hold, their colours and keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Okabe-Ito without its purple: violet means synthetic, everywhere.
OKABE_ITO = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00")


@dataclass(frozen=True)
class LabelClass:
    """One class: `value` in the mask (1..255), English `name`, `colour` as #RRGGBB."""

    value: int
    name: str
    colour: str


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

    @staticmethod
    def from_names(name: str, classes: tuple[str, ...]) -> LabelSchema:
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


def schema_for(domain: str, painted: Callable[[], bool] = lambda: False) -> LabelSchema:
    """The schema that a domain's images begin with.

    Parameters
    ----------
    painted
        Whether the image was painted before schemas were remembered with it: its values mean what they meant then.
        Asked only where that matters, for it may read many masks.
    """
    name = "parts of blood cells" if domain == "blood cells" and not painted() else domain
    return SCHEMAS.get(name, SCHEMAS["region"])
