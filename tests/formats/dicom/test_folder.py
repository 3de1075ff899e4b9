"""Files of a folder become series: nothing is merged, and nothing dropped, by an identifier alone."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.volume import Volume
from medsynth_app.formats.dicom import folder as folder_module
from medsynth_app.formats.dicom.folder import COPIES, SHARED_SERIES, SHARED_UID
from medsynth_app.formats.dicom.header import DicomFile
from medsynth_app.formats.dicom.identity import hashed
from medsynth_app.formats.registry import list_series, open_image
from tests.formats.making import TILTED_AXES, save, save_series, slice_dataset


def _heights(path: Path) -> list[float]:
    return [round(frame.geometry.origin[2], 6)  # type: ignore[union-attr,index]
            for frame in open_image(path).info.frames]


def test_slices_with_one_identifier_are_all_shown(tmp_path: Path) -> None:
    folder = save_series(tmp_path, [(0, 0, 3.0 * k) for k in range(8)], SOPInstanceUID="1.2.3.777")
    source = open_image(folder)
    assert _heights(folder) == [3.0 * k for k in range(8)] and SHARED_UID in source.info.notices
    assert len({frame.key for frame in source.info.frames}) == 8
    assert len({source.pixels(k).tobytes() for k in range(8)}) == 8
    assert all(frame.geometry and frame.geometry.slice_spacing == 3 for frame in source.info.frames)
    assert [frame.key for frame in open_image(folder).info.frames] == [frame.key for frame in source.info.frames]


def test_only_copies_to_the_byte_are_left_out(tmp_path: Path) -> None:
    folder = save_series(tmp_path, [(0, 0, z) for z in (0, 1, 2)])
    shutil.copy(folder / "01.dcm", folder / "copy.dcm")
    assert _heights(folder) == [0, 1, 2]
    assert open_image(folder).info.notices == (COPIES.format(count=1, files="file is"),)
    save(slice_dataset(1, (0, 0, 2), PatientComments="another"), folder / "almost.dcm")
    assert _heights(folder) == [0, 1, 2, 2] and SHARED_UID in open_image(folder).info.notices


@pytest.mark.parametrize("series", ["", "1.2.99"])
@pytest.mark.parametrize("other", [{"PatientID": "B", "PatientName": "Roe^John"}, {"StudyInstanceUID": "1.2.2"},
                                   {"Modality": "MR"}, {"PatientID": "", "PatientBirthDate": "", "PatientName": "Roe"}])
def test_patients_studies_and_modalities_are_never_stacked(tmp_path: Path, series: str, other: dict[str, Any]) -> None:
    save_series(tmp_path / "a", [(0, 0, 2.0 * k) for k in range(4)], series=series)
    save_series(tmp_path / "b", [(0, 0, 2.0 * k + 1) for k in range(4)], series=series,
                **{"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", **other})
    listing = list_series(tmp_path, salt=b"s")
    assert [item.frames for item in listing] == [4, 4]
    assert len({item.identity.series for item in listing}) == 2 and all(item.identity.series for item in listing)
    seen = []
    for item in listing:
        source = open_image(tmp_path, salt=b"s", series=item.identity.series)
        seen.append([frame.geometry.origin[2] for frame in source.info.frames])  # type: ignore[union-attr,index]
        assert source.info.identity == item.identity and source.info.modality == item.modality
        assert SHARED_SERIES in source.info.notices
    assert sorted(seen) == [[0, 2, 4, 6], [1, 3, 5, 7]]


def test_files_that_name_nothing_can_still_be_chosen(tmp_path: Path) -> None:
    nobody = {"PatientID": "", "PatientName": "", "PatientBirthDate": "", "StudyInstanceUID": ""}
    save_series(tmp_path / "a", [(0, 0, k) for k in range(3)], series="", **nobody)
    save_series(tmp_path / "b", [(0, 0, k) for k in range(2)], series="", **nobody, Modality="MR")
    listing = list_series(tmp_path, salt=b"s")
    assert [item.frames for item in listing] == [3, 2]
    assert len(open_image(tmp_path, salt=b"s", series=listing[1].identity.series).info.frames) == 2


def test_series_of_one_slice_each_are_joined_where_they_make_a_stack(tmp_path: Path) -> None:
    def write(folder: Path, heights: list[float], **changes: Any) -> Path:
        for k, height in enumerate(heights):
            save(slice_dataset(k, (0, 0, height), series=f"1.2.50.{k}", SOPInstanceUID=f"1.2.9.{k}", **changes),
                 folder / f"{9 - k}.dcm")
        return folder

    folder = write(tmp_path / "even", [3.0 * k for k in range(8)])
    listing = list_series(folder, salt=b"s")
    assert [(item.files, item.frames) for item in listing] == [(8, 8)]
    source = open_image(folder, salt=b"s", series=listing[0].identity.series)
    assert _heights(folder) == [3.0 * k for k in range(8)] and any("joined" in text for text in source.info.notices)
    assert isinstance(source.volume(), Volume) and source.info.identity == listing[0].identity
    assert len(list_series(write(tmp_path / "uneven", [0, 3, 7, 20, 21]))) == 5
    assert len(list_series(write(tmp_path / "two", [0, 3]))) == 2
    save(slice_dataset(20, (0, 0, 24), series="1.2.50.20", PatientID="B"), folder / "other.dcm")
    assert [item.frames for item in list_series(folder)] == [8, 1]


def test_cosines_of_few_digits_do_not_tear_a_volume(tmp_path: Path) -> None:
    axes = (1, 0, 0, 0, 0.93510, 0.35438), (1, 0, 0, 0, 0.93490, 0.35491)
    normal = np.cross(axes[0][:3], axes[0][3:])
    for k in range(8):
        save(slice_dataset(k, tuple(normal * 3.0 * k), axes[k % 2]), tmp_path / f"{(k * 5) % 8}.dcm")
    source = open_image(tmp_path)
    assert source.info.notices == () and [frame.key.source[-1] for frame in source.info.frames] == list("01234567")
    geometry = source.info.frames[0].geometry
    assert geometry is not None and geometry.slice_spacing == pytest.approx(3.0, abs=1e-3)
    assert isinstance(source.volume(), Volume)
    save_series(tmp_path / "other", [(0, 0, z) for z in (50, 53)], axes=TILTED_AXES)
    assert any("2 directions" in notice for notice in open_image(tmp_path).info.notices)


@pytest.mark.parametrize("told", [{"TemporalPositionIdentifier": (2, 1)}, {"AcquisitionNumber": (7, 3)},
                                  {"EchoTime": ("20", "5")}, {"AcquisitionTime": ("101500", "101000")},
                                  {"TriggerTime": ("500", "0")}, {}])
def test_phases_follow_one_another(tmp_path: Path, told: dict[str, tuple[Any, Any]]) -> None:
    """Two phases at four places, whose files come interleaved; the second phase is the first in time where told."""
    for k in range(8):
        place, phase = k // 2, k % 2
        said = {keyword: values[phase] for keyword, values in told.items()}
        save(slice_dataset(1 + place + 4 * phase, (0, 0, 3.0 * place), **said), tmp_path / f"{k}.dcm")
    source = open_image(tmp_path)
    first = 1 if told else 0
    assert [frame.key.source.split(".")[-1] for frame in source.info.frames] == [
        str(1 + place + 4 * phase) for phase in (first, 1 - first) for place in range(4)]
    assert [frame.time for frame in source.info.frames] == [0] * 4 + [1] * 4
    assert all(frame.geometry and frame.geometry.slice_spacing == 3 for frame in source.info.frames)
    assert any("lie at 4 places" in notice for notice in source.info.notices)


def test_slices_a_thousandth_of_a_millimetre_apart_are_a_stack(tmp_path: Path) -> None:
    source = open_image(save_series(tmp_path / "fine", [(0, 0, 0.0015 * k) for k in range(5)]))
    geometry = source.info.frames[0].geometry
    assert geometry is not None and geometry.slice_spacing == pytest.approx(0.0015) and source.info.notices == ()
    assert isinstance(source.volume(), Volume)
    uneven = open_image(save_series(tmp_path / "uneven", [(0, 0, z) for z in (0, 0.0015, 0.003, 0.0055)]))
    assert any("0.0015 to 0.0025 mm" in notice for notice in uneven.info.notices)
    repeated = open_image(save_series(tmp_path / "again", [(0, 0, z) for z in (0, 0.001, 3, 3.001, 6, 6.001)]))
    assert any("lie at 3 places" in notice for notice in repeated.info.notices)


def test_listing_and_choosing_read_no_header_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for k in (1, 2, 3):
        save_series(tmp_path / str(k), [(0, 0, z) for z in range(k + 1)], series=f"1.2.{k}")
    (tmp_path / "damaged.dcm").write_bytes((tmp_path / "1" / "01.dcm").read_bytes()[:-900])
    read: list[str] = []
    dcmread = pydicom.dcmread

    def counted(file: Any, *args: Any, **options: Any) -> pydicom.Dataset:
        read.append(file.name)
        return dcmread(file, *args, **options)

    monkeypatch.setattr(pydicom, "dcmread", counted)
    assert len(open_image(tmp_path, salt=b"s").info.frames) == 4 and len(read) == 10
    listing = list_series(tmp_path, salt=b"s")
    assert [item.frames for item in listing] == [4, 3, 2] and len(read) == 10
    source = open_image(tmp_path, salt=b"s", series=listing[1].identity.series)
    assert len(source.info.frames) == 3 and source.info.identity == listing[1].identity and len(read) == 13
    assert any("1 file was left out" in notice for notice in source.info.notices)
    assert len(list_series(tmp_path, salt=b"other")) == 3 and len(read) == 23
    list_series(tmp_path, salt=b"s")
    read.clear()
    save(slice_dataset(9, (0, 0, 9), series="1.2.1"), tmp_path / "1" / "new.dcm")
    assert len(open_image(tmp_path, salt=b"s", series=listing[2].identity.series).info.frames) == 3
    assert len(read) == 11
    (tmp_path / "1" / "new.dcm").unlink()
    shutil.rmtree(tmp_path / "2")
    with pytest.raises(UserError, match="no longer"):
        open_image(tmp_path, salt=b"s", series=listing[1].identity.series)


def test_a_series_that_an_older_workspace_named_is_found(tmp_path: Path) -> None:
    """Before, the hash of its Series Instance UID alone was kept; where two have that one now, neither is guessed."""
    save_series(tmp_path / "a", [(0, 0, 0)], series="1.2.50")
    save_series(tmp_path / "b", [(0, 0, z) for z in (0, 1)], series="1.2.60")
    older = hashed(slice_dataset(series="1.2.50"), "SeriesInstanceUID", b"s")
    assert len(open_image(tmp_path, salt=b"s", series=older).info.frames) == 1
    save_series(tmp_path / "c", [(0, 0, 0)], series="1.2.50", PatientID="B")
    with pytest.raises(UserError, match="no longer"):
        open_image(tmp_path, salt=b"s", series=older)


def test_a_slow_disk_is_not_waited_for_file_by_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_series(tmp_path, [(0, 0, k) for k in range(8)])
    together, read = threading.Barrier(2), folder_module.read_file

    def slow(path: Path, allow_bytes: int) -> DicomFile:
        together.wait(10)  # breaks where one reads alone
        return read(path, allow_bytes)

    monkeypatch.setattr(folder_module, "read_file", slow)
    assert [frame.instance for frame in open_image(folder).info.frames] == list(range(8, 0, -1))


def test_reading_that_was_stopped_reads_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_series(tmp_path, [(0, 0, k) for k in range(60)])
    begun, read = [], folder_module.read_file

    def counted(path: Path, allow_bytes: int) -> DicomFile:
        begun.append(path)
        time.sleep(0.01)
        return read(path, allow_bytes)

    monkeypatch.setattr(folder_module, "read_file", counted)
    with pytest.raises(Cancelled):
        open_image(folder, cancelled=lambda: len(begun) > 5)
    assert len(begun) < 30
