"""Files: hashes, and writing them whole or not at all."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from base64 import b32encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from medsynth_app.core.errors import UserError

LOCK = ".medsynth-run.lock"


@contextmanager
def replacing(path: Path, *, durable: bool = False, alone: bool = False, mode: int = 0o666) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place only when everything was written.

    Parameters
    ----------
    durable
        Wait until it is on the disk, so that a power cut leaves the former file or the new one.
    alone
        Nobody else writes `path` at the same time: what a killed process left of it is written over.
    mode
        Rights of the new file, less the umask.

    Raises
    ------
    OSError
        When it cannot be written; `path` is as it was.
    """
    suffix = ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix  # some writers go by it
    part = path.with_name(f".{path.name if alone else uuid4().hex}.part{suffix}")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if alone else os.O_EXCL), mode))
        yield part
        if durable:
            _sync(part, os.O_RDWR)
        os.replace(part, path)
        if durable and os.name != "nt":
            _sync(path.parent, os.O_RDONLY)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """As `replacing`; what goes wrong is a `UserError`."""
    try:
        with replacing(path) as part:
            yield part
    except OSError as error:
        raise UserError("The file could not be written.", "Choose another folder, or make room on this disk.",
                        details=type(error).__name__) from error


def on_disk(path: Path) -> Path:
    """The file that is called so: a Mac writes the letters of a name in pieces (NFD), a list that names it often not.

    Tried are the name as it is given, then its composed and its decomposed form, of every folder above it too: files of
    a Mac lie in folders of other systems. Where none is there, `path` itself.
    """
    if path.exists() or path.parent == path:
        return path
    folder = on_disk(path.parent)
    forms = (folder / unicodedata.normalize(form, path.name) for form in ("NFC", "NFD"))
    return next((each for each in (folder / path.name, *forms) if each.exists()), path)


@contextmanager
def alone(folder: Path, busy: UserError | None = None) -> Iterator[None]:
    """The only run that writes to `folder`; raises `UserError`, `busy` if given, where there is another."""
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise busy or UserError(f"Another run writes to the folder {folder.name}.", "Name another one with --out.",
                                safe="Nothing was written.") from error
    except (NotImplementedError, OSError):  # a disk without locks
        yield
        return
    try:
        yield
    finally:
        (folder / LOCK).unlink(missing_ok=True)
        lock.release()


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def short_code(data: bytes) -> str:
    """Six letters and digits of a hash: enough to tell images apart, too few to lead back."""
    return b32encode(hashlib.sha256(data).digest()).decode()[:6]
