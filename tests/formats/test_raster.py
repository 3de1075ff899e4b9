from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import imageio.v3 as imageio
import numpy as np
import pytest
from PIL import Image

from medsynth_app.core.errors import UserError
from medsynth_app.formats.common import TooLarge
from medsynth_app.formats.raster import write_mask_png, write_png
from medsynth_app.formats.registry import open_image, read_mask, read_provenance
from tests.formats.making import asymmetric_mask, record

RGB = np.random.default_rng(0).integers(0, 256, (30, 44, 3), np.uint8)


def _saved(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


def test_png_opens_exactly(tmp_path: Path) -> None:
    source = open_image(_saved(Image.fromarray(RGB), tmp_path / "a.png"))
    assert np.array_equal(source.pixels(0), RGB) and source.info.colour == "rgb"
    assert source.info.pseudonym.startswith("Image-") and source.info.frames[0].key.source.startswith("sha256:")
    assert source.info.modality is None and not source.info.synthetic and source.info.frames[0].geometry is None
    again = open_image(_saved(Image.fromarray(RGB), tmp_path / "b.png"))
    assert again.info == source.info  # the same bytes are the same image, whatever their name


def test_sixteen_bit_grey_stays_sixteen_bit(tmp_path: Path) -> None:
    values = np.arange(30 * 44, dtype=np.uint16).reshape(30, 44) * 40
    imageio.imwrite(tmp_path / "a.png", values)
    source = open_image(tmp_path / "a.png")
    assert source.pixels(0).dtype == np.uint16 and np.array_equal(source.pixels(0), values)
    assert source.info.frames[0].stored_range == (0, 65535) and source.info.colour == "grey"


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to view
    path = _saved(Image.fromarray(RGB), tmp_path / "a.png", exif=exif)
    assert np.array_equal(open_image(path).pixels(0), np.rot90(RGB, -1))
    jpeg = _saved(Image.fromarray(RGB), tmp_path / "a.jpg", exif=exif, quality=95)
    assert open_image(jpeg).pixels(0).shape == (44, 30, 3)


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    rgba = np.dstack([RGB, np.zeros((30, 44), np.uint8)])
    rgba[0, 0, 3] = 255
    pixels = open_image(_saved(Image.fromarray(rgba), tmp_path / "a.png")).pixels(0)
    assert np.array_equal(pixels[0, 0], RGB[0, 0]) and (pixels[1:] == 255).all()
    grey = np.dstack([RGB[..., 0], np.full((30, 44), 255, np.uint8)])
    source = open_image(_saved(Image.fromarray(grey), tmp_path / "b.png"))
    assert source.info.colour == "grey" and np.array_equal(source.pixels(0), RGB[..., 0])


def test_palettes_become_rgb_and_bits_become_bytes(tmp_path: Path) -> None:
    palette = Image.fromarray(RGB).quantize(7)
    assert np.array_equal(open_image(_saved(palette, tmp_path / "a.png")).pixels(0), np.array(palette.convert("RGB")))
    bits = open_image(_saved(Image.fromarray(RGB[..., 0] > 127), tmp_path / "b.png")).pixels(0)
    assert bits.dtype == np.uint8 and np.array_equal(bits, np.where(RGB[..., 0] > 127, 255, 0))


def test_deep_colour_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(RGB.astype(np.uint16) * 257))
    source = open_image(tmp_path / "a.png")
    assert any("16 bits" in notice for notice in source.info.notices) and np.array_equal(source.pixels(0), RGB)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = _saved(Image.new("1", (12_000, 12_000)), tmp_path / "a.png")
    assert path.stat().st_size < 200_000
    with pytest.raises(TooLarge) as caught:
        open_image(path, allow_bytes=2**26)
    assert caught.value.bytes == 144_000_000 and "memory" in str(caught.value)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_cut_off_and_garbled_pictures_are_refused(tmp_path: Path, suffix: str) -> None:
    data = _saved(Image.fromarray(RGB), tmp_path / f"a.{suffix}").read_bytes()
    for name, content in (("cut", data[:len(data) // 2]), ("garbled", data[:60] + b"x" * 200), ("head", data[:9])):
        (tmp_path / f"{name}.{suffix}").write_bytes(content)
        with pytest.raises(UserError, match="damaged") as caught:
            open_image(tmp_path / f"{name}.{suffix}")
        assert str(tmp_path) not in f"{caught.value} {caught.value.details}"


def test_written_png_carries_its_record_and_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    write_png(path, RGB, record(), mark=False)
    assert np.array_equal(imageio.imread(path), RGB)  # another library, no mark: the very pixels
    found = read_provenance(path)
    assert found is not None and found.seed == 7 and found.parameters["prompt"] == "a lesion (größer)"
    assert found.source.startswith("uid-sha256:") and "1.2.3.4" not in path.read_bytes().decode("latin-1")
    assert b"iTXtmedsynth" in path.read_bytes()
    assert open_image(path).info.synthetic
    write_png(path, RGB[..., 0], None, mark=False)
    assert read_provenance(path) is None and not open_image(path).info.synthetic


def test_the_mark_changes_one_corner_only(tmp_path: Path) -> None:
    picture = np.full((200, 300, 3), 120, np.uint8)
    write_png(tmp_path / "a.png", picture, record())
    changed = (imageio.imread(tmp_path / "a.png") != picture).any(axis=2)
    assert changed.any() and not changed[:150].any() and list(tmp_path.iterdir()) == [tmp_path / "a.png"]


def test_an_unwritable_place_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="could not be written"):
        write_png(tmp_path / "no" / "a.png", RGB, None)


def test_a_mask_survives_png_without_a_flip(tmp_path: Path) -> None:
    mask = asymmetric_mask()
    write_mask_png(tmp_path / "m.png", mask)
    assert np.array_equal(imageio.imread(tmp_path / "m.png"), mask)
    assert np.array_equal(read_mask(tmp_path / "m.png"), mask)


def test_masks_of_other_programs(tmp_path: Path) -> None:
    mask = asymmetric_mask()
    palette = Image.fromarray(mask).convert("P")
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    assert np.array_equal(read_mask(_saved(Image.fromarray(mask), tmp_path / "grey.png")), mask)
    assert np.array_equal(read_mask(_saved(palette, tmp_path / "p.png")), np.array(palette))
    grey3 = np.repeat(mask[..., None], 3, axis=2)
    assert np.array_equal(read_mask(_saved(Image.fromarray(grey3), tmp_path / "rgb.png")), mask)
    red = np.zeros((*mask.shape, 3), np.uint8)
    red[..., 0] = (mask > 0) * 255
    assert np.array_equal(read_mask(_saved(Image.fromarray(red), tmp_path / "red.png")), mask > 0)
    jpeg = _saved(Image.fromarray((mask > 0).astype(np.uint8) * 255), tmp_path / "m.jpg", quality=95)
    assert np.array_equal(read_mask(jpeg), mask > 0)
    imageio.imwrite(tmp_path / "deep.png", mask.astype(np.uint16) * 300)
    with pytest.raises(UserError, match="0 to 255"):
        read_mask(tmp_path / "deep.png")


@pytest.mark.parametrize("under", [0, 255])
def test_what_is_transparent_is_not_painted(tmp_path: Path, under: int) -> None:
    mask = asymmetric_mask()
    layer = np.full((*mask.shape, 4), under, np.uint8)
    layer[..., 3] = 0
    layer[mask > 0] = (255, 0, 0, 255)
    layer[0, 0] = (255, 0, 0, 60)  # a soft brush's edge
    assert np.array_equal(read_mask(_saved(Image.fromarray(layer), tmp_path / "red.png")), mask > 0)
    layer[mask > 0] = (255, 255, 255, 100)  # a layer at less than full opacity
    layer[0, 0] = (255, 255, 255, 20)
    assert np.array_equal(read_mask(_saved(Image.fromarray(layer), tmp_path / "white.png")), (mask > 0) * 255)
    grey = np.dstack([np.where(mask, mask, under), (mask > 0) * 255]).astype(np.uint8)
    assert np.array_equal(read_mask(_saved(Image.fromarray(grey, "LA"), tmp_path / "grey.png")), mask)
    palette = Image.fromarray(np.where(mask, mask, 3).astype(np.uint8)).convert("P")
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, under, under, under])
    assert np.array_equal(read_mask(_saved(palette, tmp_path / "p.png", transparency=3)), mask)
    layer[..., 3] = 0
    assert not read_mask(_saved(Image.fromarray(layer), tmp_path / "none.png")).any()


def test_a_mask_that_a_model_drew_says_so_and_keeps_its_values(tmp_path: Path) -> None:
    mask = asymmetric_mask()
    write_mask_png(tmp_path / "plain.png", mask)
    write_mask_png(tmp_path / "drawn.png", mask, record())
    with Image.open(tmp_path / "drawn.png") as image:
        assert image.mode == "L" and np.array_equal(np.asarray(image), mask)
    assert np.array_equal(read_mask(tmp_path / "drawn.png"), mask)
    drawn, plain = (open_image(tmp_path / name) for name in ("drawn.png", "plain.png"))
    assert drawn.info.synthetic and not plain.info.synthetic
    found = read_provenance(tmp_path / "drawn.png")
    assert found is not None and found.parameters == record().parameters
