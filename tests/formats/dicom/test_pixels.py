"""Stored values come out of every encoding as they went in, or are refused in words; nothing ends the process."""

from __future__ import annotations

import struct
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
from medsynth_app.formats.dicom.layout import MOVED, NOT_HALVED
from medsynth_app.formats.pixels import FROM_PALETTE
from medsynth_app.formats.registry import open_image
from tests.formats.making import save, slice_dataset

Values = np.ndarray[Any, Any]
ROWS, COLUMNS = 40, 56


def _values(low: int, high: int) -> Values:
    return np.linspace(low, high, ROWS * COLUMNS).astype(np.int64).reshape(ROWS, COLUMNS)


def _colours() -> Values:
    """Smooth colours, for lossy codecs."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    return np.stack([x * 4, y * 6, 255 - x * 4], axis=2).astype(np.uint8)


def _grey(values: Values, allocated: int = 16, stored: int = 12, high: int | None = None, signed: bool = False,
          **changes: Any) -> Dataset:
    """Values in the words of a file, whose unused bits are what they are in `values`."""
    data = (values & (2**allocated - 1)).astype(f"<u{allocated // 8}").tobytes()
    return slice_dataset(BitsAllocated=allocated, BitsStored=stored, HighBit=stored - 1 if high is None else high,
                         PixelRepresentation=int(signed), PixelData=data, **changes)


def _packed(dataset: Dataset, syntax: str, *streams: bytes) -> Dataset:
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([stream + b"\0" * (len(stream) % 2) for stream in streams])
    dataset["PixelData"].VR = "OB"
    return dataset


def _rgb(data: bytes, label: str = "RGB", syntax: str = uid.ExplicitVRLittleEndian, **changes: Any) -> Dataset:
    dataset = slice_dataset(SamplesPerPixel=3, PhotometricInterpretation=label, PlanarConfiguration=0, BitsAllocated=8,
                            BitsStored=8, HighBit=7, PixelRepresentation=0, PixelData=data, **changes)
    return dataset if syntax == uid.ExplicitVRLittleEndian else _packed(dataset, syntax, data)


def _rle(words: Values, overshoot: int = 0) -> bytes:
    """Run lengths of (rows, columns) unsigned words, whose last run is `overshoot` bytes too long."""
    planes = words.astype(words.dtype.newbyteorder(">")).view(np.uint8).reshape(-1, words.dtype.itemsize)
    segments = [imagecodecs.packbits_encode(planes[:, k].tobytes()) for k in range(planes.shape[1])]
    if overshoot:
        segments[-1] += struct.pack("bB", 1 - overshoot, 0)
    starts = [64 + sum(len(part) for part in segments[:k]) for k in range(len(segments))]
    return struct.pack("<16L", len(segments), *starts, *[0] * (15 - len(starts))) + b"".join(segments)


def _opened(dataset: Dataset, path: Path) -> Values:
    return open_image(save(dataset, path / "a.dcm")).pixels(0)


# ------------------------------------------------------------------------------------ where bits lie in their words

@pytest.mark.parametrize(("allocated", "stored", "high"), [
    (16, 12, 15), (16, 12, 13), (16, 8, 15), (8, 5, 7), (32, 16, 31), (16, 13, 14), (16, 1, 15)])
@pytest.mark.parametrize("signed", [False, True])
def test_values_that_end_at_another_high_bit_are_moved_down(tmp_path: Path, allocated: int, stored: int, high: int,
                                                            signed: bool) -> None:
    values = _values(-2 ** (stored - 1), 2 ** (stored - 1) - 1) if signed else _values(0, 2**stored - 1)
    shift = high + 1 - stored
    rubbish = 2**shift - 1  # of the bits below, and those above the high bit
    words = (values << shift) | rubbish
    if high + 1 < allocated:
        words ^= 1 << (high + 1)
    path = save(_grey(words, allocated, stored, high, signed), tmp_path / "a.dcm")
    source = open_image(path)
    assert np.array_equal(source.pixels(0), values) and source.info.frames[0].stored_range == (
        (-2 ** (stored - 1), 2 ** (stored - 1) - 1) if signed else (0, 2**stored - 1))
    assert MOVED in source.info.notices


@pytest.mark.parametrize("codec", ["native", "rle", "jpegls", "jpeg2000", "jpeg lossless"])
@pytest.mark.parametrize("signed", [False, True])
def test_unused_high_bits_are_no_part_of_a_value(tmp_path: Path, codec: str, signed: bool) -> None:
    values = _values(-2048, 2047) if signed else _values(0, 4095)
    words = ((values & 0xFFF) | (0x8000 * (np.arange(ROWS)[:, None] % 2))).astype(np.uint16)  # an overlay in bit 15
    dataset = _grey(words, signed=signed)
    streams = {"rle": (uid.RLELossless, lambda: _rle(words)),
               "jpegls": (uid.JPEGLSLossless, lambda: imagecodecs.jpegls_encode(words)),
               "jpeg2000": (uid.JPEG2000Lossless,
                            lambda: imagecodecs.jpeg2k_encode(words, codecformat="j2k", level=0, reversible=True)),
               "jpeg lossless": (uid.JPEGLosslessSV1,
                                 lambda: imagecodecs.jpeg8_encode(words, lossless=True, bitspersample=16))}
    if codec != "native":
        syntax, encode = streams[codec]
        dataset = _packed(dataset, syntax, encode())
    pixels = _opened(dataset, tmp_path)
    assert np.array_equal(pixels, values) and pixels.dtype == (np.int16 if signed else np.uint16)


def test_a_sign_that_jpeg_2000_keeps_is_kept(tmp_path: Path) -> None:
    values = _values(-1500, 1500)
    stream = imagecodecs.jpeg2k_encode(values.astype(np.int16), codecformat="j2k", level=0, reversible=True)
    assert np.array_equal(_opened(_packed(_grey(values, stored=16, signed=True), uid.JPEG2000Lossless, stream),
                                  tmp_path), values)


# --------------------------------------------------------------------------------------------- damaged and hostile

_CODECS: dict[str, tuple[str, Any]] = {
    "jpeg": (uid.JPEGBaseline8Bit, lambda a: imagecodecs.jpeg8_encode(a.astype(np.uint8))),
    "jpeg 12": (uid.JPEGExtended12Bit, lambda a: imagecodecs.jpeg8_encode(a.astype(np.uint16), bitspersample=12)),
    "jpeg lossless": (uid.JPEGLosslessSV1, lambda a: imagecodecs.jpeg8_encode(a.astype(np.uint8), lossless=True)),
    "jpeg-ls": (uid.JPEGLSLossless, lambda a: imagecodecs.jpegls_encode(a.astype(np.uint8))),
    "jpeg 2000": (uid.JPEG2000Lossless,
                  lambda a: imagecodecs.jpeg2k_encode(a.astype(np.uint8), codecformat="j2k", level=0)),
    "htj2k": (uid.HTJ2KLossless, lambda a: imagecodecs.htj2k_encode(a.astype(np.uint8))),
    "rle": (uid.RLELossless, lambda a: _rle(a.astype(np.uint8))),
}

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
    for name, (syntax, encode) in _CODECS.items():
        allocated = 16 if name == "jpeg 12" else 8
        values = _values(0, 255)
        stream = encode(values)
        for at in (*range(2, min(len(stream), 60), 3), *range(60, len(stream), max(1, len(stream) // 20))):
            for damage in (0x00, 0xFF, 0x41):
                broken = stream[:at] + bytes([damage]) + stream[at + 1:]
                dataset = _packed(_grey(values, allocated, 8), syntax, broken)
                save(dataset, folder / f"{name}-{at:05d}-{damage}.dcm")
    assert len(list(folder.iterdir())) > 500
    ran = subprocess.run([sys.executable, "-c", _OPENING, str(folder)], capture_output=True, text=True, timeout=120,
                         check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, "alive"), ran.stderr[-2000:]


@pytest.mark.parametrize("name", _CODECS)
def test_every_codec_gives_back_its_picture(tmp_path: Path, name: str) -> None:
    syntax, encode = _CODECS[name]
    values = _values(0, 255)
    allocated, stored = (16, 12) if name == "jpeg 12" else (8, 8)
    pixels = _opened(_packed(_grey(values, allocated, stored), syntax, encode(values)), tmp_path)
    assert np.abs(pixels.astype(int) - values).max() <= (3 if name in ("jpeg", "jpeg 12") else 0)


@pytest.mark.parametrize("name", _CODECS)
def test_no_decoder_of_pydicoms_choice_is_asked(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be GDCM, where that is installed: its errors end the process."""
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("pydicom chose a decoder")

    monkeypatch.setattr("pydicom.pixels.decoders.base.DecodeRunner.__init__", never)
    syntax, encode = _CODECS[name]
    allocated, stored = (16, 12) if name == "jpeg 12" else (8, 8)
    _opened(_packed(_grey(_values(0, 255), allocated, stored), syntax, encode(_values(0, 255))), tmp_path)


@pytest.mark.parametrize("keep", [0.4, 0.9, 0.97])
@pytest.mark.parametrize("name", _CODECS)
def test_a_compressed_picture_that_is_cut_off_is_refused(tmp_path: Path, name: str, keep: float) -> None:
    syntax, encode = _CODECS[name]
    values = np.random.default_rng(0).integers(0, 255, (ROWS, COLUMNS))
    allocated, stored = (16, 12) if name == "jpeg 12" else (8, 8)
    stream = encode(values)
    with pytest.raises(UserError, match=r"cut off|damaged"):
        _opened(_packed(_grey(values, allocated, stored), syntax, stream[:int(len(stream) * keep)]), tmp_path)


@pytest.mark.parametrize("name", ["jpeg", "jpeg 12", "jpeg lossless"])
@pytest.mark.parametrize("padding", [b"", bytes(2000), bytes(9000)])
def test_a_jpeg_without_the_mark_of_its_end_is_read(tmp_path: Path, name: str, padding: bytes) -> None:
    syntax, encode = _CODECS[name]
    values = np.random.default_rng(0).integers(0, 255, (ROWS, COLUMNS))
    allocated, stored = (16, 12) if name == "jpeg 12" else (8, 8)
    dataset = _grey(values, allocated, stored)
    whole = _opened(_packed(dataset, syntax, encode(values)), tmp_path)
    for stream in (encode(values)[:-2], encode(values)):
        assert np.array_equal(_opened(_packed(dataset, syntax, stream + padding), tmp_path), whole)


@pytest.mark.parametrize("name", [name for name in _CODECS if name != "rle"])
def test_a_picture_of_another_size_is_refused_before_it_is_decoded(tmp_path: Path, name: str,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("decoded")

    syntax, encode = _CODECS[name]
    stream = encode(np.zeros((400, 600)))
    for decoder in ("jpeg8_decode", "jpegls_decode", "jpeg2k_decode"):
        monkeypatch.setattr(imagecodecs, decoder, never)
    with pytest.raises(UserError, match="not of the size"):
        _opened(_packed(_grey(_values(0, 255), 8, 8), syntax, stream), tmp_path)


def test_more_frames_than_pieces_are_refused_before_they_are_listed(tmp_path: Path) -> None:
    syntax, encode = _CODECS["jpeg-ls"]
    dataset = _packed(_grey(np.zeros((1, 1), int), 8, 8, Rows=1, Columns=1), syntax, encode(np.zeros((1, 1))))
    dataset.NumberOfFrames = 2_000_000_000
    with pytest.raises(UserError, match="cut off"):
        open_image(save(dataset, tmp_path / "a.dcm"))


def test_more_bits_in_the_picture_than_in_the_header_are_refused(tmp_path: Path) -> None:
    dataset = _packed(_grey(_values(0, 255), 8, 8), uid.JPEGLSLossless,
                      imagecodecs.jpegls_encode(_values(0, 60_000).astype(np.uint16)))
    with pytest.raises(UserError, match="depth"):
        open_image(save(dataset, tmp_path / "a.dcm"))


@pytest.mark.parametrize("overshoot", [1, 2, 100])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_run_lengths_that_end_too_late_are_read(tmp_path: Path, overshoot: int, dtype: type) -> None:
    values = _values(0, np.iinfo(dtype).max).astype(dtype)
    bits = values.dtype.itemsize * 8
    dataset = _packed(_grey(values, bits, bits), uid.RLELossless, _rle(values, overshoot))
    assert np.array_equal(_opened(dataset, tmp_path), values)


def test_run_lengths_that_end_too_early_are_refused(tmp_path: Path) -> None:
    values = _values(0, 255).astype(np.uint8)
    dataset = _packed(_grey(values, 8, 8), uid.RLELossless, _rle(values[:-1]))
    with pytest.raises(UserError, match="damaged"):
        open_image(save(dataset, tmp_path / "a.dcm"))


def test_a_deflated_file_is_unpacked_once_and_read(tmp_path: Path) -> None:
    values = _values(-2000, 2000)
    dataset = _grey(values, signed=True)
    dataset.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    path = save(dataset, tmp_path / "a.dcm")
    assert np.array_equal(open_image(path).pixels(0), values)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="damaged"):
        open_image(path)


def test_a_file_that_changed_under_the_window_is_told(tmp_path: Path) -> None:
    path = save(_grey(_values(0, 4095), NumberOfFrames=1), tmp_path / "a.dcm")
    source = open_image(path)
    source.close()
    save(_grey(_values(0, 4095), PatientName="A^Longer^Name^Than^Before"), path)
    with pytest.raises(UserError, match="changed"):
        source.pixels(0)


def _large(kind: str) -> Dataset:
    """Two million pixels that do not compress."""
    shape = {"Rows": 1600, "Columns": 1250}
    values = np.random.default_rng(0).integers(0, 4096, (1600, 1250))
    bytes_ = values.astype(np.uint8)
    if kind in ("planar", "ybr"):
        dataset = _rgb(np.stack([bytes_] * 3).tobytes(), "YBR_FULL" if kind == "ybr" else "RGB", **shape)
        dataset.PlanarConfiguration = int(kind == "planar")
        return dataset
    dataset = _grey(values, **shape)
    if kind == "deflated":
        dataset.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    return _packed(dataset, uid.RLELossless, _rle(values.astype(np.uint16))) if kind == "rle" else dataset


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
    syntax, encode = _CODECS["jpeg 2000"]
    path = save(_packed(_grey(_values(0, 255), 8, 8), syntax, encode(_values(0, 255))), tmp_path / "a.dcm")
    with pytest.raises(TooLarge) as caught:
        open_image(path, allow_bytes=3 * ROWS * COLUMNS)
    assert caught.value.bytes == 5 * ROWS * COLUMNS


# ------------------------------------------------------------------------------------- what the header does not say

@pytest.mark.parametrize("keyword", ["PixelRepresentation", "PlanarConfiguration", "BitsStored", "HighBit",
                                     "PhotometricInterpretation", "SamplesPerPixel", "BitsAllocated"])
@pytest.mark.parametrize("colour", [True, False])
def test_what_is_missing_is_taken_as_usual_and_told(tmp_path: Path, keyword: str, colour: bool) -> None:
    values = _colours() if colour else _values(0, 4095)
    dataset = _rgb(values.tobytes()) if colour else _grey(values, stored=16)
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
    values = _values(-100_000, 2**30)
    dataset = _grey(values, 16, RescaleSlope="2", RescaleIntercept="5")
    dataset.BitsAllocated = dataset.BitsStored = 64
    dataset.HighBit, dataset.PixelRepresentation, dataset.PixelData = 63, 1, values.astype("<i8").tobytes()
    source = open_image(save(dataset, tmp_path / "a.dcm"))
    assert source.pixels(0).dtype == np.int32 and np.array_equal(source.pixels(0), values)
    assert source.info.frames[0].rescale == Rescale(2, 5, "HU")


def _renamed(path: Path, written: str, named: str) -> Path:
    """Name another transfer syntax in a file's header than the one that it was written in."""
    data, old, new = path.read_bytes(), written + "\0" * (len(written) % 2), named + "\0" * (len(named) % 2)
    start = data.index(old.encode())
    length, = struct.unpack_from("<L", data, 140)
    path.write_bytes(data[:140] + struct.pack("<L", length + len(new) - len(old)) + data[144:start - 2]
                     + struct.pack("<H", len(new)) + new.encode() + data[start + len(old):])
    return path


@pytest.mark.parametrize("named", [uid.JPEGBaseline8Bit, uid.JPEG2000Lossless, uid.RLELossless])
def test_pixels_that_are_only_called_compressed_are_read(tmp_path: Path, named: str) -> None:
    values = _values(0, 4095)
    path = _renamed(save(_grey(values), tmp_path / "a.dcm"), uid.ExplicitVRLittleEndian, named)
    source = open_image(path)
    assert np.array_equal(source.pixels(0), values) and NOT_COMPRESSED in source.info.notices


@pytest.mark.parametrize(("named", "written"), [
    (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian), (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian)])
def test_a_body_of_another_encoding_than_its_header_says_is_read(tmp_path: Path, named: str, written: str) -> None:
    values = _values(-2048, 2047)
    dataset = _grey(values, signed=True, ReferencedImageSequence=[Dataset()])
    dataset.file_meta.TransferSyntaxUID = written
    path = _renamed(save(dataset, tmp_path / "a.dcm"), written, named)
    assert np.array_equal(open_image(path).pixels(0), values)


# ------------------------------------------------------------------------------------------------------------ colour

def test_colours_that_are_called_halved_but_stored_in_full_are_read_in_full(tmp_path: Path) -> None:
    colours = _colours()
    ybr = np.asarray(pydicom.pixels.convert_color_space(colours, "RGB", "YBR_FULL"), np.uint8)
    source = open_image(save(_rgb(ybr.tobytes(), "YBR_FULL_422"), tmp_path / "a.dcm"))
    assert np.abs(source.pixels(0).astype(int) - colours).max() <= 2 and NOT_HALVED in source.info.notices
    halved = ybr.reshape(-1, 2, 3)
    pairs = np.stack([halved[:, 0, 0], halved[:, 1, 0], halved[:, 0, 1], halved[:, 0, 2]], axis=1)
    source = open_image(save(_rgb(pairs.tobytes(), "YBR_FULL_422"), tmp_path / "b.dcm"))
    assert np.abs(source.pixels(0).astype(int) - colours).mean() < 4 and not source.info.notices


def _without_markers(stream: bytes) -> bytes:
    """A JPEG without its JFIF and Adobe segments."""
    place, kept = 2, b"\xff\xd8"
    while stream[place + 1] != 0xDA:
        length, = struct.unpack_from(">H", stream, place + 2)
        if stream[place + 1] not in (0xE0, 0xEE):
            kept += stream[place:place + 2 + length]
        place += 2 + length
    return kept + stream[place:]


@pytest.mark.parametrize("coded", ["RGB", "YCBCR"])
@pytest.mark.parametrize("label", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("markers", [True, False])
def test_a_jpeg_tells_its_colours_itself(tmp_path: Path, coded: str, label: str, markers: bool) -> None:
    colours = _colours()
    stream = imagecodecs.jpeg8_encode(colours, level=95, colorspace="RGB", outcolorspace=coded)
    if not markers:
        stream = _without_markers(stream)
    source = open_image(save(_rgb(stream, label, uid.JPEGBaseline8Bit), tmp_path / "a.dcm"))
    assert np.abs(source.pixels(0).astype(int) - colours).mean() < 4
    told = any("its picture is coded as" in notice for notice in source.info.notices)
    assert told is (label.startswith("YBR") != (coded == "YCBCR"))


@pytest.mark.parametrize(("bits", "size", "factor"), [(8, 2, 1), (16, 2, 1), (16, 2, 257), (8, 1, 1), (8, 2, 256)])
def test_colour_tables_hold_what_their_entries_hold(tmp_path: Path, bits: int, size: int, factor: int) -> None:
    table = np.stack([np.arange(256), 255 - np.arange(256), np.full(256, 255)])
    indices = (np.arange(ROWS * COLUMNS) % 256).astype(np.uint8).reshape(ROWS, COLUMNS)
    dataset = _grey(indices, 8, 8, PhotometricInterpretation="PALETTE COLOR")
    for colour, entries in zip(("Red", "Green", "Blue"), table, strict=True):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, bits])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", (entries * factor).astype(f"<u{size}").tobytes())
    source = open_image(save(dataset, tmp_path / "a.dcm"))
    assert np.abs(source.pixels(0).astype(int) - table.T[indices]).max() <= (1 if factor == 256 else 0)
    assert FROM_PALETTE in source.info.notices


def test_colours_that_contradict_their_number_are_refused(tmp_path: Path) -> None:
    for samples, label, words in ((1, "RGB", "contradicts"), (3, "MONOCHROME2", "contradicts"), (3, "HSV", "coded"),
                                  (4, "CMYK", "4 values")):
        dataset = _rgb(bytes(ROWS * COLUMNS * 4), label)
        dataset.SamplesPerPixel = samples
        with pytest.raises(UserError, match=words):
            open_image(save(dataset, tmp_path / "a.dcm"))


def test_sizes_are_asked_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        open_image(save(_grey(_values(0, 9)), tmp_path / "a.dcm"), allow_bytes=1000)
