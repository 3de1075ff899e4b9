"""Many mutated files, read one after the other by a process that may die."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.formats.fuzz.mutations import mutated

PATIENCE = 20.0  # seconds
LONG = 5.0  # seconds; a file that took as long is kept to be looked at


@dataclass
class Report:
    """What came of a campaign; `bugs` holds (kind, file that shows it), `slow` (seconds, file)."""

    counts: Counter[str] = field(default_factory=Counter)
    bugs: list[tuple[str, Path]] = field(default_factory=list)
    slow: list[tuple[float, Path]] = field(default_factory=list)
    slowest: float = 0.0
    peak: int = 0

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()))
        return f"{counts}; slowest {self.slowest:.1f} s; peak {self.peak / 2**20:.0f} MB"


class _Reader:
    """The reading process; started anew when it died or hung."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def read(self, path: Path) -> tuple[str, int, float]:
        """What came of a file, the peak memory in bytes so far, and the seconds that it took."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.formats.fuzz.reader"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True, bufsize=1)
            assert self._process.stdout is not None
            self._process.stdout.readline()  # "ready"
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        begun = time.monotonic()
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
        line = process.stdout.readline() if ready else ""
        if line:
            answer = json.loads(line)
            return answer["found"], answer["peak"], time.monotonic() - begun
        self.close()
        return (f"death with {process.returncode}" if ready else "hang"), 0, time.monotonic() - begun

    def close(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            process.kill() if process.poll() is None and not _ended(process) else None
            process.communicate()


def _ended(process: subprocess.Popen[str]) -> bool:
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        return False
    return True


def run(seeds: Sequence[Path], count: int, folder: Path, seed: int = 0,
        told: Callable[[int, Report], None] = lambda _, __: None) -> Report:
    """Read `count` mutations of the seeds; those that show a bug are left in `folder`.

    Parameters
    ----------
    told
        Called after each file with how many were read and the report so far.
    """
    folder.mkdir(parents=True, exist_ok=True)
    reader, report = _Reader(), Report()
    contents = [path.read_bytes() for path in seeds]
    try:
        for k in range(count):
            path = folder / f"{seed}-{k}{seeds[k % len(seeds)].suffix}"
            path.write_bytes(mutated(contents[k % len(seeds)], Random(f"{seed}-{k}")))
            found, peak, seconds = reader.read(path)
            report.slowest, report.peak = max(report.slowest, seconds), max(report.peak, peak)
            if found in ("opened", "refused"):
                report.counts[found] += 1
                if seconds < LONG:
                    path.unlink()
                else:
                    report.slow.append((seconds, path))
            else:
                kind = found.split(" ")[0]
                report.counts[kind if kind in ("death", "hang") else "traceback"] += 1
                report.bugs.append((found, path))
            told(k + 1, report)
    finally:
        reader.close()
    return report
