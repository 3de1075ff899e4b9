"""Peak memory of this process."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil


def peak_memory() -> float:
    """The most memory that this process has held, in MB (1e6 bytes)."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux, ru_maxrss would begin with what the process held that started this one
        held = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(held.split()[1]) * 1024 / 1e6
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
