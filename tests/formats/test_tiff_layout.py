"""What the tags of a TIFF mean for its pixels, held against Pillow (libtiff) or against TIFF 6.0 itself."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Level
from medsynth_app.formats.registry import open_image, read_mask
from medsynth_app.formats.tiff import TiffSource, write_tiff
from tests.formats.making import asymmetric_mask, seen_through

RNG = np.random.default_rng(5)
RGB = RNG.integers(0, 256, (30, 44, 3), np.uint8)
SMOOTH = np.kron(RGB[:15, :22], np.ones((4, 4, 1), np.uint8))  # (60, 88, 3)
ORIENTATION, EXTRA, SUBSAMPLING = 274, 338, 530


def tiff(path: Path, tags: dict[int, Any], strips: Sequence[bytes], order: str = "<") -> Path:
    """A TIFF of one page, of tags (a number, several, bytes, or fractions) and its strips or tiles."""
    where = {273: 279, 324: 325}[324 if 322 in tags else 273] and (324 if 322 in tags else 273)
    data, offsets = bytearray(), []
    for strip in strips:
        offsets.append(8 + len(data))
        data += strip + b"\0" * (len(strip) % 2)
    tags = {**tags, where: offsets, where + (1 if where == 324 else 6): [len(strip) for strip in strips]}
    start, entries, more = 8 + len(data), b"", b""
    behind = start + 6 + 12 * len(tags)
    for tag, value in sorted(tags.items()):
        values = [value] if isinstance(value, (int, Fraction)) else list(value)
        kind, form = (7, "B") if isinstance(value, bytes) else (5, "2I") if isinstance(values[0], Fraction) else \
            (3, "H") if max(values) < 65536 and tag not in (273, 279, 324, 325) else (4, "I")
        packed = b"".join(struct.pack(order + form, *((item.numerator, item.denominator) if kind == 5 else (item,)))
                          for item in values)
        place = packed.ljust(4, b"\0")
        if len(packed) > 4:
            place = struct.pack(order + "I", behind + len(more))
            more += packed + b"\0" * (len(packed) % 2)
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + place
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", start)
    path.write_bytes(head + bytes(data) + struct.pack(order + "H", len(tags)) + entries + b"\0" * 4 + more)
    return path


SEEN = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, -1), 7: lambda a: np.rot90(a, 2).swapaxes(0, 1), 8: np.rot90}


@pytest.mark.parametrize("orientation", SEEN)
@pytest.mark.parametrize("options", [{}, {"tile": (16, 32)}, {"compression": "zlib", "rowsperstrip": 7}])
def test_orientation_is_applied_to_whole_parts_and_masks(tmp_path: Path, orientation: int, options: dict[str, Any]
                                                         ) -> None:
    path, tag = tmp_path / "a.tif", [(ORIENTATION, "H", 1, orientation, True)]
    for stored in (RGB, RGB[..., 0], RGB[..., 0].astype(np.uint16) * 99):
        tifffile.imwrite(path, stored, photometric="rgb" if stored.ndim == 3 else "minisblack", extratags=tag,
                         resolution=(10, 20), resolutionunit="CENTIMETER", **options)
        source = open_image(path)
        assert np.array_equal(source.pixels(0), SEEN[orientation](stored))
        if stored.ndim == 3:  # of grey Pillow garbles what it maps into memory
            with Image.open(path) as picture:
                assert np.array_equal(source.pixels(0), np.asarray(ImageOps.exif_transpose(picture)))
        rows, columns = source.pixels(0).shape[:2]
        frame = source.info.frames[0]
        assert (frame.rows, frame.columns) == (rows, columns) and source.levels[0] == Level(rows, columns)
        assert frame.geometry is not None
        spacing = frame.geometry.row_spacing, frame.geometry.column_spacing
        assert spacing == ((0.5, 1) if orientation < 5 else (1, 0.5))
        assert any("upright" in notice for notice in source.info.notices) == (orientation > 1)
        whole = source.pixels(0).copy()
        if isinstance(source, TiffSource):
            source.close()
        for box in (Bounds(0, 0, rows, columns), Bounds(3, 1, 9, 20), Bounds(rows - 5, columns - 7, rows, columns)):
            assert np.array_equal(source.region(0, box), whole[box.slices])
        write_tiff(tmp_path / "b.tif", whole, None, mark=False)
        assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), whole)  # exported as seen
    tifffile.imwrite(path, asymmetric_mask(), extratags=tag, **options)
    assert np.array_equal(read_mask(path), SEEN[orientation](asymmetric_mask()))


def test_each_plane_has_its_own_orientation_and_a_pyramid_turns_as_one(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for turn in (1, 6, 3):
            writer.write(RGB[..., 0], metadata=None, extratags=[(ORIENTATION, "H", 1, turn, True)])
    source = open_image(tmp_path / "a.tif")
    assert [(frame.rows, frame.columns) for frame in source.info.frames] == [(30, 44), (44, 30), (30, 44)]
    assert np.array_equal(source.pixels(1), np.rot90(RGB[..., 0], -1))
    assert np.array_equal(source.pixels(2), RGB[::-1, ::-1, 0])
    big = RNG.integers(0, 256, (96, 160, 3), np.uint8)
    with tifffile.TiffWriter(tmp_path / "b.ome.tif") as writer:
        for step in (1, 2):
            writer.write(big[::step, ::step], photometric="rgb", tile=(32, 32), subfiletype=step - 1,
                         extratags=[(ORIENTATION, "H", 1, 8, True)],
                         **({"subifds": 1, "metadata": {"axes": "YXS"}} if step == 1 else {}))
    source = open_image(tmp_path / "b.ome.tif")
    assert source.levels == (Level(160, 96), Level(80, 48, 2))
    box = Bounds(10, 5, 70, 40)
    assert np.array_equal(source.region(0, box, 1), np.rot90(big[::2, ::2])[box.slices])


def _ycbcr(rgb: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(Image.fromarray(rgb).convert("YCbCr"))


def _units(ycc: np.ndarray[Any, Any], across: int, down: int) -> bytes:
    """Data units of TIFF 6.0: the luma of a block, then one Cb and one Cr."""
    rows, columns = (math.ceil(size / step) * step for size, step in zip(ycc.shape[:2], (down, across), strict=True))
    padded = np.pad(ycc, ((0, rows - ycc.shape[0]), (0, columns - ycc.shape[1]), (0, 0)), mode="edge")
    found = bytearray()
    for top in range(0, rows, down):
        for left in range(0, columns, across):
            block = padded[top:top + down, left:left + across]
            found += block[..., 0].tobytes() + block[0, 0, 1:].tobytes()
    return bytes(found)


PACKED = {1: lambda data: data, 5: imagecodecs.lzw_encode, 8: zlib.compress, 32773: imagecodecs.packbits_encode}


@pytest.mark.parametrize("compression", PACKED)
@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2), (4, 2), None])
@pytest.mark.parametrize("order", ["<", ">"])
def test_luma_and_chroma_become_rgb(tmp_path: Path, compression: int, subsampling: tuple[int, int] | None, order: str
                                    ) -> None:
    across, down = subsampling or (2, 2)
    picture = SMOOTH[:57, :85]  # no multiple of a block
    ycc = _ycbcr(picture)
    strips = [PACKED[compression](_units(ycc[top:top + 16], across, down)) for top in range(0, 57, 16)]
    tags = {256: 85, 257: 57, 258: [8, 8, 8], 259: compression, 262: 6, 277: 3, 278: 16, 284: 1}
    path = tiff(tmp_path / "a.tif", tags | ({SUBSAMPLING: subsampling} if subsampling else {}), strips, order)
    source = open_image(path)
    assert source.info.colour == "rgb" and np.abs(source.pixels(0).astype(int) - picture).max() <= 3
    if compression != 1:  # Pillow takes raw chroma for RGB itself
        with Image.open(path) as other:
            assert np.abs(source.pixels(0).astype(int) - np.asarray(other.convert("RGB"))).max() <= 2
    tile = tiff(tmp_path / "b.tif", {**{key: value for key, value in tags.items() if key != 278}, 322: 32, 323: 32,
                                     **({SUBSAMPLING: subsampling} if subsampling else {})},
                [PACKED[compression](_units(np.pad(ycc, ((0, 7), (0, 11), (0, 0)))[top:top + 32, left:left + 32],
                                            across, down)) for top in (0, 32) for left in (0, 32, 64)], order)
    tiled = open_image(tile)
    assert np.array_equal(tiled.pixels(0)[:48], source.pixels(0)[:48])
    if isinstance(tiled, TiffSource):
        tiled.close()
    assert np.array_equal(tiled.region(0, Bounds(5, 7, 40, 50)), source.pixels(0)[5:40, 7:50])


def test_the_files_own_black_white_and_coefficients_count(tmp_path: Path) -> None:
    ycc = np.array([[[16, 128, 128], [235, 128, 128], [126, 240, 128], [126, 128, 240]]], np.uint8)
    tags = {256: 4, 257: 1, 258: [8, 8, 8], 259: 5, 262: 6, 277: 3, 278: 1, 284: 1, SUBSAMPLING: (1, 1),
            529: [Fraction(2126, 10000), Fraction(7152, 10000), Fraction(722, 10000)],
            532: [Fraction(value) for value in (16, 235, 128, 240, 128, 240)]}
    path = tiff(tmp_path / "a.tif", tags, [imagecodecs.lzw_encode(ycc.tobytes())])
    pixels = open_image(path).pixels(0)
    assert pixels[0, :2].tolist() == [[0, 0, 0], [255, 255, 255]]
    with Image.open(path) as other:
        assert np.abs(pixels.astype(int) - np.asarray(other.convert("RGB"))).max() <= 2
    chroma = dict(tags) | {SUBSAMPLING: (2, 2), 284: 2}
    with pytest.raises(UserError, match="not known here"):
        open_image(tiff(tmp_path / "b.tif", chroma, [b"\0" * 4, b"\0", b"\0"]))


@pytest.mark.parametrize("associated", [True, False])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_alpha_is_laid_on_white_once(tmp_path: Path, associated: bool, planar: str, dtype: type) -> None:
    top = np.iinfo(dtype).max
    share = RNG.integers(0, 256, (30, 44, 1)) / 255
    share[0], share[1] = 0, 1
    colours = RGB / 255 * (share if associated else 1)
    values = np.rint(np.dstack([colours, share]) * top).astype(dtype)
    kind = ["assocalpha" if associated else "unassalpha"]
    for tile in (None, (16, 16)):
        tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(values, 2, 0) if planar == "separate" else values, tile=tile,
                         photometric="rgb", planarconfig=planar, extrasamples=kind)
        source = open_image(tmp_path / "a.tif")
        assert np.abs(source.pixels(0) - (RGB * share + 255 * (1 - share))).max() <= 1.6
        assert any("white" in notice for notice in source.info.notices)
    tifffile.imwrite(tmp_path / "g.tif", values[..., [0, 3]], photometric="minisblack", planarconfig="contig",
                     extrasamples=kind)
    grey = open_image(tmp_path / "g.tif")
    assert grey.pixels(0).dtype == dtype and len(grey.info.frames) == 1 and "white" in grey.info.notices[0]
    wanted = (RGB[..., :1] / 255 * share + 1 - share)[..., 0] * top
    assert np.abs(grey.pixels(0) - wanted).max() <= (1.1 if dtype is np.uint8 else 2)


@pytest.mark.parametrize(("dtype", "count"), [(np.float32, 1), (np.int16, 1), (np.uint64, 1), (np.uint16, 2)])
def test_alpha_that_cannot_be_laid_on_white_is_told(tmp_path: Path, dtype: type, count: int) -> None:
    values = np.dstack([RGB[..., :count], RGB[..., :1] * 0]).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", planarconfig="contig",
                     extrasamples=["unspecified"] * (count - 1) + ["unassalpha"])
    source = open_image(tmp_path / "a.tif")
    assert len(source.info.frames) == count and any("left out" in notice for notice in source.info.notices)
    assert np.array_equal(source.pixels(count - 1), RGB[..., count - 1])


@pytest.mark.parametrize("kinds", [["unspecified"], [], ["unspecified", "unspecified"]])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_an_unknown_sample_beside_rgb_is_no_alpha(tmp_path: Path, kinds: list[str], planar: str) -> None:
    more = np.dstack([RGB, RNG.integers(0, 256, (30, 44, max(1, len(kinds))), np.uint8)])
    path = tmp_path / "a.tif"
    if kinds:
        tifffile.imwrite(path, np.moveaxis(more, 2, 0) if planar == "separate" else more, photometric="rgb",
                         planarconfig=planar, extrasamples=kinds)
    else:  # without the tag, as some writers have it
        tiff(path, {256: 44, 257: 30, 258: [8] * 4, 259: 1, 262: 2, 277: 4, 278: 30, 284: 1}, [more.tobytes()])
    source = open_image(path)
    assert np.array_equal(source.pixels(0), RGB) and any("not shown" in notice for notice in source.info.notices)


@pytest.mark.parametrize("count", [2, 3, 4, 7])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_channels_of_grey_are_frames_at_full_depth(tmp_path: Path, count: int, planar: str, dtype: type) -> None:
    values = RNG.integers(0, 200, (30, 44, count)).astype(dtype)
    for options in ({}, {"tile": (16, 16)}, {"compression": "zlib"}, {"byteorder": ">"}):
        tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(values, 2, 0) if planar == "separate" else values,
                         photometric="minisblack", planarconfig=planar, **options)
        source = open_image(tmp_path / "a.tif")
        assert source.info.colour == "grey" and len(source.channels) == len(source.info.frames) == count
        assert [frame.channel for frame in source.info.frames] == list(range(count))
        for k in range(count):
            assert np.array_equal(source.pixels(k), values[..., k])
            assert dtype is np.float32 or source.pixels(k).dtype == dtype
        assert f"{count} channels" in source.info.notices[0]
        if isinstance(source, TiffSource):
            source.close()
        assert np.array_equal(source.region(count - 1, Bounds(3, 4, 20, 40)), values[3:20, 4:40, -1])


def test_channels_of_several_planes_follow_each_other(tmp_path: Path) -> None:
    values = RNG.integers(0, 60000, (4, 30, 44, 3), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", planarconfig="contig", metadata=None)
    source = open_image(tmp_path / "a.tif")
    assert [frame.channel for frame in source.info.frames] == [0, 1, 2] * 4
    assert all(np.array_equal(source.pixels(3 * page + k), values[page, ..., k]) for page in range(4) for k in range(3))
    with pytest.raises(UserError, match="12 planes"):
        read_mask(tmp_path / "a.tif")


@pytest.mark.parametrize("bits", [8, 16])
def test_a_table_of_colours_may_hold_bytes(tmp_path: Path, bits: int) -> None:
    table = RNG.integers(0, 256, (256, 3)).astype(np.uint16)
    held = table if bits == 8 else table * 257
    tifffile.imwrite(tmp_path / "a.tif", RGB[..., 0], photometric="palette", colormap=held.T)
    source = open_image(tmp_path / "a.tif")
    assert np.array_equal(source.pixels(0), table[RGB[..., 0]]) and "table" in source.info.notices[0]
    tifffile.imwrite(tmp_path / "m.tif", asymmetric_mask(), photometric="palette", colormap=held.T, tile=(16, 16))
    assert np.array_equal(read_mask(tmp_path / "m.tif"), asymmetric_mask())


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tables_of_every_size_give_their_colours(tmp_path: Path, bits: int, order: str) -> None:
    numbers = RNG.integers(0, 2**bits, (30, 48)).astype(np.uint16)
    table = RNG.integers(0, 65536, (2**bits, 3)).astype(np.uint16)
    rows = np.packbits(np.unpackbits(numbers.astype(">u2").view(np.uint8).reshape(30, 48, 2), axis=2)[..., 16 - bits:]
                       .reshape(30, -1), axis=1) if bits < 16 else numbers.astype(f"{order}u2")
    path = tiff(tmp_path / "a.tif", {256: 48, 257: 30, 258: bits, 259: 1, 262: 3, 277: 1, 278: 30,
                                     320: table.T.ravel().tolist()}, [rows.tobytes()], order)
    assert np.array_equal(open_image(path).pixels(0), (table >> 8)[numbers])
    if bits < 8:    # 256 values by chance are a picture, and refused as a mask
        assert np.array_equal(read_mask(path), numbers)


@pytest.mark.parametrize("under", [0, 255])
def test_what_is_transparent_in_a_mask_is_not_painted(tmp_path: Path, under: int) -> None:
    mask = asymmetric_mask()
    layer = np.where(mask[..., None] > 0, mask[..., None], under).repeat(3, 2).astype(np.uint8)
    tifffile.imwrite(tmp_path / "m.tif", np.dstack([layer, (mask > 0) * 255]).astype(np.uint8), photometric="rgb",
                     extrasamples=["unassalpha"])
    assert np.array_equal(read_mask(tmp_path / "m.tif"), mask)


@pytest.mark.parametrize(("bits", "values"), [(1, 2), (2, 4), (4, 16)])
@pytest.mark.parametrize("photometric", [0, 1])
def test_few_bits_are_seen_over_their_own_range(tmp_path: Path, bits: int, values: int, photometric: int) -> None:
    stored = RNG.integers(0, values, (30, 44), np.uint8)
    rows = np.packbits(np.unpackbits(stored[..., None], axis=2)[..., 8 - bits:].reshape(30, -1), axis=1)
    path = tiff(tmp_path / "a.tif", {256: 44, 257: 30, 258: bits, 259: 1, 262: photometric, 277: 1, 278: 30},
                [rows.tobytes()])
    source = open_image(path)
    frame = source.info.frames[0]
    assert np.array_equal(source.pixels(0), stored) and frame.stored_range == (0, values - 1)
    assert source.info.inverted == (photometric == 0)
    window = seen_through(source)
    assert (window.low, window.high) == (0, values - 1)
    assert np.array_equal(read_mask(path), stored)


@pytest.mark.parametrize(("highest", "dtype"), [(4095, np.uint16), (255, np.uint16), (65535, np.uint16),
                                                (1023, np.int16), (2**20 - 1, np.uint32)])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_deep_colours_are_stretched_over_the_bits_in_use(tmp_path: Path, highest: int, dtype: type, tile: Any) -> None:
    deep = np.rint(RGB / 255 * highest).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", np.stack([deep // 2, deep]), photometric="rgb", metadata=None, tile=tile)
    source = open_image(tmp_path / "a.tif")
    assert np.abs(source.pixels(1).astype(int) - RGB).max() <= 1
    assert np.abs(source.pixels(0).astype(int) - RGB // 2).max() <= 1  # of all planes, not of each
    assert any("8 bits per colour" in notice for notice in source.info.notices)
    assert any("stretched" in notice for notice in source.info.notices) == (highest != 65535)


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_what_is_beside_deep_colours_does_not_count_for_their_bits(tmp_path: Path, planar: str) -> None:
    more = np.dstack([RGB.astype(np.uint16) * 16, np.full((30, 44), 65535, np.uint16)])
    for kind in ("unassalpha", "unspecified"):
        tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(more, 2, 0) if planar == "separate" else more,
                         photometric="rgb", planarconfig=planar, extrasamples=[kind])
        assert np.abs(open_image(tmp_path / "a.tif").pixels(0).astype(int) - RGB).max() <= 1


def test_wide_integers_and_one_wild_number(tmp_path: Path) -> None:
    values = RNG.integers(0, 4000, (30, 44))
    for dtype in (np.int64, np.uint64):
        tifffile.imwrite(tmp_path / "a.tif", np.stack([values.astype(dtype)] * 2), metadata=None)
        source = open_image(tmp_path / "a.tif")
        assert source.pixels(1).dtype == np.int16 and np.array_equal(source.pixels(1), values)
    decimals = values.astype(np.float32) / 3
    decimals[4, 5] = -1e30
    tifffile.imwrite(tmp_path / "a.tif", decimals)
    source = open_image(tmp_path / "a.tif")
    shown = source.info.frames[0].rescale.to_modality(source.pixels(0))
    assert np.abs(shown - decimals)[decimals > -1e30].max() < 0.5
    assert any("far from all others" in notice for notice in source.info.notices)


@pytest.mark.parametrize(("unit", "millimetres"), [("Å", 1e-7), ("nm", 1e-6), ("pm", 1e-9), ("µm", 1e-3), ("in", 25.4),
                                                   ("km", 1e6), ("pixel", None), ("reference frame", None)])
def test_every_unit_of_length_of_ome_is_known(tmp_path: Path, unit: str, millimetres: float | None) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", RGB[..., 0], metadata={
        "axes": "YX", "PhysicalSizeX": 2.5, "PhysicalSizeY": 5, "PhysicalSizeXUnit": unit, "PhysicalSizeYUnit": unit})
    geometry = open_image(tmp_path / "a.ome.tif").info.frames[0].geometry
    if millimetres is None:
        assert geometry is None
    else:
        assert geometry is not None
        assert (geometry.row_spacing, geometry.column_spacing) == pytest.approx((5 * millimetres, 2.5 * millimetres))


def test_tags_that_contradict_the_pixels_are_refused(tmp_path: Path) -> None:
    base = {256: 44, 257: 30, 258: 8, 259: 1, 277: 1, 278: 30}
    for photometric, words in ((2, "1 of 3"), (6, "1 of 3"), (3, "table"), (5, "colour model"), (8, "colour model")):
        with pytest.raises(UserError, match=words):
            open_image(tiff(tmp_path / "a.tif", {**base, 262: photometric}, [RGB[..., 0].tobytes()]))
