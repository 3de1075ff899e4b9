"""A series opened in the window, against the bare library that reads the whole of it: pydicom, all headers and pixels.

Each is measured in turn in one process, warm. Told are the time until one sees a picture at all, and until the series
is on the screen. Limits: a first picture in 0.8 times what reading the whole takes, the series in 2. (Of files that
are not compressed it is more: what each header states is checked and put in order, which the library leaves to others.)

Without ``--data`` a CT of 384 slices of 512 x 512 is made up, losslessly compressed as scanners send them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from pydicom import uid
from rich.console import Console

from tests.formats.making import slice_dataset

FIRST, WHOLE = 0.8, 2.0
SLICES, EDGE = 384, 512
PROGRAM = """
import json, sys, time, tempfile
from pathlib import Path
import pydicom
from medsynth_app.app import application, build_window
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.workspace.workspace import Workspace
folder, repeats, home = Path(sys.argv[1]), int(sys.argv[2]), Path(tempfile.mkdtemp())
app = application()
desk = build_window(Workspace.open(home / "work"), SettingsStore(home / "config"), pack_folders=[])
window, documents = desk.window, desk.session.documents
window.resize(1366, 768)
window.show()
frames, glimpses, shown = [], [], []
window.canvas.scene.native.frameSwapped.connect(lambda: frames.append(time.perf_counter()))
documents.current_changed.connect(lambda: shown.append(time.perf_counter()))
def wait(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        app.processEvents()
        time.sleep(0.002)
def read():
    start = time.perf_counter()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            pydicom.dcmread(path, force=True).pixel_array
    return time.perf_counter() - start
def opened():
    documents.close()
    wait(0.3)
    for found in (frames, glimpses, shown):
        found.clear()
    start = time.perf_counter()
    window.open_path(folder)
    while not any(at > shown[-1] for at in frames if shown):
        app.processEvents()
        if window.opening.glimpse.isVisible() and not glimpses:
            glimpses.append(time.perf_counter())
        time.sleep(0.01)  # as an event loop sleeps: a busy one would take the time from the thread that reads
    there = next(at for at in frames if at > shown[-1])
    return min([*glimpses, there]) - start, there - start
wait(1.5)
read(), opened()
for _ in range(repeats):
    whole = read()
    first, there = opened()
    print(json.dumps({"whole": whole, "first": first, "there": there}), flush=True)
import os
os._exit(0)
"""


def make(folder: Path) -> Path:
    """A made-up CT."""
    rng = np.random.default_rng(0)
    across = np.hypot(*np.mgrid[-1:1:EDGE * 1j, -1:1:EDGE * 1j])
    for k in range(SLICES):
        values = np.where(across < 0.8, 1000 + 200 * np.cos(9 * across + k / 20), 0) + rng.normal(0, 10, across.shape)
        dataset = slice_dataset(k + 1, (0, 0, 1.25 * k), shape=(EDGE, EDGE), PixelData=values.astype("<i2").tobytes())
        dataset.compress(uid.RLELossless, generate_instance_uid=False)
        dataset.save_as(folder / f"{k:03}.dcm", enforce_file_format=True)
    return folder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of one series")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = options.data or make(Path(made))
        done = subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM, str(folder), str(options.repeats)],
                              check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
                              env=dict(os.environ))
    found = [json.loads(line) for line in done.stdout.strip().splitlines()]
    console, failed = Console(highlight=False), False
    console.print(f"reading the whole with pydicom: {statistics.median(item['whole'] for item in found):.2f} s")
    for name, said, limit in (("first", "a first picture", FIRST), ("there", "the series, on the screen", WHOLE)):
        seconds = statistics.median(item[name] for item in found)
        ratio = statistics.median(item[name] / item["whole"] for item in found)
        failed = failed or ratio > limit
        console.print(f"{said}: {seconds:.2f} s, ratio {ratio:.2f} (limit {limit})")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
