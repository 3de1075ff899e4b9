from __future__ import annotations

from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import numpy as np
import pytest
import SimpleITK as sitk
import tifffile

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.geometry import Geometry
from medsynth_app.core.image import GREY, Channel, Level
from medsynth_app.formats.common import TooLarge
from medsynth_app.formats.registry import open_image, read_mask, read_provenance
from medsynth_app.formats.tiff import TiffSource, write_tiff
from tests.formats.making import asymmetric_mask, record

RNG = np.random.default_rng(1)
RGB = RNG.integers(0, 256, (30, 44, 3), np.uint8)
STACK = RNG.integers(0, 65536, (2, 3, 30, 44), np.uint16)


def test_colour_and_deep_grey_open_exactly(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", RGB, photometric="rgb", compression="lzw")
    assert np.array_equal(open_image(tmp_path / "a.tif").pixels(0), RGB)
    for dtype in (np.uint8, np.int16, np.uint16, np.int32):
        values = STACK[0, 0].astype(dtype)
        tifffile.imwrite(tmp_path / "b.tif", values)
        source = open_image(tmp_path / "b.tif")
        assert source.pixels(0).dtype == dtype and np.array_equal(source.pixels(0), values)
        assert source.info.frames[0].stored_range == (np.iinfo(dtype).min, np.iinfo(dtype).max)


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_ome_planes_are_frames_with_their_pixel_size(tmp_path: Path, byteorder: str) -> None:
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, STACK, byteorder=byteorder, metadata={
        "axes": "CZYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25, "PhysicalSizeZ": 2, "PhysicalSizeXUnit": "µm",
        "PhysicalSizeYUnit": "µm", "PhysicalSizeZUnit": "µm"})
    source = open_image(path)
    assert isinstance(source, TiffSource) and len(source.info.frames) == 6
    for k in range(6):
        assert np.array_equal(source.pixels(k), STACK.reshape(6, 30, 44)[k])
    geometry = source.info.frames[5].geometry
    assert geometry is not None and geometry.origin is None
    assert (geometry.row_spacing, geometry.column_spacing, geometry.slice_spacing) == (0.00025, 0.0005, 0.002)
    assert any("2 channels" in notice for notice in source.info.notices)
    assert [frame.key.frame for frame in source.info.frames] == list(range(6))
    path.unlink()
    with pytest.raises(UserError, match="no longer where it was"):
        open_image_again = source
        open_image_again.close()
        open_image_again.pixels(0)


def test_a_pyramid_opens_at_its_full_size(tmp_path: Path) -> None:
    levels = [RNG.integers(0, 256, (size, size, 3), np.uint8) for size in (128, 64, 32)]
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as writer:
        writer.write(levels[0], subifds=2, photometric="rgb", tile=(64, 64), metadata={"axes": "YXS"})
        for level in levels[1:]:
            writer.write(level, subfiletype=1, photometric="rgb", tile=(32, 32))
    source = open_image(tmp_path / "a.ome.tif")
    assert len(source.info.frames) == 1 and np.array_equal(source.pixels(0), levels[0])


def test_planar_and_transparent_and_inverted_and_palette(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "planar.tif", np.moveaxis(RGB, 2, 0), photometric="rgb", planarconfig="separate")
    assert np.array_equal(open_image(tmp_path / "planar.tif").pixels(0), RGB)
    rgba = np.dstack([RGB, np.zeros((30, 44), np.uint8)])
    tifffile.imwrite(tmp_path / "rgba.tif", rgba, photometric="rgb", extrasamples=["unassalpha"])
    assert (open_image(tmp_path / "rgba.tif").pixels(0) == 255).all()
    tifffile.imwrite(tmp_path / "white.tif", RGB[..., 0], photometric="miniswhite")
    source = open_image(tmp_path / "white.tif")
    assert source.info.inverted and np.array_equal(source.pixels(0), RGB[..., 0])
    table = RNG.integers(0, 65536, (3, 256), np.uint16)
    tifffile.imwrite(tmp_path / "palette.tif", RGB[..., 0], photometric="palette", colormap=table)
    assert np.array_equal(open_image(tmp_path / "palette.tif").pixels(0), (table.T >> 8).astype(np.uint8)[RGB[..., 0]])


def test_decimals_become_steps_and_whole_decimals_stay(tmp_path: Path) -> None:
    values = np.linspace(-2, 5, 30 * 44, dtype=np.float32).reshape(30, 44)
    tifffile.imwrite(tmp_path / "a.tif", values)
    source = open_image(tmp_path / "a.tif")
    rescale = source.info.frames[0].rescale
    assert source.pixels(0).dtype == np.uint16 and any("decimal" in notice for notice in source.info.notices)
    assert np.abs(rescale.to_modality(source.pixels(0)) - values).max() <= rescale.slope
    tifffile.imwrite(tmp_path / "b.tif", np.rint(values * 100))
    source = open_image(tmp_path / "b.tif")
    assert source.pixels(0).dtype == np.int16 and source.info.notices == ()
    assert np.array_equal(source.pixels(0), np.rint(values * 100))


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((20_000, 10_000), np.uint8), compression="zlib", tile=(1024, 1024))
    with pytest.raises(TooLarge) as caught:
        open_image(path, allow_bytes=2**26)
    assert caught.value.bytes == 200_000_000


def test_cut_off_files_and_unknown_colours_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RNG.integers(0, 256, (300, 300), np.uint8), compression="zlib")
    data = path.read_bytes()
    for keep in (6, 20, len(data) // 2, len(data) - 100):
        path.write_bytes(data[:keep])
        with pytest.raises(UserError):
            open_image(path)
    tifffile.imwrite(path, np.zeros((9, 9, 4), np.uint8), photometric="separated")
    with pytest.raises(UserError, match="colour model"):
        open_image(path)


@pytest.mark.parametrize("pixels", [RGB, RGB[..., 0], STACK[0, 0], STACK[0, 0].astype(np.int16)])
def test_written_tiff_is_read_by_other_libraries(tmp_path: Path, pixels: np.ndarray) -> None:  # type: ignore[type-arg]
    path = tmp_path / "a.tif"
    write_tiff(path, pixels, record(), mark=False, geometry=Geometry(0.5, 0.4882812))
    for other in (imageio.imread(path, plugin="pillow") if pixels.dtype != np.int16 else imageio.imread(path),
                  sitk.GetArrayFromImage(sitk.ReadImage(str(path))), open_image(path).pixels(0)):
        assert np.array_equal(np.asarray(other).squeeze(), pixels)
    found = read_provenance(path)
    assert found is not None and found.parameters["prompt"] == "a lesion (größer)" and found.seed == 7
    info = open_image(path).info
    assert info.synthetic and info.frames[0].geometry is not None
    assert info.frames[0].geometry.row_spacing == pytest.approx(0.5, rel=1e-5)
    assert info.frames[0].geometry.column_spacing == pytest.approx(0.4882812, rel=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_a_tiff_whose_low_values_are_white_says_so(tmp_path: Path, dtype: type[np.generic]) -> None:
    pixels = STACK[0, 0].astype(dtype)
    write_tiff(tmp_path / "a.tif", pixels, None, mark=False, inverted=True)
    again = open_image(tmp_path / "a.tif")
    assert again.info.inverted and np.array_equal(again.pixels(0), pixels)
    assert np.array_equal(tifffile.imread(tmp_path / "a.tif"), pixels)


def test_marked_tiff_keeps_its_depth(tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", STACK[0, 0], None)
    pixels = open_image(tmp_path / "a.tif").pixels(0)
    assert pixels.dtype == np.uint16 and not np.array_equal(pixels, STACK[0, 0])
    assert read_provenance(tmp_path / "a.tif") is None


def test_tiff_masks(tmp_path: Path) -> None:
    mask = asymmetric_mask()
    tifffile.imwrite(tmp_path / "m.tif", mask)
    assert np.array_equal(read_mask(tmp_path / "m.tif"), mask)
    tifffile.imwrite(tmp_path / "m.tif", np.stack([mask, mask.T[:40, :40].repeat(2, 1)[:, :56]]), metadata=None)
    with pytest.raises(UserError, match="2 planes"):
        read_mask(tmp_path / "m.tif")
    assert np.array_equal(read_mask(tmp_path / "m.tif", 0), mask)


BIG = RNG.integers(0, 256, (300, 420, 3), np.uint8)
BOXES = [Bounds(0, 0, 300, 420), Bounds(0, 0, 1, 1), Bounds(299, 419, 300, 420), Bounds(60, 70, 140, 200)]


@pytest.mark.parametrize("options", [
    {"photometric": "rgb", "tile": (64, 64), "compression": "lzw", "predictor": True},
    {"photometric": "rgb", "tile": (64, 96), "compression": "jpeg"},
    {"photometric": "rgb", "tile": (64, 64), "byteorder": ">"},
    {"photometric": "rgb", "tile": (64, 64), "planarconfig": "separate"},
    {"photometric": "minisblack", "tile": (64, 64), "grey": np.uint16},
    {"photometric": "miniswhite", "tile": (64, 64), "grey": np.uint8},
    {"photometric": "minisblack", "rowsperstrip": 7, "pages": 2, "grey": np.int16, "compression": "zlib"},
])
def test_a_region_is_that_part_of_the_whole(tmp_path: Path, options: dict[str, Any]) -> None:
    kind, pages, order = options.pop("grey", None), options.pop("pages", 1), options.pop("byteorder", "<")
    values = BIG if kind is None else (BIG[..., 0].astype(np.int64) * 100 % np.iinfo(kind).max).astype(kind)
    with tifffile.TiffWriter(tmp_path / "a.tif", byteorder=order) as writer:
        picture = np.moveaxis(values, -1, 0) if options.get("planarconfig") else values
        writer.write(picture if pages == 1 else np.stack([picture + page for page in range(pages)]), **options)
    source = open_image(tmp_path / "a.tif")
    assert isinstance(source, TiffSource)
    whole = source.pixels(pages - 1).copy()
    source.close()  # forgets what it has decoded
    for box in BOXES:
        part = source.region(pages - 1, box)
        assert np.array_equal(part, whole[box.slices]) and part.dtype == whole.dtype and not part.flags.writeable
    for box in (Bounds(0, 0, 301, 10), Bounds(-1, 0, 10, 10), Bounds(5, 5, 5, 9)):
        with pytest.raises(ValueError, match="no part of"):
            source.region(0, box)


def test_only_the_tiles_of_a_region_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, BIG, photometric="rgb", tile=(64, 64), compression="zlib")
    source = open_image(path)
    source.close()
    with tifffile.TiffFile(path) as tiff:
        offset, length = tiff.pages.first.dataoffsets[-1], tiff.pages.first.databytecounts[-1]
    data = path.read_bytes()
    path.write_bytes(data[:offset] + b"\xff" * length + data[offset + length:])
    assert np.array_equal(source.region(0, Bounds(0, 0, 200, 300)), BIG[:200, :300])
    with pytest.raises(UserError, match="damaged"):
        source.region(0, Bounds(200, 300, 300, 420))


def test_the_levels_of_a_pyramid_are_read_by_region(tmp_path: Path) -> None:
    levels = [BIG[::step, ::step] for step in (1, 2, 4)]
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        writer.write(levels[0], subifds=2, photometric="rgb", tile=(64, 64), metadata={"axes": "YXS"})
        for level in levels[1:]:
            writer.write(level, subfiletype=1, photometric="rgb", tile=(64, 64))
    source = open_image(tmp_path / "a.ome.tif")
    assert source.levels == (Level(300, 420), Level(150, 210, 2), Level(75, 105, 4))
    for number, level in enumerate(levels):
        box = Bounds(10, 20, 70, 100)
        assert np.array_equal(source.region(0, box, number), level[box.slices])
    with pytest.raises(ValueError, match="no part of"):
        source.region(0, Bounds(0, 0, 100, 200), 2)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_axes_are_told_of_each_frame(tmp_path: Path, dtype: type) -> None:
    path = tmp_path / "a.ome.tif"
    values = np.arange(2 * 3 * 4 * 5 * 6, dtype=dtype).reshape(2, 3, 4, 5, 6)
    tifffile.imwrite(path, values, metadata={"axes": "TCZYX", "Channel": {
        "Name": ["DAPI", "FITC", ""], "Color": [0x0000FFFF, 0x00FF00FF, -1]}})
    source = open_image(path)
    assert [(f.time, f.channel, f.z) for f in source.info.frames] == list(np.ndindex(2, 3, 4))
    assert source.channels[:2] == (Channel("DAPI", (0, 0, 255)), Channel("FITC", (0, 255, 0)))
    assert source.channels[2].name == "channel 3"
    plain = tmp_path / "b.tif"
    tifffile.imwrite(plain, values[0, 0, 0].astype(np.uint16))
    only = open_image(plain)
    frame = only.info.frames[0]
    assert only.channels == GREY and (frame.channel, frame.z, frame.time) == (None, None, None)
