"""Model packs: list, choose, verify."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medsynth_app.core.errors import UserError
from medsynth_app.core.image import ImageInfo
from medsynth_app.formats.pack import InstalledPack, default_pack_folders, find_packs, open_pack, verify_pack


@dataclass(frozen=True)
class PackCheck:
    """A pack and what is wrong with its files; no problems when it is whole."""

    pack: InstalledPack
    problems: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return not self.problems


def list_packs(folders: Sequence[Path] | None = None) -> list[InstalledPack]:
    """Packs in `folders` (None: the usual places), by domain and name."""
    found = find_packs(default_pack_folders() if folders is None else folders)
    return sorted(found, key=lambda pack: (pack.manifest.domain, pack.manifest.name, pack.manifest.version))


def verify_packs(folders: Sequence[Path] | None = None) -> list[PackCheck]:
    """Compare every file of every pack with the hash that its manifest states."""
    return [PackCheck(pack, tuple(verify_pack(pack))) for pack in list_packs(folders)]


def find_pack(named: str, folders: Sequence[Path] | None = None) -> InstalledPack:
    """The pack with this name, or in this folder; raises `UserError` when there is none."""
    packs = list_packs(folders)
    match = next((pack for pack in reversed(packs) if named in (pack.manifest.name, pack.folder.name)), None)
    if match is None and Path(named).is_dir():
        return open_pack(Path(named))
    if match is None:
        known = ", ".join(pack.manifest.name for pack in packs) or "none"
        raise UserError(f"There is no model pack {named!r}.", f"Installed are: {known}.")
    return match


def suited_pack(packs: Sequence[InstalledPack], info: ImageInfo,
                preferred: InstalledPack | None = None) -> InstalledPack | None:
    """The pack that fits an image best by modality, then colour; `preferred` where others fit no better."""
    def fit(pack: InstalledPack) -> tuple[bool, bool, bool]:
        return (info.modality in pack.manifest.modalities, info.colour == pack.manifest.colour,
                preferred is not None and pack.folder == preferred.folder)

    return max(packs, key=fit, default=None)
