"""The embeddings of a set of cells, from the files in which they lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.formats.embeddings import read_embeddings


def cell_vectors(files: Sequence[str], ids: npt.NDArray[np.bytes_] | None) -> npt.NDArray[np.float32]:
    """The embedding of each cell, in order.

    Parameters
    ----------
    ids
        What each cell is called, UTF-8; other rows of the files are passed over. None: all rows of the one file.

    Raises
    ------
    UserError
        Files that cannot be read or that come from different encoders, cells that are in none.
    """
    held = [read_embeddings(Path(file)) for file in files]
    if len({(each.encoder, each.sha256) for each in held}) > 1:
        raise UserError("These embeddings come from different encoders.", "Embed all cells with one.",
                        safe="Every label is kept.")
    if ids is None:
        return held[0].values
    row = {name: k for k, name in enumerate(name for each in held for name in each.ids)}
    names = [name.decode() for name in ids.tolist()]
    if missing := sum(name not in row for name in names):
        raise UserError(f"{missing} of these cells are not embedded.", "Embed the cells of this set again.",
                        safe="Every label is kept.")
    together = held[0].values if len(held) == 1 else np.concatenate([each.values for each in held])
    found: npt.NDArray[np.float32] = together[[row[name] for name in names]]
    return found
