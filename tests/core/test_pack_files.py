from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from medsynth_app.core.errors import UserError
from medsynth_app.core.intensity import IntensityRange
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.pack_files import open_pack, verify_pack
from medsynth_app.formats.pack import default_pack_folders, find_packs


def _pack(folder: Path, name: str = "cells", **extra: str) -> Path:
    (folder / "unet").mkdir(parents=True)
    (folder / "unet" / "model.safetensors").write_bytes(b"weights" + name.encode())
    files = {"unet/model.safetensors": hashlib.sha256(b"weights" + name.encode()).hexdigest(), **extra}
    manifest = PackManifest(name, "1", "blood", "Cells", ("SM",), "rgb", "CC0", 128, (), files=files)
    (folder / "pack.json").write_text(manifest.to_json())
    return folder


def test_packs_are_found_in_folders_and_as_folders_each_once(tmp_path: Path) -> None:
    _pack(tmp_path / "packs" / "b", "b")
    _pack(tmp_path / "packs" / "a", "a")
    _pack(tmp_path / "user" / "copy-of-a", "a")
    single = _pack(tmp_path / "stick", "c")
    found = find_packs([tmp_path / "packs", tmp_path / "user", single, tmp_path / "nowhere"])
    assert [pack.manifest.name for pack in found] == ["a", "b", "c"]
    assert found[0].folder == tmp_path / "packs" / "a"


def test_a_broken_manifest_is_told_and_hides_no_other_pack(tmp_path: Path) -> None:
    _pack(tmp_path / "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "pack.json").write_text("{")
    problems: list[str] = []
    assert [pack.manifest.name for pack in find_packs([tmp_path], problems)] == ["cells"]
    assert len(problems) == 1 and "bad" in problems[0]
    with pytest.raises(UserError, match="holds no model pack"):
        open_pack(tmp_path)


def test_missing_changed_extra_and_outside_files_are_named(tmp_path: Path) -> None:
    good = open_pack(_pack(tmp_path / "good"))
    assert verify_pack(good) == []
    (good.folder / "unet" / "model.safetensors").write_bytes(b"other")
    (good.folder / "note.txt").write_text("x")
    assert verify_pack(good) == ["unet/model.safetensors was changed.", "note.txt is not in the manifest."]
    (good.folder / "unet" / "model.safetensors").unlink()
    assert "unet/model.safetensors is missing." in verify_pack(good)
    outside = open_pack(_pack(tmp_path / "evil", **{"../secret": "00"}))
    assert verify_pack(outside) == ["../secret lies outside the pack."]


def test_ranges_of_modalities_come_back_and_a_manifest_without_them_is_as_before() -> None:
    manifest = PackManifest("ct", "1", "chest", "Chest", ("CT",), "grey", "CC0", 128, (),
                            intensity_ranges={"CT": IntensityRange(-1000, 400)})
    text = manifest.to_json()
    assert PackManifest.from_json(text) == manifest
    older = {name: value for name, value in json.loads(text).items() if name != "intensity_ranges"}
    assert PackManifest.from_json(json.dumps(older)).intensity_ranges == {}


@pytest.mark.parametrize("ranges", [[-1000, 400], {"CT": [-1000, 400]}, {"CT": {"low": 5, "high": 5}},
                                    {"CT": {"low": "air", "high": 5}}, {"CT": {"low": 0, "high": float("nan")}}])
def test_ranges_that_are_none_are_refused_in_words(ranges: object) -> None:
    manifest = json.loads(PackManifest("ct", "1", "chest", "Chest", ("CT",), "grey", "CC0", 128, ()).to_json())
    with pytest.raises(UserError, match="manifest that cannot be read"):
        PackManifest.from_json(json.dumps({**manifest, "intensity_ranges": ranges}))


def test_default_folders() -> None:
    shipped, own = default_pack_folders()
    assert shipped == Path(__file__).resolve().parents[2] / "resources" / "packs" and own.name == "packs"
