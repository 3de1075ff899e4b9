"""A workspace whose clock jumps, whose folder cannot be written, or whose process is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medsynth_app.core.errors import UserError
from medsynth_app.workspace import database
from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import PATH, FakeSource, accept, paint, stage
from tests.workspace.test_workspace import BOX, ROOT

# --- the clock


@pytest.mark.parametrize("days", [-400, 400])
def test_a_clock_that_jumps_stops_no_backup_and_deletes_no_new_one(
        folder: Path, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    """The clock was wrong by more than a year while five backups were made, then it was set right."""
    real, away = time.time, [days * 86400.0]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.fromtimestamp(real() + away[0], tz)

    monkeypatch.setattr(time, "time", lambda: real() + away[0])
    monkeypatch.setattr(database, "datetime", Clock)
    monkeypatch.setattr("medsynth_app.workspace.workspace.backup_is_due", lambda folder: False)  # that one runs beside

    def backed_up(count: int) -> Path:
        with Workspace.open(folder) as workspace:
            document = workspace.documents.open(FakeSource(), PATH)
            for _ in range(count):
                paint(document, BOX)
                made = workspace.backup()
                os.utime(made, (time.time(), time.time()))  # as the disk would have it
        return made

    backed_up(5)
    away[0] = 0.0
    assert database.backup_is_due(folder)
    newest = backed_up(1)
    assert newest.exists() and database.backups(folder)[-1] == newest and len(database.backups(folder)) == 5
    assert not database.backup_is_due(folder)  # one a day again
    away[0] = 25 * 3600.0
    assert database.backup_is_due(folder)


def test_backups_of_the_first_versions_are_the_oldest(folder: Path) -> None:
    for stamp in ("20990101-000000-000000", "20200101-000000-000000"):
        (folder / "backups" / f"workspace-{stamp}.db").write_bytes(b"")
    with Workspace.open(folder) as workspace:
        newest = workspace.backup()
    assert [path.name[:14] for path in database.backups(folder)[:2]] == ["workspace-2020", "workspace-2099"]
    assert database.backups(folder)[-1] == newest


# --- rights


LOOKER = """
import ctypes, sys
from pathlib import Path
if sys.platform == "linux":  # nothing is denied to root otherwise
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()) == 0
from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import *
workspace = Workspace.open(Path(sys.argv[1]))
assert workspace.read_only and "cannot be written" in workspace.notice, workspace.notice
document = workspace.documents.open(FakeSource(), PATH)
assert document.mask(0)[3:9, 4:12].all() and (document.pixels(0)[3:9, 4:12] == 5).all()
print(workspace.salt.hex())
workspace.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="rights are other ones")
def test_a_workspace_that_cannot_be_written_can_be_looked_at(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        paint(document, BOX)
        accept(document, stage(workspace, document, BOX, np.full((6, 8), 5, np.int16)))
        salt = workspace.salt
    modes = {path: path.stat().st_mode for path in (folder, *folder.rglob("*"))}
    try:
        for path in modes:
            path.chmod(0o500 if path.is_dir() else 0o400)
        before = sorted((str(path), path.stat().st_mtime_ns, path.stat().st_mode) for path in modes)
        done = subprocess.run([sys.executable, "-c", LOOKER, str(folder)], cwd=ROOT, text=True, capture_output=True)
        assert (done.returncode, done.stdout) == (0, f"{salt.hex()}\n"), done.stderr
        assert sorted((str(path), path.stat().st_mtime_ns, path.stat().st_mode)
                      for path in (folder, *folder.rglob("*"))) == before
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


# --- temporary folders


KILLED = """
import sys, time
from medsynth_app.workspace.workspace import Workspace
workspace = Workspace.temporary()
print(workspace.folder, flush=True)
time.sleep(60)
"""


def test_what_a_killed_process_left_is_swept_at_a_later_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("medsynth-temporary-mine", "medsynth-other", "holiday"):  # another program's, or a person's
        (tmp_path / name).mkdir()
        (tmp_path / name / "kept.txt").write_text("x")
    here = {path.name for path in tmp_path.iterdir()}
    with ExitStack() as started:
        def start() -> subprocess.Popen[str]:
            process = started.enter_context(subprocess.Popen([sys.executable, "-c", KILLED], cwd=ROOT, text=True,
                                                             stdout=subprocess.PIPE))
            started.callback(process.kill)
            return process

        first, second = start(), start()
        assert first.stdout is not None and second.stdout is not None
        killed, alive = Path(first.stdout.readline().strip()), Path(second.stdout.readline().strip())
        assert killed.parent.parent == tmp_path
        first.kill()
        first.wait()
        assert (killed / "workspace.db").exists()
        with Workspace.temporary() as workspace:
            assert not killed.parent.exists() and (alive / "workspace.db").exists()
            Workspace.temporary().close()
            assert workspace.folder.exists()  # nor what this very process uses
    Workspace.temporary().close()
    assert {path.name for path in tmp_path.iterdir()} == here


def test_without_a_temp_directory_the_option_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(UserError, match="temporary folder") as refused:
        Workspace.temporary()
    assert "--workspace" in refused.value.remedy
