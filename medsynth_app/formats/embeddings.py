"""What an encoder made of pictures: ``E.npz``, arrays that NumPy alone reads; and tables for other programs."""

from __future__ import annotations

import csv
import importlib.util
import zipfile
from collections.abc import Callable
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
    labels
        The class of each, empty where one has none; () where no classes are known.
    """

    ids: tuple[str, ...]
    values: npt.NDArray[np.float32]
    encoder: str
    sha256: str
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.labels) not in (0, len(self.ids)):
            raise ValueError(f"{len(self.labels)} labels for {len(self.ids)} ids")
        if self.values.ndim != 2 or len(self.ids) != len(self.values) or len(set(self.ids)) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids for embeddings of the shape {self.values.shape}, or an id twice.")


def check_table(path: Path) -> None:
    """Raise `UserError` where embeddings cannot be written to a file of this name on this machine."""
    if path.suffix.lower() not in WRITERS or path.is_dir():
        raise UserError(f"The embeddings cannot be written to {path.name}.",
                        f"Name a file that ends in {', '.join(WRITERS)}.")
    if path.suffix.lower() == PARQUET and importlib.util.find_spec("pyarrow") is None:
        raise UserError("Parquet files need the library pyarrow, which is not installed here.",
                        "Install it beside MedSynth (python -m pip install pyarrow), or write .npz or .csv.")


def write_embeddings(path: Path, embeddings: Embeddings) -> None:
    """Write `path` in one go, in the format of its ending: a run that is killed leaves what was there before.

    ``.npz`` is what MedSynth reads again. ``.csv`` has the columns id, label, encoder, e0, e1, ...; ``.parquet`` has
    id, label and embedding (a list of float32), and names the encoder in the metadata of its schema.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    check_table(path)
    try:
        with replacing(path, mode=0o600) as part:
            WRITERS[path.suffix.lower()](part, embeddings)
    except OSError as error:
        raise UserError(f"The file {path.name} cannot be written ({error.strerror or 'disk error'}).",
                        "Choose another place, or make room on the disk.") from error


def _write_npz(path: Path, made: Embeddings) -> None:
    labels: dict[str, Any] = {"labels": np.array(made.labels, dtype=np.str_)} if made.labels else {}
    with path.open("wb") as stream:
        np.savez(stream, ids=np.array(made.ids, dtype=np.str_), embeddings=made.values.astype(np.float32, copy=False),
                 encoder=np.array(made.encoder), sha256=np.array(made.sha256), **labels)


def _write_csv(path: Path, made: Embeddings) -> None:
    encoder = f"{made.encoder} {made.sha256[:16]}"
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["id", "label", "encoder", *(f"e{k}" for k in range(made.values.shape[1]))])
        for name, label, row in zip(made.ids, made.labels or [""] * len(made.ids), made.values, strict=True):
            table.writerow([name, label, encoder, *row])  # as few digits as give the same float32 again


def _write_parquet(path: Path, made: Embeddings) -> None:
    import pyarrow
    import pyarrow.parquet

    width = made.values.shape[1]
    flat = pyarrow.array(np.ascontiguousarray(made.values, np.float32).ravel())
    table = pyarrow.table({"id": pyarrow.array(made.ids, pyarrow.string()),
                           "label": pyarrow.array(made.labels or [None] * len(made.ids), pyarrow.string()),
                           "embedding": pyarrow.FixedSizeListArray.from_arrays(flat, width)})
    about = {"medsynth_encoder": made.encoder, "medsynth_encoder_sha256": made.sha256}
    pyarrow.parquet.write_table(table.replace_schema_metadata(about), path)


NPZ, PARQUET = ".npz", ".parquet"
WRITERS: dict[str, Callable[[Path, Embeddings], None]] = {NPZ: _write_npz, ".csv": _write_csv, PARQUET: _write_parquet}


def read_embeddings(path: Path) -> Embeddings:
    """Read a file ``.npz`` that `write_embeddings` wrote; nothing in the file is ever run.

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
            labels = held["labels"] if "labels" in held.files else np.array([], np.str_)
        values, ids = arrays["embeddings"], arrays["ids"]
        if values.dtype.kind != "f" or ids.dtype.kind != "U" or ids.ndim != 1 or not np.isfinite(values).all() \
                or labels.dtype.kind != "U":
            raise ValueError("arrays of another type")
        return Embeddings(tuple(ids.tolist()), values.astype(np.float32, copy=False), str(arrays["encoder"]),
                          str(arrays["sha256"]), tuple(labels.tolist()))
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


def read_encoder(path: Path) -> tuple[str, str]:
    """Name and sha256 of the encoder of a file of embeddings, without reading these; empty where it cannot be read."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
            return str(held["encoder"]), str(held["sha256"])
    except Exception:  # as in `read_ids`
        return "", ""
