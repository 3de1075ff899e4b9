"""``E.npz``: what an encoder made of pictures; four arrays that NumPy alone reads."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import replacing

LARGEST = 2**33  # bytes of the arrays: two million vectors of 1024
ARRAYS = ("ids", "embeddings", "encoder", "sha256")


@dataclass(frozen=True, eq=False)
class Embeddings:
    """One vector per picture.

    Attributes
    ----------
    ids
        What each row is of; unique.
    values
        Shape (n, d), float32.
    encoder, sha256
        Name of the encoder's pack, and the one hash of its files (`PackManifest.sha256`).
    """

    ids: tuple[str, ...]
    values: npt.NDArray[np.float32]
    encoder: str
    sha256: str

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or len(self.ids) != len(self.values) or len(set(self.ids)) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids for embeddings of the shape {self.values.shape}, or an id twice.")


def write_embeddings(path: Path, embeddings: Embeddings) -> None:
    """Write `path` in one go: a run that is killed leaves what was there before.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    try:
        with replacing(path, mode=0o600) as part, part.open("wb") as stream:
            np.savez(stream, ids=np.array(embeddings.ids, dtype=np.str_),
                     embeddings=embeddings.values.astype(np.float32, copy=False),
                     encoder=np.array(embeddings.encoder), sha256=np.array(embeddings.sha256))
    except OSError as error:
        raise UserError(f"The file {path.name} cannot be written ({error.strerror or 'disk error'}).",
                        "Choose another place, or make room on the disk.") from error


def read_embeddings(path: Path) -> Embeddings:
    """Read what `write_embeddings` wrote; nothing in the file is ever run.

    Raises
    ------
    UserError
        When there is no such file, or it holds something else.
    """
    remedy = "Give a file that `medsynth embed` wrote."
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise UserError(f"{path.name} is no usual file.", remedy)
        with zipfile.ZipFile(path) as packed:
            if sum(item.file_size for item in packed.infolist()) > LARGEST:
                raise UserError(f"The file {path.name} holds more than any set of embeddings that can be read here.",
                                remedy)
        # NumPy leaves a file open that it cannot read
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
            arrays: dict[str, npt.NDArray[Any]] = {name: held[name] for name in ARRAYS}
        values, ids = arrays["embeddings"], arrays["ids"]
        if values.dtype.kind != "f" or ids.dtype.kind != "U" or ids.ndim != 1 or not np.isfinite(values).all():
            raise ValueError("arrays of another type")
        return Embeddings(tuple(ids.tolist()), values.astype(np.float32, copy=False), str(arrays["encoder"]),
                          str(arrays["sha256"]))
    except FileNotFoundError as error:
        raise UserError(f"There is no file {path.name}.", remedy) from error
    except UserError:
        raise
    except Exception as error:  # whatever zipfile and NumPy throw at damaged bytes
        raise UserError(f"The file {path.name} holds no embeddings that can be read.", remedy,
                        details=type(error).__name__) from error


def read_ids(path: Path) -> tuple[str, ...]:
    """What the rows of a file of embeddings are of, without reading these; empty where it cannot be read."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
            return tuple(held["ids"].tolist())
    except Exception:  # whatever zipfile and NumPy throw at damaged bytes: it is as if there were none
        return ()
