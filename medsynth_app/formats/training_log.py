"""The log of a training run: a JSON line for each point of its curves, beside its checkpoints."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LARGEST = 2**26  # bytes that are read
log = logging.getLogger(__name__)


def log_of(checkpoints: Path) -> Path:
    """The file of the run with these checkpoints."""
    return checkpoints.with_name(f"{checkpoints.name}.log.jsonl")


def note(checkpoints: Path, point: Mapping[str, Any]) -> None:
    """Add a point; a disk that does not take it stops no training."""
    try:
        path = log_of(checkpoints)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(point) + "\n")
    except OSError as error:
        log.warning("the log of a training could not be written (%s)", type(error).__name__)


def read_log(checkpoints: Path) -> list[dict[str, Any]]:
    """Every point, in order; of a step that was trained twice, after a kill, the later one. Empty where none is."""
    try:
        with log_of(checkpoints).open(encoding="utf-8", errors="replace") as stream:
            lines = stream.read(LARGEST).splitlines()
    except OSError:
        return []
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for line in lines:
        try:
            point = json.loads(line)
            key = (str(point["stage"]), int(point["step"]))
        except (ValueError, TypeError, KeyError):
            continue  # a kill came while it was written
        found.pop(key, None)
        found[key] = point
    return list(found.values())
