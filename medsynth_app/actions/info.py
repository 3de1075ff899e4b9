"""What is known of a file, in neutral facts: no names, no identifiers of patients, no paths."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from os.path import lexists
from pathlib import Path
from typing import Any

from medsynth_app.core.geometry import edge_letters
from medsynth_app.core.image import ImageInfo, ImageSource
from medsynth_app.core.pack import MANIFEST
from medsynth_app.core.pack_files import open_pack
from medsynth_app.formats.common import ALLOWED_BYTES
from medsynth_app.formats.registry import open_image, read_provenance


def info(path: Path, *, salt: bytes = b"", allow_bytes: int = ALLOWED_BYTES) -> dict[str, Any]:
    """Facts of an image, a folder of slices or a model pack, as plain JSON values.

    Parameters
    ----------
    salt
        Secret of a workspace, so that the pseudonym is the one used there. Without it the pseudonym of a patient is
        another one at every call, for one made without a secret could be found again by trying identifiers.
    allow_bytes
        Largest size of the decoded pixels.

    Raises
    ------
    UserError
        When there is no such file, or none that can be read; `formats.common.TooLarge` above `allow_bytes`.
    """
    if lexists(path / MANIFEST):
        return _pack(path)
    source = open_image(path, salt=salt or secrets.token_bytes(32), allow_bytes=allow_bytes)
    try:
        facts = _image(source)
    finally:
        source.close()
    record = read_provenance(path) if path.is_file() else None
    return {**facts, "synthetic": facts["synthetic"] or record is not None,
            "provenance": record.to_dict() if record else None}


def _image(source: ImageSource) -> dict[str, Any]:
    known: ImageInfo = source.info
    first = known.frames[0]
    pixels = source.pixels(0)
    geometry = first.geometry
    letters = edge_letters(geometry)
    bits = (first.stored_range[1] - first.stored_range[0]).bit_length()
    return {
        "what": "image", "pseudonym": known.pseudonym, "modality": known.modality, "series": known.series,
        "rows": first.rows, "columns": first.columns, "frames": len(known.frames),
        "colour": known.colour, "inverted": known.inverted, "type": str(pixels.dtype), "bits": bits,
        "values": [int(pixels.min()), int(pixels.max())], "rescale": asdict(first.rescale),
        "spacing_mm": [geometry.row_spacing, geometry.column_spacing] if geometry else None,
        "slice_spacing_mm": geometry.slice_spacing if geometry else None,
        "orientation": f"{letters.left}-{letters.right}, {letters.top}-{letters.bottom}" if letters.known else None,
        "windows": [asdict(window) for window in first.windows],
        "synthetic": known.synthetic, "notices": list(known.notices),
    }


def _pack(folder: Path) -> dict[str, Any]:
    manifest = open_pack(folder).manifest
    keys = ("name", "version", "kind", "domain", "title", "modalities", "colour", "licence", "native_size",
            "intended_use", "knows_not", "example_prompts")
    return {"what": "model pack", **{key: getattr(manifest, key) for key in keys}, "sha256": manifest.sha256,
            "training_data": [asdict(item) for item in manifest.training_data]}
