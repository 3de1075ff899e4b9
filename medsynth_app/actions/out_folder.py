"""A folder for what one run makes: tried before it, because minutes of drawing must not end in "cannot write"; and its
alone, because nobody can tell the files of two runs apart.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import alone

NOBODYS = {"desktop.ini", "Thumbs.db"}  # file managers leave them; what begins with a dot counts no more
SPARE = 64 * 2**20  # bytes beyond what a run is known to write: databases, records, previews
GB = 2**30


def make_folder(folder: Path) -> None:
    """Make `folder` and try to write into it; raises `UserError` when either fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
            file.flush()
    except OSError as error:
        raise UserError(f"The folder {folder.name} cannot be written ({error.strerror or 'disk error'}).",
                        "Choose another folder, or change its rights.") from error


def require_unused(folder: Path) -> None:
    """Raise `UserError` where `folder` holds files: those of a run are never written over or mixed with others."""
    try:
        held = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:  # not there, or no folder: that is told by whoever writes to it
        return
    if held := [name for name in held if name not in NOBODYS]:
        raise UserError(f"The folder {folder.name} holds files already ({held[0]}"
                        f"{f' and {len(held) - 1} more' if len(held) > 1 else ''}).",
                        "Name a new or an empty folder with --out.", safe="Nothing was written.")


def require_room(*written: tuple[Path, int]) -> None:
    """Raise `UserError` where a disk has no room for what a run will write.

    Parameters
    ----------
    written
        Folders, and how many bytes will come into each at most; two may lie on the same disk.
    """
    disks: dict[int, list[tuple[Path, int]]] = {}
    for folder, size in written:
        there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
        disks.setdefault(there.stat().st_dev, []).append((there, size + SPARE))
    for places in disks.values():
        needed, free = sum(size for _, size in places), shutil.disk_usage(places[0][0]).free
        if free < needed:
            raise UserError(f"There is not enough room on the disk of {places[0][0].name or 'this folder'}: "
                            f"about {needed / GB:.1f} GB are needed, {free / GB:.1f} GB are free.",
                            "Make room on this disk, or choose a folder on another one.", safe="Nothing was begun.")


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """`make_folder` before a run; folders that it made and that are still empty at the end are removed again."""
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        make_folder(folder)
        yield
    finally:
        for place in made:
            with suppress(OSError):  # it holds something: it stays
                place.rmdir()


@contextmanager
def out_file(path: Path) -> Iterator[None]:
    """`made_folder` for a new file; raises `UserError` where there is one of that name: a run writes over nothing."""
    if path.exists():
        raise UserError(f"There is a file {path.name} already.", "Name another one with --out.",
                        safe="It is as it was.")
    with made_folder(path.parent):
        yield


@contextmanager
def out_folder(folder: Path) -> Iterator[None]:
    """`made_folder` for one run alone.

    Raises
    ------
    UserError
        Before the run: the folder cannot be written, holds files, or another run writes there.
    """
    require_unused(folder)
    with made_folder(folder), alone(folder):
        require_unused(folder)  # another run may have ended since
        yield
