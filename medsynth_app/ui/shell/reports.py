"""What is said of a bug: where in the program it happened, nothing of the data it happened on."""

from __future__ import annotations

import platform
import sys

import PySide6

import medsynth_app
from medsynth_app.core.failure import traced


def report(error: BaseException) -> str:
    """Versions, and the places in the code that led to the error; no values, no paths, no messages."""
    versions = (f"MedSynth {medsynth_app.__version__}, Python {sys.version.split()[0]}, Qt {PySide6.__version__}, "
                f"{platform.system()} {platform.release()}")
    return f"{versions}\n{traced(error)}"
