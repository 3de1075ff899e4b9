"""How requests are stored: plain JSON values and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.jobs.table import KINDS, kind_of


def to_parts(request: Any) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Split a request into plain JSON values and arrays."""
    values = {f.name: getattr(request, f.name) for f in fields(request)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in values.items() if name not in arrays}
    return {"kind": kind_of(request).name, **plain}, arrays


def from_parts(plain: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Any:
    """The inverse of `to_parts`; JSON's lists become tuples again."""
    values = {name: tuple(value) if isinstance(value, list) else value
              for name, value in plain.items() if name != "kind"}
    return KINDS[plain["kind"]].request(**values, **arrays)
