"""The promise of an offline program: a worker opens no socket, not even for a moment."""

from __future__ import annotations

import json
import subprocess
import sys

CHILD = """
import importlib, json, socket, sys
opened = []
sys.addaudithook(lambda event, _: opened.append(event) if event.startswith("socket.") else None)
from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.table import KINDS
from medsynth_app.jobs.child import prepare
prepare(Lane.INTERACTIVE)
for kind in KINDS.values():
    importlib.import_module(f"medsynth_app.engine.{kind.engine}")
import medsynth_app.engine.diffusion.pipelines, urllib3.util.connection
here = list(opened)
socket.socket(socket.AF_UNIX).close()
print(json.dumps([here, len(opened)]))
"""


def test_no_engine_opens_a_socket_when_its_libraries_are_loaded() -> None:
    said = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    opened, seen = json.loads(said.stdout.strip().splitlines()[-1])
    assert opened == [] and seen > 0  # the watch would have told
