"""An order as a person writes it: a TOML file, looked through strictly, before any model is known.

Keys of the whole set may be said once above the lines; what a line says goes first.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.request import MOST_PICTURES
from medsynth_app.core.options import changed
from medsynth_app.core.order import DRAWN, PARTS
from medsynth_app.core.parameters import GenerateParameters

LONGEST = 60  # letters of a class, which names folders and files
SHARED: dict[str, tuple[type, ...]] = {
    "prompt": (str,), "pack": (str,), "masks": (str,), "negative": (str,), "steps": (int,), "guidance": (int, float),
    "control_scale": (int, float), "width": (int,), "height": (int,)}
WHOLE: dict[str, tuple[type, ...]] = {"name": (str,), "seed": (int,), "licence_note": (str,), "split": (dict,),
                                      "lines": (list,), **SHARED}
LINE: dict[str, tuple[type, ...]] = {"class": (str,), "count": (int,), **SHARED}
KINDS = {str: "a text", int: "a whole number", float: "a number", dict: "a section",
         list: "a list of sections [[lines]]"}
SEE = "See the examples in resources/orders."
_NOT_IN_FILES = re.compile(r'[<>:"/\\|?*\x00-\x1f{}]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_TAKEN = {"train", "training", "val", "valid", "validation", "dev", "eval", "test", "testing", "images", "masks"}
_GAP = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class WantedLine:
    """So many pictures of a class.

    Attributes
    ----------
    pack
        Name or folder of a model pack; empty: the only one that there is.
    masks
        Empty: the prompt alone decides; ``"drawn"``: the pack's model of masks draws one for each picture; else a
        folder of masks.
    parameters
        Prompt, steps, guidance and the like; the seed is that of the order.
    """

    class_name: str
    count: int
    parameters: GenerateParameters
    pack: str = ""
    masks: str = ""


@dataclass(frozen=True)
class WantedSet:
    """A set as a person wants it; seed None: by chance."""

    name: str
    lines: tuple[WantedLine, ...]
    seed: int | None = None
    split: tuple[float, ...] = ()
    licence_note: str = ""
    invisible_mark: bool = False


def read_order(path: Path) -> WantedSet:
    """The order in a file; folders of masks are meant from where it lies.

    Raises
    ------
    UserError
        For a file that is none, an unknown key, a value of the wrong kind, or what `checked` refuses.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"The order {path.name} cannot be read as TOML: {error}.",
                        SEE) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"There is no order {path.name}." if isinstance(error, FileNotFoundError) else
                        f"The order {path.name} cannot be read ({type(error).__name__}).",
                        "Name a text file such as those in resources/orders.") from error
    _check_keys(raw, WHOLE, "the order")
    for needed, what in (("name", 'name = "..."'), ("lines", "at least one section [[lines]]")):
        if not raw.get(needed):
            raise UserError(f"The order has no {needed}.", f"Add {what}.")
    if not all(isinstance(line, dict) for line in raw["lines"]):
        raise UserError("In the order, lines are no sections.", "Write each as a section [[lines]].")
    shared = {key: value for key, value in raw.items() if key in SHARED}
    return checked(WantedSet(
        raw["name"], tuple(_line(line, shared, number, path.parent) for number, line in enumerate(raw["lines"], 1)),
        raw.get("seed"), _shares(raw["split"]) if "split" in raw else (), raw.get("licence_note", "")))


def checked(wanted: WantedSet) -> WantedSet:
    """`wanted`, its prompts filled in (``{class}`` becomes the class); raises `UserError` where it cannot be made."""
    if not wanted.name.strip() or len(wanted.name) > LONGEST * 2:
        raise UserError("The set has no name." if not wanted.name.strip() else "The name of the set is too long.",
                        f"Give it a name of 1 to {LONGEST * 2} letters.")
    if not wanted.lines:
        raise UserError("The set has no lines.", "Add one: a class, a count and a prompt.")
    lines = tuple(_checked_line(line, number) for number, line in enumerate(wanted.lines, 1))
    _refuse_alike(line.class_name for line in lines)
    if len({bool(line.masks) for line in lines}) > 1:
        raise UserError("Some lines of the order have masks, others have none.",
                        "A set holds either class folders or pairs of picture and mask: make two orders of it.")
    if (total := sum(line.count for line in lines)) > MOST_PICTURES:
        raise UserError(f"The order asks for {total:,} pictures.", f"Ask for at most {MOST_PICTURES:,}.")
    if wanted.split:
        _check_shares(wanted.split)
    return replace(wanted, name=wanted.name.strip(), lines=lines, licence_note=wanted.licence_note.strip())


def _line(raw: Mapping[str, Any], shared: Mapping[str, Any], number: int, folder: Path) -> WantedLine:
    where = f"line {number} of the order"
    _check_keys(raw, LINE, where)
    for needed in ("class", "count"):
        if needed not in raw:
            raise UserError(f"In {where}, the {needed} is missing.", "Every line has a class, a count and a prompt.")
    said = {**shared, **raw}
    values = {name: said[key] for key, name in (
        ("prompt", "prompt"), ("negative", "negative_prompt"), ("steps", "steps"), ("guidance", "guidance"),
        ("control_scale", "control_scale"), ("width", "width"), ("height", "height")) if key in said}
    masks = said.get("masks", "")
    return WantedLine(raw["class"], raw["count"], changed(GenerateParameters(), **values), said.get("pack", ""),
                      masks if masks in ("", DRAWN) else str(folder / masks))


def _checked_line(line: WantedLine, number: int) -> WantedLine:
    where = f"line {number} of the order"
    refuse_class(line.class_name, where)
    if not 1 <= line.count <= MOST_PICTURES:
        raise UserError(f"In {where}, the count is {line.count}.", f"Ask for 1 to {MOST_PICTURES:,} pictures.")
    prompt = line.parameters.conditioning.prompt.strip()
    if not prompt:
        raise UserError(f"In {where} ({line.class_name}), there is no prompt.",
                        "Say what its pictures shall show, there or once for the whole set.")
    for gap in _GAP.findall(prompt):
        if gap != "class":
            raise UserError(f"In {where}, the prompt has the unknown placeholder {{{gap}}}.",
                            "The only one is {class}, which becomes the class of the line.")
    prompt = prompt.replace("{class}", line.class_name)
    try:
        parameters = changed(line.parameters, prompt=prompt, count=1, seed=None).checked()
    except UserError as error:
        raise UserError(f"In {where}: {error.happened}", error.remedy) from error
    return WantedLine(line.class_name, line.count, parameters, line.pack.strip(), line.masks)


def refuse_class(name: str, where: str) -> None:
    """Raise `UserError` for a class that can be no folder on some system, or that loaders take for something else."""
    why = ("it is empty" if not name.strip() else
           f"it is longer than {LONGEST} letters" if len(name) > LONGEST else
           f"it holds {found[0]!r}" if (found := _NOT_IN_FILES.search(name)) else
           "it begins or ends with a blank or a dot" if name != name.strip(" .") else
           "Windows keeps this name for a device" if _DEVICES.fullmatch(name) else
           "loaders take a folder of this name for a part of a set" if name.casefold() in _TAKEN else "")
    if why:
        raise UserError(f"In {where}, the class {name!r} cannot be a folder: {why}.",
                        "Use letters, digits, blanks, dots, - and _.")


def _refuse_alike(names: Iterable[str]) -> None:
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(name.casefold(), name)
        if other != name:
            raise UserError(f"The classes {other!r} and {name!r} would be one folder on some systems.",
                            "Write both alike, or call one otherwise.")


def _check_keys(raw: Mapping[str, Any], known: Mapping[str, tuple[type, ...]], where: str) -> None:
    for key, value in raw.items():
        if key not in known:
            meant = "".join(f"Did you mean {each!r}? " for each in difflib.get_close_matches(key, known, 1))
            raise UserError(f"In {where}, the key {key!r} is unknown.", f"{meant}Known are {', '.join(known)}.")
        if type(value) not in known[key]:
            raise UserError(f"In {where}, {key} is not {KINDS[known[key][-1]]}.", SEE)


def _shares(raw: Mapping[str, Any]) -> tuple[float, ...]:
    _check_keys(raw, dict.fromkeys(PARTS, (int, float)), "[split] of the order")
    return tuple(float(raw.get(part, 0)) for part in PARTS)


def _check_shares(shares: tuple[float, ...]) -> None:
    if min(shares) < 0 or not abs(sum(shares) - 1) < 1e-6:
        raise UserError(f"The shares of the split are {', '.join(f'{share:g}' for share in shares)}.",
                        f"Give {', '.join(PARTS)} shares that add up to 1, such as 0.8, 0.1 and 0.1.")
