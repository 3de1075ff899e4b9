"""The keys of a recipe's section ``[data]``: which there are for each layout, of what kind, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from medsynth_app.core.errors import UserError
from medsynth_app.datasets.dataset import FIELDS
from medsynth_app.datasets.listing import CELLS, LAYOUTS, PAIRS, PICTURES, VOLUMES

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) and item.strip() for item in value)


def _names(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _classes(value: Any) -> bool:
    return _names(value) and bool(value) and all(name.strip() for name in value.values())


def _share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1


def _shares(value: Any) -> bool:
    return isinstance(value, list) and all(_share(item) for item in value)


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _above(value: Any) -> bool:
    return type(value) is int and value > 0


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


def _numbered(value: Any) -> bool:
    return _names(value) and all(name.isdigit() and 0 < int(name) < 256 for name in value)


def _area(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(
        isinstance(side, int | float) and not isinstance(side, bool) for side in value) and (
            0 <= value[0] < value[2] <= 1 and 0 <= value[1] < value[3] <= 1)


def _some_names(value: Any) -> bool:
    return value == [] or _texts(value)


def _cell_parts(value: Any) -> bool:
    return bool(value == "cell-parts")


def _anything(value: Any) -> bool:
    """Of a key that whoever uses it looks at more closely."""
    return True


@dataclass(frozen=True)
class Key:
    """One key.

    Attributes
    ----------
    fits
        Whether a value is of its kind, which `kind` names.
    default
        As TOML would write it; empty where the key has to be given, "-" where nothing stands for nothing.
    help
        What it says.
    """

    fits: Callable[[Any], bool]
    kind: str
    default: str
    help: str


EVERY = {
    "layout": Key(_text, "a text", "", f"How the data lie: {', '.join(LAYOUTS)}."),
    "set": Key(_text, "a text", "-", "The described data set that the recipe is for; any other is refused."),
    "captions": Key(_texts, "a list of texts", "", "What a picture is called; one is taken by chance at every step."),
    "include_synthetic": Key(_truth, "true or false", "false", "Learn from pictures that a model drew, too."),
    "intensity_ranges": Key(_anything, "a table", "-",
                            "Black and white by modality, in its units: { CT = [-1000, 400] }."),
}
CROPS = Key(_shares, "a list of shares, above 0 and up to 1", "[1.0]",
            "Each picture is seen in squares of these shares of its shorter edge, about its middle.")
BACKGROUND = "a list of texts"
OF_LAYOUT: dict[str, dict[str, Key]] = {
    CELLS: {
        **EVERY, "crops": CROPS,
        "class_names": Key(_names, "a table of texts", "-", "What captions call a class: { ig = \"immature cell\" }."),
        "background_class": Key(_text, "a text", "-", "A class whose corners show background alone."),
        "background_captions": Key(_texts, BACKGROUND, "-", "What those corners are called."),
        "masks": Key(_cell_parts, "\"cell-parts\", or left away", "-",
                     "\"cell-parts\": cytoplasm (1) and nucleus (2) are found by the program."),
        "without_nucleus": Key(_some_names, "a list of texts", "[]", "Classes whose masks have no nucleus."),
    },
    PAIRS: {
        **EVERY,
        "crops": Key(_shares, "a list of shares, above 0 and up to 1", "[]",
                     "Beside the whole picture, squares of these shares of its shorter edge."),
        "background_captions": Key(_texts, BACKGROUND, "", "What a crop without the object is called."),
        "background_crops": Key(_count, "a whole number, 0 or more", "0", "Crops without the object, of each picture."),
        "background_share": Key(_share, "a share, above 0 and up to 1", "0.45", "Their share of the shorter edge."),
        "burned_in_text": Key(_text, "a text", "-", "Added to the captions of crops that show text."),
        "burned_in_text_area": Key(_area, "four shares of the frame, 0 to 1", "[0, 0, 1, 1]",
                                   "Where text may stand: left, top, right, bottom."),
    },
    VOLUMES: {
        **EVERY,
        "labels": Key(_numbered, "a table from label values to texts", "", "What labels are: { 1 = \"the tumour\" }."),
        "both": Key(_text, "a text", "", "What a slice with several labels shows."),
        "background_content": Key(_text, "a text", "", "What a slice without any label shows."),
        "every": Key(_above, "a whole number above 0", "2", "Every how many slices one is taken, in each plane."),
    },
    PICTURES: {**EVERY, "crops": CROPS},
    FIELDS: {
        **{name: key for name, key in EVERY.items() if name != "captions"},
        "classes": Key(_classes, "a table of texts", "", "What a detector calls the boxes' names: { WBC = \"wbc\" }."),
    },
}
PLACEHOLDERS = {CELLS: ("a", "class"), PAIRS: (), VOLUMES: ("plane", "content"), PICTURES: (), FIELDS: ()}


def check_section(section: Mapping[str, Any]) -> None:
    """Raise `UserError` for a section ``[data]`` with unknown, missing or wrong keys, or unknown placeholders."""
    layout = section.get("layout")
    if layout is None:
        raise UserError("[data] of the recipe lacks the key 'layout'.", EVERY["layout"].help)
    if not isinstance(layout, str) or layout not in OF_LAYOUT:
        raise UserError(f"The recipe asks for the unknown data layout {layout!r}.", f"Use one of {', '.join(LAYOUTS)}.")
    known = OF_LAYOUT[layout]
    unknown = sorted(set(section) - set(known))
    if unknown:
        raise UserError(f"[data] of the recipe has the unknown key {unknown[0]!r}.",
                        f"For {layout} it may have {', '.join(sorted(known))}.")
    missing = [name for name, key in known.items() if not key.default and name not in section]
    if missing:
        raise UserError(f"[data] of the recipe lacks the key {missing[0]!r}.",
                        f"{known[missing[0]].help} It is {known[missing[0]].kind}.")
    for name, value in section.items():
        if not known[name].fits(value):
            raise UserError(f"In [data] of the recipe, {name} is of the wrong kind: {value!r:.60}.",
                            f"{known[name].help} It is {known[name].kind}.")
    if "background_class" in section and "background_captions" not in section:
        raise UserError("[data] of the recipe names a background_class, and not what it shows.",
                        "Add background_captions.")
    if "burned_in_text_area" in section and "burned_in_text" not in section:
        raise UserError("In [data] of the recipe, burned_in_text_area stands without burned_in_text.",
                        "Add burned_in_text, or take the area out.")
    _check_placeholders(section, PLACEHOLDERS[layout])


def _check_placeholders(section: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for text in section.get("captions", ()):
        strange = [name for name in PLACEHOLDER.findall(text) if name not in known]
        if strange or text.count("{") != text.count("}"):
            named = ", ".join(f"{{{name}}}" for name in known)
            what = f"the unknown placeholder {{{strange[0]}}}" if strange else "a brace without its fellow"
            raise UserError(f"A caption of the recipe has {what}: “{text}”.",
                            f"Known here are {named}." if known else "Captions of this layout have none.")
    for text in section.get("background_captions", ()):
        if PLACEHOLDER.search(text):
            raise UserError(f"A background caption of the recipe has a placeholder: “{text}”.",
                            "They are taken as they are.")
