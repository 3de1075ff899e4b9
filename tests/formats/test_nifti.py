from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from medsynth_app.core.errors import UserError
from medsynth_app.core.geometry import Geometry, edge_letters
from medsynth_app.core.image import FrameInfo, FrameKey, ImageInfo
from medsynth_app.core.volume import NoVolume, Volume
from medsynth_app.formats.common import TooLarge
from medsynth_app.formats.nifti import volume_problem, write_mask_nifti
from medsynth_app.formats.registry import open_image, read_mask
from tests.formats.making import TILTED_AXES, asymmetric_mask, save_series

VALUES = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)  # z, y, x


def _volume(values: np.ndarray[Any, Any], path: Path, direction: tuple[float, ...] | None = None, **meta: Any) -> Path:
    image = sitk.GetImageFromArray(values)
    if image.GetDimension() == 3:
        image.SetSpacing((0.5, 0.75, 2.0))
        image.SetOrigin((10, -20, 30))
        if direction:
            image.SetDirection(direction)
    sitk.WriteImage(image, str(path))
    return path


def _point(info: ImageInfo, frame: int, row: int, column: int) -> np.ndarray[Any, Any]:
    """Where a pixel lies (mm), by DICOM's own formula."""
    g = info.frames[frame].geometry
    assert g is not None and g.origin and g.row_direction and g.column_direction
    return (np.array(g.origin) + np.array(g.row_direction) * g.column_spacing * column
            + np.array(g.column_direction) * g.row_spacing * row)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_axial_frames_in_dicom_axes(tmp_path: Path, suffix: str) -> None:
    source = open_image(_volume(VALUES, tmp_path / f"a{suffix}"))
    assert [np.array_equal(source.pixels(k), VALUES[k]) for k in range(5)] == [True] * 5
    assert source.pixels(0).dtype == np.int16
    geometry = source.info.frames[2].geometry
    assert geometry is not None and (geometry.row_spacing, geometry.column_spacing) == (0.75, 0.5)
    assert geometry.slice_spacing == 2.0 and geometry.origin == pytest.approx((10, -20, 34))
    letters = edge_letters(geometry)
    assert (letters.left, letters.right, letters.top, letters.bottom) == ("R", "L", "A", "P")


@pytest.mark.parametrize("direction", [
    (-1, 0, 0, 0, -1, 0, 0, 0, 1), (0, 0, 1, 1, 0, 0, 0, -1, 0), (0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, -1)])
def test_other_directions_are_turned_but_every_value_keeps_its_place(tmp_path: Path, direction: tuple[float, ...]
                                                                     ) -> None:
    path = _volume(VALUES, tmp_path / "a.nii", direction)
    original, source = sitk.ReadImage(str(path)), open_image(path)
    for frame, row, column in ((0, 0, 0), (1, 2, 3), (len(source.info.frames) - 1, 1, 2)):
        index = original.TransformPhysicalPointToIndex(_point(source.info, frame, row, column).tolist())
        assert original[index] == source.pixels(frame)[row, column]
    geometry = source.info.frames[0].geometry
    assert geometry is not None and geometry.normal is not None and geometry.normal[2] > 0.7


def test_scaled_and_decimal_volumes(tmp_path: Path) -> None:
    values = VALUES.astype(np.float32) / 3
    source = open_image(_volume(values, tmp_path / "a.nii"))
    rescale = source.info.frames[0].rescale
    assert source.pixels(1).dtype == np.uint16 and any("decimal" in notice for notice in source.info.notices)
    assert np.abs(rescale.to_modality(source.pixels(1)) - values[1]).max() <= rescale.slope
    whole = open_image(_volume(VALUES.astype(np.float64), tmp_path / "b.nii"))
    assert np.array_equal(whole.pixels(3), VALUES[3]) and whole.info.notices == ()
    path = _volume(VALUES, tmp_path / "c.nii")
    data = bytearray(path.read_bytes())
    data[112:120] = np.array([0.1, -5], "<f4").tobytes()  # scl_slope, scl_inter
    path.write_bytes(data)
    scaled = open_image(path)
    assert np.array_equal(scaled.pixels(2), VALUES[2])
    assert scaled.info.frames[0].rescale.slope == pytest.approx(0.1) and scaled.info.notices == ()
    assert scaled.info.frames[0].rescale.intercept == -5


def test_four_dimensions_open_the_first_volume(tmp_path: Path) -> None:
    image = sitk.JoinSeries([sitk.GetImageFromArray(VALUES), sitk.GetImageFromArray(VALUES + 1000)])
    sitk.WriteImage(image, str(tmp_path / "a.nii.gz"))
    source = open_image(tmp_path / "a.nii.gz")
    assert len(source.info.frames) == 5 and np.array_equal(source.pixels(4), VALUES[4])
    assert any("2 volumes" in notice for notice in source.info.notices)


def test_bombs_and_broken_files_are_refused(tmp_path: Path) -> None:
    path = _volume(np.zeros((200, 500, 500), np.uint8), tmp_path / "a.nii.gz")
    assert path.stat().st_size < 100_000
    with pytest.raises(TooLarge) as caught:
        open_image(path, allow_bytes=2**25)
    assert caught.value.bytes == 50_000_000
    noise = np.random.default_rng(0).integers(0, 255, (5, 60, 60), np.uint8)
    for name in ("b.nii", "b.nii.gz"):
        broken = _volume(noise, tmp_path / name)
        for keep in (0.01, 0.5, 0.9):
            data = broken.read_bytes()
            broken.write_bytes(data[:int(len(data) * keep)])
            with pytest.raises(UserError, match="damaged"):
                open_image(broken)
            broken.write_bytes(data)
    (tmp_path / "c.nii").write_bytes(b"nonsense" * 100)
    with pytest.raises(UserError, match="damaged"):
        open_image(tmp_path / "c.nii")


@pytest.mark.parametrize("axes", [(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), (-1, 0, 0, 0, 0.8, 0.6)])
def test_a_mask_volume_lies_where_its_dicom_lies(tmp_path: Path, axes: tuple[float, ...]) -> None:
    normal = np.cross(axes[:3], axes[3:])
    folder = save_series(tmp_path / "ct", [(normal * 3 * k + (5, -7, 11)).tolist() for k in range(4)], axes=axes)
    info = open_image(folder).info
    mask = np.stack([asymmetric_mask() * (k + 1) for k in range(4)])
    mask[1] = 0
    path = tmp_path / "mask.nii.gz"
    stack = [frame.geometry for frame in info.frames]
    write_mask_nifti(path, mask, stack[0], stack)
    image = sitk.ReadImage(str(path))
    assert np.array_equal(sitk.GetArrayFromImage(image), mask)
    assert image.GetPixelID() == sitk.sitkUInt8
    for frame, row, column in ((0, 0, 0), (2, 33, 53), (3, 4, 29)):
        there = image.TransformIndexToPhysicalPoint((column, row, frame))
        assert there == pytest.approx(_point(info, frame, row, column), abs=1e-3)
    series = sitk.ImageSeriesReader()  # ITK's own reading of the DICOM lies there too
    series.SetFileNames(series.GetGDCMSeriesFileNames(str(folder)))
    dicom = series.Execute()
    for index in ((0, 0, 0), (50, 3, 3)):
        assert image.TransformIndexToPhysicalPoint(index) == pytest.approx(
            dicom.TransformIndexToPhysicalPoint(index), abs=1e-3)


def test_one_slice_keeps_its_place_and_comes_back_unturned(tmp_path: Path) -> None:
    folder = save_series(tmp_path / "ct", [(5, -7, 3 * k) for k in range(3)], axes=TILTED_AXES)
    info, mask = open_image(folder).info, asymmetric_mask()
    path = tmp_path / "m.nii"
    write_mask_nifti(path, mask, info.frames[1].geometry)
    image = sitk.ReadImage(str(path))
    assert image.TransformIndexToPhysicalPoint((53, 33, 0)) == pytest.approx(_point(info, 1, 33, 53), abs=1e-3)
    assert np.array_equal(read_mask(path), mask)


def test_stacks_that_are_no_volume_are_refused_in_words(tmp_path: Path) -> None:
    tilted = open_image(save_series(tmp_path / "t", [(0, 0, 3 * k) for k in range(3)], axes=TILTED_AXES)).info
    uneven = open_image(save_series(tmp_path / "u", [(0, 0, z) for z in (0, 1, 5)])).info
    for info, words in ((tilted, "tilt"), (uneven, "varies")):
        stack = [frame.geometry for frame in info.frames]
        assert words in volume_problem(stack)
        with pytest.raises(UserError, match="slice by slice"):
            write_mask_nifti(tmp_path / "m.nii", np.zeros((3, 40, 56), np.uint8), stack[0], stack)
    assert not (tmp_path / "m.nii").exists() and volume_problem([None, None]) == ""


def test_masks_without_geometry_and_of_volumes(tmp_path: Path) -> None:
    mask = np.stack([asymmetric_mask(), asymmetric_mask() * 0])
    path = tmp_path / "m.nii.gz"
    write_mask_nifti(path, mask, None)
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), mask)
    assert np.array_equal(read_mask(path), mask[0]) and np.array_equal(read_mask(path, 0), mask[0])
    with pytest.raises(UserError, match="holds nothing on this slice"):
        read_mask(path, 1)
    with pytest.raises(UserError, match="2 slices"):
        read_mask(path, 2)
    write_mask_nifti(path, np.stack([mask[0], mask[0]]), None)
    with pytest.raises(UserError, match=r"2 slices.*Say which slice is meant"):
        read_mask(path, like=FrameInfo(FrameKey("sha256:0"), 40, 56, geometry=Geometry(0.5, 0.25)))
    write_mask_nifti(path, mask, Geometry(0.5, 0.25))
    assert sitk.ReadImage(str(path)).GetSpacing()[:2] == (0.25, 0.5)


SAGITTAL, TURNED = (0, 1, 0, 0, 0, -1), (-1, 0, 0, 0, -1, 0)
OBLIQUE = (0.8, 0.6, 0.0, -0.36, 0.48, 0.8)


def _different(count: int) -> np.ndarray[Any, Any]:
    """Masks without any symmetry, another one on every slice but the second, which is empty."""
    masks = np.stack([np.roll(asymmetric_mask(), 2 * k, axis=1) for k in range(count)])
    masks[1] = 0
    return masks


@pytest.mark.parametrize("axes", [(1, 0, 0, 0, 1, 0), TURNED, SAGITTAL, OBLIQUE])
@pytest.mark.parametrize("ahead", [1, -1])
def test_a_mask_of_the_stack_comes_back_on_every_frame(tmp_path: Path, axes: tuple[float, ...], ahead: int) -> None:
    normal = np.cross(axes[:3], axes[3:]) * ahead
    folder = save_series(tmp_path / "ct", [(normal * 3 * k + (5, -7, 11)).tolist() for k in range(4)], axes=axes)
    frames, masks = open_image(folder).info.frames, _different(4)
    stack = [frame.geometry for frame in frames]
    write_mask_nifti(tmp_path / "all.nii.gz", masks, stack[0], stack)
    for k in (0, 2, 3):
        assert np.array_equal(read_mask(tmp_path / "all.nii.gz", k, like=frames[k]), masks[k])
        assert np.array_equal(read_mask(tmp_path / "all.nii.gz", like=frames[k]), masks[k])
        write_mask_nifti(tmp_path / "one.nii", masks[k], stack[k])
        assert np.array_equal(read_mask(tmp_path / "one.nii", k, like=frames[k]), masks[k])
        with pytest.raises(UserError, match="holds nothing on this slice"):
            read_mask(tmp_path / "one.nii", 1, like=frames[1])
    with pytest.raises(UserError, match="holds nothing on this slice"):
        read_mask(tmp_path / "all.nii.gz", 1, like=frames[1])


@pytest.mark.parametrize("axes", [TURNED, SAGITTAL, OBLIQUE])
@pytest.mark.parametrize("order", ["LPS", "RAS", "PIR", "SRP"])
def test_a_mask_in_another_grid_is_read_at_the_frames_points(tmp_path: Path, axes: tuple[float, ...],
                                                             order: str) -> None:
    normal = np.cross(axes[:3], axes[3:])
    folder = save_series(tmp_path / "ct", [(normal * 3 * k + (5, -7, 11)).tolist() for k in range(4)], axes=axes)
    info = open_image(folder).info
    box = np.zeros((60, 70, 80), np.uint8)
    box[:, :, :] = 1 + np.indices(box.shape)[2] // 20 + 4 * (np.indices(box.shape)[1] // 25)
    image = sitk.GetImageFromArray(box)
    image.SetOrigin(np.add(_point(info, 1, 20, 28), (-40, -35, -30)).tolist())
    image = sitk.DICOMOrient(image, order)
    sitk.WriteImage(image, str(tmp_path / "m.nii.gz"))
    written = sitk.ReadImage(str(tmp_path / "m.nii.gz"))
    found = read_mask(tmp_path / "m.nii.gz", 1, like=info.frames[1])
    assert found.shape == (40, 56) and len(np.unique(found)) > 1
    for row, column in ((1, 2), (4, 50), (20, 28), (38, 5), (37, 51)):
        index = written.TransformPhysicalPointToIndex(_point(info, 1, row, column))
        inside = all(0 <= place < size for place, size in zip(index, written.GetSize(), strict=True))
        assert found[row, column] == (written[index] if inside else 0)


def test_a_mask_elsewhere_in_the_patient_is_not_taken(tmp_path: Path) -> None:
    frame = open_image(save_series(tmp_path / "ct", [(0, 0, 0), (0, 0, 3)])).info.frames[0]
    assert frame.geometry is not None
    write_mask_nifti(tmp_path / "m.nii", asymmetric_mask(), replace(frame.geometry, origin=(0, 0, 500)))
    with pytest.raises(UserError, match="holds nothing on this slice"):
        read_mask(tmp_path / "m.nii", 0, like=frame)
    assert np.array_equal(read_mask(tmp_path / "m.nii", 0), asymmetric_mask())


@pytest.mark.parametrize("direction", [None, (-1, 0, 0, 0, -1, 0, 0, 0, 1), (0, 0, 1, 1, 0, 0, 0, -1, 0)])
def test_a_mask_of_a_nifti_volume_fits_its_frames(tmp_path: Path, direction: tuple[float, ...] | None) -> None:
    volume = open_image(_volume(VALUES, tmp_path / "v.nii.gz", direction))
    painted = _volume((VALUES % 7 == 3).astype(np.uint8), tmp_path / "m.nii.gz", direction)
    for k, frame in enumerate(volume.info.frames):
        assert np.array_equal(read_mask(painted, k, like=frame), volume.pixels(k) % 7 == 3)


def test_a_real_volume(shared_data: Path) -> None:
    path = sorted((shared_data / "msd-hippocampus" / "images").glob("*.nii.gz"))[0]
    source = open_image(path)
    label = open_image(shared_data / "msd-hippocampus" / "labels" / path.name)
    assert len(source.info.frames) == len(label.info.frames)
    assert source.info.frames[0].geometry == label.info.frames[0].geometry
    assert {int(value) for k in range(len(label.info.frames)) for value in np.unique(label.pixels(k))} == {0, 1, 2}


@pytest.mark.parametrize("axes", [(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), (-1, 0, 0, 0, 0.8, 0.6)])
def test_a_volume_lies_where_another_reader_puts_it(tmp_path: Path, axes: tuple[float, ...]) -> None:
    normal = np.cross(axes[:3], axes[3:])
    folder = save_series(tmp_path / "ct", [(normal * 3 * k + (5, -7, 11)).tolist() for k in range(4)], axes=axes)
    source = open_image(folder)
    volume = source.volume()
    assert isinstance(volume, Volume) and volume.grid.shape == (4, 40, 56)
    series = sitk.ImageSeriesReader()
    series.SetFileNames(series.GetGDCMSeriesFileNames(str(folder)))
    other = series.Execute()
    assert np.array_equal(volume.array() * 1.5 - 1000, sitk.GetArrayFromImage(other))
    for index in ((0, 0, 0), (3, 20, 50), (1, 39, 2)):
        assert volume.grid.to_mm(index) == pytest.approx(
            other.TransformContinuousIndexToPhysicalPoint([float(k) for k in index[::-1]]), abs=1e-3)


def test_a_nifti_file_is_a_volume_of_its_affine(tmp_path: Path) -> None:
    turn = (0.0, -1.0, 0.0, 0.8, 0.0, -0.6, 0.6, 0.0, 0.8)
    path = _volume(VALUES, tmp_path / "v.nii.gz", turn)
    source, original = open_image(path), sitk.ReadImage(str(path))
    volume = source.volume()
    assert isinstance(volume, Volume) and [frame.z for frame in source.info.frames] == list(range(len(VALUES)))
    values = volume.array()
    for index in np.ndindex(*values.shape):
        there = original.TransformPhysicalPointToIndex(volume.grid.to_mm(index).tolist())
        assert values[index] == original[there]


def test_series_that_are_no_volume_say_why(tmp_path: Path) -> None:
    tilted = save_series(tmp_path / "t", [(0, 0, 3 * k) for k in range(3)], axes=TILTED_AXES)
    uneven = save_series(tmp_path / "u", [(0, 0, z) for z in (0, 1, 5)])
    alone = save_series(tmp_path / "a", [(0, 0, 0)])
    assert [open_image(folder).volume() for folder in (tilted, uneven, alone)] == [
        NoVolume.TILTED, NoVolume.UNEVEN, NoVolume.SINGLE]


def test_series_on_one_system_of_coordinates_are_known_by_it(tmp_path: Path) -> None:
    places = [(0.0, 0.0, 0.0), (0.0, 0.0, 2.0)]
    folders = [save_series(tmp_path / str(k), places, series=f"1.2.{k}", FrameOfReferenceUID=uid)
               for k, uid in enumerate(("1.9.1", "1.9.1", "1.9.2", ""))]
    names = [open_image(folder, salt=b"secret").info.frame_of_reference for folder in folders]
    assert names[0] == names[1] != names[2] and names[0] and names[3] == "" and "1.9" not in names[0]
