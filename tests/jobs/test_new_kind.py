"""A new kind of job costs three files: the kind, its line in the table, its engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import medsynth_app

KIND = '''
from dataclasses import dataclass
from medsynth_app.core.changes import Changes
from medsynth_app.core.job import EventKind, Lane
from medsynth_app.core.jobs.kind import JobKind, Outcome

@dataclass(frozen=True)
class CountRequest:
    words: tuple[str, ...]

def receive(workspace, record, event):
    return Changes(cells=(event.data["counted"],)) if event.kind is EventKind.RESULT else Changes()

COUNT = JobKind("count", CountRequest, Lane.INTERACTIVE, lambda request: f"Count: {len(request.words)}", "count",
                Outcome.FILE, "Words are counted", receive, short=True)
'''
ENGINE = '''
from medsynth_app.core.job import EventKind, JobEvent

def run(request, job):
    job.emit(JobEvent(job.id, EventKind.RESULT, data={"counted": "".join(sorted(request.words))}))
    return {"count": len(request.words)}
'''
USE = '''
import sys
from pathlib import Path
from medsynth_app.actions.receive import receive
from medsynth_app.core.job import JobState
from medsynth_app.core.jobs.count import CountRequest
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.workspace import Workspace

workspace, received, told = Workspace.temporary(), [], []

def on_event(record, event):
    received.append(receive(workspace, record, event).cells)
    told.append(event)

queue = JobQueue(workspace.jobs, on_event)
queue.start()
job = queue.wait(queue.submit(CountRequest(("b", "a"))), 60)
queue.close()
workspace.close()
assert job.state is JobState.DONE, told[-1]
assert (job.kind, job.title, told[-1].data) == ("count", "Count: 2", {"count": 2})
assert ("ab",) in received
'''


def test_a_new_kind_of_job_runs_through_the_real_queue_and_worker_with_three_files(tmp_path: Path) -> None:
    package = tmp_path / "medsynth_app"
    shutil.copytree(Path(medsynth_app.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__", "ui"))
    table = package / "core" / "jobs" / "table.py"
    text = table.read_text()
    assert text.count(")}\n") == 1  # the end of the one table
    table.write_text(text.replace(")}\n", ", COUNT)}\n").replace(
        "\n\nKINDS", "\nfrom medsynth_app.core.jobs.count import COUNT\n\nKINDS"))
    (package / "core" / "jobs" / "count.py").write_text(KIND)
    (package / "engine" / "count.py").write_text(ENGINE)
    done = subprocess.run([sys.executable, "-c", USE], cwd=tmp_path, capture_output=True, text=True, timeout=120,
                          check=False, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert done.returncode == 0, done.stderr[-3000:]
