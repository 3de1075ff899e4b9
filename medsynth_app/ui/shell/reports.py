"""What is said of a bug: where in the program it happened, nothing of the data it happened on."""

from __future__ import annotations

import platform
import sys
import traceback
from pathlib import Path

import PySide6

import medsynth_app


def report(error: BaseException) -> str:
    """Versions, and the places in the code that led to the error; no values, no paths, no messages."""
    lines = [f"MedSynth {medsynth_app.__version__}, Python {sys.version.split()[0]}, Qt {PySide6.__version__}, "
             f"{platform.system()} {platform.release()}"]
    seen: BaseException | None = error
    while seen is not None:
        lines.append(f"{type(seen).__module__}.{type(seen).__name__}")
        for frame in traceback.extract_tb(seen.__traceback__):
            path = Path(frame.filename)
            known = path.parts[path.parts.index("medsynth_app"):] if "medsynth_app" in path.parts else path.parts[-2:]
            lines.append(f"  {'/'.join(known)}:{frame.lineno} in {frame.name}")
        seen = seen.__cause__ or seen.__context__
    return "\n".join(lines)
