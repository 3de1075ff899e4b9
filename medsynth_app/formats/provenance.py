"""The provenance record as text that stands inside files; where in a file is the business of its format."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from typing import Any

from medsynth_app.core.provenance import FORMAT, Provenance

KEY = "medsynth"  # names the record where a file holds other texts too
_UID = re.compile(r"^uid:(.+)|\buid:(\S+)", re.DOTALL)


def for_export(provenance: Provenance) -> Provenance:
    """The record as it may leave the workspace: original UIDs are replaced by their hashes, wherever they stand."""
    return replace(provenance, source=_hashed(provenance.source), parameters=_hashed(provenance.parameters),
                   environment=_hashed(provenance.environment), notices=_hashed(provenance.notices),
                   earlier=_hashed(provenance.earlier))


def _hashed(value: Any) -> Any:
    """A plain value with every UID in it hashed, however deep: records of earlier versions hold more than one."""
    if isinstance(value, str):
        return _UID.sub(lambda uid: f"uid-sha256:{hashlib.sha256((uid[1] or uid[2]).encode()).hexdigest()}", value)
    if isinstance(value, dict):
        return {name: _hashed(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_hashed(item) for item in value)
    return value


def to_dict(provenance: Provenance) -> dict[str, Any]:
    """Plain JSON values for embedding."""
    return for_export(provenance).to_dict()


def to_text(provenance: Provenance) -> str:
    """One line of ASCII JSON for embedding."""
    return json.dumps(to_dict(provenance), sort_keys=True)


def from_text(text: str) -> Provenance | None:
    """Read an embedded record, or the one that stands as `KEY` in a JSON object.

    None when it is none, or of a format that this version does not know.
    """
    try:
        raw: Any = json.loads(text)
        if isinstance(raw, dict) and isinstance(raw.get(KEY), dict):
            raw = raw[KEY]
        return Provenance.from_dict(raw) if raw.get("format") == FORMAT else None
    except (ValueError, TypeError, AttributeError):
        return None


def claims_synthetic(text: str) -> bool:
    """Whether an embedded text is a record of ours, even one that a newer version wrote."""
    return '"medsynth-provenance/' in text
