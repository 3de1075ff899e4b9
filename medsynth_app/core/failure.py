"""What is told of an error: its type and where in the code it happened, never a path or a name of a patient."""

from __future__ import annotations

import logging
import re
import traceback
from pathlib import Path

from medsynth_app.core.errors import UserError

_ROOT = Path(__file__).resolve().parents[2]


def in_one_line(error: BaseException) -> str:
    """Type and places, innermost first, without the error's words: for logs."""
    return " < ".join([type(error).__name__, *reversed(_places(error))])


def level_of(error: BaseException) -> int:
    """The level to log it at: a full disk or a study that was removed is a warning, a bug of ours an error."""
    return logging.WARNING if isinstance(error, UserError) else logging.ERROR


def traced(error: BaseException, *, words: bool = False) -> str:
    """A line for each place, the error's type last; what led to it comes before it.

    Parameters
    ----------
    words
        The errors' own words too, `scrubbed`.
    """
    led: list[BaseException] = [error]
    while (earlier := led[-1].__cause__ or led[-1].__context__) is not None and earlier not in led:
        led.append(earlier)
    lines: list[str] = []
    for each in reversed(led):
        lines += _places(each)
        lines.append(f"{type(each).__name__}: {scrubbed(str(each))}" if words else type(each).__name__)
    return "\n".join(lines)


def scrubbed(text: str) -> str:
    """`text` without paths: whatever is quoted and holds a slash, and each line from its first to its last slash."""
    text = re.sub(r"(['\"])[^'\"\n]*[\\/][^'\"\n]*\1", "<path>", text)
    return re.sub(r"\S*[\\/](?:.*[\\/])?\S*", "<path>", text)


def _places(error: BaseException) -> list[str]:
    """Outermost first: our own files by their place in the package, others by their name."""
    places = []
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        name = path.relative_to(_ROOT).as_posix() if path.is_relative_to(_ROOT / "medsynth_app") else path.name
        places.append(f"{name}, line {frame.lineno}, in {frame.name}")
    return places
