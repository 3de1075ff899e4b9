"""Options: what a person may set, declared once as a field, with its range and its words.

`checked`, the command line and the panels' spin boxes read them here, so that a new option costs a field and its use.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar

from medsynth_app.core.errors import UserError

T = TypeVar("T")


@dataclass(frozen=True)
class Option:
    """What is known of one option.

    Attributes
    ----------
    title
        As a message names it: "The number of steps".
    low, high
        Least and most that is possible.
    usual
        What a panel offers of that; None: all.
    help, flag
        Its line and its name on the command line, where it has one; without a name that of its field.
    """

    title: str = ""
    low: float = -math.inf
    high: float = math.inf
    usual: tuple[float, float] | None = None
    help: str = ""
    flag: str = ""

    @property
    def offered(self) -> tuple[float, float]:
        return self.usual or (self.low, self.high)


def option(default: Any, title: str = "", low: float = -math.inf, high: float = math.inf, *,
           usual: tuple[float, float] | None = None, help: str = "", flag: str = "") -> Any:
    """A field of a frozen dataclass that is an option."""
    return field(default=default, metadata={"option": Option(title, low, high, usual, help, flag)})


def options(values: Any) -> Iterator[tuple[Field[Any], Any, Option]]:
    """Every option of a value and of the values that it is composed of: its field, how it is set, what is known."""
    for each in fields(values):
        held = getattr(values, each.name)
        if "option" in each.metadata:
            yield each, held, each.metadata["option"]
        elif is_dataclass(held):
            yield from options(held)


def option_of(values: type, name: str) -> Option:
    """What is known of the option with this name; KeyError where there is none."""
    return next(known for each, _, known in options(values()) if each.name == name)


def checked(values: T) -> T:
    """`values`; raises `UserError` where an option is out of its range."""
    for _, held, known in options(values):
        if isinstance(held, int | float) and not known.low <= held <= known.high:
            raise UserError(f"{known.title} is {held}, outside {known.low} to {known.high}.",
                            "Choose a value in that range.")
    return values


def changed(values: T, **changes: Any) -> T:
    """A copy with other fields, each by its own name: ``changed(parameters, prompt="a polyp", count=2)``.

    A field of a value that `values` is composed of is found in there; TypeError for a name that is nowhere.
    """
    own = {each.name for each in fields(values)}  # type: ignore[arg-type]
    mine = {name: value for name, value in changes.items() if name in own}
    left = {name: value for name, value in changes.items() if name not in own}
    for name in own - mine.keys():
        part = getattr(values, name)
        if left and is_dataclass(part):
            inside = {each.name for each in fields(part)} & left.keys()
            if inside:
                mine[name] = replace(part, **{each: left.pop(each) for each in inside})  # type: ignore[type-var]
    if left:
        raise TypeError(f"{type(values).__name__} has no {', '.join(sorted(left))}")
    return replace(values, **mine)  # type: ignore[type-var]


def differing(one: Any, other: Any) -> frozenset[str]:
    """Names of the fields in which two values of one type differ, in those too that they are composed of."""
    found: frozenset[str] = frozenset()
    for each in fields(one):
        mine, its = getattr(one, each.name), getattr(other, each.name)
        if is_dataclass(mine) and type(mine) is type(its):
            found |= differing(mine, its)
        elif each.compare and mine != its:
            found |= {each.name}
    return found
