"""``python -m tests``: every test there is, in groups that run beside one another, as many as there are cores.

Each group is a process of its own, with a home of its own (see `tests.conftest`); what it prints is shown when it ends.
The tests of the window have Qt; all others run where Qt cannot be imported.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WITHOUT_QT = ("--block-qt", "-p", "no:pytest-qt")


def groups() -> dict[str, tuple[str, ...]]:
    """The arguments of pytest for each group, the longest first; together they leave out no test."""
    images = ("tests/formats", "tests/datasets", "tests/segmentation")
    window = ["tests/ui", *sorted(str(path.relative_to(ROOT)) for name in ("app", "demo")
                                  for path in (ROOT / "tests").glob(f"test_{name}*.py"))]
    return {
        "others": (*WITHOUT_QT, "tests", *(f"--ignore={place}" for place in (*window, "tests/engine", *images))),
        "window": tuple(window),
        "engine": (*WITHOUT_QT, "tests/engine"),
        "images": (*WITHOUT_QT, *images)}


def run(chosen: Mapping[str, Sequence[str]], at_once: int) -> int:
    """Run groups, some at once; returns 0 when all of them passed, else 1."""
    def one(arguments: Sequence[str]) -> tuple[int, str, float]:
        begun = time.monotonic()
        done = subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        return done.returncode, done.stdout, time.monotonic() - begun

    failed = []
    with ThreadPoolExecutor(at_once) as pool:
        running = {pool.submit(one, arguments): name for name, arguments in chosen.items()}
        for ended in as_completed(running):
            status, output, seconds = ended.result()
            print(f"==== {running[ended]}, {seconds:.0f} s\n{output}", flush=True)
            if status:
                failed.append(running[ended])
    print(f"failed: {', '.join(failed)}" if failed else "all passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    every = groups()
    sys.exit(run(every, min(len(every), os.cpu_count() or 1)))
