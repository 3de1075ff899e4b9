"""What is kept between studies, so that an interrupted one goes on where it was, and a second look costs seconds.

Pictures are known by the weights and the parameters that made them, not by the code.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.files import writing

Arrays = dict[str, npt.NDArray[Any]]


class Kept:
    """A folder of made things; `folder` may be removed at any time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def arrays(self, kind: str, key: str, work: Callable[[], Arrays]) -> Arrays:
        """The arrays that `work` makes, from disk where they were made before."""
        path = self.folder / kind / f"{key}.npz"
        if not path.exists():
            made = work()
            path.parent.mkdir(parents=True, exist_ok=True)
            with writing(path) as part:
                np.savez_compressed(part, **made)  # type: ignore[arg-type]
        with np.load(path) as found:
            return {name: found[name] for name in found.files}

    def number(self, kind: str, key: str, work: Callable[[], float]) -> float:
        """The number that `work` gives, from disk where it was worked out before."""
        path = self.folder / kind / f"{key}.json"
        if not path.exists():
            made = work()
            path.parent.mkdir(parents=True, exist_ok=True)
            with writing(path) as part:
                part.write_text(json.dumps(made))
        return float(json.loads(path.read_text()))


def key_of(*values: Any) -> str:
    """A short hash of arrays, dataclasses and whatever has a stable `repr`."""
    found = hashlib.sha256()
    for value in values:
        if isinstance(value, np.ndarray):
            found.update(f"{value.shape}{value.dtype}".encode() + value.tobytes())
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            found.update(repr(sorted(dataclasses.asdict(value).items())).encode())
        else:
            found.update(repr(value).encode())
    return found.hexdigest()[:24]
