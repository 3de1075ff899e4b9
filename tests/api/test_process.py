"""A script of somebody else's, in a process that can load neither a model library nor Qt."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys
from importlib.abc import MetaPathFinder
class Block(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "diffusers", "transformers", "PySide6", "qtpy", "napari"):
            raise ImportError(name + " is blocked", name=name)
sys.meta_path.insert(0, Block())
import numpy as np
from medsynth_app.api import Pack
pack = Pack(sys.argv[1], device="cpu")
image, mask = np.full((40, 40), 900, np.uint16), np.zeros((40, 40), bool)
mask[10:20, 10:20] = True
fill, = pack.inpaint(image, mask, "a round cell", steps=2)
picture, = pack.generate("a round cell", seed=7, steps=2)
print(fill.pixels.dtype, picture.seed, (fill.pixels != image)[~mask].any(), len(picture.provenance.pack_sha256))
"""


def test_a_script_needs_neither_model_libraries_nor_a_with_block(tiny: Path, tmp_path: Path) -> None:
    """A worker of its own takes seconds to start: this is the one test that has one."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    done = subprocess.run([sys.executable, str(tmp_path / "script.py"), str(tiny)], cwd=tmp_path, env=environment,
                          capture_output=True, text=True, timeout=170)
    assert (done.returncode, done.stdout.split()) == (0, ["uint16", "7", "False", "64"]), done.stderr[-2000:]
    assert "Traceback" not in done.stderr and not list(temporary.glob("medsynth-*"))  # nothing is left of the workspace
