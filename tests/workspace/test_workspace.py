from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import JobState
from medsynth_app.workspace import database, tables
from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import PATH, FakeSource, accept, paint, provenance, stage
from tests.workspace.test_jobs import RECORD

ROOT = Path(__file__).parents[2]
BOX = Bounds(3, 4, 9, 12)


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.skipif(os.name != "posix", reason="modes")
def test_only_the_owner_can_read(nowhere: Path) -> None:
    folder = nowhere
    folder.mkdir(mode=0o755)
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        paint(document, BOX)
        document.close()
        workspace.backup()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700 and modes(folder) == {0o600}
    assert modes(folder) == {0o600}


@pytest.mark.skipif(os.name != "posix", reason="modes")
def test_a_folder_in_use_for_something_else_is_left_alone(nowhere: Path) -> None:
    nowhere.mkdir(mode=0o755)
    (nowhere / "holiday.txt").write_text("sun")
    with pytest.raises(UserError, match="other things") as refused:
        Workspace.open(nowhere)
    assert "empty folder" in refused.value.remedy
    assert stat.S_IMODE(nowhere.stat().st_mode) == 0o755
    assert [path.name for path in nowhere.iterdir()] == ["holiday.txt"]
    (nowhere / "holiday.txt").rename(nowhere / "writer.lock")      # all that a start which was killed leaves
    Workspace.open(nowhere).close()
    (nowhere / "holiday.txt").write_text("sun")
    Workspace.open(nowhere).close()     # it is a workspace now


def test_files_that_no_row_names_are_gone_after_a_day(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        stage(workspace, document, BOX, np.full((6, 8), 5, np.int16))
        kept = set(workspace.blobs.all())
        orphan = workspace.blobs.put(b"a kill came before its row")
    for backup in database.backups(folder):
        os.utime(backup, (0, 0))
    with Workspace.open(folder) as workspace:
        workspace.close()
        assert orphan not in workspace.blobs and set(workspace.blobs.all()) == kept


def test_temporary_goes_with_its_closing() -> None:
    with Workspace.temporary() as workspace:
        paint(workspace.documents.open(FakeSource(), PATH), BOX)
        assert workspace.folder.exists()
    assert not workspace.folder.exists()
    workspace.close()       # harmless


def test_the_salt_is_random_and_kept(folder: Path, tmp_path: Path) -> None:
    with Workspace.open(folder) as one, Workspace.open(tmp_path / "two") as two:
        salt = one.salt
        assert len(salt) == 16 and salt != two.salt
    with Workspace.open(folder) as one:
        assert one.salt == salt


# --- a second process


READER = """
import sys
from pathlib import Path
import numpy as np
from medsynth_app.core.errors import UserError
from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import *
workspace = Workspace.open(Path(sys.argv[1]))
assert workspace.read_only and "read-only" in workspace.notice, workspace.notice
document = workspace.documents.open(FakeSource(), PATH)
box = Bounds(3, 4, 9, 12)
assert document.read_only and document.mask(0)[box.slices].all(), "the mask of the writer is seen"
assert (document.pixels(0)[box.slices] == 5).all() and document.can_undo() == "Undo: inpaint: a polyp"
(result,) = workspace.candidates.of_document(document.id, "accepted")
unknown = workspace.documents.open(FakeSource(uid="1.9.9"), PATH)
assert unknown.id == "" and not unknown.mask(0).any() and unknown.pixels(0).shape == (40, 50)
writes = [lambda: paint(document, box, 2), lambda: paint(unknown, box), document.undo, document.redo,
          lambda: stage(workspace, document, box, result.pixels(), job="another"),
          lambda: discard(document, result), lambda: workspace.people.add("Ann"),
          lambda: workspace.pictures.add("job", 0, np.zeros((2, 2, 3), np.uint8), provenance()),
          lambda: workspace.documents.remember(document.id, "frame", 1), lambda: workspace.jobs.move("one", 1.0),
          lambda: workspace.removal.remove(workspace.removal.of_study(document.id)),
          lambda: workspace.blobs.put(b"x"), workspace.backup,
          lambda: workspace.people.set_current(None), lambda: workspace.jobs.remove_request("one")]
for number, write in enumerate(writes):
    try:
        write()
    except UserError as error:
        assert "read-only" in str(error)
    else:
        raise SystemExit(f"write {number} went through")
document.close()
workspace.close()
print("looked")
"""


def test_a_second_process_opens_read_only_and_says_so(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        paint(document, BOX)
        accept(document, stage(workspace, document, BOX, np.full((6, 8), 5, np.int16)))
        before = sorted((str(path), path.stat().st_size) for path in folder.rglob("*"))
        done = subprocess.run([sys.executable, "-c", READER, str(folder)], cwd=ROOT, text=True, capture_output=True)
        assert (done.returncode, done.stdout) == (0, "looked\n"), done.stderr
        assert sorted((str(path), path.stat().st_size) for path in folder.rglob("*")) == before
        paint(document, BOX, 3)     # the writer goes on
    with Workspace.open(folder, writable=False) as reader:
        assert reader.read_only and reader.notice == ""
    with Workspace.open(folder) as workspace:
        assert not workspace.read_only


def test_a_reader_needs_a_workspace(nowhere: Path) -> None:
    with pytest.raises(UserError, match="no workspace"):
        Workspace.open(nowhere, writable=False)
    assert not nowhere.exists()


# --- threads


def test_results_arrive_while_strokes_are_journalled(folder: Path) -> None:
    failures: list[BaseException] = []
    patches = np.random.default_rng(2).integers(-1000, 1000, (40, 6, 8), np.int16)

    def guarded(work: object) -> threading.Thread:
        def run() -> None:
            try:
                work()      # type: ignore[operator]
            except BaseException as error:
                failures.append(error)
        return threading.Thread(target=run)

    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        doomed = workspace.documents.open(FakeSource(uid="1.9.9"), Path("/doomed"))
        stage(workspace, doomed, BOX, patches[0], job="doomed")

        def queue() -> None:
            for k, patch in enumerate(patches):
                workspace.jobs.add(replace(RECORD, id=f"job {k}"), {"kind": "x"}, {"crop": patch})
                workspace.jobs.update(f"job {k}", JobState.RUNNING)
                stage(workspace, document, BOX, patch, job=f"job {k}")
                workspace.jobs.update(f"job {k}", JobState.DONE)

        def strokes() -> None:
            for k in range(150):
                paint(document, Bounds(k % 20, k % 30, k % 20 + 9, k % 30 + 8), 1 + k % 3, person="ann")
                if k % 5 == 4:
                    document.undo("ann")

        def looks() -> None:
            for _ in range(40):
                document.pixels(0), document.mask(0), document.can_undo("ann"), workspace.jobs.records()
                document.revision(0, BOX)

        def removal() -> None:
            time.sleep(0.1)
            workspace.removal.remove(workspace.removal.of_study(doomed.id))

        threads = [guarded(work) for work in (queue, strokes, looks, removal)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        mask = document.mask(0).copy()
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        assert np.array_equal(document.mask(0), mask)
        results = workspace.candidates.of_document(document.id)
        assert sorted(result.job_id for result in results) == sorted(f"job {k}" for k in range(40))
        for result in results:
            assert np.array_equal(result.pixels(), patches[int(result.job_id[4:])])
        assert {record.state for record in workspace.jobs.records()} == {JobState.DONE}


# --- backups and versions


def test_backups_rotate_and_are_whole(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        for k in range(7):
            paint(document, BOX, k + 1)
            newest = workspace.backup()
        assert len(database.backups(folder)) == 5 and database.backups(folder)[-1] == newest
    shutil.copy(newest, folder / "workspace.db")
    with Workspace.open(folder) as workspace:
        assert (workspace.documents.open(FakeSource(), PATH).mask(0)[BOX.slices] == 7).all()


def test_a_backup_is_made_once_a_day(folder: Path) -> None:
    (first,) = database.backups(folder)
    Workspace.open(folder).close()
    assert database.backups(folder) == [first]
    yesterday = time.time() - 25 * 3600
    os.utime(first, (yesterday, yesterday))
    Workspace.open(folder).close()
    assert len(database.backups(folder)) == 2


def test_a_newer_major_version_is_refused_and_left_alone(folder: Path) -> None:
    Workspace.open(folder).close()
    connection = sqlite3.connect(folder / "workspace.db")
    connection.execute(f"PRAGMA user_version={tables.FORMAT_MAJOR + 1}")
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    content = (folder / "workspace.db").read_bytes()
    for writable in (True, False, True):
        with pytest.raises(UserError, match="newer MedSynth") as refused:
            Workspace.open(folder, writable=writable)
        assert "Update" in refused.value.remedy
    assert (folder / "workspace.db").read_bytes() == content


def test_a_newer_minor_version_opens(folder: Path) -> None:
    Workspace.open(folder).close()
    connection = sqlite3.connect(folder / "workspace.db")
    connection.executescript("UPDATE alembic_version SET version_num = '0999'; ALTER TABLE people ADD COLUMN more TEXT")
    connection.close()
    with Workspace.open(folder) as workspace:
        assert workspace.people.add("Ann").name == "Ann"


def test_what_is_no_database_is_told_in_words(nowhere: Path) -> None:
    folder = nowhere
    folder.mkdir()
    (folder / "workspace.db").write_bytes(b"This is no database at all. " * 100)
    for _ in range(2):      # the lock was let go
        with pytest.raises(UserError, match="cannot be read") as refused:
            Workspace.open(folder)
        assert "backups" in refused.value.remedy


NEXT = '''
from alembic import op
import sqlalchemy as sa
revision, down_revision = "0999", "HEAD"
def upgrade() -> None:
    with op.batch_alter_table("people") as table:
        table.add_column(sa.Column("colour", sa.String(), nullable=False, server_default="#56B4E9"))
    FAIL
'''


@pytest.fixture
def old(nowhere: Path) -> Path:
    """A workspace of version 1 as it was written then."""
    folder = nowhere
    folder.mkdir()
    connection = sqlite3.connect(folder / "workspace.db")
    connection.executescript((Path(__file__).parent / "data" / "version1.sql").read_text())
    connection.execute("PRAGMA user_version=1")
    connection.close()
    return folder


def schema(path: Path) -> dict[str, object]:
    """What a database is, column by column; the order of columns, and the names that SQLite gives, say nothing."""
    with closing(sqlite3.connect(path)) as connection:
        def told(pragma: str, of: str) -> list[tuple[object, ...]]:
            return connection.execute(f"SELECT * FROM pragma_{pragma}(?)", (of,)).fetchall()

        def indices(table: str) -> set[tuple[object, ...]]:
            return {(name if not str(name).startswith("sqlite_") else "", unique,
                     tuple(row[2] for row in told("index_info", str(name))))
                    for _, name, unique, *_ in told("index_list", table)}

        def counted(sql: str) -> bool:
            return "AUTOINCREMENT" in sql

        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name != "
                                  "'sqlite_sequence'").fetchall()
        found: dict[str, object] = {
            name: ({row[1:] for row in told("table_xinfo", name)}, {row[2:] for row in told("foreign_key_list", name)},
                   indices(name), counted(sql)) for name, sql in rows}
        return found | {"others": connection.execute("SELECT name FROM sqlite_master WHERE type NOT IN ('table', "
                                                     "'index')").fetchall(),
                        "version": connection.execute("SELECT version_num FROM alembic_version").fetchall(),
                        "major": connection.execute("PRAGMA user_version").fetchall(),
                        "journal": connection.execute("PRAGMA journal_mode").fetchall()}


def test_a_new_workspace_is_what_the_migrations_make_of_an_old_one(old: Path, tmp_path: Path) -> None:
    from alembic.script import ScriptDirectory

    new = tmp_path / "new"
    for folder in (old, new):
        Workspace.open(folder).close()
    assert schema(new / "workspace.db") == schema(old / "workspace.db")
    assert ScriptDirectory(str(database.MIGRATIONS)).get_current_head() == tables.HEAD
    assert all((path.parent / "__init__.py").exists() for path in database.MIGRATIONS.rglob("*.py"))    # are installed


def test_a_new_workspace_needs_no_alembic(tmp_path: Path) -> None:
    code = ("import sys; from pathlib import Path; from medsynth_app.workspace.workspace import Workspace; "
            "Workspace.open(Path(sys.argv[1])).close(); assert 'alembic' not in sys.modules")
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "new")], check=True)


def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail: bool = False) -> None:
    """A MedSynth that has one migration more than this one."""
    scripts = tmp_path / "migrations"
    if not scripts.exists():
        shutil.copytree(database.MIGRATIONS, scripts)
    text = NEXT.replace("HEAD", tables.HEAD).replace("FAIL", "raise OSError('disk')" if fail else "")
    (scripts / "versions" / "v0999_next.py").write_text(text)
    monkeypatch.setattr(database, "MIGRATIONS", scripts)
    monkeypatch.setattr(tables, "HEAD", "0999")


def look(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource((1, 0)), PATH)
    assert (document.mask(1)[BOX.slices] == 2).all() and document.can_redo("ann") == "Redo: paint fold"
    assert document.can_undo("ann") == "Undo: paint polyp" and workspace.people.all()[0].name == "Ann"


def test_a_workspace_of_version_1_opens(old: Path) -> None:
    with Workspace.open(old) as workspace:
        look(workspace)


def test_pictures_of_an_old_workspace_go_with_their_study(old: Path) -> None:
    with closing(sqlite3.connect(old / "workspace.db")) as connection, connection:
        (document,) = connection.execute("SELECT id FROM documents").fetchone()
        for name, owner in (("of it", document), ("free", "")):
            connection.execute("INSERT INTO jobs VALUES (?, 'generate', 'interactive', '', 'done', 0, '', ?, '', '', "
                               "NULL)", (name, owner))
        connection.executemany("INSERT INTO pictures VALUES (?, ?, 0, 1, '', ?, '')", (
            (name, name, json.dumps(provenance().to_dict())) for name in ("of it", "free", "of a job long gone")))
    with Workspace.open(old) as workspace:
        assert workspace.removal.remove(workspace.removal.of_study(document))["pictures"] == 1
        assert {picture.id for picture in workspace.pictures.page()} == {"free", "of a job long gone"}


def test_migrating_keeps_everything_and_a_backup_from_before(old: Path, tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    next_version(tmp_path, monkeypatch)
    with pytest.raises(UserError, match="brought up to date"):
        Workspace.open(old, writable=False)
    with Workspace.open(old) as workspace:
        look(workspace)
    connection = sqlite3.connect(old / "workspace.db")
    assert connection.execute("SELECT name, colour FROM people").fetchall() == [("Ann", "#56B4E9")]
    connection.close()
    connection = sqlite3.connect(database.backups(old)[0])
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    assert connection.execute("SELECT name FROM people").fetchall() == [("Ann",)]
    connection.close()


def test_a_migration_that_fails_leaves_the_old_version(old: Path, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        next_version(tmp_path, patch, fail=True)
        with pytest.raises(OSError, match="disk"):
            Workspace.open(old)
    with Workspace.open(old) as workspace:
        look(workspace)
    connection = sqlite3.connect(old / "workspace.db")
    assert "colour" not in {row[1] for row in connection.execute("PRAGMA table_info(people)")}
    connection.close()


def test_a_database_that_cannot_be_written_is_told_in_words(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    with document._database.write() as session:
        session.connection().exec_driver_sql("CREATE TRIGGER full BEFORE INSERT ON steps "
                                             "BEGIN SELECT * FROM nowhere; END")
    with pytest.raises(UserError, match="disk may be full"):
        paint(document, BOX)
    assert not document.mask(0).any() and document.can_undo() is None     # the edit and its step go together
