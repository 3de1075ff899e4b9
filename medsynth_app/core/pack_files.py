"""A pack's files: its manifest, their hashes, whether it is whole."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import file_sha256
from medsynth_app.core.pack import MANIFEST, PackManifest


@dataclass(frozen=True)
class InstalledPack:
    """A pack and the folder that holds it."""

    folder: Path
    manifest: PackManifest


def open_pack(folder: Path) -> InstalledPack:
    """The pack in `folder`; raises `UserError` when it holds none or its manifest cannot be read."""
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The folder {folder.name} holds no model pack that can be read.",
                        f"Choose the folder that holds {MANIFEST}.", details=type(error).__name__) from error
    return InstalledPack(folder, PackManifest.from_json(text, f"The pack {folder.name}"))


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
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
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
            for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / MANIFEST}
