"""What a data set is called, under which licence it may be used, whom to cite: said by the set, never by a recipe.

A set says it in ``dataset.toml`` in its folder. Sets that recipes of this program were written for have such a file in
``resources/datasets``; a recipe names it (``set = "pbc-cells"`` in [data]), and is then trained on nothing else.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import medsynth_app
from medsynth_app.core.errors import UserError

FILE = "dataset.toml"
NOT_STATED = "not stated"
TEXTS = ("name", "licence", "citation")
SHOWN = 6  # classes of a sentence


@dataclass(frozen=True)
class Description:
    """What a set says of itself.

    Attributes
    ----------
    key
        What a recipe calls it; empty for a set that no recipe of this program was written for.
    counts
        How many pictures it has of each class (of pairs: in each part, of volumes: altogether); empty: not said.
    """

    name: str = ""
    licence: str = ""
    citation: str = ""
    key: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)

    def facts(self) -> dict[str, str]:
        """For the manifest of a frozen set."""
        return {"name": self.name or "data without a name", "licence": self.licence or NOT_STATED,
                "citation": self.citation, "set": self.key}

    def refuse_another(self, found: Mapping[str, int], recipe: bool = True) -> None:
        """Raise `UserError` unless classes and counts of the data are those of this set."""
        if not self.counts or dict(found) == dict(self.counts):
            return
        what = f"The recipe is for the data set {self.name}" if recipe else f"The data set calls itself {self.name}"
        raise UserError(
            f"{what}, with {_told(self.counts)}; the folder holds {_told(found)}.",
            "Give the folder of that data set; for data of your own, `medsynth train new NAME --data DIR` writes a "
            "recipe." if recipe else f"Copy the data again, or put the new counts into {FILE}.")


def _told(counts: Mapping[str, int]) -> str:
    parts = [f"{count:,} {name}" for name, count in list(counts.items())[:SHOWN]]
    more = len(counts) - len(parts)
    return ", ".join([*parts, f"{more} more classes"] if more else parts) or "no pictures"


def folder_of_known() -> Path:
    return Path(medsynth_app.__file__).resolve().parent.parent / "resources" / "datasets"


def known_sets() -> list[str]:
    """What recipes can call the sets that this program describes."""
    return sorted(path.stem for path in folder_of_known().glob("*.toml"))


def description_of(data: Path, layout: Mapping[str, Any]) -> Description:
    """What the set is that lies in `data`, for a recipe with the section ``[data]`` `layout`.

    Raises
    ------
    UserError
        A recipe that names an unknown set; a ``dataset.toml`` that cannot be used.
    """
    if "set" in layout:
        key = str(layout["set"])
        if key not in known_sets():
            raise UserError(f"The recipe is for the unknown data set {key!r}.",
                            f"Known are {', '.join(known_sets())}; for data of your own leave set out of [data].")
        return _read(folder_of_known() / f"{key}.toml", key)
    own = (data if data.is_dir() else data.parent) / FILE
    return _read(own, "") if own.is_file() else Description()


def refuse_claims(layout: Mapping[str, Any]) -> None:
    """Raise `UserError` for a recipe that claims the name, the licence or the citation of a data set."""
    claimed = [key for key in TEXTS if key in layout]
    if claimed:
        raise UserError(f"In [data] of the recipe, {claimed[0]} belongs to the data set, not to a recipe.",
                        f"Take {', '.join(claimed)} out of it, and write them into {FILE} in the folder of the data.")


def _read(path: Path, key: str) -> Description:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"The description {path.name} of the data cannot be read.", f"{error}."
                        if isinstance(error, tomllib.TOMLDecodeError) else "Save it as text in UTF-8.") from error
    counts = raw.pop("counts", {})
    unknown = sorted(set(raw) - set(TEXTS))
    if unknown:
        raise UserError(f"The description {path.name} of the data has the unknown key {unknown[0]!r}.",
                        f"Its keys are {', '.join(TEXTS)}, and a section [counts] with a number for each class.")
    if not all(isinstance(value, str) for value in raw.values()) or not isinstance(counts, dict) \
            or not all(type(count) is int for count in counts.values()):
        raise UserError(f"In the description {path.name} of the data something is of the wrong kind.",
                        f"{', '.join(TEXTS)} are texts; [counts] has a whole number for each class.")
    return Description(**raw, key=key, counts=counts)
