"""Options of commands from where they are declared: the fields of parameters."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from medsynth_app.core.options import changed, options

Function = TypeVar("Function", bound=Callable[..., Any])


def asking(parameters: type, *, without: Collection[str] = (), **defaults: Any) -> Callable[[Function], Function]:
    """Give a command every option of `parameters` that has a line of help; it takes them as one value, ``given``.

    Parameters
    ----------
    without
        Options that this command has not, or asks for in a way of its own.
    defaults
        Other than those of the parameters.
    """
    start = changed(parameters(), **defaults)
    asked = {}
    for field, default, known in options(start):
        if known.help and field.name not in without:
            flag = known.flag or f"--{field.name.replace('_', '-')}"
            asked[field.name] = inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=default,
                annotation=Annotated[_type_of(start, field.name), typer.Option(flag, help=known.help)])

    def dress(function: Function) -> Function:
        @functools.wraps(function)
        def run(**values: Any) -> Any:
            given = changed(start, **{name: values.pop(name) for name in asked})
            return function(given=given, **values)

        own = inspect.signature(function, eval_str=True)
        taken = [each for each in own.parameters.values() if each.name != "given"]
        run.__signature__ = own.replace(parameters=[*taken, *asked.values()])  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in (*taken, *asked.values())}
        return run  # type: ignore[return-value]

    return dress


def _type_of(parameters: Any, name: str) -> Any:
    """The type of a field of parameters, or of one of the values that they are composed of."""
    hints = get_type_hints(type(parameters))
    if name in hints:
        return hints[name]
    return next(get_type_hints(type(part))[name] for each in hints
                if name in get_type_hints(type(part := getattr(parameters, each))))
