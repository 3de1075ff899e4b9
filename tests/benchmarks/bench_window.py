"""The window against a bare napari QtViewer with the same image: time to the first frame on the screen, and memory.

Each is started several times, in turn, in fresh processes. Limits: 1.3 times the time and 1.3 times the memory.
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
from PIL import Image
from rich.console import Console

LIMIT = 1.3
BARE = """
import json, sys, time
start = time.perf_counter()
import numpy as np
from PIL import Image
from PySide6.QtWidgets import QApplication
app = QApplication([])
import napari.qt
napari.qt.get_qapp()
from napari.components import ViewerModel
from napari.qt import QtViewer
model = ViewerModel()
view = QtViewer(model)
view.resize(1366, 768)
model.add_image(np.asarray(Image.open(sys.argv[1])), rgb=True)
frames = []
view.canvas.native.frameSwapped.connect(lambda: frames.append((time.perf_counter(), time.process_time())))
view.show()
"""
OURS = """
import json, sys, time
start = time.perf_counter()
from pathlib import Path
from medsynth_app.startup import hold_garbage
hold_garbage()                                  # as `medsynth` does
from medsynth_app.app import application, build_window
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.workspace.workspace import Workspace
app = application()
desk = build_window(Workspace.open(Path(sys.argv[2]) / "work"), SettingsStore(Path(sys.argv[2]) / "config"),
                    pack_folders=[])
desk.window.resize(1366, 768)
desk.session.documents.open(Path(sys.argv[1]))
frames = []
desk.window.canvas.scene.native.frameSwapped.connect(lambda: frames.append((time.perf_counter(), time.process_time())))
desk.window.show()
"""
END = """
while not frames:
    app.processEvents()
settled = time.perf_counter() + 1.5             # what was put off until after the first frame counts as memory
while time.perf_counter() < settled:
    app.processEvents()
import os, psutil
print(json.dumps({"seconds": frames[0][0] - start, "processor": frames[0][1],
                  "memory": psutil.Process().memory_info().rss, "torch": "torch" in sys.modules}), flush=True)
os._exit(0)
"""


def measure(program: str, image: Path) -> dict[str, float]:
    """Seconds from the start of Python's work to the first frame, and resident bytes then.

    The workspace stands beside the image: the first measurement makes it, as the first start ever does.
    """
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program + END, str(image), str(image.parent)],
                          check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
                          env=dict(os.environ))
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.png"
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8)).save(image)
        measure(BARE, image), measure(OURS, image)  # caches of the disk
        pairs = [(measure(BARE, image), measure(OURS, image)) for _ in range(repeats)]
    console, worst = Console(highlight=False), 0.0
    for name, unit, scale in (("seconds", "s", 1.0), ("processor", "s", 1.0), ("memory", "MB", 1e-6)):
        bare = statistics.median(pair[0][name] for pair in pairs) * scale
        ours = statistics.median(pair[1][name] for pair in pairs) * scale
        ratio = statistics.median(pair[1][name] / pair[0][name] for pair in pairs)
        limit = LIMIT if name != "processor" else None  # told beside: it hardly knows whether the machine is busy
        worst = max(worst, ratio if limit else 0.0)
        console.print(f"{name}: bare viewer {bare:.2f} {unit}, window {ours:.2f} {unit}, ratio {ratio:.2f}"
                      + (f" (limit {limit})" if limit else ""))
    loaded = any(pair[1]["torch"] for pair in pairs)
    console.print("torch was imported" if loaded else "torch was not imported")
    return int(worst > LIMIT or loaded)


if __name__ == "__main__":
    sys.exit(main())
