from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medsynth_app.core.image import Identity
from medsynth_app.formats.registry import open_image
from tests.formats.making import save, slice_dataset


def _identity(tmp_path: Path, salt: bytes = b"secret", **changes: Any) -> Identity:
    return open_image(save(slice_dataset(**changes), tmp_path / "a.dcm"), salt=salt).info.identity


def test_files_of_one_patient_study_and_series_have_one_identity(tmp_path: Path) -> None:
    first = _identity(tmp_path)
    assert first == _identity(tmp_path, number=2) and all((first.patient, first.study, first.series))
    other = _identity(tmp_path, series="1.2.4")
    assert (other.patient, other.study) == (first.patient, first.study) and other.series != first.series
    visit = _identity(tmp_path, StudyInstanceUID="1.2.2", SeriesInstanceUID="1.2.5")
    assert visit.patient == first.patient and visit.study != first.study


def test_it_is_keyed_and_tells_nothing(tmp_path: Path) -> None:
    first, other = _identity(tmp_path), _identity(tmp_path, salt=b"s" * 200)
    assert not {first.patient, first.study, first.series} & {other.patient, other.study, other.series}
    assert not any(text in repr(first) for text in ("4711", "Doe", "1.2.3", "1.2.1"))


@pytest.mark.parametrize(("one", "two", "same"), [
    ({"PatientID": "7"}, {"PatientID": " 7 "}, True),
    ({"PatientID": "7"}, {"PatientID": "7", "PatientName": "Roe^Jane"}, True),  # a marriage
    ({"PatientID": "7", "IssuerOfPatientID": "A"}, {"PatientID": "7", "IssuerOfPatientID": "B"}, False),
    ({"PatientID": ""}, {"PatientID": "", "PatientName": "Doe^Jane^"}, True),
    ({"PatientID": ""}, {"PatientID": "", "PatientBirthDate": "19600103"}, False),
    ({"PatientID": ""}, {"PatientID": "Doe^Jane", "IssuerOfPatientID": "19600102"}, False),
])
def test_patients_are_told_apart_by_number_and_issuer_else_by_name_and_birth_date(
        tmp_path: Path, one: dict[str, str], two: dict[str, str], same: bool) -> None:
    assert (_identity(tmp_path, **one).patient == _identity(tmp_path, **two).patient) is same


def test_what_a_file_does_not_say_is_empty(tmp_path: Path) -> None:
    bare = _identity(tmp_path, PatientID="", PatientBirthDate="", StudyInstanceUID="", SeriesInstanceUID="")
    assert bare == Identity()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "a.png")
    assert open_image(tmp_path / "a.png", salt=b"secret").info.identity == Identity()
