"""The workspace: one folder that keeps everything. Start here."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout
from platformdirs import user_data_path

from medsynth_app.core.errors import UserError
from medsynth_app.workspace.audit import Audit
from medsynth_app.workspace.blobs import Blobs
from medsynth_app.workspace.candidates import Candidates
from medsynth_app.workspace.database import FILE, Database, backup_is_due, chunks
from medsynth_app.workspace.documents import Documents
from medsynth_app.workspace.jobs import Jobs
from medsynth_app.workspace.label_sets import LabelSets
from medsynth_app.workspace.masks import Masks
from medsynth_app.workspace.people import People
from medsynth_app.workspace.pictures import Pictures
from medsynth_app.workspace.removal import Removal
from medsynth_app.workspace.temporary import TemporaryFolder
from medsynth_app.workspace.traces import Traces

LOCK = "writer.lock"
IN_USE = ("Another window is working in this workspace. This one shows it read-only: nothing is saved here. Close the "
          "other one and start again to work.")
UNWRITABLE = ("The folder of this workspace cannot be written. It is shown read-only: nothing is saved here. Copy it "
              "to a folder of your own to work in it.")
log = logging.getLogger(__name__)


class Workspace:
    """An opened workspace; make one with `open` or `temporary`.

    Attributes
    ----------
    folder
        Its folder, for the owner only (mode 0700).
    read_only
        Another process writes here, the folder cannot be written, or `writable` was False: every write raises
        `UserError`.
    notice
        What to say of the first two, else empty.
    salt
        Random bytes for pseudonyms, different in every workspace.
    blobs, documents, candidates, pictures, traces, label_sets, jobs, people, audit, removal
        The rooms.
    """

    def __init__(self, folder: Path, lock: FileLock | None, notice: str = "") -> None:
        self.folder = folder
        self.read_only = lock is None
        self.notice = notice
        self._lock = lock
        self._temporary: TemporaryFolder | None = None
        self._closed = False
        self._database = Database(folder, self.read_only)
        self.blobs = Blobs(folder / "blobs", self.read_only)
        self._masks = Masks(self._database, self.blobs)
        self.documents = Documents(self._database, self.blobs, self._masks)
        self.candidates = Candidates(self._database, self.blobs)
        self.pictures = Pictures(self._database, self.blobs, folder / "generated")
        self.traces = Traces(self._database)
        self.label_sets = LabelSets(self._database, self.blobs, self._masks, folder)
        self.jobs = Jobs(self._database, self.blobs)
        self.people = People(self._database)
        self.audit = Audit(self._database)
        self.removal = Removal(self._database, self.blobs, self._masks, self.documents, self.pictures, self.label_sets)
        self.salt = self._read_salt()
        if not self.read_only:
            self.removal.finish()
            self.jobs.prune()
            if backup_is_due(folder):
                self._masks.behind(self._care)

    @classmethod
    def open(cls, folder: Path, *, writable: bool = True) -> Self:
        """Open the workspace in `folder`; it is created, or migrated (a backup first), where needed.

        Raises
        ------
        UserError
            When it was made by a newer MedSynth, is damaged, cannot be written, (read-only) is not there, or the
            folder holds other things and no workspace.
        """
        folder = folder.expanduser().resolve()
        if not writable:
            return cls(folder, None)
        if (folder / FILE).is_file() and not _can_be_written(folder):
            return cls(folder, None, UNWRITABLE)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _refuse_foreign(folder)
            folder.chmod(0o700)
        except OSError as error:
            raise UserError("The folder of the workspace cannot be made or is not yours.",
                            "Choose another folder.", details=type(error).__name__) from error
        # One writer: the lock goes with its process, however that ends.
        lock = FileLock(folder / LOCK, mode=0o600, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return cls(folder, None, IN_USE)
        try:
            return cls(folder, lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def temporary(cls) -> Self:
        """A workspace that is deleted when it is closed, or after a kill when the next one is made."""
        folder = TemporaryFolder()
        try:
            workspace = cls.open(folder.path / "workspace")
        except BaseException:
            folder.remove()
            raise
        workspace._temporary = folder
        return workspace

    def backup(self) -> Path:
        """A copy of the database in the folder `backups`; the five newest are kept."""
        return self._database.backup()

    def close(self) -> None:
        """Write snapshots, let go of the lock. Harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        self._masks.close()
        if not self.read_only:
            self._database.checkpoint()
        self._database.close()
        if self._lock is not None:
            self._lock.release()
        if self._temporary is not None:
            self._temporary.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _read_salt(self) -> bytes:
        text = self._database.meta("salt")
        if text is None:
            text = secrets.token_hex(16)
            if not self.read_only:
                self._database.set_meta("salt", text)
        return bytes.fromhex(text)

    def _care(self) -> None:
        """Once a day: files that no row names (a kill came between), then a backup."""
        try:
            for part in chunks(list(self.blobs.all())):
                self._database.drop_blobs(self.blobs, part)
            self._database.backup()
        except Exception as error:      # a full disk must not keep anybody from working
            log.error("no backup of the workspace could be made (%s)", type(error).__name__)


def usual_folder() -> Path:
    """Where the window keeps its workspace unless it is told another place."""
    return user_data_path("medsynth", appauthor=False) / "workspace"


def _can_be_written(folder: Path) -> bool:
    """Asked before anything is tried: what its owner or a read-only disk protects is left as it is."""
    return os.access(folder, os.W_OK) and os.access(folder / FILE, os.W_OK)


def _refuse_foreign(folder: Path) -> None:
    """Leave a folder alone that is used for something else: it would be closed to everybody but its owner."""
    names = {path.name for path in folder.iterdir()}
    if FILE not in names and names - {LOCK, ".DS_Store", "desktop.ini"}:
        raise UserError("This folder holds other things and no workspace.",
                        "Choose an empty folder or the folder of a workspace.", safe="Nothing in it was changed.")
