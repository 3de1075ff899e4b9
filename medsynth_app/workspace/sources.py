"""Original UIDs and file hashes: written once, in the table `sources`, and referred to everywhere else.

Requests and provenance records name their source as text; `hide` swaps known UIDs for row numbers before such a text is
stored ("@uid:3@"), `show` swaps them back. Typed text that looks like such a number is marked ("@at:0@uid:3@").
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from medsynth_app.core.image import FrameKey
from medsynth_app.workspace.database import chunks
from medsynth_app.workspace.tables import FrameRow, SourceRow

# Two dots: no number in JSON has them. ASCII: a letter of another script beside a UID does not hide it.
_UID = re.compile(r"(?<![\w.])(?P<prefix>uid:)?(?P<uid>\d+(?:\.\d+){2,})(?!\w|\.\d)", re.ASCII)
_HIDDEN = re.compile(r"@(source|uid|at):(\d+)@", re.ASCII)
_SWAPPED = re.compile(rf"(?P<at>@)(?=(?:source|uid|at):\d+@)|{_UID.pattern}", re.ASCII)
_AT = "@at:0@"


def known_frames(session: Session, keys: Iterable[FrameKey]) -> dict[FrameKey, FrameRow]:
    """The rows of those frames that the workspace knows."""
    wanted = set(keys)
    found: dict[FrameKey, FrameRow] = {}
    for part in chunks(sorted({key.source for key in wanted})):
        rows = session.execute(select(SourceRow.source, FrameRow).join(FrameRow, FrameRow.source_id == SourceRow.id)
                               .where(SourceRow.source.in_(part)))
        found |= {key: row for source, row in rows if (key := FrameKey(source, row.frame)) in wanted}
    return found


def frame_of(session: Session, key: FrameKey | str) -> FrameRow | None:
    """The row of one frame, None where it is unknown."""
    key = FrameKey.parse(key) if isinstance(key, str) else key
    return known_frames(session, [key]).get(key)


def source_ids(session: Session, sources: Iterable[str]) -> dict[str, int]:
    """Numbers of sources; new ones are added."""
    wanted = sorted(set(sources))
    ids = _ids(session, wanted)
    missing = [SourceRow(source=source) for source in wanted if source not in ids]
    session.add_all(missing)
    session.flush()
    return ids | {row.source: row.id for row in missing}


def frame_keys(session: Session, frame_ids: Iterable[int]) -> dict[int, FrameKey]:
    """Identity of frames by row number."""
    found: dict[int, FrameKey] = {}
    for part in chunks(sorted(set(frame_ids))):
        rows = session.execute(select(FrameRow.id, SourceRow.source, FrameRow.frame)
                               .join(SourceRow, FrameRow.source_id == SourceRow.id).where(FrameRow.id.in_(part)))
        found |= {number: FrameKey(source, frame) for number, source, frame in rows}
    return found


def hide(session: Session, value: Any) -> str:
    """`value` as JSON without known UIDs; what is not JSON (NumPy scalars, tuples) becomes what is."""
    plain = json.loads(json.dumps(value, default=_plain))
    uids = {match["uid"] for part in _texts(plain) for match in _UID.finditer(part)}
    ids = _ids(session, sorted(f"uid:{uid}" for uid in uids))

    def swap(match: re.Match[str]) -> str:
        if match["at"]:
            return _AT
        prefix, uid = match["prefix"], match["uid"]
        number = ids.get(f"uid:{uid}")
        if number is None:
            return match[0]
        return f"@{'source' if prefix else 'uid'}:{number}@"

    # String by string: in JSON text, "\n" or "\u2013" before a UID would look like a part of it.
    return json.dumps(_mapped(plain, lambda part: _SWAPPED.sub(swap, part)))


def show(session: Session, text: str) -> Any:
    """The inverse of `hide`."""
    numbers = sorted({int(match[2]) for match in _HIDDEN.finditer(text)})
    if numbers:
        sources: dict[int, str] = dict(session.execute(
            select(SourceRow.id, SourceRow.source).where(SourceRow.id.in_(numbers))).all())

        def swap(match: re.Match[str]) -> str:
            if match[1] == "at":
                return "@"
            source = sources.get(int(match[2]), "")
            return source if match[1] == "source" else source.removeprefix("uid:")

        text = _HIDDEN.sub(swap, text)
    return json.loads(text)


def _ids(session: Session, sources: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in chunks(sources):
        found |= dict(session.execute(
            select(SourceRow.source, SourceRow.id).where(SourceRow.source.in_(part))).all())
    return found


def _texts(value: Any) -> Iterator[str]:
    """All strings of a JSON value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON value with every string changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be kept as JSON")
