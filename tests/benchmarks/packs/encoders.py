"""Encoders of cells held against one another: ours, and three that come inside a wheel.

Every encoder sees the same squares. Reference cells are from the train part of PBC alone, cells asked about from its
test part; wbc-masks is another stain that no encoder has learned from. Speed and memory are measured in processes of
their own, on 2 threads.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from medsynth_app.core.errors import UserError
from medsynth_app.core.pack_files import read_manifest
from medsynth_app.engine.train.card import weights_key
from medsynth_app.evaluation.intervals import over_seeds, wilson
from medsynth_app.evaluation.neighbours import knn_accuracy, linear_probe
from tests.benchmarks.packs import reporting
from tests.benchmarks.packs.data import ROOT, Pictures, cache_folder, data_root
from tests.benchmarks.packs.memory import peak_memory
from tests.benchmarks.packs.peers import PEERS
from tests.benchmarks.packs.reporting import PACKS, Findings

LINE = "encoders: 5-NN and linear probe on held-out cells and on another stain, cells/s, memory; ours and three others"
FEW, SEEDS, FOLDS = 60, 5, 5
THREADS, TIMED = 2, 128
SPEED = 50
Embed = Callable[[Pictures], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Cells:
    """Squares with a cell in the middle, shape (n, e, e, 3) uint8, and the class of each, shape (n,)."""

    pixels: Pictures
    labels: npt.NDArray[np.str_]


@dataclass(frozen=True)
class Known:
    """Embeddings (n, d) and classes (n,)."""

    values: npt.NDArray[np.float32]
    labels: npt.NDArray[np.str_]

    def rows(self, chosen: npt.NDArray[Any]) -> Known:
        return Known(self.values[chosen], self.labels[chosen])


def pbc(split: str, share: float, per_class: int = 0) -> Cells:
    """Cells of one part of PBC: the middle `share` of each picture; the first `per_class` of each class, 0: all."""
    folder = data_root() / "pbc-cells"
    with (folder / "labels.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == split]
    taken: dict[str, int] = {}
    files, labels = [], []
    for row in rows:
        taken[row["class"]] = taken.get(row["class"], 0) + 1
        if not per_class or taken[row["class"]] <= per_class:
            files.append(folder / row["file"])
            labels.append(row["class"])
    return _read(files, labels, share)


def other_stain() -> Cells:
    """Cells of wbc-masks, whose pictures are squares about the cell; classes with fewer than 10 are left out."""
    folder = data_root() / "wbc-masks"
    with (folder / "labels.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    counts = {row["class"]: sum(other["class"] == row["class"] for other in rows) for row in rows}
    rows = [row for row in rows if counts[row["class"]] >= 2 * FOLDS]
    return _read([folder / "images" / f"{row['file']}.png" for row in rows], [row["class"] for row in rows], 1.0)


def _read(files: Sequence[Path], labels: Sequence[str], share: float) -> Cells:
    if not files:
        raise UserError("A data set of the study is empty.", "Set MEDSYNTH_DATA to the folder of the data sets.")
    pictures = []
    for file in files:
        with Image.open(file) as image:
            edge = round(min(image.size) * share)
            left, top = (image.width - edge) // 2, (image.height - edge) // 2
            pictures.append(image.convert("RGB").crop((left, top, left + edge, top + edge)))
    common = max(picture.width for picture in pictures)  # a few files are smaller than the others of their set
    return Cells(np.stack([np.asarray(picture.resize((common, common), Image.Resampling.LANCZOS))
                           for picture in pictures]), np.array(labels))


def encoders(folder: Path) -> dict[str, Callable[[], Embed]]:
    """By name, what makes an encoder ready; the pack in `folder` first."""

    def ours() -> Embed:
        from medsynth_app.engine.device import choose_device
        from medsynth_app.engine.embed import load_encoder

        loaded = load_encoder(folder, choose_device("cpu"))
        return lambda pictures: loaded.embed(pictures, crop=1.0)

    return {read_manifest(folder).name: ours, **{peer.name: peer.ready for peer in PEERS}}


def taught_share(folder: Path) -> float:
    """The share of a PBC picture that the encoder in `folder` was taught on; all encoders are shown that much."""
    return float(json.loads((folder / "encoder.json").read_text())["crop"])


def agreement(name: str, train: Known, test: Known, other: Known) -> Findings:
    """5-NN and linear probe of one encoder."""
    found, chance = Findings(), 1 / len(set(test.labels))
    right = knn_accuracy(train.values, train.labels, test.values, test.labels)
    probed = linear_probe(train.values, train.labels, test.values, test.labels)
    n = f"{len(train.labels)} known, {len(test.labels)} asked"
    for what, share in (("5-NN", right), ("linear probe", probed)):
        found.add(f"{name}: {what}, PBC", wilson(round(share * len(test.labels)), len(test.labels)), f"{chance:.3f}",
                  "", n)
    few = [train.rows(_per_class(train.labels, FEW, seed)) for seed in range(SEEDS)]
    n = f"{len(few[0].labels)} known, {len(test.labels)} asked, {SEEDS} draws"
    for what, score in (("5-NN", knn_accuracy), ("linear probe", linear_probe)):
        shares = [score(known.values, known.labels, test.values, test.labels) for known in few]
        found.add(f"{name}: {what}, PBC, {FEW} known per class", over_seeds(shares), f"{chance:.3f}", "", n)
    commonest = max(np.unique(other.labels, return_counts=True)[1]) / len(other.labels)
    n = f"{len(other.labels)} cells, {FOLDS} folds, {SEEDS} divisions"
    for what, score in (("5-NN", knn_accuracy), ("linear probe", linear_probe)):
        found.add(f"{name}: {what}, another stain (wbc-masks)", over_seeds(_in_folds(other, score)),
                  f"{commonest:.3f}", "", n)
    shared = train.rows(np.isin(train.labels, other.labels))
    across = knn_accuracy(shared.values, shared.labels, other.values, other.labels)
    found.add(f"{name}: 5-NN, wbc-masks asked of PBC", wilson(round(across * len(other.labels)), len(other.labels)),
              f"{commonest:.3f}", "", f"{len(shared.labels)} known, {len(other.labels)} asked")
    return found


def _per_class(labels: npt.NDArray[np.str_], count: int, seed: int) -> npt.NDArray[np.int64]:
    """Rows of `count` cells of every class (all, where there are fewer), drawn by `seed`."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(np.flatnonzero(labels == name))[:count] for name in np.unique(labels)])


def _in_folds(cells: Known, score: Callable[..., float]) -> list[float]:
    """Accuracy over all cells, each asked of the folds that it is not in; once per division."""
    from sklearn.model_selection import StratifiedKFold

    shares = []
    for seed in range(SEEDS):
        right = 0.0
        for known, asked in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(cells.values, cells.labels):
            right += len(asked) * score(cells.values[known], cells.labels[known], cells.values[asked],
                                        cells.labels[asked])
        shares.append(right / len(cells.labels))
    return shares


def embedded(name: str, embed: Embed, cells: Cells, version: str) -> Known:
    """Embeddings of cells, kept for the next run."""
    key = hashlib.sha256(f"{name} {version} {cells.pixels.shape}".encode() + cells.pixels.tobytes()).hexdigest()[:24]
    path = cache_folder() / "embedded" / f"{key}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, embed(cells.pixels))
    return Known(np.load(path), cells.labels)


def speed(folder: Path, name: str) -> dict[str, float]:
    """Cells per second (best of 3 rounds), processor milliseconds per cell, peak memory in MB; in this process."""
    import torch

    torch.set_num_threads(THREADS)
    pixels = pbc("test", taught_share(folder), -(-TIMED // 8)).pixels[:TIMED]
    embed = encoders(folder)[name]()
    embed(pixels[:16])
    walls, used = [], []
    for _ in range(3):
        begun, worked = time.perf_counter(), time.process_time()
        embed(pixels)
        walls.append(time.perf_counter() - begun)
        used.append(time.process_time() - worked)
    return {"cells": len(pixels) / min(walls), "milliseconds": 1000 * min(used) / len(pixels), "peak": peak_memory()}


def timed(folder: Path, name: str) -> Findings:
    """What `speed` says in a process of its own."""
    line = [sys.executable, "-m", "tests.benchmarks.packs.encoders", "--encoder", str(folder.resolve()), "--once", name]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"The speed of {name} cannot be measured: {done.stderr.strip().splitlines()[-1:]}.",
                        "Run the study again.")
    said, found = json.loads(done.stdout.splitlines()[-1]), Findings()
    target = f"at least {SPEED}" if name == read_manifest(folder).name else ""
    found.add(f"{name}: cells per second, {THREADS} threads (processor ms per cell)",
              f"{said['cells']:.0f} ({said['milliseconds']:.1f})", "", target, f"{TIMED} cells, best of 3")
    found.add(f"{name}: peak memory of the process, MB", f"{said['peak']:.0f}")
    return found


def measured(options: argparse.Namespace) -> Findings:
    """All encoders on all sets; one that cannot be had is a note."""
    folder: Path = options.encoder
    manifest, joined = read_manifest(folder), Findings()
    if manifest.kind != "encoder":
        raise UserError(f"The pack {manifest.name} is no encoder.", "Name an encoder pack with --encoder.")
    share = taught_share(folder)
    parts = [pbc("train", share, options.n), pbc("test", share, options.n), other_stain()]
    for name, make_ready in encoders(folder).items():
        if options.alone and name != manifest.name:
            continue
        try:
            embed = make_ready()
            version = weights_key(manifest) if name == manifest.name else "1"
            print(f"embedding with {name}", file=sys.stderr, flush=True)
            train, test, other = (embedded(name, embed, cells, version) for cells in parts)
            joined.figures += agreement(name, train, test, other).figures
            joined.figures += timed(folder, name).figures
        except UserError as error:
            if name == manifest.name:
                raise
            joined.notes.append(str(error))
    joined.notes.append(f"Every encoder saw the middle {share:g} of a PBC picture and the whole of one of wbc-masks. "
                        f"{manifest.name} has learned from the train part's labels, the others have not seen PBC.")
    return joined


def main(arguments: list[str] | None = None) -> int:
    parser = reporting.parser_of("encoders", __doc__, pack=False)
    parser.add_argument("--encoder", type=Path, default=PACKS / "cell-encoder", help="folder of the encoder's pack")
    parser.add_argument("--n", type=int, default=0, help="cells per class and part of PBC (default: all)")
    parser.add_argument("--alone", action="store_true", help="without the others")
    parser.add_argument("--once", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        if options.once:
            print(json.dumps(speed(options.encoder, options.once)))
            return 0
        found = measured(options)
        reporting.show("encoders", found)
        if options.record:
            reporting.record(options.encoder, "encoders", reporting.command_of("encoders", parser, options), found)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
