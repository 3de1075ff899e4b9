"""The space in which pictures are compared: an encoder's, else the judge's own deepest layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.pack_files import read_manifest
from medsynth_app.engine.device import choose_device
from medsynth_app.engine.embed import load_encoder
from medsynth_app.engine.evaluate.judges import Judge
from medsynth_app.engine.evaluate.kept import Kept, key_of
from medsynth_app.engine.evaluate.progress import Progress
from medsynth_app.engine.train.card import weights_key
from medsynth_app.studies.bench import Space
from medsynth_app.studies.domain import Pictures

AT_ONCE = 256  # pictures between two looks whether to stop; whole batches of the encoder
STAGE = "comparing pictures"


def judges_space(judge: Judge) -> Space:
    """The judge's deepest layer, and its name says so."""
    kind = "classifier's" if judge.domain.classified else "segmenter's"
    return Space(f"the {kind} deepest layer", judge.features)


def encoders_space(folder: Path, device: str, kept: Kept, progress: Progress) -> Space:
    """The encoder pack in `folder`.

    Raises
    ------
    UserError
        A pack of another kind, or one that is not whole.
    """
    manifest = read_manifest(folder)
    if manifest.kind != "encoder":
        raise UserError(f"The pack {manifest.name} is no encoder.", "Name an encoder pack with --encoder.")
    loaded, weights, told = load_encoder(folder, choose_device(device)), weights_key(manifest), progress.stage(STAGE)

    def embed(pictures: Pictures) -> npt.NDArray[np.float32]:
        def work() -> dict[str, npt.NDArray[np.float32]]:
            parts = []
            for start in range(0, len(pictures), AT_ONCE):
                parts.append(loaded.embed(pictures[start:start + AT_ONCE]))
                told(min(start + AT_ONCE, len(pictures)), len(pictures))
            return {"values": np.concatenate(parts)}

        found: npt.NDArray[np.float32] = kept.arrays("embedded", key_of(weights, pictures), work)["values"]
        return found

    return Space(f"{manifest.name} {manifest.version}", embed)
