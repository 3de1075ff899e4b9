"""Words for people go through `_`: gettext, English only for now.

The language is that of the environment when the first text is asked for; where it has no translation, the text itself
is shown. Tables that are made at import may call `_` as well.
"""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path

DOMAIN = "medsynth"
FOLDER = Path(__file__).resolve().parents[2] / "resources" / "locale"


@cache
def _translation() -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, str(FOLDER), fallback=True)


def _(text: str) -> str:
    """The text in the person's language; the text itself where there is no translation.

    Write whole sentences with named gaps: ``_("{count} pictures").format(count=3)``.
    """
    return _translation().gettext(text)


def ngettext(one: str, many: str, count: int) -> str:
    """`one` or `many` by the count, in the person's language; the count is put in with ``format``."""
    return _translation().ngettext(one, many, count)


def duration(seconds: float) -> str:
    """ "8 s", "2 min", "1 h 10 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size(count: float) -> str:
    """ "812 kB", "3.4 GB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit in ("B", "kB") or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
