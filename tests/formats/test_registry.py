from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsynth_app.core.errors import UserError
from medsynth_app.formats.kinds import EXTENSIONS, LOOKS, Kind, kind_of, name_of
from medsynth_app.formats.registry import READERS, open_image, read_mask
from tests.formats.making import save, slice_dataset


def test_the_kind_is_found_from_the_content_not_the_name(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "really.png")
    os.rename(tmp_path / "really.png", tmp_path / "named.dcm")
    assert open_image(tmp_path / "named.dcm").info.series == "PNG picture"
    save(slice_dataset(), tmp_path / "dicom.png")
    assert kind_of(tmp_path / "dicom.png") is Kind.DICOM and name_of(Kind.DICOM) == "DICOM file"


def test_every_format_is_known_by_its_looks_and_has_a_reader() -> None:
    assert set(READERS) == set(LOOKS) == set(Kind)
    for kind in Kind:
        reader = READERS[kind]()
        assert all(callable(getattr(reader, name)) for name in ("open_image", "read_mask", "embedded_text"))
        assert name_of(kind) and all(extension in EXTENSIONS for extension in LOOKS[kind].extensions)


@pytest.mark.parametrize(("content", "words"), [
    (b"", "empty"), (b"hello, this is text" * 30, "no kind of image"), (b"GIF89a" + bytes(500), "no kind of image"),
    (b"PK\x03\x04" + bytes(500), "no kind of image")])
@pytest.mark.parametrize("suffix", ["", ".dcm", ".png", ".bin"])
def test_unknown_kinds_are_refused_in_words(tmp_path: Path, content: bytes, words: str, suffix: str) -> None:
    path = tmp_path / f"strange{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError, match=words) as caught:
        open_image(path)
    assert caught.value.remedy and str(tmp_path) not in str(caught.value)


def test_the_pseudonym_of_a_dicom_file_without_a_patient_is_made_with_the_secret(tmp_path: Path) -> None:
    dataset = slice_dataset()
    dataset.PatientID = dataset.PatientName = dataset.StudyInstanceUID = None
    path = save(dataset, tmp_path / "a.dcm")
    first, again, other = (open_image(path, salt=salt).info.pseudonym for salt in (b"one", b"one", b"two"))
    assert first == again != other and first.startswith("Image-")


def test_missing_files_and_folders_without_images(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        open_image(tmp_path / "nowhere.png")
    with pytest.raises(UserError, match="holds no DICOM images"):
        open_image(tmp_path)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="holds no DICOM images"):
        open_image(tmp_path)
    report = slice_dataset()
    for name in ("PixelData", "Rows", "Columns"):
        delattr(report, name)
    save(report, tmp_path / "a.dcm")
    with pytest.raises(UserError, match="hold no images"):
        open_image(tmp_path)


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(UserError, match="may not be read"):
        open_image(path)


def test_things_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.dcm")
    with pytest.raises(UserError, match="not a file"):
        open_image(tmp_path / "pipe.dcm")
    with pytest.raises(UserError, match="holds no DICOM images"):
        open_image(tmp_path)


def test_a_dicom_file_is_no_mask_yet(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="mask"):
        read_mask(save(slice_dataset(), tmp_path / "a.dcm"))


def test_importing_the_registry_loads_no_reader() -> None:
    code = ("import sys, medsynth_app.formats.registry as r;"
            "print([n for n in ('pydicom', 'SimpleITK', 'tifffile', 'PIL', 'torch', 'PySide6') if n in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == "[]"
    assert all(suffix.startswith(".") for suffix in EXTENSIONS)


@pytest.mark.parametrize("name", ["x.001", "x.MR", "x.img", "1.2.840.113619", "x", "x.png"])
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
def test_dicom_without_a_signature_is_known_whatever_it_is_called(tmp_path: Path, name: str, syntax: str) -> None:
    dataset = slice_dataset()
    pixels = np.frombuffer(dataset.PixelData, "<i2").reshape(40, 56)
    if syntax.endswith(".2.2"):
        dataset.PixelData = pixels.astype(">i2").tobytes()
    dataset.file_meta.TransferSyntaxUID = syntax
    data = save(dataset, tmp_path / "whole").read_bytes()
    (tmp_path / "whole").unlink()
    start = data.index((b"\0\x08" if syntax.endswith(".2.2") else b"\x08\0"), 200)
    path = tmp_path / name
    path.write_bytes(data[start:])
    source = open_image(path)
    assert np.array_equal(source.pixels(0), pixels) and any("guessed" in notice for notice in source.info.notices)
    assert len(open_image(tmp_path).info.frames) == 1
