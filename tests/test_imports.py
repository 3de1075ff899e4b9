"""Importing a module changes nothing of the process: what libraries are asked for is asked when they are used."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.test_architecture import FILES, PACKAGE, ROOT, _module

# The libraries are imported first: what they do to a process is theirs.
_IMPORT = """
import importlib, logging, sys, warnings
for name in sys.argv[1].split(","):
    importlib.import_module(name)
import PIL.Image, pydicom.config, SimpleITK
from pydicom.pixels.decoders import JPEGExtended12BitDecoder

settings = pydicom.config.settings

def state():
    loggers = {name: (log.level, log.propagate, log.disabled, len(log.handlers))
               for name, log in logging.root.manager.loggerDict.items() if isinstance(log, logging.Logger)}
    return {
        "loggers": {name: loggers.get(name, (0, True, False, 0)) for name in (*loggers, *watched)},
        "root": (logging.root.level, logging.root.handlers, logging.root.manager.disable),
        "warnings": list(warnings.filters),
        "pydicom": {name: getattr(pydicom.config, name) for name in dir(pydicom.config)
                    if isinstance(getattr(pydicom.config, name), (bool, int, str, type(None)))},
        "validation": (settings.reading_validation_mode, settings.writing_validation_mode),
        "decoders": tuple(JPEGExtended12BitDecoder.available_plugins),
        "SimpleITK": SimpleITK.ProcessObject.GetGlobalWarningDisplay(),
        "PIL": PIL.Image.MAX_IMAGE_PIXELS,
        "hook": sys.excepthook,
    }

watched = ("pydicom", "tifffile", "PIL")
before = state()
for name in sys.argv[2:]:
    importlib.import_module(name)
after = state()
after["loggers"] = {name: value for name, value in after["loggers"].items() if name in before["loggers"]}
for part in before:
    assert after[part] == before[part], (part, before[part], after[part])
print(len(sys.argv) - 2)
"""
FILE_LIBRARIES = ("numpy", "scipy.ndimage", "scipy.sparse.linalg", "skimage", "tifffile", "imagecodecs", "pydicom")
WINDOW_LIBRARIES = ("PySide6.QtWidgets", "PySide6.QtOpenGLWidgets", "napari.qt", "napari.layers", "qtawesome",
                    "sqlalchemy", "alembic", "pydantic", "typer", "rich.progress")
MODEL_LIBRARIES = ("torch", "diffusers", "transformers", "accelerate")


@pytest.mark.parametrize("side", ["window", "worker"])
def test_importing_a_module_changes_nothing_of_the_process(side: str) -> None:
    worker = side == "worker"
    modules = [_module(path) for path in FILES if path.stem != "__main__" and "migrations" not in path.parts
               and (path.relative_to(PACKAGE).parts[0] == "engine") is worker]
    libraries = (*FILE_LIBRARIES, *(MODEL_LIBRARIES if worker else WINDOW_LIBRARIES))
    done = subprocess.run([sys.executable, "-c", _IMPORT, ",".join(libraries), *modules], cwd=ROOT,
                          capture_output=True, text=True, check=False, timeout=170,
                          env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "NAPARI_CONFIG": ""})
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) == len(modules) > 0
