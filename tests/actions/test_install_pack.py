"""Packs are added whole or not at all, and only what was added can be removed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from medsynth_app.actions import install_pack
from medsynth_app.actions.install_pack import import_pack, not_removable, remove_pack
from medsynth_app.actions.packs import list_packs
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.pack import MANIFEST
from medsynth_app.core.pack_files import InstalledPack, hash_files, verify_pack
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack


@pytest.fixture
def stick(tmp_path: Path) -> InstalledPack:
    return make_pack(tmp_path / "stick", "Skin / lesions")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(install_pack, "default_pack_folders", lambda: [tmp_path / "shipped", tmp_path / "shelf"])
    return tmp_path / "shelf"


def test_a_pack_is_copied_and_found_there(workspace: Workspace, stick: InstalledPack, shelf: Path) -> None:
    told: list[tuple[int, int]] = []
    pack, changes = import_pack(workspace, stick.folder, "ann", progress=lambda at, of: told.append((at, of)))
    assert pack.folder == shelf / "Skin---lesions" and not verify_pack(pack)
    assert list_packs([shelf]) == [pack] and changes.packs == (stick.manifest.sha256,)
    assert told[-1][0] == told[-1][1] > 0 and list(shelf.iterdir()) == [pack.folder]
    entry = workspace.audit.entries(limit=1)[0]
    assert (entry.action, entry.person, entry.subjects) == ("install_pack", "ann", (stick.manifest.sha256,))


def test_a_second_version_lies_beside_the_first(workspace: Workspace, tmp_path: Path, shelf: Path) -> None:
    for version in ("1", "2"):
        made = make_pack(tmp_path / version, "skin", version=version)
        (made.folder / "weights.txt").write_text(version)
        (made.folder / MANIFEST).write_text(replace(made.manifest, files=hash_files(made.folder)).to_json())
        import_pack(workspace, made.folder)
    assert sorted(path.name for path in shelf.iterdir()) == ["skin", "skin-2"]


def test_what_is_no_whole_pack_is_refused_and_leaves_nothing(workspace: Workspace, stick: InstalledPack, shelf: Path,
                                                             tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no model pack"):
        import_pack(workspace, tmp_path)
    (stick.folder / "weights.txt").write_text("other")
    with pytest.raises(UserError, match=r"not whole: weights\.txt was changed"):
        import_pack(workspace, stick.folder)
    (stick.folder / "weights.txt").write_text("Skin / lesions")
    with pytest.raises(Cancelled):
        import_pack(workspace, stick.folder, cancelled=lambda: True)
    assert not shelf.exists() or not list(shelf.iterdir())
    import_pack(workspace, stick.folder)
    with pytest.raises(UserError, match="installed already"):
        import_pack(workspace, stick.folder)


def test_in_a_read_only_workspace_nothing_is_copied(stick: InstalledPack, shelf: Path, tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "workspace"), Workspace.open(tmp_path / "workspace") as second, \
            pytest.raises(UserError, match="read-only"):
        import_pack(second, stick.folder)
    assert not shelf.exists()


def test_a_full_disk_leaves_nothing(workspace: Workspace, stick: InstalledPack, shelf: Path,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(install_pack.shutil, "copyfile", full)
    with pytest.raises(UserError, match="could not be copied") as refused:
        import_pack(workspace, stick.folder)
    assert refused.value.safe == "Nothing was installed." and not list(shelf.iterdir())


def test_only_what_was_added_is_removed(workspace: Workspace, stick: InstalledPack, shelf: Path) -> None:
    assert not_removable(stick) is not None
    with pytest.raises(UserError, match="does not lie among your own"):
        remove_pack(workspace, stick)
    assert stick.folder.is_dir()
    pack, _changes = import_pack(workspace, stick.folder)
    assert not_removable(pack) is None
    assert remove_pack(workspace, pack, "ann").packs == (pack.manifest.sha256,)
    assert list(shelf.iterdir()) == []
    assert workspace.audit.entries(limit=1)[0].subjects == (pack.manifest.sha256,)
