"""A folder for what a run makes, made and tried before the run: minutes of drawing must not end in "cannot write"."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from medsynth_app.core.errors import UserError


def make_folder(folder: Path) -> None:
    """Make `folder` and try to write into it; raises `UserError` when either fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"The folder {folder.name} cannot be written ({error.strerror or 'disk error'}).",
                        "Choose another folder, or change its rights.") from error


@contextmanager
def out_folder(folder: Path) -> Iterator[None]:
    """`make_folder` before a run; folders that it made and that are still empty at the end are removed again."""
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        make_folder(folder)
        yield
    finally:
        for place in made:
            with suppress(OSError):  # it holds something: it stays
                place.rmdir()
