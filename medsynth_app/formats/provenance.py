"""The provenance record as text that stands inside files; where in a file is the business of its format.

A record names its source by UID or by the hash of the file. Neither leaves the workspace, nor a plain hash of one: who
holds the UIDs of a hospital would find the patient by it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from medsynth_app.core.provenance import FORMAT, Provenance, all_records

_KINDS: dict[str, type] = {"action": str, "pack": str, "pack_sha256": str, "created": str, "source": str,
                           "mask_sha256": str, "parameters": dict, "environment": dict, "notices": list,
                           "earlier": list}
KEY = "medsynth"  # names the record where a file holds other texts too
# A whole value may hold blanks, a word within a sentence may not. "uid-sha256" is what earlier versions exported.
_UID = re.compile(r"^uid:(?P<whole>.+)|\buid:(?P<word>\S+)|\b(?:uid-)?sha256:(?P<sha256>[0-9a-f]{64})", re.DOTALL)


# What the hashes in a record are hashes of, by their names; of "mask_sha256" by the action.
_HASHES = {
    "pack_sha256": "the model: sha256 of one line for each of its files, sorted by path: sha256 of the file, two "
                   "blanks, path, line feed",
    "source": "the frame that the mask was painted on: a keyed hash (BLAKE2b, 32 bytes) of its UID or of the sha256 "
              "of its file, with a key that never leaves the workspace",
    "result_sha256": "the result before any export: sha256 of NumPy's name of its type, its shape as Python writes "
                     "it, and its values row by row; of an inpainting the crop 'bounds' with the fill in place",
    "revision": "the crop 'bounds' of the frame before the run, made as result_sha256",
    "labels_sha256": "the labels of the crop 'bounds', one byte for each pixel, row by row: sha256",
}
_MASK_HASHES = {
    "inpaint": "which pixels of the crop 'bounds' the fill changes, 8 to a byte, row by row: sha256 of "
               "numpy.packbits",
    "generate": "the labels that the picture follows, one byte for each of its pixels, row by row: sha256",
}


def for_export(provenance: Provenance, salt: bytes) -> Provenance:
    """The record as it may leave the workspace whose secret is `salt`.

    What names a source, wherever it stands, becomes a hash that only this workspace can make: the same for the same
    source, so that its exports still belong together.
    """
    named = exported_names(salt)

    def out(value: Any) -> Any:
        return _mapped(value, named)

    return replace(provenance, source=out(provenance.source), parameters=out(provenance.parameters),
                   environment=out(provenance.environment), notices=out(provenance.notices),
                   earlier=out(provenance.earlier))


def exported_names(salt: bytes) -> Callable[[str], str]:
    """What `for_export` makes of every text: what names a source in it becomes a keyed hash."""
    key = hashlib.blake2b(salt, digest_size=64, person=b"medsynth record").digest()

    def keyed(found: re.Match[str]) -> str:
        name = found["sha256"] or hashlib.sha256((found["whole"] or found["word"]).encode()).hexdigest()
        return f"keyed:{hashlib.blake2b(name.encode(), key=key, digest_size=32).hexdigest()}"

    return lambda text: _UID.sub(keyed, text)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """A plain value with every string in it changed, however deep."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _mapped(item, change) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_mapped(item, change) for item in value)
    return value


def to_dict(provenance: Provenance) -> dict[str, Any]:
    """Plain JSON values for embedding, with what its hashes are hashes of.

    Raises
    ------
    ValueError
        When it names a source plainly: `for_export` makes what may leave.
    """
    values = provenance.to_dict()
    if _names_source(values):
        raise ValueError("a record that names its source must not leave the workspace")
    return {**values, "hashes": _explained(values)}


def _explained(values: dict[str, Any]) -> dict[str, str]:
    known = {**_HASHES, "mask_sha256": _MASK_HASHES.get(values["action"], "")}
    held = {**values["parameters"], **values}
    return {name: words for name, words in known.items() if words and held.get(name)}


def _names_source(value: Any) -> bool:
    if isinstance(value, dict | list | tuple):
        return any(map(_names_source, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and _UID.search(value) is not None


def to_text(provenance: Provenance, indent: int | None = None) -> str:
    """ASCII JSON for embedding: one line, or with an `indent`."""
    return json.dumps(to_dict(provenance), indent=indent, sort_keys=True)


def from_text(text: str) -> Provenance | None:
    """Read an embedded record, or the one that stands as `KEY` in a JSON object.

    None when it is none, or of a format that this version does not know.
    """
    try:
        raw: Any = json.loads(text)
        if isinstance(raw, dict) and isinstance(raw.get(KEY), dict):
            raw = raw[KEY]
        if raw.get("format") != FORMAT or not _is_record(raw):
            return None
        *_, record = all_records(Provenance.from_dict(raw))  # those inside are records too, or this is none
        return record
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _is_record(raw: dict[str, Any]) -> bool:
    """Whether its values are of the kinds that whoever reads it counts on; anybody may have written it."""
    return all(isinstance(raw.get(name, kind()), kind) for name, kind in _KINDS.items()) \
        and type(raw.get("seed")) is int and all(isinstance(each, dict) and _is_record(each)
                                               for each in raw.get("earlier", ()))


def claims_synthetic(text: str) -> bool:
    """Whether an embedded text is a record of ours, even one that a newer version wrote."""
    return '"medsynth-provenance/' in text
