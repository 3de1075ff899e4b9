"""Content-addressed files: named by the sha256 of their content, compressed, written whole or not at all."""

from __future__ import annotations

import hashlib
import io
import threading
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import replacing


class Pins:
    """Blobs written for rows that are not committed yet; nothing throws them away meanwhile."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._held: list[str] = []

    def put_array(self, array: npt.NDArray[Any]) -> str:
        data = _array_bytes(array)
        sha = hashlib.sha256(data).hexdigest()
        self._blobs._pin(sha)
        self._held.append(sha)
        self._blobs._write(sha, data)
        return sha

    def release(self) -> None:
        for sha in self._held:
            self._blobs._unpin(sha)


class Blobs:
    """The files of a workspace. Thread-safe.

    Parameters
    ----------
    folder
        Where the files stand, two letters of the hash per sub-folder.
    read_only
        Every write raises `UserError`.
    """

    def __init__(self, folder: Path, read_only: bool = False) -> None:
        self._folder = folder
        self._read_only = read_only
        self._lock = threading.Lock()
        self._pinned: Counter[str] = Counter()
        if not read_only:
            folder.mkdir(mode=0o700, exist_ok=True)
            for leftover in folder.glob("*/*.part"):    # of a process that was killed
                leftover.unlink()

    def put(self, data: bytes) -> str:
        """Keep bytes; returns their sha256 (hex). Kept until something clears the unreferenced."""
        sha = hashlib.sha256(data).hexdigest()
        self._write(sha, data)
        return sha

    def get(self, sha: str) -> bytes:
        """The bytes of a hash; raises `UserError` where the file is gone or damaged."""
        try:
            data = zlib.decompress(self._path(sha).read_bytes())
        except (OSError, zlib.error) as error:
            raise _damaged(sha) from error
        if hashlib.sha256(data).hexdigest() != sha:
            raise _damaged(sha)
        return data

    def put_array(self, array: npt.NDArray[Any]) -> str:
        """Keep an array without loss, its type and shape included."""
        return self.put(_array_bytes(array))

    def get_array(self, sha: str) -> npt.NDArray[Any]:
        array: npt.NDArray[Any] = np.load(io.BytesIO(self.get(sha)), allow_pickle=False)
        return array

    def __contains__(self, sha: str) -> bool:
        return self._path(sha).exists()

    def all(self) -> Iterator[str]:
        """Hashes of all files."""
        for path in self._folder.glob("??/*"):
            if path.suffix != ".part":
                yield path.name

    @contextmanager
    def pins(self) -> Iterator[Pins]:
        """Write blobs and then commit the rows that name them inside this block."""
        pins = Pins(self)
        try:
            yield pins
        finally:
            pins.release()

    def remove(self, shas: Iterable[str]) -> int:
        """Delete files that no row names any more (the caller has looked); returns how many went."""
        gone = 0
        for sha in shas:
            with self._lock:
                if not self._pinned[sha] and self._path(sha).exists():
                    self._path(sha).unlink()
                    gone += 1
        return gone

    def _path(self, sha: str) -> Path:
        return self._folder / sha[:2] / sha

    def _pin(self, sha: str) -> None:
        with self._lock:
            self._pinned[sha] += 1

    def _unpin(self, sha: str) -> None:
        with self._lock:
            self._pinned[sha] -= 1
            if not self._pinned[sha]:
                del self._pinned[sha]

    def _write(self, sha: str, data: bytes) -> None:
        if self._read_only:
            raise read_only_error()
        path = self._path(sha)
        if path.exists():
            return
        try:
            self._write_file(path, data)
        except OSError as error:
            raise UserError("The workspace could not be written: the disk may be full.",
                            "Make room on the disk, then do it again.", safe="What was done before is saved.",
                            details=error.strerror or type(error).__name__) from error

    @staticmethod
    def _write_file(path: Path, data: bytes) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with replacing(path, durable=True, mode=0o600) as part:
            part.write_bytes(zlib.compress(data, 1))


def read_only_error() -> UserError:
    return UserError("This window shows the workspace read-only.",
                     "Close the other window that works in it, then open it again to change anything.")


def _array_bytes(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()


def _damaged(sha: str) -> UserError:
    return UserError("A file of the workspace is missing or damaged.",
                     "Copy the workspace folder back from a backup of this computer.", details=f"blob {sha}")
