"""The embeddings of a set of cells, from the files in which they lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.formats.embeddings import Embeddings, read_embeddings


def cell_vectors(files: Sequence[str], ids: npt.NDArray[np.bytes_] | None) -> npt.NDArray[np.float32]:
    """The embedding of each cell, in order.

    Parameters
    ----------
    ids
        What each cell is called, UTF-8; other rows of the files are passed over. None: all rows, in order.

    Raises
    ------
    UserError
        Files that cannot be read or that come from different encoders, cells that are in none.
    """
    held = read_together(files)
    if ids is None:
        return held.values
    row = {name: k for k, name in enumerate(held.ids)}
    names = [name.decode() for name in ids.tolist()]
    if missing := sum(name not in row for name in names):
        raise UserError(f"{missing} of these cells are not embedded.", "Embed the cells of this set again.",
                        safe="Every label is kept.")
    found: npt.NDArray[np.float32] = held.values[[row[name] for name in names]]
    return found


def read_together(files: Sequence[str]) -> Embeddings:
    """All rows of some files; raises `UserError` as `cell_vectors` does, and for a cell that is in two of them."""
    held = [read_embeddings(Path(file)) for file in files]
    if len(held) == 1:
        return held[0]
    if len({(each.encoder, each.sha256) for each in held}) > 1:
        raise UserError("These embeddings come from different encoders.", "Embed all cells with one.",
                        safe="Every label is kept.")
    try:
        return Embeddings(tuple(name for each in held for name in each.ids),
                          np.concatenate([each.values for each in held]), held[0].encoder, held[0].sha256)
    except ValueError as error:
        raise UserError("A cell is embedded twice, in two files.", "Embed the cells of this set again.",
                        safe="Every label is kept.") from error
