"""How requests are stored: nested plain JSON values, and arrays by their place in them ("image.crop")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

import numpy as np
import numpy.typing as npt

from medsynth_app.core.jobs.table import KINDS, kind_of

FORM = 2  # without a number: the flat one of the first workspaces
Arrays = dict[str, npt.NDArray[Any]]


def to_parts(request: Any) -> tuple[dict[str, Any], Arrays]:
    """Split a request into plain JSON values and arrays."""
    arrays: Arrays = {}
    return {"kind": kind_of(request).name, "form": FORM, **_plain(request, "", arrays)}, arrays


def from_parts(plain: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Any:
    """The inverse of `to_parts`; JSON's lists become tuples again.

    Raises
    ------
    KeyError, ValueError
        For a kind, a form or a field that this version does not know.
    """
    kind = KINDS[plain["kind"]]
    values = {name: value for name, value in plain.items() if name not in ("kind", "form")}
    form = plain.get("form")
    if form is None and kind.flat is not None:
        return kind.flat({name: _tuples(value) for name, value in values.items()} | dict(arrays))
    if form != FORM:
        raise ValueError(f"stored in the form {form}")
    return _made(kind.request, kind.renewed(values) if kind.renewed is not None else values, arrays, "")


def _plain(value: Any, place: str, arrays: Arrays) -> dict[str, Any]:
    plain = {}
    for each in fields(value):
        held = getattr(value, each.name)
        if isinstance(held, np.ndarray):
            arrays[place + each.name] = held
        elif is_dataclass(held):
            plain[each.name] = _plain(held, f"{place}{each.name}.", arrays)
        else:
            plain[each.name] = held
    return plain


def _made(made: Any, plain: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], place: str) -> Any:
    names = {each.name for each in fields(made)}
    if unknown := plain.keys() - names:
        raise ValueError(f"{made.__name__} has no {', '.join(sorted(unknown))}")
    types = get_type_hints(made)
    values: dict[str, Any] = {name: arrays[place + name] for name in names if place + name in arrays}
    for name, value in plain.items():
        inner = next((each for each in (types[name], *get_args(types[name])) if is_dataclass(each)), None)
        values[name] = _made(inner, value, arrays, f"{place}{name}.") if inner is not None and value is not None \
            else _tuples(value)
    return made(**values)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
