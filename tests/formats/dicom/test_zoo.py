"""Odd files of the world: each opens to the right shape or says in words why not; nothing else may happen."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest

from medsynth_app.core.errors import UserError
from medsynth_app.formats.registry import open_image


def _problem(path: Path, shape: tuple[int, ...] = ()) -> str:
    """What is wrong with how a file opens, or that it is not of `shape`; "refused" for a `UserError`."""
    try:
        source = open_image(path)
        found = (len(source.info.frames), source.info.frames[0].rows, source.info.frames[0].columns)
        if shape and shape != found:
            return f"{found} instead of {shape}"
        for k in {0, len(source.info.frames) - 1}:
            frame, pixels = source.info.frames[k], source.pixels(k)
            low, high = frame.stored_range
            if pixels.shape != ((frame.rows, frame.columns, 3) if source.info.colour == "rgb"
                                else (frame.rows, frame.columns)):
                return f"shape {pixels.shape}"
            if pixels.dtype.kind not in "iu" or pixels.min() < low or pixels.max() > high:
                return f"{pixels.dtype} {pixels.min()}..{pixels.max()} outside {low}..{high}"
    except UserError as error:
        assert error.happened and error.remedy and str(path.parent) not in f"{error} {error.details}"
        return "refused"
    except Exception as error:  # the very thing this test looks for
        return repr(error)
    return ""


def test_files_of_the_pydicom_wheel() -> None:
    root = Path(pydicom.data.__file__).parent
    paths = [path for folder in ("test_files", "charset_files", "palettes")
             for path in sorted((root / folder).rglob("*")) if path.is_file()]
    found = {path.name: _problem(path) for path in paths}
    assert len(found) > 100
    assert {name: problem for name, problem in found.items() if problem not in ("", "refused")} == {}
    assert sum(problem == "" for problem in found.values()) > 90
    for name in ("CT_small.dcm", "MR_small_RLE.dcm", "image_dfl.dcm", "JPGExtended.dcm", "SC_rgb_jpeg.dcm",
                 "examples_palette.dcm", "MR_small_bigendian.dcm", "rtdose.dcm"):
        assert found[name] == "", name


def test_files_of_the_zoo_open_to_the_shape_in_the_index(shared_data: Path) -> None:
    root = shared_data / "dicom-zoo"
    with (root / "INDEX.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    wrong = {}
    for row in rows:
        opens = row["decode_pydicom3"].startswith("ok")
        shape = (int(row["frames"] or 1), int(row["rows"]), int(row["cols"])) if opens else ()
        problem = _problem(root / row["path"], shape)
        if problem not in ("", "refused") or (opens and problem):
            wrong[row["path"]] = problem
    assert len(rows) == 66 and wrong == {}


def test_grey_files_of_the_zoo_hold_the_values_that_pydicom_reads(shared_data: Path) -> None:
    root = shared_data / "dicom-zoo"
    for name in ("fo-dicom/GH1308.dcm", "fo-dicom/GH184.dcm", "fo-dicom/D_CLUNIE_CT1_RLE_FRAGS.dcm",
                 "dicomParser/testImages/encapsulated/single-frame/CT1_UNC.fragmented_bot_jpeg_ls.80.dcm"):
        assert np.array_equal(open_image(root / name).pixels(0), pydicom.dcmread(root / name).pixel_array), name


def test_jpeg_extended_with_12_bits_reads_like_another_library(shared_data: Path) -> None:
    import SimpleITK as sitk

    path = shared_data / "dicom-zoo/pylibjpeg-data/JPEGExtended/RG2_JPLY_fixed.dcm"
    other = sitk.GetArrayFromImage(sitk.ReadImage(str(path))).squeeze()
    assert np.abs(open_image(path).pixels(0).astype(int) - other).max() <= 1  # lossy decoders may round apart


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.999])
def test_cut_off_files_are_refused(keep: float, tmp_path: Path) -> None:
    root = Path(pydicom.data.__file__).parent / "test_files"
    for name in ("CT_small.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "SC_rgb_jpeg_dcmtk.dcm",
                 "examples_ybr_color.dcm", "image_dfl.dcm"):
        data = (root / name).read_bytes()
        path = tmp_path / name
        path.write_bytes(data[:int(len(data) * keep)])
        assert _problem(path) in ("refused", ""), name
        if keep < 0.95 and not (name == "image_dfl.dcm" and keep == 0.2):
            assert _problem(path) == "refused", name
