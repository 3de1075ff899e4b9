"""A mask as text, so that a record can hold it: what is painted is flat, and takes a few hundred letters."""

from __future__ import annotations

import base64
import binascii
import zlib

import numpy as np
import numpy.typing as npt


def mask_to_text(mask: npt.NDArray[np.uint8] | npt.NDArray[np.bool_]) -> str:
    """Base64 of the zlib-compressed bytes of a mask (rows, columns), row by row; its shape is not in it."""
    return base64.b64encode(zlib.compress(np.ascontiguousarray(mask, np.uint8).tobytes(), 9)).decode()


def mask_from_text(text: str, rows: int, columns: int) -> npt.NDArray[np.uint8]:
    """The mask of this size, uint8 (rows, columns); raises ValueError where the text holds none of it."""
    reader = zlib.decompressobj()
    try:
        data = reader.decompress(base64.b64decode(text, validate=True), rows * columns + 1)  # no more than is asked for
    except (binascii.Error, zlib.error, TypeError) as error:
        raise ValueError("no mask") from error
    if len(data) != rows * columns:
        raise ValueError("a mask of another size")
    return np.frombuffer(data, np.uint8).reshape(rows, columns).copy()
