"""The SQLite database: opening, migrating, backing up, and one lock for all who write."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine, create_engine, event, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from medsynth_app.core.errors import UserError
from medsynth_app.workspace import tables
from medsynth_app.workspace.blobs import Blobs, read_only_error

FILE = "workspace.db"
BACKUPS = "backups"
KEPT_BACKUPS = 5
DAY = 24 * 3600.0
T = TypeVar("T")
MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """An opened database.

    Attributes
    ----------
    lock
        Held while writing, and while memory and database must agree. One process writes (see `Workspace`), so this
        lock is all that its threads need.
    """

    def __init__(self, folder: Path, read_only: bool) -> None:
        self.path = folder / FILE
        self.read_only = read_only
        self.lock = threading.RLock()
        self._copying = threading.Lock()
        _prepare(folder, read_only)
        self._engine = _engine(self.path, read_only)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent view of the rows."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction: all of the block or nothing; raises `UserError` when read-only."""
        if self.read_only:
            raise read_only_error()
        try:
            with self.lock, self.read() as session:
                yield session
        except OperationalError as error:
            raise UserError("The workspace could not be written: the disk may be full.",
                            "Make room on the disk, then do it again.", safe="What was done before is saved.",
                            details=str(error.orig)) from error

    def meta(self, key: str) -> str | None:
        with self.read() as session:
            return session.scalar(select(tables.MetaRow.value).where(tables.MetaRow.key == key))

    def set_meta(self, key: str, value: str) -> None:
        with self.write() as session:
            session.merge(tables.MetaRow(key=key, value=value))

    def drop_blobs(self, blobs: Blobs, shas: Iterable[str]) -> int:
        """Delete those of the blobs that no row names; returns how many went."""
        with self.lock:
            loose = set(shas)
            with self.read() as session:
                for column in tables.BLOB_COLUMNS:
                    for part in chunks(sorted(loose)):
                        loose -= {sha for sha in session.scalars(select(column).where(column.in_(part))) if sha}
            return blobs.remove(loose)

    def checkpoint(self) -> None:
        """Move the write-ahead log into the database, as far as no reader stands in the way."""
        with closing(_connect(self.path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def wipe(self) -> None:
        """Rewrite the database so that deleted rows leave no bytes behind, in the log and backups neither."""
        with self.lock, self._copying, closing(_connect(self.path)) as connection:
            connection.execute("PRAGMA busy_timeout=500")
            connection.execute("VACUUM")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            for old in backups(self.path.parent):
                old.unlink()
            if not busy:    # else a reader keeps the log alive: `Workspace.open` tries again
                connection.execute("DELETE FROM meta WHERE key = 'wipe'")

    def backup(self) -> Path:
        """A copy of the database among the rotating backups."""
        if self.read_only:
            raise read_only_error()
        with self._copying:     # not `lock`: a copy of a large database must not hold up strokes
            return _backup(self.path)

    def close(self) -> None:
        self._engine.dispose()


def chunks(items: list[T], size: int = 500) -> Iterator[list[T]]:
    """Parts short enough for one IN (...)."""
    for start in range(0, len(items), size):
        yield items[start:start + size]


def backups(folder: Path) -> list[Path]:
    """Backups of the database in a workspace folder, in the order in which they were made, whatever the clock said."""
    return sorted((folder / BACKUPS).glob("workspace-*.db"), key=lambda path: (_number(path), path.name))


def backup_is_due(folder: Path) -> bool:
    """Whether the newest backup is older than a day, or from days to come: then the clock was wrong, or is."""
    newest = backups(folder)[-1:]
    return not newest or abs(time.time() - newest[0].stat().st_mtime) > DAY


def _number(backup: Path) -> int:
    """Its place among the backups; 0 for those of the first versions, which were in the order of their dates."""
    parts = backup.stem.split("-")
    return int(parts[1]) if len(parts) == 5 and parts[1].isdigit() else 0


def _connect(path: Path, read_only: bool = False, *, foreign_keys: bool = True) -> sqlite3.Connection:
    mode = "rw"
    if read_only:  # SQLite writes files beside the database, even to read it, unless it is told that nobody writes
        alone = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
        mode = "ro&immutable=1" if alone else "ro"
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=10,
                                 check_same_thread=False, isolation_level=None)
    # NORMAL is safe in WAL: a power cut can take the last strokes, never the database; a killed process takes nothing.
    # The log is moved into the database by the snapshot thread, so that strokes do not wait for the disk.
    for pragma in (f"foreign_keys={foreign_keys:d}", "synchronous=NORMAL", "secure_delete=ON",
                   "wal_autocheckpoint=16000"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _engine(path: Path, read_only: bool, *, foreign_keys: bool = True) -> Engine:
    engine = create_engine("sqlite://", creator=lambda: _connect(path, read_only, foreign_keys=foreign_keys),
                           poolclass=QueuePool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _prepare(folder: Path, read_only: bool) -> None:
    """Create or migrate the database, or refuse it in words."""
    path = folder / FILE
    if not path.exists():
        if read_only:
            raise UserError("There is no workspace in this folder.", "Choose the folder of a workspace.")
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    try:
        revision = _check(path, read_only)
        if revision is None and not read_only:
            _create(path)
        elif revision != tables.HEAD:
            _migrate(path, revision, read_only)
    except sqlite3.DatabaseError as error:
        if not os.access(folder, os.W_OK):
            raise UserError("This workspace was not closed before it came to a place that cannot be written.",
                            "Copy its folder to one of your own, and open that.", details=str(error)) from error
        raise UserError("The database of the workspace cannot be read.",
                        f"Copy the newest file of its folder '{BACKUPS}' over '{FILE}', then open it again.",
                        details=str(error)) from error


def _check(path: Path, read_only: bool) -> str | None:
    """The revision of a database; None for an empty one. Refuses a newer major version."""
    with closing(_connect(path, read_only)) as connection:
        major = connection.execute("PRAGMA user_version").fetchone()[0]
        if major > tables.FORMAT_MAJOR:
            raise UserError(f"This workspace was made by a newer MedSynth (format {major}; "
                            f"this one knows {tables.FORMAT_MAJOR}).",
                            "Update MedSynth, or choose another workspace.", safe="Nothing in it was changed.")
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None


def _create(path: Path) -> None:
    """The tables of this version in an empty database, without Alembic: every run from the command line makes one."""
    with closing(_connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    engine = _engine(path, read_only=False)
    try:
        with engine.begin() as connection:      # one transaction: a kill leaves an empty database
            tables.Base.metadata.create_all(connection, checkfirst=False)
            connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
                                       "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))")
            connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (tables.HEAD,))
            connection.exec_driver_sql(f"PRAGMA user_version={tables.FORMAT_MAJOR}")
    finally:
        engine.dispose()


def _migrate(path: Path, revision: str | None, read_only: bool) -> None:
    # Imported late: a workspace that is up to date opens without it.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        return      # a newer revision of the same major: it only adds what we do not read
    if read_only:
        raise UserError("This workspace must be brought up to date first.",
                        "Open it once where it can be written, with no other window working in it.")
    _backup(path)
    engine = _engine(path, read_only=False, foreign_keys=False)     # a table made anew takes no others with it
    try:
        with engine.begin() as connection:      # one transaction: a kill leaves the old version
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.exec_driver_sql(f"PRAGMA user_version={tables.FORMAT_MAJOR}")
    finally:
        engine.dispose()


def _backup(path: Path) -> Path:
    folder = path.parent / BACKUPS
    folder.mkdir(mode=0o700, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    number = 1 + max(map(_number, backups(path.parent)), default=0)
    part = folder / f"workspace-{number:06d}-{stamp}.part"
    os.close(os.open(part, os.O_CREAT | os.O_RDWR, 0o600))
    with closing(_connect(path)) as source, closing(sqlite3.connect(part)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")    # one file, without a log beside it
    done = part.replace(part.with_suffix(".db"))
    for old in [*backups(path.parent)[:-KEPT_BACKUPS], *folder.glob("*.part")]:
        old.unlink()
    return done
