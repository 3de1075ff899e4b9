"""Bring a model pack to where the program finds it, or take one away."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from medsynth_app.actions.guard import require_writable
from medsynth_app.actions.out_folder import require_room
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.pack_files import InstalledPack, files_in, open_pack, verify_pack
from medsynth_app.formats.pack import default_pack_folders, find_packs
from medsynth_app.workspace.workspace import Workspace

ACTION = "install_pack"


def import_pack(workspace: Workspace, folder: Path, person: str = "", *, into: Path | None = None,
                progress: Callable[[int, int], None] = lambda done, total: None,
                cancelled: Callable[[], bool] = lambda: False) -> tuple[InstalledPack, Changes]:
    """Copy a pack into the folder of this user's packs, whole or not at all; may run on any thread.

    Parameters
    ----------
    into
        That folder; None for the usual one.
    progress
        Told of bytes copied and bytes in all.

    Raises
    ------
    UserError
        The folder holds no pack or a damaged one, the pack is installed already, there is no room, or the workspace is
        read-only.
    Cancelled
        When `cancelled` says so; nothing is left behind.
    """
    require_writable(workspace)  # the audit's entry is written last: without it nothing is to be copied
    into = into or default_pack_folders()[-1]
    pack = open_pack(folder.resolve())
    about = pack.manifest
    if problems := verify_pack(pack):
        raise UserError(f"The pack {about.name} is not whole: {problems[0]}", "Copy it again from where it came.",
                        safe="Nothing was installed.", details="; ".join(problems)[:500])
    if any(about.sha256 == known.manifest.sha256 for known in find_packs([*default_pack_folders()[:-1], into])):
        raise UserError(f"The pack {about.name} {about.version} is installed already.", "There is nothing to do.")
    files = files_in(pack.folder)
    total, done = sum(path.stat().st_size for path in files), 0
    target = _free(into, about.name, about.version)
    part = into / f".{uuid.uuid4().hex}.part"
    require_room((target, total))
    try:
        for path in files:
            if cancelled():
                raise Cancelled
            copy = part / path.relative_to(pack.folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            done += path.stat().st_size
            progress(done, total)
        installed = open_pack(part)
        if problems := verify_pack(installed):
            raise UserError(f"The copy of the pack {about.name} is not whole: {problems[0]}", "Try again.")
        part.rename(target)
    except OSError as error:
        raise UserError(f"The pack {about.name} could not be copied.", "Make room on the disk, then try again.",
                        safe="Nothing was installed.", details=type(error).__name__) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    workspace.audit.add(ACTION, person, [about.sha256])
    return open_pack(target), Changes(packs=(about.sha256,))


def remove_pack(workspace: Workspace, pack: InstalledPack, person: str = "", *, shelf: Path | None = None) -> Changes:
    """Delete a pack of this user's; what was drawn with it stays, and keeps its name and hash in its record.

    Raises
    ------
    UserError
        A pack that comes with the program or lies elsewhere, one that cannot be deleted, or a read-only workspace.
    """
    require_writable(workspace)
    if (refusal := not_removable(pack, shelf)) is not None:
        raise refusal
    try:
        gone = pack.folder.with_name(f".{uuid.uuid4().hex}.gone")
        pack.folder.rename(gone)  # at once, so that nobody finds half of it
        shutil.rmtree(gone)
    except OSError as error:
        raise UserError(f"The pack {pack.manifest.name} could not be deleted.",
                        f"Delete its folder {pack.folder.name} by hand.", details=type(error).__name__) from error
    workspace.audit.add(ACTION, person, [pack.manifest.sha256])
    return Changes(packs=(pack.manifest.sha256,))


def not_removable(pack: InstalledPack, shelf: Path | None = None) -> UserError | None:
    """What speaks against deleting a pack; None where nothing does."""
    shelf = shelf or default_pack_folders()[-1]
    if pack.folder.resolve().parent == shelf.resolve():
        return None
    return UserError(f"The pack {pack.manifest.name} does not lie among your own: it comes with the program, or is "
                     "used from another folder.", "Only packs that were added can be removed.")


def _free(into: Path, name: str, version: str) -> Path:
    """A folder that is not there yet, called as the pack is."""
    plain = "".join(mark if mark.isalnum() or mark in "-_." else "-" for mark in name).strip(".-") or "pack"
    for target in (into / plain, into / f"{plain}-{version}"):
        if not target.exists():
            return target
    return into / f"{plain}-{uuid.uuid4().hex[:8]}"
