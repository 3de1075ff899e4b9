"""The space in which pictures are compared: the default encoder's for cells, else the judge's own deepest layer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.pack_files import read_manifest
from medsynth_app.engine.device import choose_device
from medsynth_app.engine.train.card import weights_key
from tests.benchmarks.packs.data import Domain, Pictures, cache_folder
from tests.benchmarks.packs.judges import Judge
from tests.benchmarks.packs.reporting import PACKS

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Space:
    """`of` turns pictures (n, h, w, 3) uint8 into features (n, d); `name` says by what."""

    name: str
    of: Callable[[Pictures], npt.NDArray[np.float32]]


def space_of(domain: Domain, judge: Judge, encoder: Path | None) -> Space:
    """The named encoder pack; for cells else the shipped one; else the judge's deepest layer, and its name says so."""
    folder = encoder or PACKS / "cell-encoder"
    if encoder is None and not (domain.cells and (folder / "pack.json").exists()):
        kind = "classifier's" if domain.cells else "segmenter's"
        return Space(f"the {kind} deepest layer", judge.features)
    manifest = read_manifest(folder)
    if manifest.kind != "encoder":
        raise UserError(f"The pack {manifest.name} is no encoder.", "Name an encoder pack with --encoder.")
    from medsynth_app.engine.embed import load_encoder

    loaded = load_encoder(folder, choose_device("auto"))

    def embed(pictures: Pictures) -> npt.NDArray[np.float32]:
        key = hashlib.sha256(weights_key(manifest).encode() + pictures.tobytes()).hexdigest()[:24]
        path = cache_folder() / "embedded" / f"{key}.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, loaded.embed(pictures))
        found: npt.NDArray[np.float32] = np.load(path)
        return found

    return Space(f"{manifest.name} {manifest.version}", embed)


def halves_by_group(groups: npt.NDArray[np.str_], rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], ...]:
    """Rows of two halves of equal size that share no group, in random order."""
    names = rng.permutation(np.unique(groups))
    one = np.isin(groups, names[:len(names) // 2])
    rows = [rng.permutation(np.flatnonzero(side)) for side in (one, ~one)]
    size = min(map(len, rows))
    return rows[0][:size], rows[1][:size]
