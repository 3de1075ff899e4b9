"""Model packs: list, choose, verify."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.image import ImageInfo, Pixels
from medsynth_app.core.modality import in_words
from medsynth_app.core.pack_files import InstalledPack, open_pack, verify_pack
from medsynth_app.core.words import _
from medsynth_app.formats.pack import default_pack_folders, find_packs

LIKE = 20.0  # grey levels by which mean colours may differ and still be alike
NOUNS = {"base": "model pack", "encoder": "encoder", "detector": "detector"}


@dataclass(frozen=True)
class PackCheck:
    """A pack and what is wrong with its files; no problems when it is whole."""

    pack: InstalledPack
    problems: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return not self.problems


def list_packs(folders: Sequence[Path] | None = None, kind: str | None = "base",
               problems: list[str] | None = None) -> list[InstalledPack]:
    """Packs in `folders` (None: the usual places), by domain and name.

    Parameters
    ----------
    kind
        "base" (what draws), "encoder", "detector", or None for all kinds.
    problems
        Gets a sentence about every pack that is left out because it cannot be read.
    """
    found = [pack for pack in find_packs(default_pack_folders() if folders is None else folders, problems)
             if kind is None or pack.manifest.kind == kind]
    return sorted(found, key=lambda pack: (pack.manifest.domain, pack.manifest.name, _numbers(pack.manifest.version)))


def _numbers(version: str) -> list[int]:
    """For sorting: 0.10 comes after 0.9."""
    return [int(number) for number in re.findall(r"\d+", version)]


def newest(packs: Sequence[InstalledPack]) -> InstalledPack:
    """The one of the highest version; of equal ones the last."""
    return max(reversed(packs), key=lambda pack: _numbers(pack.manifest.version))


def verify_packs(folders: Sequence[Path] | None = None, problems: list[str] | None = None) -> list[PackCheck]:
    """Compare every file of every pack with the hash that its manifest states; `problems` as in `list_packs`."""
    return [PackCheck(pack, tuple(verify_pack(pack))) for pack in list_packs(folders, None, problems)]


def find_pack(named: str, folders: Sequence[Path] | None = None, kind: str | None = "base") -> InstalledPack:
    """The pack of a kind (None: of any) with this name, or in this folder; raises `UserError` when there is none."""
    packs = list_packs(folders, None)
    matches = [pack for pack in packs if named in (pack.manifest.name, pack.folder.name)]
    if not matches and Path(named).is_dir():
        matches = [open_pack(Path(named))]
    right = [pack for pack in matches if kind in (None, pack.manifest.kind)]
    if right:
        return newest(right)
    known = ", ".join(pack.manifest.name for pack in packs if kind in (None, pack.manifest.kind)) or "none"
    if matches:
        raise UserError(f"The pack {matches[-1].manifest.name} is of the kind {matches[-1].manifest.kind!r}, and "
                        f"{kind!r} is needed here.", f"Installed are: {known}.")
    noun = NOUNS.get(kind, kind) if kind is not None else "pack"
    raise UserError(f"There is no {noun} {named!r}.", f"Installed are: {known}.")


def suited_pack(packs: Sequence[InstalledPack], info: ImageInfo, preferred: InstalledPack | None = None,
                pixels: Pixels | None = None) -> InstalledPack | None:
    """The pack that fits an image best: by modality, then colour or grey, then likeness; else `preferred`.

    Parameters
    ----------
    pixels
        The image, for one that states no modality: its mean colour is held against that of the training pictures.
    """
    mean = _mean_colour(pixels)
    far = {pack.manifest.sha256: _distance(pack, mean) for pack in packs}
    near = min((value for value in far.values() if value is not None), default=0.0) + LIKE

    def alike(pack: InstalledPack) -> bool:
        distance = far[pack.manifest.sha256]
        return distance is not None and distance <= near

    def fit(pack: InstalledPack) -> tuple[bool, bool, bool, bool]:
        return (info.modality in pack.manifest.modalities, info.colour == pack.manifest.colour,
                alike(pack), preferred is not None and pack.folder == preferred.folder)

    return max(packs, key=fit, default=None)


def removes(pack: InstalledPack | None, info: ImageInfo, pixels: Pixels | None = None) -> bool:
    """Whether Remove takes a pack for images of this kind unless told otherwise; else the classical fill does it.

    The pack says what Remove draws (one that was measured to be no better than the classical fill does not) and knows
    such images: their modality, or for colour ones that state none their colours. `pixels` as in `suited_pack`.
    """
    if pack is None or not pack.manifest.remove_prompt or pack.manifest.colour != info.colour:
        return False
    if info.modality is not None:
        return info.modality in pack.manifest.modalities
    distance = _distance(pack, _mean_colour(pixels))
    return distance is not None and distance <= 2 * LIKE


def unknown_kind(packs: Sequence[InstalledPack], info: ImageInfo) -> str | None:
    """Why nothing can be drawn into an image, in words, where it states a modality that none of the packs knows.

    None where some pack knows it, where it states none, and where there are no packs at all.
    """
    if not packs or info.modality is None or any(info.modality in pack.manifest.modalities for pack in packs):
        return None
    return _("No installed model knows {modality} images").format(modality=in_words(info.modality))


def _mean_colour(pixels: Pixels | None) -> npt.NDArray[np.float64] | None:
    """Mean red, green and blue (0 to 255) of an RGB image, None of another."""
    if pixels is None or pixels.ndim != 3:
        return None
    step = max(1, max(pixels.shape[:2]) // 256)  # as good as all of them
    mean: npt.NDArray[np.float64] = pixels[::step, ::step, :3].reshape(-1, 3).mean(axis=0)
    return mean * (255 / np.iinfo(pixels.dtype).max)


def _distance(pack: InstalledPack, mean: npt.NDArray[np.float64] | None) -> float | None:
    """Between a mean colour and that of a pack's training pictures; None where one is not known."""
    known = pack.manifest.mean_colour
    return float(np.linalg.norm(mean - np.array(known))) if mean is not None and len(known) == 3 else None
