"""A measurement in a process of its own, which can be stopped: speed and memory are no figures beside other work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import medsynth_app
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.engine.evaluate.progress import Progress

LOOK_EVERY = 0.2  # seconds


def measured_apart(module: str, arguments: list[str], what: str, progress: Progress) -> dict[str, Any]:
    """What ``python -m module arguments`` says as JSON in the last line of its output.

    Raises
    ------
    UserError
        When it ends with another status than 0; `what` is named.
    Cancelled
        Once the job is to stop; the process is ended.
    """
    line = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(line, cwd=Path(medsynth_app.__file__).parents[1], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while True:
            try:
                said, complaint = process.communicate(timeout=LOOK_EVERY)
                break
            except subprocess.TimeoutExpired:
                try:
                    progress.stop_if_cancelled()
                except Cancelled:
                    process.kill()
                    raise
    if process.returncode:
        last = complaint.strip().splitlines()[-1:] or [f"status {process.returncode}"]
        raise UserError(f"{what} cannot be measured.", "Check the pack with `medsynth packs verify`.", details=last[0])
    found: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    return found
