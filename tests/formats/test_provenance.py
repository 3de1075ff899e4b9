from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from medsynth_app.core.errors import UserError
from medsynth_app.formats.provenance import KEY, for_export, from_text, to_dict, to_text
from medsynth_app.formats.registry import open_image, read_provenance
from tests.formats.making import record

SALT, OTHER = b"secret of a workspace", b"secret of another"
UID = "1.2.3.4"


def test_a_record_survives_its_text() -> None:
    provenance = record(earlier=())
    for text in (to_text(provenance), json.dumps({KEY: to_dict(provenance)})):
        assert text.isascii() and from_text(text) == provenance


def test_original_uids_do_not_leave() -> None:
    old = {**record(source=f"uid:{UID}").to_dict(),  # as earlier versions wrote them
           "parameters": {"frame_key": f"uid:{UID}#0", "more": [{"source": f"uid:{UID}"}], "steps": 4}}
    kept = record(source=f"uid:{UID}", parameters=old["parameters"], notices=(f"made from uid:{UID} here",),
                  earlier=({**old, "earlier": [old]},))
    out = for_export(kept, SALT)
    text = to_text(out)
    read = from_text(text)
    assert UID not in text and read is not None and to_text(read) == text and out.parameters["steps"] == 4
    assert out.source == out.parameters["more"][0]["source"] == out.earlier[0]["earlier"][0]["source"]
    assert out.notices == (f"made from {out.source} here",)
    assert for_export(out, SALT) == for_export(out, OTHER) == out


@pytest.mark.parametrize("plain", [f"uid:{UID}", "sha256:" + hashlib.sha256(b"the file").hexdigest()])
def test_a_source_is_found_only_by_who_has_the_secret(plain: str) -> None:
    one = for_export(record(source=plain), SALT).source
    assert one.startswith("keyed:") and one == for_export(record(source=plain), SALT).source
    assert one != for_export(record(source=plain), OTHER).source
    name = plain.partition(":")[2]
    known = {name, hashlib.sha256(name.encode()).hexdigest(), hashlib.sha256(plain.encode()).hexdigest()}
    assert not any(text in to_text(for_export(record(source=plain), SALT)) for text in known)


def test_what_earlier_versions_exported_is_read_and_leaves_keyed() -> None:
    old = record(source=f"uid-sha256:{hashlib.sha256(UID.encode()).hexdigest()}")
    read = from_text(json.dumps(old.to_dict()))
    assert read == old
    assert for_export(read, SALT).source == for_export(record(source=f"uid:{UID}"), SALT).source


@pytest.mark.parametrize("plain", [{"source": f"uid:{UID}"}, {"source": f"sha256:{'ab' * 32}"},
                                   {"earlier": ({"notices": [f"of uid:{UID}"]},)}])
def test_a_record_that_names_its_source_is_not_written(plain: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="names its source"):
        to_text(record(**plain))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '{"medsynth": 3}', '{"format": "other/1"}',
                                  '{"format": "medsynth-provenance/1", "strange": 1}', "[" * 100_000,
                                  to_text(record()).replace('"seed": 3', '"seed": "three"'),
                                  to_text(record()).replace('"seed": 3', '"seed": 3, "strange": 1')])
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
