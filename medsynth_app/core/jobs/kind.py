"""The kinds of request and how they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.jobs.embed import EmbedRequest
from medsynth_app.core.jobs.generate import GenerateRequest
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.core.jobs.train import TrainRequest

Request = InpaintRequest | GenerateRequest | TrainRequest | EmbedRequest
KINDS: dict[str, type[Any]] = {kind.kind: kind for kind in (InpaintRequest, GenerateRequest, TrainRequest,
                                                           EmbedRequest)}


def to_parts(request: Request) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Split a request into plain JSON values and arrays."""
    values = {f.name: getattr(request, f.name) for f in fields(request)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in values.items() if name not in arrays}
    return {"kind": request.kind, **plain}, arrays


def from_parts(plain: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Request:
    """The inverse of `to_parts`; JSON's lists become tuples again."""
    values = {name: tuple(value) if isinstance(value, list) else value
              for name, value in plain.items() if name != "kind"}
    request: Request = KINDS[plain["kind"]](**values, **arrays)
    return request
