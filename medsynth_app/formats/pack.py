"""Model packs on this machine: finding them and checking their files against the manifest."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from os.path import lexists
from pathlib import Path

import platformdirs

import medsynth_app
from medsynth_app.core.errors import UserError
from medsynth_app.core.pack import MANIFEST
from medsynth_app.core.pack_files import InstalledPack, open_pack

_log = logging.getLogger(__name__)


def default_pack_folders() -> list[Path]:
    """Where packs lie: those shipped beside the program, then those of this user."""
    shipped = Path(medsynth_app.__file__).resolve().parent.parent / "resources" / "packs"
    return [shipped, platformdirs.user_data_path("medsynth", appauthor=False) / "packs"]


def find_packs(folders: Sequence[Path], problems: list[str] | None = None) -> list[InstalledPack]:
    """Packs in `folders` (each a pack itself or a folder of packs), in that order, each pack once.

    A pack whose manifest cannot be read is left out; a sentence about it is added to `problems`, or to the log.
    """
    found: dict[tuple[str, str, str], InstalledPack] = {}
    for folder in _candidates(folders):
        try:
            pack = open_pack(folder)
        except UserError as error:
            if problems is None:
                _log.warning("a model pack was left out: it cannot be read")
            else:
                problems.append(str(error))
            continue
        manifest = pack.manifest
        found.setdefault((manifest.name, manifest.version, manifest.sha256), pack)
    return list(found.values())


def _candidates(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        if lexists(folder / MANIFEST):
            yield folder
        elif folder.is_dir():
            try:
                children = sorted(folder.iterdir())
            except OSError:
                _log.warning("a folder of model packs was left out: it cannot be read")
                continue
            yield from (child for child in children if lexists(child / MANIFEST))
