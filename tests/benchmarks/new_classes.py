"""Which cells to label first where the rare ones are new to the encoder: copies of ``cell-encoder`` that left two out.

Run: ``python -m tests.benchmarks.new_classes ../shared/data/pbc-cells --out DIR``. The classes are put into pairs by
chance; for each pair an encoder is trained by the recipe of the shipped one, smaller (`SMALLER`) and with both in
``leave_out``, as `medsynth train encoder` does, and `medsynth simulate-labelling --encoder COPY --imbalance 20` has an
oracle label with it, the two being the rare ones. ``--beside E.npz`` (of `medsynth embed` or
``tests.benchmarks.peer_embeddings``, may be repeated) does the same with embeddings that are there. What was trained or
simulated already is not done again.

What is printed is read off the mean of all curves, of all pairs and seeds, as `simulate-labelling` reads it off the
mean of its seeds.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from medsynth_app.datasets.freeze import freeze_training_set
from medsynth_app.engine.train.parts import train_part
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Run, Supervisor

RECIPE = Path(__file__).resolve().parents[2] / "resources" / "recipes" / "cell-encoder.toml"
MEDSYNTH = [sys.executable, "-c", "from medsynth_app.cli import main; main()"]
SMALLER = {"size": "64", "depths": "[1, 1, 1, 1]"}  # what the recipe has otherwise, so that four take half an hour
STRATEGIES = ("random", "useful")
Pair = tuple[str, str]


def pairs_of(data: Path) -> list[Pair]:
    with (data / "labels.csv").open(newline="") as file:
        names = sorted({row["class"] for row in csv.DictReader(file)})
    order = [names[k] for k in np.random.default_rng(0).permutation(len(names))]
    return list(zip(order[::2], order[1::2], strict=True))


def taught_without(pair: Pair, of: Path, data: Path, out: Path, steps: int, minutes: float) -> Path:
    """The pack of an encoder that never saw a cell of the two classes."""
    pack = out / "-".join(("without", *pair))
    if not (pack / "pack.json").is_file():
        text = of.read_text()
        for key, value in {**SMALLER, "steps": str(steps)}.items():
            text = re.sub(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        path = out / f"{pack.name}.toml"
        path.write_text(text.replace("[encoder]\n", f"[encoder]\nleave_out = {json.dumps(pair)}\n", 1))
        recipe, frozen = Recipe.load(path), out / "set"
        if not (frozen / "manifest.json").is_file():
            freeze_training_set(data, recipe.data, frozen)
        supervisor = Supervisor(max_seconds=60 * minutes if minutes else None)
        train_part("encoder", Run(recipe, frozen, pack, out / f"{pack.name}.checkpoints", supervisor))
    return pack


def simulated(pair: Pair, cells: list[str | Path], out: Path, seeds: int) -> Path:
    if not (out / "summary.json").is_file():
        chosen = [each for name in STRATEGIES for each in ("--strategy", name)]
        subprocess.run([*MEDSYNTH, "simulate-labelling", *cells, "--imbalance", "20", "--rare", pair[0], "--rare",
                        pair[1], *chosen, "--seeds", str(seeds), "--out", out], check=True)
    return out


def told(name: str, runs: list[Path]) -> None:
    """Print what all runs with one encoder come to."""
    for strategy in STRATEGIES:
        summaries = [json.loads((run / "summary.json").read_text())["strategies"][strategy] for run in runs]
        curves: dict[int, list[float]] = defaultdict(list)
        for run in runs:
            with (run / "curves.csv").open(newline="") as file:
                for row in csv.DictReader(file):
                    if row["strategy"] == strategy:
                        curves[int(row["labels"])].append(float(row["macro_f1"]))
        many = sum(each["seeds"] for each in summaries)
        full = float(np.mean([each["full"] for each in summaries]))
        reached = [labels for labels, scores in sorted(curves.items())
                   if len(scores) == many and np.mean(scores) >= 0.9 * full]
        found = float(np.mean([each["rare_found_at_160"] for each in summaries]))
        single = sorted(labels or 10**6 for each in summaries for labels in each["labels_to_90_of_seeds"])
        print(f"{name:24s} {strategy:8s} full {full:.3f}  labels to 90 % "
              f"{reached[0] if reached else 'not reached'} (single runs: median {single[len(single) // 2]})  "
              f"rare among 160: {found:.1f}  ({many} runs)", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--beside", type=Path, action="append", default=[], metavar="E.npz")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--minutes", type=float, default=0, help="end each training after so many; 0: never")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--skip", action="store_true", help="only what is beside")
    options = parser.parse_args()
    pairs, labels = pairs_of(options.data), options.data / "labels.csv"
    options.out.mkdir(parents=True, exist_ok=True)
    for embeddings in options.beside:
        told(embeddings.stem, [
            simulated(pair, [embeddings, "--labels", labels], options.out / f"{embeddings.stem}-{'-'.join(pair)}",
                      options.seeds) for pair in pairs])
    if not options.skip:
        packs = [taught_without(pair, options.recipe, options.data, options.out, options.steps, options.minutes)
                 for pair in pairs]
        told("cell-encoder without two", [
            simulated(pair, [options.data, "--encoder", pack], options.out / f"own-{'-'.join(pair)}", options.seeds)
            for pair, pack in zip(pairs, packs, strict=True)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
