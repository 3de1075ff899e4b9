"""A pack's files: its manifest, their hashes, whether it is whole."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import file_sha256
from medsynth_app.core.pack import MANIFEST, PackManifest

LARGEST_JSON = 2**22  # bytes; shipped manifests have some thousand
MOST_FILES = 10_000


@dataclass(frozen=True)
class InstalledPack:
    """A pack and the folder that holds it."""

    folder: Path
    manifest: PackManifest


def open_pack(folder: Path) -> InstalledPack:
    """The pack in `folder`; raises `UserError` when it holds none or what is no pack's: see `files_in`, `read_json`."""
    if not os.path.lexists(folder / MANIFEST):
        raise UserError(f"The folder {folder.name} holds no model pack that can be read.",
                        f"Choose the folder that holds {MANIFEST}.")
    files_in(folder)
    try:
        raw = read_json(folder / MANIFEST)
    except UserError as error:
        raise UserError(f"The folder {folder.name} holds no model pack that can be read: {error.happened}",
                        error.remedy, details=error.details) from error
    return InstalledPack(folder, PackManifest.from_dict(raw, f"The pack {folder.name}"))


def read_json(path: Path) -> dict[str, Any]:
    """The table in a JSON file of a model.

    Raises
    ------
    UserError
        When it is missing, no usual file, over `LARGEST_JSON`, not UTF-8, nested too deep or no table.
    """
    where = f"{path.parent.name}/{path.name}"
    remedy = "Copy the model again from where it came."
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise UserError(f"{where} is no usual file.", remedy)
        with path.open("rb") as file:
            data = file.read(LARGEST_JSON + 1)
        if len(data) > LARGEST_JSON:
            raise UserError(f"{where} is larger than any that a model has.", remedy)
        found = json.loads(data.decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{where} cannot be read.", remedy, details=type(error).__name__) from error
    if not isinstance(found, dict):
        raise UserError(f"{where} cannot be read: it holds no table.", remedy)
    return found


def files_in(folder: Path) -> list[Path]:
    """Every file in the folder of a model, sorted.

    Raises
    ------
    UserError
        When something there is no usual file, a link leads out of the folder or to another, or there are more files
        than any model has: reading it would wait for ever, or read what is none of the model's.
    """
    root, found, waiting = folder.resolve(), [], [folder]
    remedy = "Copy the files of the model themselves into a folder of their own."
    try:
        while waiting:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    place = Path(entry.path)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(place)
                        continue
                    if entry.is_symlink() and not place.resolve().is_relative_to(root):
                        raise UserError(f"The folder {folder.name} holds a link that leads out of it: {entry.name}.",
                                        remedy)
                    if not entry.is_file():
                        raise UserError(f"The folder {folder.name} holds what is no usual file: {entry.name}.", remedy)
                    found.append(place)
                    if len(found) > MOST_FILES:
                        break
            if len(found) + len(waiting) > MOST_FILES:
                raise UserError(f"The folder {folder.name} holds more files than a model has.", remedy)
    except (OSError, RuntimeError) as error:
        raise UserError(f"The folder {folder.name} cannot be read.", remedy, details=type(error).__name__) from error
    return sorted(found)


def read_manifest(folder: Path) -> PackManifest:
    """The manifest of the pack in `folder`; raises `UserError` as `open_pack`."""
    return open_pack(folder).manifest


class Fault(StrEnum):
    """What is wrong with a file of a pack."""

    OUTSIDE = "outside"
    MISSING = "missing"
    CHANGED = "changed"
    EXTRA = "extra"


_WORDS = {Fault.OUTSIDE: "lies outside the pack", Fault.MISSING: "is missing", Fault.CHANGED: "was changed",
          Fault.EXTRA: "is not in the manifest"}


def faults(folder: Path, manifest: PackManifest) -> dict[str, Fault]:
    """Compare the files in `folder` with the manifest: what is wrong, by POSIX path; empty where the pack is whole."""
    found = {name: fault for name, digest in sorted(manifest.files.items())
             if (fault := _fault(folder, name, digest)) is not None}
    present = {path.relative_to(folder).as_posix() for path in files_in(folder)}
    return found | dict.fromkeys(sorted(present - set(manifest.files) - {MANIFEST}), Fault.EXTRA)


def _fault(folder: Path, name: str, digest: str) -> Fault | None:
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        return Fault.OUTSIDE
    if not (folder / name).is_file():
        return Fault.MISSING
    try:
        return None if file_sha256(folder / name) == digest else Fault.CHANGED
    except OSError:
        return Fault.CHANGED


def verify_pack(pack: InstalledPack) -> list[str]:
    """Compare every file with the manifest; one sentence per problem, none when all is well."""
    problems = [] if pack.manifest.files else ["The manifest lists no files."]
    return problems + [f"{name} {_WORDS[fault]}." for name, fault in faults(pack.folder, pack.manifest).items()]


def require_whole(folder: Path, manifest: PackManifest) -> None:
    """Raise `UserError` where a file is missing or changed, or one lies there that would be loaded unseen."""
    wrong = [name for name, fault in faults(folder, manifest).items()
             # A stray picture does no harm; a stray weight or configuration would be loaded.
             if fault is not Fault.EXTRA or name.endswith((".safetensors", ".json"))]
    if wrong:
        raise UserError(f"Files of the pack {manifest.name} are missing or differ from its manifest.",
                        "Copy the pack again from where it came.", details=", ".join(wrong)[:500])


def hash_files(folder: Path) -> dict[str, str]:
    """sha256 of every file of a pack but its manifest, keyed by POSIX path."""
    return {path.relative_to(folder).as_posix(): file_sha256(path)
            for path in files_in(folder) if path != folder / MANIFEST}
