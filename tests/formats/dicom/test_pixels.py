"""Stored values come out of every encoding as they went in, or are refused in words; nothing ends the process."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Rescale
from medsynth_app.formats.common import TooLarge
from medsynth_app.formats.dicom.header import NOT_COMPRESSED
from medsynth_app.formats.dicom.layout import MOVED
from medsynth_app.formats.registry import open_image
from tests.formats.dicom.encoded import (
    CODECS,
    COLUMNS,
    ROWS,
    compressed,
    grey_file,
    opened,
    ramp,
    renamed,
    rgb_file,
    run_lengths,
    smooth_colours,
)
from tests.formats.making import save, slice_dataset

# ------------------------------------------------------------------------------------ where bits lie in their words

@pytest.mark.parametrize(("allocated", "stored", "high"), [
    (16, 12, 15), (16, 12, 13), (16, 8, 15), (8, 5, 7), (32, 16, 31), (16, 13, 14), (16, 1, 15)])
@pytest.mark.parametrize("signed", [False, True])
def test_values_that_end_at_another_high_bit_are_moved_down(tmp_path: Path, allocated: int, stored: int, high: int,
                                                            signed: bool) -> None:
    values = ramp(-2 ** (stored - 1), 2 ** (stored - 1) - 1) if signed else ramp(0, 2**stored - 1)
    shift = high + 1 - stored
    rubbish = 2**shift - 1  # of the bits below, and those above the high bit
    words = (values << shift) | rubbish
    if high + 1 < allocated:
        words ^= 1 << (high + 1)
    path = save(grey_file(words, allocated, stored, high, signed), tmp_path / "a.dcm")
    source = open_image(path)
    assert np.array_equal(source.pixels(0), values) and source.info.frames[0].stored_range == (
        (-2 ** (stored - 1), 2 ** (stored - 1) - 1) if signed else (0, 2**stored - 1))
    assert MOVED in source.info.notices


@pytest.mark.parametrize("codec", ["native", "rle", "jpegls", "jpeg2000", "jpeg lossless"])
@pytest.mark.parametrize("signed", [False, True])
def test_unused_high_bits_are_no_part_of_a_value(tmp_path: Path, codec: str, signed: bool) -> None:
    values = ramp(-2048, 2047) if signed else ramp(0, 4095)
    words = ((values & 0xFFF) | (0x8000 * (np.arange(ROWS)[:, None] % 2))).astype(np.uint16)  # an overlay in bit 15
    dataset = grey_file(words, signed=signed)
    streams = {"rle": (uid.RLELossless, lambda: run_lengths(words)),
               "jpegls": (uid.JPEGLSLossless, lambda: imagecodecs.jpegls_encode(words)),
               "jpeg2000": (uid.JPEG2000Lossless,
                            lambda: imagecodecs.jpeg2k_encode(words, codecformat="j2k", level=0, reversible=True)),
               "jpeg lossless": (uid.JPEGLosslessSV1,
                                 lambda: imagecodecs.jpeg8_encode(words, lossless=True, bitspersample=16))}
    if codec != "native":
        syntax, encode = streams[codec]
        dataset = compressed(dataset, syntax, encode())
    pixels = opened(dataset, tmp_path)
    assert np.array_equal(pixels, values) and pixels.dtype == (np.int16 if signed else np.uint16)


def test_a_sign_that_jpeg_2000_keeps_is_kept(tmp_path: Path) -> None:
    values = ramp(-1500, 1500)
    stream = imagecodecs.jpeg2k_encode(values.astype(np.int16), codecformat="j2k", level=0, reversible=True)
    assert np.array_equal(opened(compressed(grey_file(values, stored=16, signed=True), uid.JPEG2000Lossless, stream),
                                  tmp_path), values)


# --------------------------------------------------------------------------------------------- damaged and hostile

_OPENING = """
import sys
from pathlib import Path
from medsynth_app.core.errors import UserError
from medsynth_app.formats.pixels import FROM_PALETTE
from medsynth_app.formats.registry import open_image
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        open_image(path).pixels(0)
    except UserError:
        pass
print("alive")
"""


def test_a_damaged_byte_in_a_compressed_picture_ends_no_process(tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    for name, (syntax, encode) in CODECS.items():
        allocated = 16 if name == "jpeg 12" else 8
        values = ramp(0, 255)
        stream = encode(values)
        for at in (*range(2, min(len(stream), 60), 3), *range(60, len(stream), max(1, len(stream) // 20))):
            for damage in (0x00, 0xFF, 0x41):
                broken = stream[:at] + bytes([damage]) + stream[at + 1:]
                dataset = compressed(grey_file(values, allocated, 8), syntax, broken)
                save(dataset, folder / f"{name}-{at:05d}-{damage}.dcm")
    assert len(list(folder.iterdir())) > 500
    ran = subprocess.run([sys.executable, "-c", _OPENING, str(folder)], capture_output=True, text=True, timeout=120,
                         check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, "alive"), ran.stderr[-2000:]


@pytest.mark.parametrize("name", CODECS)
def test_every_codec_gives_back_its_picture(tmp_path: Path, name: str) -> None:
    syntax, encode = CODECS[name]
    values = ramp(0, 255)
    allocated, stored = (16, 12) if name == "jpeg 12" else (8, 8)
    pixels = opened(compressed(grey_file(values, allocated, stored), syntax, encode(values)), tmp_path)
    assert np.abs(pixels.astype(int) - values).max() <= (3 if name in ("jpeg", "jpeg 12") else 0)


@pytest.mark.parametrize("name", CODECS)
def test_no_decoder_of_pydicoms_choice_is_asked(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be GDCM, where that is installed: its errors end the process."""
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("pydicom chose a decoder")

    monkeypatch.setattr("pydicom.pixels.decoders.base.DecodeRunner.__init__", never)
    syntax, encode = CODECS[name]
    allocated, stored = (16, 12) if name == "jpeg 12" else (8, 8)
    opened(compressed(grey_file(ramp(0, 255), allocated, stored), syntax, encode(ramp(0, 255))), tmp_path)


@pytest.mark.parametrize("keep", [0.4, 0.9, 0.97])
@pytest.mark.parametrize("name", CODECS)
def test_a_compressed_picture_that_is_cut_off_is_refused(tmp_path: Path, name: str, keep: float) -> None:
    syntax, encode = CODECS[name]
    values = np.random.default_rng(0).integers(0, 255, (ROWS, COLUMNS))
    allocated, stored = (16, 12) if name == "jpeg 12" else (8, 8)
    stream = encode(values)
    with pytest.raises(UserError, match=r"cut off|damaged"):
        opened(compressed(grey_file(values, allocated, stored), syntax, stream[:int(len(stream) * keep)]), tmp_path)


@pytest.mark.parametrize("name", ["jpeg", "jpeg 12", "jpeg lossless"])
@pytest.mark.parametrize("padding", [b"", bytes(2000), bytes(9000)])
def test_a_jpeg_without_the_mark_of_its_end_is_read(tmp_path: Path, name: str, padding: bytes) -> None:
    syntax, encode = CODECS[name]
    values = np.random.default_rng(0).integers(0, 255, (ROWS, COLUMNS))
    allocated, stored = (16, 12) if name == "jpeg 12" else (8, 8)
    dataset = grey_file(values, allocated, stored)
    whole = opened(compressed(dataset, syntax, encode(values)), tmp_path)
    for stream in (encode(values)[:-2], encode(values)):
        assert np.array_equal(opened(compressed(dataset, syntax, stream + padding), tmp_path), whole)


@pytest.mark.parametrize("name", [name for name in CODECS if name != "rle"])
def test_a_picture_of_another_size_is_refused_before_it_is_decoded(tmp_path: Path, name: str,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("decoded")

    syntax, encode = CODECS[name]
    stream = encode(np.zeros((400, 600)))
    for decoder in ("jpeg8_decode", "jpegls_decode", "jpeg2k_decode"):
        monkeypatch.setattr(imagecodecs, decoder, never)
    with pytest.raises(UserError, match="not of the size"):
        opened(compressed(grey_file(ramp(0, 255), 8, 8), syntax, stream), tmp_path)


def test_more_frames_than_pieces_are_refused_before_they_are_listed(tmp_path: Path) -> None:
    syntax, encode = CODECS["jpeg-ls"]
    dataset = compressed(grey_file(np.zeros((1, 1), int), 8, 8, Rows=1, Columns=1), syntax, encode(np.zeros((1, 1))))
    dataset.NumberOfFrames = 2_000_000_000
    with pytest.raises(UserError, match="cut off"):
        open_image(save(dataset, tmp_path / "a.dcm"))


def test_more_bits_in_the_picture_than_in_the_header_are_refused(tmp_path: Path) -> None:
    dataset = compressed(grey_file(ramp(0, 255), 8, 8), uid.JPEGLSLossless,
                      imagecodecs.jpegls_encode(ramp(0, 60_000).astype(np.uint16)))
    with pytest.raises(UserError, match="depth"):
        open_image(save(dataset, tmp_path / "a.dcm"))


@pytest.mark.parametrize("overshoot", [1, 2, 100])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_run_lengths_that_end_too_late_are_read(tmp_path: Path, overshoot: int, dtype: type) -> None:
    values = ramp(0, np.iinfo(dtype).max).astype(dtype)
    bits = values.dtype.itemsize * 8
    dataset = compressed(grey_file(values, bits, bits), uid.RLELossless, run_lengths(values, overshoot))
    assert np.array_equal(opened(dataset, tmp_path), values)


def test_run_lengths_that_end_too_early_are_refused(tmp_path: Path) -> None:
    values = ramp(0, 255).astype(np.uint8)
    dataset = compressed(grey_file(values, 8, 8), uid.RLELossless, run_lengths(values[:-1]))
    with pytest.raises(UserError, match="damaged"):
        open_image(save(dataset, tmp_path / "a.dcm"))


def test_a_deflated_file_is_unpacked_once_and_read(tmp_path: Path) -> None:
    values = ramp(-2000, 2000)
    dataset = grey_file(values, signed=True)
    dataset.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    path = save(dataset, tmp_path / "a.dcm")
    assert np.array_equal(open_image(path).pixels(0), values)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="damaged"):
        open_image(path)


def test_a_file_that_changed_under_the_window_is_told(tmp_path: Path) -> None:
    path = save(grey_file(ramp(0, 4095), NumberOfFrames=1), tmp_path / "a.dcm")
    source = open_image(path)
    source.close()
    save(grey_file(ramp(0, 4095), PatientName="A^Longer^Name^Than^Before"), path)
    with pytest.raises(UserError, match="changed"):
        source.pixels(0)


def _large(kind: str) -> Dataset:
    """Two million pixels that do not compress."""
    shape = {"Rows": 1600, "Columns": 1250}
    values = np.random.default_rng(0).integers(0, 4096, (1600, 1250))
    bytes_ = values.astype(np.uint8)
    if kind in ("planar", "ybr"):
        dataset = rgb_file(np.stack([bytes_] * 3).tobytes(), "YBR_FULL" if kind == "ybr" else "RGB", **shape)
        dataset.PlanarConfiguration = int(kind == "planar")
        return dataset
    dataset = grey_file(values, **shape)
    if kind == "deflated":
        dataset.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    return compressed(dataset, uid.RLELossless, run_lengths(values.astype(np.uint16))) if kind == "rle" else dataset


@pytest.mark.parametrize("kind", ["native", "deflated", "rle", "planar", "ybr"])
def test_opening_holds_no_more_than_three_times_what_it_decodes(tmp_path: Path, kind: str) -> None:
    path = save(_large(kind), tmp_path / "a.dcm")
    open_image(save(slice_dataset(), tmp_path / "small.dcm"))  # what is imported by the way is not counted
    tracemalloc.start()
    try:
        pixels = open_image(path).pixels(0)
        assert tracemalloc.get_traced_memory()[1] <= 3 * pixels.nbytes
    finally:
        tracemalloc.stop()


def test_what_a_codec_needs_is_asked_for_too(tmp_path: Path) -> None:
    syntax, encode = CODECS["jpeg 2000"]
    path = save(compressed(grey_file(ramp(0, 255), 8, 8), syntax, encode(ramp(0, 255))), tmp_path / "a.dcm")
    with pytest.raises(TooLarge) as caught:
        open_image(path, allow_bytes=3 * ROWS * COLUMNS)
    assert caught.value.bytes == 5 * ROWS * COLUMNS


# ------------------------------------------------------------------------------------- what the header does not say

@pytest.mark.parametrize("keyword", ["PixelRepresentation", "PlanarConfiguration", "BitsStored", "HighBit",
                                     "PhotometricInterpretation", "SamplesPerPixel", "BitsAllocated"])
@pytest.mark.parametrize("colour", [True, False])
def test_what_is_missing_is_taken_as_usual_and_told(tmp_path: Path, keyword: str, colour: bool) -> None:
    values = smooth_colours() if colour else ramp(0, 4095)
    dataset = rgb_file(values.tobytes()) if colour else grey_file(values, stored=16)
    dataset["PixelData"].VR = "OW"
    if keyword not in dataset:
        dataset.PlanarConfiguration = 0
    delattr(dataset, keyword)
    source = open_image(save(dataset, tmp_path / "a.dcm"))
    assert np.array_equal(source.pixels(0), values)
    words = " ".join(source.info.notices)
    name = pydicom.datadict.dictionary_description(keyword)
    assert (name in words) is (keyword != "HighBit" and (colour or keyword != "PlanarConfiguration"))


@pytest.mark.parametrize("bits", [24, 40, 48, 128, 0x4000])
def test_words_of_odd_length_are_refused(tmp_path: Path, bits: int) -> None:
    with pytest.raises(UserError, match=f"{bits} bits"):
        open_image(save(slice_dataset(BitsAllocated=bits, PixelData=bytes(40 * 56 * 16)), tmp_path / "a.dcm"))


def test_64_bits_are_made_whole_numbers_of_32(tmp_path: Path) -> None:
    values = ramp(-100_000, 2**30)
    dataset = grey_file(values, 16, RescaleSlope="2", RescaleIntercept="5")
    dataset.BitsAllocated = dataset.BitsStored = 64
    dataset.HighBit, dataset.PixelRepresentation, dataset.PixelData = 63, 1, values.astype("<i8").tobytes()
    source = open_image(save(dataset, tmp_path / "a.dcm"))
    assert source.pixels(0).dtype == np.int32 and np.array_equal(source.pixels(0), values)
    assert source.info.frames[0].rescale == Rescale(2, 5, "HU")


@pytest.mark.parametrize("named", [uid.JPEGBaseline8Bit, uid.JPEG2000Lossless, uid.RLELossless])
def test_pixels_that_are_only_called_compressed_are_read(tmp_path: Path, named: str) -> None:
    values = ramp(0, 4095)
    path = renamed(save(grey_file(values), tmp_path / "a.dcm"), uid.ExplicitVRLittleEndian, named)
    source = open_image(path)
    assert np.array_equal(source.pixels(0), values) and NOT_COMPRESSED in source.info.notices


@pytest.mark.parametrize(("named", "written"), [
    (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian), (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian)])
def test_a_body_of_another_encoding_than_its_header_says_is_read(tmp_path: Path, named: str, written: str) -> None:
    values = ramp(-2048, 2047)
    dataset = grey_file(values, signed=True, ReferencedImageSequence=[Dataset()])
    dataset.file_meta.TransferSyntaxUID = written
    path = renamed(save(dataset, tmp_path / "a.dcm"), written, named)
    assert np.array_equal(open_image(path).pixels(0), values)


def test_sizes_are_asked_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        open_image(save(grey_file(ramp(0, 9)), tmp_path / "a.dcm"), allow_bytes=1000)


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("pieces", [1, 2])
def test_frames_are_found_among_their_pieces(tmp_path: Path, table: bool, pieces: int) -> None:
    frames = [imagecodecs.jpegls_encode(np.full((ROWS, COLUMNS), k * 10, np.uint8)) for k in range(4)]
    dataset = grey_file(ramp(0, 255), 8, 8, NumberOfFrames=4)
    dataset.file_meta.TransferSyntaxUID = uid.JPEGLSLossless
    dataset.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2) for frame in frames], has_bot=table,
                                    fragments_per_frame=pieces)
    dataset["PixelData"].VR = "OB"
    source = open_image(save(dataset, tmp_path / "a.dcm"))
    assert [int(source.pixels(k)[0, 0]) for k in range(4)] == [0, 10, 20, 30]
