"""The last folder that was read: which series it holds, so that listing and choosing among them read nothing again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from medsynth_app.formats.common import SeriesListing

_Stamp = frozenset[tuple[str, int, int]]


@dataclass(frozen=True)
class Scan:
    """What a folder holds; of patients no more than a listing shows.

    Attributes
    ----------
    files, notices
        Of each listing, in its order.
    broken
        How many files of the folder could not be read.
    """

    listing: tuple[SeriesListing, ...]
    files: tuple[tuple[Path, ...], ...]
    notices: tuple[tuple[str, ...], ...]
    broken: int = 0

    def place(self, series: str) -> int | None:
        """Where in the listing the series with this `identity.series` stands."""
        return next((k for k, item in enumerate(self.listing) if item.identity.series == series), None)


class Scans:
    """Remembers one scan, as long as no file of its folder has changed. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last: tuple[Path, bytes, _Stamp, Scan] | None = None

    def keep(self, folder: Path, salt: bytes, stamp: _Stamp, scan: Scan) -> None:
        with self._lock:
            self._last = folder, salt, stamp, scan

    def of(self, folder: Path, salt: bytes) -> Scan | None:
        """The scan of this folder for a workspace's secret; None where it is not known or no longer true."""
        with self._lock:
            last = self._last
        if last is None or last[:2] != (folder, salt) or last[2] != stamp_of_folder(folder):
            return None
        return last[3]


def stamp_of_folder(folder: Path) -> _Stamp:
    """Names, sizes and times of change of all files; another where any of these is."""
    found = set()
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            try:
                about = os.stat(path)
            except OSError:
                continue
            found.add((path, about.st_size, about.st_mtime_ns))
    return frozenset(found)
