"""Model packs on this machine: finding them and checking their files against the manifest."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import platformdirs

import medsynth_app
from medsynth_app.core.errors import UserError
from medsynth_app.core.pack import MANIFEST, PackManifest
from medsynth_app.formats.common import file_sha256

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InstalledPack:
    """A pack and the folder that holds it."""

    folder: Path
    manifest: PackManifest


def default_pack_folders() -> list[Path]:
    """Where packs lie: those shipped beside the program, then those of this user."""
    shipped = Path(medsynth_app.__file__).resolve().parent.parent / "resources" / "packs"
    return [shipped, platformdirs.user_data_path("medsynth", appauthor=False) / "packs"]


def find_packs(folders: Sequence[Path], problems: list[str] | None = None) -> list[InstalledPack]:
    """Packs in `folders` (each a pack itself or a folder of packs), in that order, each pack once.

    A pack whose manifest cannot be read is left out; a sentence about it is added to `problems`.
    """
    found: dict[tuple[str, str, str], InstalledPack] = {}
    for folder in _candidates(folders):
        try:
            pack = open_pack(folder)
        except UserError as error:
            _log.warning("a model pack was left out: its manifest cannot be read")
            if problems is not None:
                problems.append(str(error))
            continue
        manifest = pack.manifest
        found.setdefault((manifest.name, manifest.version, manifest.sha256), pack)
    return list(found.values())


def _candidates(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        if (folder / MANIFEST).is_file():
            yield folder
        elif folder.is_dir():
            yield from (child for child in sorted(folder.iterdir()) if (child / MANIFEST).is_file())


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
