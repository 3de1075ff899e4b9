"""Colours come out as they were meant, however a file codes or calls them."""

from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom import uid

from medsynth_app.core.errors import UserError
from medsynth_app.formats.dicom.layout import NOT_HALVED
from medsynth_app.formats.pixels import FROM_PALETTE
from medsynth_app.formats.registry import open_image
from tests.formats.dicom.encoded import COLUMNS, ROWS, grey_file, rgb_file, smooth_colours, without_markers
from tests.formats.making import save


def test_colours_that_are_called_halved_but_stored_in_full_are_read_in_full(tmp_path: Path) -> None:
    colours = smooth_colours()
    ybr = np.asarray(pydicom.pixels.convert_color_space(colours, "RGB", "YBR_FULL"), np.uint8)
    source = open_image(save(rgb_file(ybr.tobytes(), "YBR_FULL_422"), tmp_path / "a.dcm"))
    assert np.abs(source.pixels(0).astype(int) - colours).max() <= 2 and NOT_HALVED in source.info.notices
    halved = ybr.reshape(-1, 2, 3)
    pairs = np.stack([halved[:, 0, 0], halved[:, 1, 0], halved[:, 0, 1], halved[:, 0, 2]], axis=1)
    source = open_image(save(rgb_file(pairs.tobytes(), "YBR_FULL_422"), tmp_path / "b.dcm"))
    assert np.abs(source.pixels(0).astype(int) - colours).mean() < 4 and not source.info.notices


@pytest.mark.parametrize("coded", ["RGB", "YCBCR"])
@pytest.mark.parametrize("label", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("markers", [True, False])
def test_a_jpeg_tells_its_colours_itself(tmp_path: Path, coded: str, label: str, markers: bool) -> None:
    colours = smooth_colours()
    stream = imagecodecs.jpeg8_encode(colours, level=95, colorspace="RGB", outcolorspace=coded)
    if not markers:
        stream = without_markers(stream)
    source = open_image(save(rgb_file(stream, label, uid.JPEGBaseline8Bit), tmp_path / "a.dcm"))
    assert np.abs(source.pixels(0).astype(int) - colours).mean() < 4
    told = any("its picture is coded as" in notice for notice in source.info.notices)
    assert told is (label.startswith("YBR") != (coded == "YCBCR"))


@pytest.mark.parametrize("codec", ["jpeg lossless", "jpeg-ls", "jpeg 2000", "rle"])
@pytest.mark.parametrize("label", ["RGB", "YBR_FULL"])
def test_colours_that_a_codec_does_not_name_are_those_of_the_header(tmp_path: Path, codec: str, label: str) -> None:
    colours = smooth_colours()
    stored = colours if label == "RGB" else np.asarray(
        pydicom.pixels.convert_color_space(colours, "RGB", "YBR_FULL"), np.uint8)
    if codec == "rle":
        planes = [imagecodecs.packbits_encode(stored[..., k].tobytes()) for k in range(3)]
        starts = [64 + sum(map(len, planes[:k])) for k in range(3)]
        stream, syntax = struct.pack("<16L", 3, *starts, *[0] * 12) + b"".join(planes), uid.RLELossless
    elif codec == "jpeg-ls":
        stream, syntax = imagecodecs.jpegls_encode(stored), uid.JPEGLSLossless
    elif codec == "jpeg 2000":
        stream = imagecodecs.jpeg2k_encode(stored, codecformat="j2k", level=0, reversible=True, mct=False)
        syntax = uid.JPEG2000Lossless
    else:
        marked = imagecodecs.jpeg8_encode(stored, lossless=True, colorspace="RGB", outcolorspace="RGB")
        stream, syntax = without_markers(marked), uid.JPEGLosslessSV1
        for place, step in ((stream.index(b"\xff\xc3") + 10, 3), (stream.index(b"\xff\xda") + 5, 2)):
            for k in range(3):  # components called 1, 2, 3, not R, G, B
                stream = stream[:place + step * k] + bytes([k + 1]) + stream[place + step * k + 1:]
    source = open_image(save(rgb_file(stream, label, syntax), tmp_path / "a.dcm"))
    assert np.abs(source.pixels(0).astype(int) - colours).max() <= (0 if label == "RGB" else 1)
    assert source.info.notices == ()


@pytest.mark.parametrize(("bits", "size", "factor"), [(8, 2, 1), (16, 2, 1), (16, 2, 257), (8, 1, 1), (8, 2, 256)])
def test_colour_tables_hold_what_their_entries_hold(tmp_path: Path, bits: int, size: int, factor: int) -> None:
    table = np.stack([np.arange(256), 255 - np.arange(256), np.full(256, 255)])
    indices = (np.arange(ROWS * COLUMNS) % 256).astype(np.uint8).reshape(ROWS, COLUMNS)
    dataset = grey_file(indices, 8, 8, PhotometricInterpretation="PALETTE COLOR")
    for colour, entries in zip(("Red", "Green", "Blue"), table, strict=True):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, bits])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", (entries * factor).astype(f"<u{size}").tobytes())
    source = open_image(save(dataset, tmp_path / "a.dcm"))
    assert np.abs(source.pixels(0).astype(int) - table.T[indices]).max() <= (1 if factor == 256 else 0)
    assert FROM_PALETTE in source.info.notices


def test_colours_that_contradict_their_number_are_refused(tmp_path: Path) -> None:
    for samples, label, words in ((1, "RGB", "contradicts"), (3, "MONOCHROME2", "contradicts"), (3, "HSV", "coded"),
                                  (4, "CMYK", "4 values")):
        dataset = rgb_file(bytes(ROWS * COLUMNS * 4), label)
        dataset.SamplesPerPixel = samples
        with pytest.raises(UserError, match=words):
            open_image(save(dataset, tmp_path / "a.dcm"))
