"""Worker processes and their parent: who imports what, and who outlives whom."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil

PARENT = """
import json, sys, socket
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("PySide6", "torch", "napari"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
def refuse(*args, **kwargs):
    raise AssertionError("a socket was opened")
socket.socket = socket.socketpair = socket.create_connection = refuse
from medsynth_app.core.job import Lane
from tests.asking import generate_of
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.jobs.store import MemoryJobStore
print("once", file=sys.stderr)
queue = JobQueue(MemoryJobStore(), lambda record, event: None, worker_module="tests.jobs.fake_worker")
queue.start()
job = queue.submit(generate_of(prompt="x", steps=1, guidance=0.0, count=1), title="x")
state = queue.wait(job, 120).state
pids = [client.pid for client in queue._clients.values() if client.pid]
print(json.dumps({"state": state, "pids": pids, "torch": "torch" in sys.modules,
                  "engine": [name for name in sys.modules if name.startswith("medsynth_app.engine")]}), flush=True)
"""


def test_the_parent_needs_no_torch_no_qt_no_socket_and_no_main_guard() -> None:
    script = PARENT + "queue.close()\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=150, check=True)
    said = json.loads(done.stdout)
    assert said["state"] == "done" and not said["torch"] and said["engine"] == []
    assert done.stderr.split() == ["once"]


def test_the_worker_ends_with_a_killed_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT + "import time; time.sleep(60)\n"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout is not None
        (pid,) = json.loads(parent.stdout.readline())["pids"]
        assert psutil.pid_exists(pid)
        parent.kill()
    end = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, "the worker outlived its parent"
        time.sleep(0.05)


def test_a_parent_that_forgets_to_close_still_ends() -> None:
    subprocess.run([sys.executable, "-c", PARENT], capture_output=True, timeout=150, check=True)


def test_a_script_without_a_main_guard_is_not_run_again_by_the_worker(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(PARENT + "queue.close()\n")
    root = str(Path(__file__).resolve().parents[2])
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=150, check=True,
                          env={"PYTHONPATH": root, "PATH": ""})
    assert done.stderr.split() == ["once"] and json.loads(done.stdout)["state"] == "done"
