"""A package with a detector, laid out as an installer would leave it."""

from __future__ import annotations

from pathlib import Path

import pytest

CODE = '''
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.cell import FoundCell


class Dummy:
    """Finds one cell in every field; fails on bright ones."""

    def find(self, pixels, progress):
        progress(1, 1)
        if pixels.mean() > 250:
            raise ValueError("too bright")
        return [FoundCell("yeast", Bounds(-3, 2, 9, 12), 1.5, False)]
'''


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put it on the path of this process and of those that it starts; the name under which it is offered."""
    about = folder / "dummy_cells-1.0.dist-info"
    about.mkdir()
    (folder / "dummy_cells.py").write_text(CODE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: dummy-cells\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[medsynth.detectors]\ndummy = dummy_cells:Dummy\nbroken = dummy_cells:Missing\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")
    return "dummy"
