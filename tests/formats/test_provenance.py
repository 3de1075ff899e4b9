from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from medsynth_app.core.errors import UserError
from medsynth_app.formats.provenance import KEY, for_export, from_text, to_dict, to_text
from medsynth_app.formats.registry import open_image, read_provenance
from tests.formats.making import record


def test_a_record_survives_its_text() -> None:
    provenance = record(source="sha256:00", earlier=())
    for text in (to_text(provenance), json.dumps({KEY: to_dict(provenance)})):
        assert text.isascii() and from_text(text) == provenance


def test_original_uids_do_not_leave() -> None:
    out = for_export(record())
    assert out.source.startswith("uid-sha256:") and out.earlier[0]["source"] == out.source
    assert "1.2.3.4" not in to_text(record())
    old = record().to_dict()  # as earlier versions wrote them
    old["parameters"] = {"frame_key": "uid:1.2.3.4#0", "more": [{"source": "uid:1.2.3.4"}], "steps": 4}
    text = to_text(record(parameters=old["parameters"], notices=("made from uid:1.2.3.4 here",),
                          earlier=({**old, "earlier": [old]},)))
    found = from_text(text)
    assert "1.2.3.4" not in text and found is not None and found.parameters["steps"] == 4
    assert found.source == found.parameters["more"][0]["source"] == found.earlier[0]["earlier"][0]["source"]
    assert to_text(found) == text


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '{"medsynth": 3}', '{"format": "other/1"}',
                                  '{"format": "medsynth-provenance/1", "strange": 1}'])
def test_what_is_no_record_is_none(text: str) -> None:
    assert from_text(text) is None


def test_a_newer_record_cannot_be_read_but_the_picture_stays_synthetic(tmp_path: Path) -> None:
    details = PngImagePlugin.PngInfo()
    details.add_itxt("medsynth", json.dumps({"format": "medsynth-provenance/9", "synthetic": True}))
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png", pnginfo=details)
    assert read_provenance(tmp_path / "a.png") is None and open_image(tmp_path / "a.png").info.synthetic


def test_files_without_a_record(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.jpg")
    assert read_provenance(tmp_path / "a.jpg") is None
    with pytest.raises(UserError, match="no such file"):
        read_provenance(tmp_path / "b.png")
