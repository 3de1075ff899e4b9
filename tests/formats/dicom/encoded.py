"""DICOM files in every encoding, made of given values."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from medsynth_app.formats.registry import open_image
from tests.formats.making import save, slice_dataset

Values = np.ndarray[Any, Any]
ROWS, COLUMNS = 40, 56


def ramp(low: int, high: int) -> Values:
    return np.linspace(low, high, ROWS * COLUMNS).astype(np.int64).reshape(ROWS, COLUMNS)


def smooth_colours() -> Values:
    """Smooth colours, for lossy codecs."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    return np.stack([x * 4, y * 6, 255 - x * 4], axis=2).astype(np.uint8)


def grey_file(values: Values, allocated: int = 16, stored: int = 12, high: int | None = None, signed: bool = False,
          **changes: Any) -> Dataset:
    """Values in the words of a file, whose unused bits are what they are in `values`."""
    data = (values & (2**allocated - 1)).astype(f"<u{allocated // 8}").tobytes()
    return slice_dataset(BitsAllocated=allocated, BitsStored=stored, HighBit=stored - 1 if high is None else high,
                         PixelRepresentation=int(signed), PixelData=data, **changes)


def compressed(dataset: Dataset, syntax: str, *streams: bytes) -> Dataset:
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([stream + b"\0" * (len(stream) % 2) for stream in streams])
    dataset["PixelData"].VR = "OB"
    return dataset


def rgb_file(data: bytes, label: str = "RGB", syntax: str = uid.ExplicitVRLittleEndian, **changes: Any) -> Dataset:
    dataset = slice_dataset(SamplesPerPixel=3, PhotometricInterpretation=label, PlanarConfiguration=0, BitsAllocated=8,
                            BitsStored=8, HighBit=7, PixelRepresentation=0, PixelData=data, **changes)
    return dataset if syntax == uid.ExplicitVRLittleEndian else compressed(dataset, syntax, data)


def run_lengths(words: Values, overshoot: int = 0) -> bytes:
    """Run lengths of (rows, columns) unsigned words, whose last run is `overshoot` bytes too long."""
    planes = words.astype(words.dtype.newbyteorder(">")).view(np.uint8).reshape(-1, words.dtype.itemsize)
    segments = [imagecodecs.packbits_encode(planes[:, k].tobytes()) for k in range(planes.shape[1])]
    if overshoot:
        segments[-1] += struct.pack("bB", 1 - overshoot, 0)
    starts = [64 + sum(len(part) for part in segments[:k]) for k in range(len(segments))]
    return struct.pack("<16L", len(segments), *starts, *[0] * (15 - len(starts))) + b"".join(segments)


def opened(dataset: Dataset, path: Path) -> Values:
    return open_image(save(dataset, path / "a.dcm")).pixels(0)


def renamed(path: Path, written: str, named: str) -> Path:
    """Name another transfer syntax in a file's header than the one that it was written in."""
    data, old, new = path.read_bytes(), written + "\0" * (len(written) % 2), named + "\0" * (len(named) % 2)
    start = data.index(old.encode())
    length, = struct.unpack_from("<L", data, 140)
    path.write_bytes(data[:140] + struct.pack("<L", length + len(new) - len(old)) + data[144:start - 2]
                     + struct.pack("<H", len(new)) + new.encode() + data[start + len(old):])
    return path


def without_markers(stream: bytes) -> bytes:
    """A JPEG without its JFIF and Adobe segments."""
    place, kept = 2, b"\xff\xd8"
    while stream[place + 1] != 0xDA:
        length, = struct.unpack_from(">H", stream, place + 2)
        if stream[place + 1] not in (0xE0, 0xEE):
            kept += stream[place:place + 2 + length]
        place += 2 + length
    return kept + stream[place:]


CODECS: dict[str, tuple[str, Any]] = {
    "jpeg": (uid.JPEGBaseline8Bit, lambda a: imagecodecs.jpeg8_encode(a.astype(np.uint8))),
    "jpeg 12": (uid.JPEGExtended12Bit, lambda a: imagecodecs.jpeg8_encode(a.astype(np.uint16), bitspersample=12)),
    "jpeg lossless": (uid.JPEGLosslessSV1, lambda a: imagecodecs.jpeg8_encode(a.astype(np.uint8), lossless=True)),
    "jpeg-ls": (uid.JPEGLSLossless, lambda a: imagecodecs.jpegls_encode(a.astype(np.uint8))),
    "jpeg 2000": (uid.JPEG2000Lossless,
                  lambda a: imagecodecs.jpeg2k_encode(a.astype(np.uint8), codecformat="j2k", level=0)),
    "htj2k": (uid.HTJ2KLossless, lambda a: imagecodecs.htj2k_encode(a.astype(np.uint8))),
    "rle": (uid.RLELossless, lambda a: run_lengths(a.astype(np.uint8))),
}

