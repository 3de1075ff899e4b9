"""Files: hashes, and writing them whole or not at all."""

from __future__ import annotations

import hashlib
import os
from base64 import b32encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from medsynth_app.core.errors import UserError


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place only when everything was written."""
    suffix = ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix
    part = path.with_name(f".{uuid4().hex}{suffix}")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise UserError("The file could not be written.", "Choose another folder, or make room on this disk.",
                        details=type(error).__name__) from error
    finally:
        part.unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def short_code(data: bytes) -> str:
    """Six letters and digits of a hash: enough to tell images apart, too few to lead back."""
    return b32encode(hashlib.sha256(data).digest()).decode()[:6]
