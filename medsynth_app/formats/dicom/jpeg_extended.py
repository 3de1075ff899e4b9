"""A pydicom decoder plug-in for 12-bit JPEG Extended, which its own permissively licensed plug-ins lack."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from pydicom import uid
from pydicom.pixels.decoders import JPEGExtended12BitDecoder

DECODER_DEPENDENCIES = {uid.JPEGExtended12Bit: ("imagecodecs>=2024.9",)}
LABEL = "medsynth-imagecodecs"


def is_available(syntax: str) -> bool:
    """Asked by pydicom: whether this module decodes a transfer syntax."""
    return syntax in DECODER_DEPENDENCIES


def decode_frame(source: bytes, runner: Any) -> bytes:
    """Decode one frame; pydicom checks its length and gives it its shape."""
    values = imagecodecs.jpeg_decode(source)
    return np.ascontiguousarray(values, f"<u{runner.bits_allocated // 8}").tobytes()


def install() -> None:
    """Add the plug-in once."""
    if LABEL not in JPEGExtended12BitDecoder.available_plugins:
        JPEGExtended12BitDecoder.add_plugin(LABEL, (__name__, "decode_frame"))
