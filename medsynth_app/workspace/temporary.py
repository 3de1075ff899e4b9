"""A folder in the temp directory for one process; what killed processes left there is swept."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from medsynth_app.core.errors import UserError

PREFIX, UNOWNED = "medsynth-temporary-", ".medsynth-new-"
OWNER = "owner.lock"  # held by the process that made the folder, for as long as it lives


class TemporaryFolder:
    """A new folder of this process, for the owner only; folders of processes that were killed go first.

    Attributes
    ----------
    path
        Where it is.

    Raises
    ------
    UserError
        When the temp directory cannot be written.
    """

    def __init__(self) -> None:
        sweep()
        try:
            new = Path(tempfile.mkdtemp(prefix=UNOWNED))
            self._lock = FileLock(new / OWNER, timeout=0, mode=0o600, thread_local=False)
            self._lock.acquire()
            self.path = new.with_name(PREFIX + new.name.removeprefix(UNOWNED))
            new.rename(self.path)  # only now, with its owner, may another process look at it
        except OSError as error:
            raise UserError(f"No temporary folder can be made ({error.strerror or 'disk error'}).",
                            "Name a folder with --workspace, or make room in the temp directory.") from error

    def remove(self) -> None:
        """Remove it with all that it holds; harmless when repeated."""
        self._lock.release()
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *error: object) -> None:
        self.remove()


def sweep() -> None:
    """Remove the temporary folders whose owner is gone; they are the same person's."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = folder / OWNER
        try:
            if folder.is_symlink() or not owner.is_file() or folder.stat().st_uid != _user():
                continue
            with FileLock(owner, timeout=0):
                pass
        except (Timeout, OSError):  # its owner lives, or it has just gone
            continue
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0  # where there are no user ids, all are 0
