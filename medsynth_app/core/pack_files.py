"""A pack's files: its manifest, their hashes, whether it is whole."""

from __future__ import annotations

from dataclasses import dataclass
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


def verify_pack(pack: InstalledPack) -> list[str]:
    """Compare every file with the manifest; one sentence per problem, none when all is well."""
    problems = []
    listed = pack.manifest.files
    if not listed:
        problems.append("The manifest lists no files.")
    for name, digest in sorted(listed.items()):
        path = pack.folder / name
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            problems.append(f"{name} lies outside the pack.")
        elif not path.is_file():
            problems.append(f"{name} is missing.")
        elif _digest(path) != digest:
            problems.append(f"{name} was changed.")
    present = {path.relative_to(pack.folder).as_posix() for path in pack.folder.rglob("*") if path.is_file()}
    problems += [f"{name} is not in the manifest." for name in sorted(present - set(listed) - {MANIFEST})]
    return problems


def _digest(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError:
        return ""


def read_manifest(folder: Path) -> PackManifest:
    """The manifest of the pack in `folder`; raises `UserError` as `open_pack`."""
    return open_pack(folder).manifest


def require_whole(pack: Path, manifest: PackManifest) -> None:
    """Raise `UserError` when a file of the pack is missing or differs from its manifest."""
    if any(not (pack / name).is_file() or file_sha256(pack / name) != digest
           for name, digest in manifest.files.items()):
        raise UserError(f"Files of the pack {manifest.name} are missing or differ from its manifest.",
                        "Copy the pack again from where it came.")


def hash_files(folder: Path) -> dict[str, str]:
    """sha256 of every file of a pack but its manifest, keyed by POSIX path."""
    return {path.relative_to(folder).as_posix(): file_sha256(path)
            for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / MANIFEST}
