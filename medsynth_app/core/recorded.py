"""What a record says of how its result was drawn, read strictly: anybody may have changed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core import options
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.intensity import IntensityRange
from medsynth_app.core.jobs.request import Conditioning, Sampling
from medsynth_app.core.mask_text import mask_from_text
from medsynth_app.core.provenance import Provenance

Mask = npt.NDArray[np.uint8]


def conditioning_of(record: Provenance) -> Conditioning:
    """What was to be drawn, without masks."""
    said = record.parameters
    scale = number(said, "control_scale", float) if "control_scale" in said else Conditioning().control_scale
    return Conditioning(_text(said, "prompt"), _text(said, "negative_prompt"), scale)


def sampling_of(record: Provenance, first: int) -> Sampling:
    """As many candidates as were drawn together: how many they are decides the last bits of each."""
    said, plain = record.parameters, Sampling()
    classical = is_classical(record)
    if said.get("steps") == 0:
        raise _unusable("steps", 0)
    strength = said.get("strength_asked", said.get("strength", plain.strength))
    return options.checked(Sampling(
        plain.steps if classical else number(said, "steps", int),
        plain.guidance if classical else number(said, "guidance", float),
        record.seed - (candidate_of(record) - first),
        1 if classical else number(record.environment, "batch", int, 1),
        number({"strength": strength}, "strength", float), 0,
        "cpu" if record.environment.get("device") == "cpu" else "auto"))


def is_classical(record: Provenance) -> bool:
    """Whether no model drew, but the classical fill."""
    return record.action == "inpaint" and not record.pack_sha256


def candidate_of(record: Provenance) -> int:
    """Its number in its run."""
    found: int = number(record.parameters, "candidate", int, 0)
    return found


def first_of(record: Provenance) -> int:
    """The first of the candidates that were drawn together; of older records as it follows from their numbers."""
    candidate, environment = candidate_of(record), record.environment
    if is_classical(record):  # without a model each is filled by itself
        return candidate
    batch = number(environment, "batch", int, 1)
    count = number(record.parameters, "count", int, batch)
    whole = candidate - candidate % batch if batch > 0 else candidate
    first: int = number(environment, "batch_from", int, whole if whole + batch <= count else count - batch)
    if not 0 <= first <= candidate < first + batch:
        raise UserError("The record contradicts itself: its candidate is none of those that were drawn together.",
                        "It was changed after it was written; take one that was not.")
    return first


def bounds_of(record: Provenance) -> Bounds:
    """The crop of an inpainting in its frame."""
    return _box(record.parameters.get("bounds"))


def regions_of(record: Provenance, bounds: Bounds) -> tuple[tuple[int, int, int, int], ...]:
    """The crops inside `bounds` that were drawn apart."""
    said = record.parameters.get("regions") or ()
    boxes = [_box(each) for each in said] if isinstance(said, list | tuple) else []
    if any(box != bounds.shared(box) for box in boxes):
        raise _unusable("regions", said)
    return tuple(box.as_tuple() for box in boxes)


def range_of(record: Provenance) -> IntensityRange | None:
    """What the model saw as black and white; None where it saw colours, or no model drew."""
    seen = record.parameters.get("intensity_range")
    try:
        return IntensityRange(float(seen["low"]), float(seen["high"])) if seen is not None else None
    except (TypeError, KeyError, ValueError) as error:
        raise _unusable("intensity_range", seen) from error


def _box(value: Any) -> Bounds:
    if not isinstance(value, list | tuple) or len(value) != 4 or any(type(each) is not int for each in value):
        raise _unusable("bounds", value)
    box = Bounds(*value)
    if box.empty or box.top < 0 or box.left < 0:
        raise _unusable("bounds", value)
    return box


def number(said: Mapping[str, Any], name: str, kind: type, default: Any = None) -> Any:
    """A number that stands there, an int or a float; raises `UserError` for anything else."""
    value = said.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int if kind is int else int | float):
        raise _unusable(name, value)
    return kind(value)


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str):
        raise _unusable(name, value)
    return value


def _unusable(name: str, value: Any) -> UserError:
    if value is None:
        return UserError(f"The record does not say {_NAMED.get(name, name)}, without which nothing can be drawn.",
                         "Take the record of another result.")
    return UserError(f"The record says {value!r:.40} as {_NAMED.get(name, name)}, which cannot be.",
                     "It was changed after it was written; take one that was not.")


_NAMED = {"bounds": "which part of the image was drawn", "regions": "which parts were drawn apart",
          "batch": "how many were drawn together", "mode": "the mode", "mask": "what was painted",
          "intensity_range": "what the model saw as black and white", "feather": "how wide the soft edge was",
          "result_sha256": "the hash of its result", "labels": "which classes were painted where"}


def lacking(record: Provenance, wanted: Sequence[str]) -> tuple[str, ...]:
    """In words, which of these a record does not say."""
    return tuple(_NAMED[name] for name in wanted if name not in record.parameters)


def keeps_to_labels(record: Provenance) -> bool:
    """Whether a fill kept to painted classes."""
    return bool(record.parameters.get("followed"))


def mask_in(said: Mapping[str, Any], name: str, rows: int, columns: int) -> Mask:
    """A mask of this size that stands in a record."""
    try:
        return mask_from_text(_text(said, name), rows, columns)
    except ValueError as error:
        raise _unusable(name, said.get(name)) from error
