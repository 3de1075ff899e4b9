"""NIfTI headers as other programs write them: each file is made here, byte by byte."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from medsynth_app.core.errors import UserError
from medsynth_app.core.geometry import edge_letters
from medsynth_app.core.image import ImageSource
from medsynth_app.formats.common import TooLarge
from medsynth_app.formats.kinds import Kind, kind_of
from medsynth_app.formats.nifti import read_volume, volume_problem
from medsynth_app.formats.registry import open_image, read_mask
from tests.formats.making import asymmetric_mask, seen_through

VALUES = np.random.default_rng(3).integers(0, 1200, (8, 10, 12), np.int16)  # k, j, i
RAS = np.array([[-0.8, 0, 0, 10], [0, 0.9, 0, -20], [0, 0, 3, 5.0]])
STRAIGHT = np.array([[-1.0, 0, 0, 0], [0, -1, 0, 0], [0, 0, 1, 0]])  # stored as shown
LPS = np.diag([-1.0, -1, 1, 1])
CODES = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64, "i1": 256, "u2": 512, "u4": 768, "i8": 1024, "u8": 1280}


def header(dim: Sequence[int], dtype: str, order: str = "<", *, sform: Any = RAS, codes: tuple[int, int] = (0, 2),
           scale: tuple[float, float] = (1, 0), magic: bytes = b"n+1", quaternion: Sequence[float] = (0, 1, 0),
           shift: Sequence[float] = (10, -20, 5), qfac: float = -1, intent: int = 0, units: int = 2,
           datatype: int = 0, pixdim: Sequence[float] = (0.8, 0.9, 3)) -> bytes:
    """348 bytes of NIfTI-1 and 4 of no extension, or 540 and 4 of NIfTI-2 (`magic` n+2)."""
    sizes, edges = [*dim, *[1] * (7 - len(dim))], [qfac, *pixdim, 1, 1, 1, 1]
    kind, bits = datatype or CODES[dtype], 8 * np.dtype(dtype).itemsize
    form = (*quaternion, *shift, *np.ravel(sform))
    if magic[2:3] == b"2":
        head = bytearray(544)
        struct.pack_into(f"{order}i8s2h8q", head, 0, 540, magic + b"\0\r\n\x1a\n", kind, bits, len(dim), *sizes)
        struct.pack_into(f"{order}8dq2d", head, 104, *edges, 544 if magic == b"n+2" else 0, *scale)
        struct.pack_into(f"{order}2i18d", head, 344, *codes, *form)
        struct.pack_into(f"{order}2i", head, 500, units, 0)
        return bytes(head)
    head = bytearray(352)
    struct.pack_into(f"{order}i", head, 0, 348)
    struct.pack_into(f"{order}8h", head, 40, len(dim), *sizes)
    struct.pack_into(f"{order}3h", head, 68, intent, kind, bits)
    struct.pack_into(f"{order}8f3f", head, 76, *edges, 352 if magic == b"n+1" else 0, *scale)
    head[123] = units
    struct.pack_into(f"{order}2h18f", head, 252, *codes, *form)
    head[344:344 + len(magic)] = magic
    return bytes(head)


def nifti(path: Path, values: np.ndarray[Any, Any] = VALUES, order: str = "<", **fields: Any) -> Path:
    """A file of values (k, j, i), packed where its name says so."""
    dtype = values.dtype.str[1:]
    dim = fields.pop("dim", values.shape[::-1])
    data = header(dim, dtype, order, **fields) + values.astype(order + dtype).tobytes()
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path


def lies_as(source: ImageSource, values: np.ndarray[Any, Any], affine: np.ndarray[Any, Any]) -> bool:
    """Whether every pixel is the voxel (k, j, i) that lies at its point; `affine` (3 x 4) is RAS, as nibabel's."""
    inverse = np.linalg.inv(LPS @ np.vstack([affine, (0, 0, 0, 1)]))
    equal = 0
    for k, frame in enumerate(source.info.frames):
        g, pixels = frame.geometry, source.pixels(k)
        assert g is not None and g.origin and g.row_direction and g.column_direction
        rows, columns = np.indices(pixels.shape)
        points = (np.array(g.origin) + np.array(g.row_direction) * g.column_spacing * columns[..., None]
                  + np.array(g.column_direction) * g.row_spacing * rows[..., None])
        place = points @ inverse[:3, :3].T + inverse[:3, 3]
        index = np.rint(place).astype(int)
        assert np.abs(place - index).max() < 1e-3
        equal += int((pixels == values[index[..., 2], index[..., 1], index[..., 0]]).sum())
    return equal == values.size


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [b"n+1", b"n+2"])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_both_versions_and_byte_orders_lie_where_the_sform_says(tmp_path: Path, order: str, magic: bytes, name: str
                                                                ) -> None:
    turn = np.array([[0, 0.5, 1.7, 3], [-0.8, 0.1, 0.2, 4], [0.1, -0.7, 1.2, 5.0]])
    for affine in (RAS, turn):
        path = nifti(tmp_path / name, order=order, magic=magic, sform=affine)
        source = open_image(path)
        assert source.pixels(0).dtype == np.int16 and lies_as(source, VALUES, affine)
        if magic == b"n+1" and affine is RAS:  # another reader, of what it can read
            other = sitk.DICOMOrient(sitk.ReadImage(path), "LPS")
            assert np.array_equal(read_volume(path), sitk.GetArrayFromImage(other))


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "f4", "f8", "i8", "u8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_whole_numbers_of_every_type_stay_what_they_are(tmp_path: Path, dtype: str, order: str) -> None:
    values = (VALUES % 100).astype(dtype)
    source = open_image(nifti(tmp_path / "a.nii.gz", values, order))
    assert lies_as(source, values, RAS) and source.info.notices == () and source.pixels(0).dtype.itemsize <= 4
    assert source.info.frames[0].rescale.slope == 1


def test_wide_integers_become_narrow_ones_or_steps(tmp_path: Path) -> None:
    for values, dtype in ((VALUES.astype(np.int64) - 500, np.int16), (VALUES.astype(np.uint64) * 1000, np.int32)):
        source = open_image(nifti(tmp_path / "a.nii", values))
        assert source.pixels(0).dtype == dtype and lies_as(source, values, RAS) and not source.info.notices
    values = VALUES.astype(np.int64) * 2**40
    source = open_image(nifti(tmp_path / "a.nii", values, sform=STRAIGHT))
    rescale = source.info.frames[0].rescale
    shown = np.array([rescale.to_modality(source.pixels(k)) for k in range(8)])
    assert np.abs(shown - values).max() <= rescale.slope and source.info.notices


@pytest.mark.parametrize(("slope", "intercept"), [(4.162153, 0), (1.5345542, -37.25), (0.000123457, 1), (-2, 5)])
def test_scaled_values_keep_their_numbers_and_the_exact_slope(tmp_path: Path, slope: float, intercept: float) -> None:
    source = open_image(nifti(tmp_path / "a.nii.gz", scale=(slope, intercept)))
    rescale = source.info.frames[0].rescale
    assert lies_as(source, VALUES, RAS) and source.pixels(0).dtype == np.int16 and source.info.notices == ()
    assert (rescale.slope, rescale.intercept) == (float(np.float32(slope)), float(np.float32(intercept)))
    assert np.allclose(read_volume(nifti(tmp_path / "b.nii", scale=(slope, intercept), sform=-RAS)),
                       VALUES[::-1, :, ::-1] * np.float32(slope) + np.float32(intercept))


@pytest.mark.parametrize("slope", [0.0, np.nan, np.inf])
def test_a_slope_of_nothing_scales_nothing(tmp_path: Path, slope: float) -> None:
    source = open_image(nifti(tmp_path / "a.nii", scale=(slope, 7)))
    assert lies_as(source, VALUES, RAS) and source.info.frames[0].rescale.intercept == 0
    decimals = open_image(nifti(tmp_path / "b.nii", VALUES.astype(np.float32) / 3, scale=(2, 7), sform=STRAIGHT))
    shown = decimals.info.frames[0].rescale.to_modality(decimals.pixels(2))
    assert np.allclose(shown, VALUES[2] / 3 * 2 + 7, atol=0.02)


def test_two_ways_that_disagree_are_told_and_the_sform_wins(tmp_path: Path) -> None:
    same = open_image(nifti(tmp_path / "a.nii", codes=(1, 1)))
    assert same.info.notices == () and lies_as(same, VALUES, RAS)
    for codes in ((1, 1), (1, 2), (2, 4), (3, 1)):
        other = open_image(nifti(tmp_path / "b.nii", codes=codes, quaternion=(0, 0, 0), qfac=1))
        assert lies_as(other, VALUES, RAS) and "qform and sform" in other.info.notices[0]
        assert "left and right" in other.info.notices[0]
    moved = open_image(nifti(tmp_path / "c.nii", codes=(1, 1), shift=(10, -20, 8)))
    assert "qform and sform" in moved.info.notices[0] and "left and right" not in moved.info.notices[0]
    for codes in ((1, 0), (2, 0)):
        alone = open_image(nifti(tmp_path / "d.nii", codes=codes, sform=np.zeros((3, 4))))
        assert lies_as(alone, VALUES, RAS) and alone.info.notices == ()
    broken = open_image(nifti(tmp_path / "e.nii", codes=(1, 2), sform=np.zeros((3, 4))))  # says it is there, and is not
    assert lies_as(broken, VALUES, RAS)


def test_without_any_form_the_sides_are_unknown(tmp_path: Path) -> None:
    source = open_image(nifti(tmp_path / "a.nii", codes=(0, 0)))
    geometry = source.info.frames[1].geometry
    assert geometry is not None and geometry.origin is None and not edge_letters(geometry).known
    assert (geometry.row_spacing, geometry.column_spacing, geometry.slice_spacing) == pytest.approx((0.9, 0.8, 3))
    assert np.array_equal(source.pixels(1), VALUES[1]) and "not known" in source.info.notices[0]
    painted = (VALUES > 600).astype(np.uint8)
    assert np.array_equal(read_mask(nifti(tmp_path / "m.nii", painted, codes=(0, 0)), 1, like=source.info.frames[1]),
                          painted[1])
    with pytest.raises(UserError, match="does not say how it lies"):
        read_mask(tmp_path / "m.nii", 1, like=open_image(nifti(tmp_path / "b.nii")).info.frames[1])


@pytest.mark.parametrize(("units", "edge"), [(0, 0.8), (1, 800.0), (2, 0.8), (3, 0.0008), (2 | 8, 0.8)])
def test_lengths_are_millimetres_whatever_the_unit(tmp_path: Path, units: int, edge: float) -> None:
    for codes in ((0, 0), (1, 0), (0, 1)):
        geometry = open_image(nifti(tmp_path / "a.nii", units=units, codes=codes)).info.frames[0].geometry
        assert geometry is not None and geometry.column_spacing == pytest.approx(edge)


@pytest.mark.parametrize("shear", [0.01, 0.5, -2.0])
@pytest.mark.parametrize("entry", [(0, 2), (0, 1), (2, 0)])
def test_sheared_volumes_open_where_they_lie_and_say_so(tmp_path: Path, shear: float, entry: tuple[int, int]) -> None:
    affine = RAS.copy()
    affine[entry] += shear
    source = open_image(nifti(tmp_path / "a.nii.gz", sform=affine, codes=(1 if shear == 0.01 else 0, 2)))
    assert lies_as(source, VALUES, affine) and any("right angles" in notice for notice in source.info.notices)
    painted = nifti(tmp_path / "m.nii", (VALUES > 600).astype(np.uint8), sform=affine)
    assert np.array_equal(read_mask(painted, 3, like=source.info.frames[3]), source.pixels(3) > 600)
    if shear == 0.5 and entry == (0, 1):
        assert "right angles" in volume_problem([frame.geometry for frame in source.info.frames])


@pytest.mark.parametrize("affine", [RAS, RAS[[0, 2, 1]], RAS[[2, 0, 1]]])
def test_two_dimensions_are_a_volume_of_one_slice(tmp_path: Path, affine: np.ndarray[Any, Any]) -> None:
    flat = open_image(nifti(tmp_path / "a.nii.gz", VALUES[:1], dim=(12, 10), sform=affine))
    deep = open_image(nifti(tmp_path / "b.nii.gz", VALUES[:1], dim=(12, 10, 1), sform=affine))
    assert lies_as(flat, VALUES[:1], affine)
    assert [frame.geometry for frame in flat.info.frames] == [frame.geometry for frame in deep.info.frames]
    assert np.array_equal(read_mask(nifti(tmp_path / "m.nii", asymmetric_mask()[None], dim=(56, 40), sform=affine)),
                          asymmetric_mask())


@pytest.mark.parametrize("wild", [1e30, -1e30, 3e7])
@pytest.mark.parametrize("divide", [1, 7])
def test_one_wild_number_does_not_flatten_the_rest(tmp_path: Path, wild: float, divide: int) -> None:
    values = VALUES.astype(np.float32) / divide
    values[3, 4, 5] = wild
    source = open_image(nifti(tmp_path / "a.nii", values, sform=STRAIGHT))
    rescale = source.info.frames[0].rescale
    shown = np.array([rescale.to_modality(source.pixels(k)) for k in range(8)])
    rest = values != np.float32(wild)
    assert np.abs(shown - values)[rest].max() <= (0.1 if divide > 1 or abs(wild) > 1e9 else 0)
    if divide > 1 or abs(wild) > 1e9:
        assert any("far from all others" in notice for notice in source.info.notices)


def test_what_is_no_number_is_told(tmp_path: Path) -> None:
    values = VALUES.astype(np.float32)
    values[0, 0, :3] = np.nan, np.inf, -np.inf
    source = open_image(nifti(tmp_path / "a.nii", values, sform=STRAIGHT))
    assert source.pixels(0)[0, :3].tolist() == [VALUES.min(), VALUES.max(), VALUES.min()]
    assert np.array_equal(source.pixels(1), VALUES[1]) and "(3)" in source.info.notices[0]
    empty = open_image(nifti(tmp_path / "b.nii", np.full((2, 3, 4), np.nan)))
    assert not empty.pixels(0).any() and "(24)" in empty.info.notices[0]
    with pytest.raises(UserError, match="too large"):
        open_image(nifti(tmp_path / "c.nii", VALUES.astype(np.float64) * 1e300))


def test_what_is_no_image_is_refused_in_its_own_words(tmp_path: Path) -> None:
    field = VALUES[None].repeat(3, 0).astype(np.float32)
    for intent, word in ((1007, "vectors"), (1006, "vectors"), (1005, "matrices"), (1008, "points")):
        with pytest.raises(UserError, match=word):
            open_image(nifti(tmp_path / "a.nii.gz", field, dim=(12, 10, 8, 1, 3), intent=intent))
    for datatype in (1, 32, 1536, 1792, 99):
        with pytest.raises(UserError, match="cannot be shown"):
            open_image(nifti(tmp_path / "a.nii.gz", field, datatype=datatype))
    for dim in ((0, 10, 8), (-12, 10, 8), (12, -10, 8)):
        with pytest.raises(UserError, match="damaged"):
            open_image(nifti(tmp_path / "a.nii", dim=dim))
    several = open_image(nifti(tmp_path / "a.nii", field, dim=(12, 10, 8, 1, 3)))
    assert several.info.colour == "grey" and "3 volumes" in several.info.notices[0]
    with pytest.raises(UserError, match="3 volumes"):
        read_mask(tmp_path / "a.nii")


def test_colours_are_rgb_and_what_is_transparent_white(tmp_path: Path) -> None:
    rgba = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 4), np.uint8)
    rgb = open_image(nifti(tmp_path / "a.nii", rgba[..., :3].copy(), dim=(5, 3, 2), datatype=128, sform=STRAIGHT))
    assert rgb.info.colour == "rgb" and np.array_equal(rgb.pixels(1), rgba[1, ..., :3]) and not rgb.info.notices
    seen = open_image(nifti(tmp_path / "b.nii", rgba, dim=(5, 3, 2), datatype=2304, sform=STRAIGHT))
    share = rgba[1, ..., 3:] / 255
    assert np.abs(seen.pixels(1) - (rgba[1, ..., :3] * share + 255 * (1 - share))).max() <= 0.51
    assert "white" in seen.info.notices[0]


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("magic", [b"ni1", b"ni2", b"\0\0\0"])
def test_a_pair_opens_by_either_half_and_is_one_image(tmp_path: Path, magic: bytes, packed: str) -> None:
    data = VALUES.tobytes()
    (tmp_path / "a.hdr").write_bytes(header((12, 10, 8), "i2", magic=magic)[:540 if magic == b"ni2" else 348])
    (tmp_path / f"a.img{packed}").write_bytes(gzip.compress(data) if packed else data)
    first, second = open_image(tmp_path / "a.hdr"), open_image(tmp_path / f"a.img{packed}")
    assert first.info == second.info
    if magic.strip(b"\0"):
        assert lies_as(first, VALUES, RAS)
    else:  # Analyze 7.5 does not say how it lies
        assert np.array_equal(first.pixels(2), VALUES[2]) and not edge_letters(first.info.frames[0].geometry).known
    other = VALUES[::-1].tobytes()
    (tmp_path / f"a.img{packed}").write_bytes(gzip.compress(other) if packed else other)
    assert open_image(tmp_path / "a.hdr").info.frames[0].key != first.info.frames[0].key
    cut = gzip.compress(data)[:-500] if packed else data[:-1]
    (tmp_path / f"a.img{packed}").write_bytes(cut)
    for half in ("a.hdr", f"a.img{packed}"):
        with pytest.raises(UserError, match="part of it is missing"):
            open_image(tmp_path / half)
    (tmp_path / "a.hdr").rename(tmp_path / "b.hdr")
    for half in ("b.hdr", f"a.img{packed}"):
        with pytest.raises(UserError, match="pair"):
            open_image(tmp_path / half)


def test_names_do_not_matter(tmp_path: Path) -> None:
    plain = nifti(tmp_path / "a.nii").read_bytes()
    for name, data in (("x.nii", gzip.compress(plain)), ("x.nii.gz", plain), ("volume", plain),
                       ("brain", gzip.compress(plain)), ("scan.img", plain)):
        (tmp_path / name).write_bytes(data)
        assert kind_of(tmp_path / name) is Kind.NIFTI and lies_as(open_image(tmp_path / name), VALUES, RAS)
    (tmp_path / "text.gz").write_bytes(gzip.compress(b"words " * 400))
    with pytest.raises(UserError, match="no kind of image"):
        open_image(tmp_path / "text.gz")


def test_packed_files_are_held_against_their_check_sum(tmp_path: Path) -> None:
    whole = nifti(tmp_path / "a.nii.gz").read_bytes()
    for data in (whole[:-4], whole[:-8] + b"\0\0\0\0" + whole[-4:], whole[:400] + b"\xff" + whole[401:]):
        (tmp_path / "b.nii.gz").write_bytes(data)
        with pytest.raises(UserError, match="damaged"):
            open_image(tmp_path / "b.nii.gz")
    for data in (whole + b"\0" * 9, whole + b"more", gzip.compress(gzip.decompress(whole)[:900])
                 + gzip.compress(gzip.decompress(whole)[900:])):
        (tmp_path / "b.nii.gz").write_bytes(data)
        assert lies_as(open_image(tmp_path / "b.nii.gz"), VALUES, RAS)


def test_sizes_are_asked_for_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        open_image(nifti(tmp_path / "a.nii", dim=(32767, 32767, 32767)))
    with pytest.raises(TooLarge):
        open_image(nifti(tmp_path / "a.nii", dim=(2**40, 2**40, 2**40), magic=b"n+2"))
    with pytest.raises(UserError, match="part of it is missing"):
        open_image(nifti(tmp_path / "a.nii", dim=(12, 10, 8, 30000)))


def test_few_values_are_seen_over_the_bits_in_use(tmp_path: Path) -> None:
    for highest, top in ((1, 1), (3, 3), (9, 15), (63, 63)):
        source = open_image(nifti(tmp_path / "a.nii", (VALUES % (highest + 1)).astype(np.uint8)))
        window = seen_through(source)
        assert (window.low, window.high) == (0, top)
    window = seen_through(open_image(nifti(tmp_path / "a.nii", (VALUES % 256).astype(np.uint8))))
    assert (window.low, window.high) == (0, 255)
