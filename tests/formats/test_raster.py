from __future__ import annotations

import struct
import time
import zlib
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
from tests.formats.making import asymmetric_mask, record, seen_through

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


def _chunk(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _png(path: Path, values: np.ndarray[Any, Any], kind: int, bits: int, *before: bytes, after: bytes = b"") -> Path:
    """A PNG of (rows, columns[, samples]), a colour type and so many bits, with chunks round its pixels."""
    rows, columns = values.shape[:2]
    if bits < 8:
        flat = np.unpackbits(values[..., None], axis=2)[..., 8 - bits:].reshape(rows, -1)
        lines = np.packbits(flat, axis=1)
    else:
        lines = values.reshape(rows, -1).astype(">u2" if bits == 16 else "u1")
    data = b"".join(b"\0" + line.tobytes() for line in lines)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, bits, kind, 0, 0, 0))
                     + b"".join(before) + _chunk(b"IDAT", zlib.compress(data)) + after + _chunk(b"IEND"))
    return path


DEEP = np.random.default_rng(1).integers(0, 65536, (30, 44), np.uint16)


def test_deep_grey_stays_deep_with_alpha_and_with_a_transparent_value(tmp_path: Path) -> None:
    share = np.full((30, 44), 65535, np.uint16)
    opaque = open_image(_png(tmp_path / "a.png", np.dstack([DEEP, share]), 4, 16))
    assert opaque.info.colour == "grey" and opaque.info.notices == ()
    assert opaque.pixels(0).dtype == np.uint16 and np.array_equal(opaque.pixels(0), DEEP)
    share[0] = 0
    share[1] = 32768
    clear = open_image(_png(tmp_path / "b.png", np.dstack([DEEP, share]), 4, 16))
    assert (clear.pixels(0)[0] == 65535).all() and np.array_equal(clear.pixels(0)[2:], DEEP[2:])
    assert np.abs(clear.pixels(0)[1] - (DEEP[1] * (32768 / 65535) + 65535 * (1 - 32768 / 65535))).max() <= 0.51
    assert "white" in clear.info.notices[0] and clear.info.frames[0].stored_range == (0, 65535)
    for value in (5, int(DEEP[3, 3])):
        source = open_image(_png(tmp_path / "c.png", DEEP, 0, 16, _chunk(b"tRNS", struct.pack(">H", value))))
        assert np.array_equal(source.pixels(0), np.where(value == DEEP, 65535, DEEP))
        assert source.pixels(0).dtype == np.uint16 and bool(source.info.notices) == (value == DEEP).any()


@pytest.mark.parametrize(("highest", "stretched"), [(4095, True), (255, True), (65535, False), (40000, False)])
@pytest.mark.parametrize("alpha", [True, False])
def test_deep_colours_are_stretched_over_the_bits_in_use(tmp_path: Path, highest: int, stretched: bool, alpha: bool
                                                         ) -> None:
    deep = np.rint(RGB / 255 * highest).astype(np.uint16)
    values = np.dstack([deep, np.full((30, 44), 65535, np.uint16)]) if alpha else deep
    source = open_image(_png(tmp_path / "a.png", values, 6 if alpha else 2, 16))
    top = 2**highest.bit_length() - 1
    assert np.abs(source.pixels(0).astype(int) - deep / top * 255).max() <= 0.51
    assert "16 bits" in source.info.notices[0] and ("stretched" in source.info.notices[0]) == stretched


def test_deep_colours_are_stretched_before_they_are_laid_on_white(tmp_path: Path) -> None:
    share = np.full((30, 44, 1), 65535)
    share[0] = 0
    deep = np.dstack([RGB.astype(np.uint16) * 16, share])
    source = open_image(_png(tmp_path / "a.png", deep, 6, 16))
    assert (source.pixels(0)[0] == 255).all() and np.abs(source.pixels(0)[1:].astype(int) - RGB[1:]).max() <= 1
    assert "stretched" in source.info.notices[0] and "white" in source.info.notices[1]


@pytest.mark.parametrize(("bits", "values"), [(1, 2), (2, 4), (4, 16)])
def test_labels_of_few_bits_keep_their_values_in_masks(tmp_path: Path, bits: int, values: int) -> None:
    labels = np.random.default_rng(0).integers(0, values, (30, 44), np.uint8)
    path = _png(tmp_path / "m.png", labels, 0, bits)
    assert np.array_equal(read_mask(path), labels)
    assert np.array_equal(open_image(path).pixels(0), labels * (255 // (values - 1)))
    table = _chunk(b"PLTE", bytes(range(3 * values)))
    assert np.array_equal(read_mask(_png(tmp_path / "p.png", labels, 3, bits, table)), labels)
    window = seen_through(open_image(_png(tmp_path / "8.png", labels, 0, 8)))
    assert (window.low, window.high) == (0, values - 1)


def test_orientation_is_found_behind_the_pixels_and_told(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    chunk = _chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    for path in (_png(tmp_path / "a.png", RGB, 2, 8, chunk), _png(tmp_path / "b.png", RGB, 2, 8, after=chunk)):
        source = open_image(path)
        assert np.array_equal(source.pixels(0), np.rot90(RGB)) and "upright" in source.info.notices[0]
    drawing = RGB // 128 * 255  # in eight colours
    path = _png(tmp_path / "c.png", drawing, 2, 8, chunk)
    assert np.array_equal(read_mask(path), np.rot90(drawing).max(axis=2) > 127)


def test_every_change_of_pixels_is_told(tmp_path: Path) -> None:
    plain = open_image(_saved(Image.fromarray(RGB), tmp_path / "a.png"))
    assert plain.info.notices == ()
    for mode, name, word in (("CMYK", "a.jpg", "printer"), ("P", "b.png", "table")):
        path = _saved(Image.fromarray(RGB).convert(mode), tmp_path / name)
        assert word in open_image(path).info.notices[0]
        assert np.array_equal(open_image(path).pixels(0), np.asarray(Image.open(path).convert("RGB")))


@pytest.mark.parametrize("name", [b"prVt", b"tEXt"])
def test_a_picture_of_countless_pieces_is_refused_at_once(tmp_path: Path, name: bytes) -> None:
    path = _png(tmp_path / "a.png", RGB, 2, 8, _chunk(name, b"k\0v") * 200_000)
    start = time.process_time()
    with pytest.raises(UserError, match="damaged"):
        open_image(path)
    with pytest.raises(UserError, match="damaged"):
        read_provenance(path)
    assert time.process_time() - start < 4


@pytest.mark.parametrize("size", [1, 0])
def test_pixels_in_countless_pieces_open_fast(tmp_path: Path, size: int) -> None:
    path = _png(tmp_path / "a.png", RGB, 2, 8)
    data = path.read_bytes()
    place = data.index(b"IDAT")
    length = struct.unpack(">I", data[place - 4:place])[0]
    pixels = data[place + 4:place + 4 + length]
    pieces = [_chunk(b"IDAT", pixels[k:k + 1]) for k in range(length)] if size else [
        _chunk(b"IDAT") * 300_000, _chunk(b"IDAT", pixels)]
    path.write_bytes(data[:place - 4] + b"".join(pieces) + _chunk(b"IEND"))
    start = time.process_time()
    assert np.array_equal(open_image(path).pixels(0), RGB)
    assert time.process_time() - start < 10


@pytest.mark.parametrize(("marker", "bits", "words"), [
    (0xC1, 12, "12 bits"), (0xF7, 8, "JPEG-LS"), (0xC3, 16, "lossless"), (0xC6, 8, "hierarchical"),
    (0xC0, 10, "10 bits")])
def test_a_jpeg_that_is_not_read_is_told_by_its_kind(tmp_path: Path, marker: int, bits: int, words: str) -> None:
    data = _saved(Image.fromarray(RGB), tmp_path / "a.jpg").read_bytes()
    place = data.index(b"\xff\xc0")
    (tmp_path / "b.jpg").write_bytes(data[:place] + bytes([0xFF, marker]) + data[place + 2:place + 4] + bytes([bits])
                                     + data[place + 5:])
    for reader in (open_image, read_mask, read_provenance):
        with pytest.raises(UserError, match=words):
            reader(tmp_path / "b.jpg")
    (tmp_path / "c.jpg").write_bytes(imagecodecs.jpegls_encode(RGB))
    with pytest.raises(UserError, match="JPEG-LS"):
        open_image(tmp_path / "c.jpg")


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
    with pytest.raises(ValueError, match="names its source"):
        write_png(tmp_path / "plain.png", RGB, record(source="uid:1.2.3.4"))
    assert not (tmp_path / "plain.png").exists()
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


def test_a_picture_is_no_mask_and_masks_with_soft_edges_are(tmp_path: Path) -> None:
    down, across = np.mgrid[:64, :64]
    noise = np.random.default_rng(0).integers(0, 40, (64, 64))
    photograph = (down * 2 + across + noise).astype(np.uint8)
    soft = np.clip(255 - 50 * np.maximum(0, np.hypot(down - 32, across - 32) - 14), 0, 255).astype(np.uint8)
    colour = np.stack([photograph, photograph[::-1], photograph.T], axis=2)
    flat = np.zeros((64, 64, 3), np.uint8)
    flat[10:20], flat[30:40] = (255, 0, 0), (0, 200, 0)
    for name, pixels, what in (("p", photograph, "shades of grey"), ("c", colour, "in colour"), ("s", soft, ""),
                               ("f", flat, "")):
        for ending in ("png", "jpg"):
            path = tmp_path / f"{name}.{ending}"
            Image.fromarray(pixels).save(path, quality=90)
            if what:
                with pytest.raises(UserError, match=f"{what}, and no mask"):
                    read_mask(path)
            else:
                assert 0 < (read_mask(path) > 0).mean() < 0.5
