"""Neutral facts of files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsynth_app.actions.demo import demo_images
from medsynth_app.actions.info import info
from medsynth_app.core.errors import UserError
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats.common import TooLarge
from medsynth_app.formats.raster import write_png
from tests.actions.bench import grey_tiff, make_pack, volume


def _ct() -> Path:
    return next(image.path for image in demo_images() if image.path.name == "CT_small.dcm")


def test_a_ct_slice_in_neutral_facts() -> None:
    facts = info(_ct())
    assert (facts["modality"], facts["rows"], facts["columns"], facts["frames"]) == ("CT", 128, 128, 1)
    assert facts["spacing_mm"] == pytest.approx([0.661468, 0.661468])
    assert facts["rescale"]["unit"] == "HU" and facts["type"] == "int16"
    assert facts["synthetic"] is False and facts["provenance"] is None


def test_no_name_no_identifier_no_path() -> None:
    import pydicom

    dataset = pydicom.dcmread(_ct())
    text = json.dumps(info(_ct()))
    for secret in (dataset.PatientName, dataset.PatientID, dataset.SOPInstanceUID, dataset.StudyInstanceUID, _ct()):
        assert str(secret) not in text


def test_deep_grey_and_volumes(tmp_path: Path) -> None:
    deep = info(grey_tiff(tmp_path / "grey.tif"))
    assert (deep["type"], deep["colour"], deep["bits"]) == ("uint16", "grey", 16)
    stack = info(volume(tmp_path / "volume.nii.gz", frames=3))
    assert stack["frames"] == 3 and stack["spacing_mm"] == pytest.approx([0.75, 0.5])


def test_what_is_synthetic_says_so_with_its_record(tmp_path: Path) -> None:
    made = Provenance("generate", "cells 1", "00" * 32, 7, "2030-01-01", parameters={"prompt": "a cell"})
    path = tmp_path / "made.png"
    write_png(path, np.full((40, 50, 3), 90, np.uint8), made, False)
    facts = info(path)
    assert facts["synthetic"] is True and facts["provenance"]["seed"] == 7
    plain = tmp_path / "plain.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(plain)
    assert info(plain)["synthetic"] is False


def test_a_pack_tells_its_licence(tmp_path: Path) -> None:
    pack = make_pack(tmp_path)
    facts = info(pack.folder)
    assert facts["what"] == "model pack" and facts["licence"] == "CC0-1.0"
    assert facts["sha256"] == pack.manifest.sha256


def test_a_pseudonym_cannot_be_found_again_by_trying_identifiers() -> None:
    assert info(_ct())["pseudonym"] != info(_ct())["pseudonym"]
    assert info(_ct(), salt=b"one")["pseudonym"] == info(_ct(), salt=b"one")["pseudonym"]
    assert info(_ct(), salt=b"one")["pseudonym"] != info(_ct(), salt=b"two")["pseudonym"]


def test_how_much_may_be_opened_can_be_said() -> None:
    with pytest.raises(TooLarge):
        info(_ct(), allow_bytes=1000)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "pack.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(UserError, match="no model pack that can be read"):
        info(tmp_path)
    with pytest.raises(UserError, match="no such file"):
        info(tmp_path / "nothing.dcm")
