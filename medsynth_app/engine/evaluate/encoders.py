"""Encoders for their study: the pack's own, and those that the person has put into a folder beside it."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.pack_files import read_json, read_manifest
from medsynth_app.engine.device import choose_device
from medsynth_app.engine.evaluate.kept import Kept, key_of
from medsynth_app.engine.evaluate.memory import peak_memory
from medsynth_app.engine.evaluate.peers import PEERS
from medsynth_app.engine.evaluate.processes import measured_apart
from medsynth_app.engine.evaluate.progress import Progress
from medsynth_app.engine.train.card import weights_key
from medsynth_app.studies.domain import Pictures
from medsynth_app.studies.encoders import Speed

THREADS, AT_ONCE = 2, 256
EMBEDDING, TIMING = "embedding", "timing"
Embed = Callable[[Pictures], npt.NDArray[np.float32]]


class Encoders:
    """The encoder pack in `folder`, and the peers under `peers`."""

    def __init__(self, folder: Path, peers: Path | None, kept: Kept, progress: Progress) -> None:
        manifest = read_manifest(folder)
        if manifest.kind != "encoder":
            raise UserError(f"The pack {manifest.name} is no encoder.", "Name an encoder pack with --pack.")
        self.name, self.share = manifest.name, _share(folder)
        self.learned = (f"{self.name} has learned from the train part's labels." if manifest.taught else
                        f"{self.name} saw no label while it learned." if manifest.taught == () else
                        f"{self.name} does not tell whether it saw labels while it learned.")
        self._folder, self._peers, self._kept, self._progress = folder, peers, kept, progress
        self._version = weights_key(manifest)
        self._ready: dict[str, Embed] = {}

    @property
    def others(self) -> Sequence[str]:
        return [peer.name for peer in PEERS] if self._peers is not None else []

    def embed(self, name: str, pixels: Pictures) -> npt.NDArray[np.float32]:
        """Vectors, shape (n, d), kept for the next run."""
        if name not in self._ready:
            self._ready[name] = ready(self._folder, self._peers, name)
        told = self._progress.stage(f"{EMBEDDING} with {name}")

        def work() -> dict[str, npt.NDArray[np.float32]]:
            parts = []
            for start in range(0, len(pixels), AT_ONCE):
                parts.append(self._ready[name](pixels[start:start + AT_ONCE]))
                told(min(start + AT_ONCE, len(pixels)), len(pixels))
            return {"values": np.concatenate(parts)}

        version = self._version if name == self.name else "1"
        found: npt.NDArray[np.float32] = self._kept.arrays("embedded", key_of(name, version, pixels), work)["values"]
        return found

    def speed(self, name: str, pixels: Pictures) -> Speed:
        """Measured in a process of its own."""
        self._progress.stage(f"{TIMING} {name}")(0, 1)
        with tempfile.TemporaryDirectory() as place:
            shown = Path(place) / "cells.npy"
            np.save(shown, pixels)
            peers = str(self._peers.resolve()) if self._peers is not None else ""
            said = measured_apart(__name__, [str(self._folder.resolve()), name, peers, str(shown)],
                                  f"The speed of {name}", self._progress)
        return Speed(**said, threads=THREADS)


def ready(folder: Path, peers: Path | None, name: str) -> Embed:
    """The encoder of that name, made ready."""
    if name == read_manifest(folder).name:
        from medsynth_app.engine.embed import load_encoder

        loaded = load_encoder(folder, choose_device("cpu"))
        return lambda pictures: loaded.embed(pictures, crop=1.0)
    assert peers is not None
    return next(peer for peer in PEERS if peer.name == name).ready(peers)


def timed(folder: Path, peers: Path | None, name: str, pixels: Pictures) -> dict[str, float]:
    """Cells per second (best of 3 rounds), processor milliseconds per cell, peak memory in MB; in this process."""
    import torch

    torch.set_num_threads(THREADS)
    embed = ready(folder, peers, name)
    embed(pixels[:16])
    walls, used = [], []
    for _ in range(3):
        begun, worked = time.perf_counter(), time.process_time()
        embed(pixels)
        walls.append(time.perf_counter() - begun)
        used.append(time.process_time() - worked)
    return {"cells": len(pixels) / min(walls), "milliseconds": 1000 * min(used) / len(pixels), "peak": peak_memory()}


def _share(folder: Path) -> float:
    """The share of a picture that the encoder in `folder` was taught on."""
    try:
        return float(read_json(folder / "encoder.json")["crop"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError("The encoder does not say what it was taught on.", "Copy the pack again.",
                        details=type(error).__name__) from error


if __name__ == "__main__":
    pack_, name_, peers_, cells_ = sys.argv[1:5]
    sys.stdout.write(json.dumps(timed(Path(pack_), Path(peers_) if peers_ else None, name_, np.load(cells_))) + "\n")
