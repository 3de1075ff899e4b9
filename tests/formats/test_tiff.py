from __future__ import annotations

from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import SimpleITK as sitk
import tifffile

from medsynth_app.core.errors import UserError
from medsynth_app.core.geometry import Geometry
from medsynth_app.formats.registry import TooLarge, open_image, read_mask, read_provenance
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
