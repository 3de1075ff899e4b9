"""How many cells of real smear fields are found: recall and precision at an overlap (IoU) of one half.

Run: ``python -m tests.benchmarks.bench_detect --data ../shared/data``. On the fields of BCCD that are held out: one of
four, which no network has learned from (the classical finder's limits were chosen on every eighth, and so are the
numbers of the detector's; the rule for these was settled after three had been measured here). And on those of Chula,
another laboratory's at another magnification, which nothing has learned from; only their white cells have boxes.

A found cell counts as right where it has a box of its class for itself. BCCD's boxes miss some cells, and a found cell
without a box counts as wrong whatever it is: precision is a lower bound.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from medsynth_app.actions.detect import DEFAULT_DETECTOR
from medsynth_app.actions.packs import find_pack
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.cell import CellKind, FoundCell
from medsynth_app.datasets.fields import read_boxes
from medsynth_app.datasets.listing import fields
from medsynth_app.engine.detector_pack import load_detector
from medsynth_app.engine.device import choose_device
from medsynth_app.evaluation.intervals import wilson
from medsynth_app.segmentation.smear import find_cells

NAMES = {"WBC": CellKind.WHITE, "RBC": CellKind.RED, "Platelets": CellKind.PLATELET}
TARGET = {"recall": 0.97, "precision": 0.9, "red": 0.85}  # of white cells; F1 of red ones
Boxes = dict[CellKind, list[Bounds]]


def read_field(data: Path, name: str) -> tuple[np.ndarray, Boxes]:
    """A field of BCCD as uint8 RGB, and the boxes that its annotators drew."""
    known: Boxes = {kind: [] for kind in CellKind}
    for called, left, top, right, bottom in read_boxes(data / "annotations" / f"{name}.xml"):
        known[NAMES[called]].append(Bounds(top, left, bottom, right))
    return _pixels(data / "images" / f"{name}.jpg"), known


def read_white_cells(path: Path) -> tuple[np.ndarray, Boxes]:
    """A field of Chula, and the boxes of its white cells (YOLO: class, middle, size, as shares of the field)."""
    pixels = _pixels(path)
    rows, columns = pixels.shape[:2]
    known = []
    for line in (path.parent.parent / "labels" / f"{path.stem}.txt").read_text().splitlines():
        x, y, width, height = (float(value) for value in line.split()[1:])
        known.append(Bounds(round((y - height / 2) * rows), round((x - width / 2) * columns),
                            round((y + height / 2) * rows), round((x + width / 2) * columns)))
    return pixels, {CellKind.WHITE: known}


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def overlap(one: Bounds, other: Bounds) -> float:
    """Intersection over union of two boxes."""
    both = one.shared(other)
    if both.empty:
        return 0.0
    area = both.height * both.width
    return area / (one.height * one.width + other.height * other.width - area)


def matched(found: Sequence[Bounds], known: Sequence[Bounds], least: float = 0.5) -> int:
    """How many of the known boxes have a found one of their own that overlaps by `least`."""
    pairs = sorted(((overlap(ours, theirs), k, j) for k, ours in enumerate(found) for j, theirs in enumerate(known)),
                   reverse=True)
    used: tuple[set[int], set[int]] = set(), set()
    for share, k, j in pairs:
        if share >= least and k not in used[0] and j not in used[1]:
            used[0].add(k)
            used[1].add(j)
    return len(used[0])


def measured(name: str, find: Callable[[np.ndarray], Sequence[FoundCell]],
             known: Sequence[tuple[np.ndarray, Boxes]]) -> dict[CellKind, np.ndarray]:
    """Matched, found and known cells of each class, which are printed."""
    counts = {kind: np.zeros(3, int) for kind in known[0][1]}
    bare = dict.fromkeys(counts, 0)  # found in fields in which none of the class has a box
    begun = time.perf_counter()
    for pixels, boxes in known:
        found = find(pixels)
        for kind in counts:
            ours = [cell.bounds for cell in found if cell.kind == kind]
            counts[kind] += matched(ours, boxes[kind]), len(ours), len(boxes[kind])
            bare[kind] += 0 if boxes[kind] else len(ours)
    taken = (time.perf_counter() - begun) / len(known)
    for kind, (hits, there, wanted) in counts.items():
        print(f"  {kind.value:9s} recall {wilson(hits, wanted)}  precision {wilson(hits, there)}  "
              f"F1 {2 * hits / max(1, there + wanted):.3f}; without {bare[kind]} found in fields that have no box of "
              f"the class {2 * hits / max(1, there - bare[kind] + wanted):.3f}")
    print(f"  {name}: {len(known)} fields, {taken:.2f} s each", flush=True)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="holds bccd-fields, chula-fields")
    parser.add_argument("--engine", default=DEFAULT_DETECTOR, help="name or folder of a detector's pack")
    options = parser.parse_args()
    bccd, chula = options.data / "bccd-fields", options.data / "chula-fields"
    if not bccd.is_dir():
        print("Left out: the fields of BCCD are not there; name the folder that holds them with --data.")
        return 0
    detector = load_detector(find_pack(options.engine, kind="detector").folder, choose_device("cpu"))
    held_out = [read_field(bccd, entry.file.stem) for entry in fields(bccd) if entry.split == "test"]
    print("BCCD, held-out fields")
    measured("classical", find_cells, held_out)
    found = measured(options.engine, detector.find, held_out)
    if chula.is_dir():
        print("Chula, all fields")
        others = [read_white_cells(path) for path in sorted((chula / "images").iterdir())]
        measured("classical", find_cells, others)
        measured(options.engine, detector.find, others)
    (hits, there, wanted), (red_hits, red_there, red_wanted) = found[CellKind.WHITE], found[CellKind.RED]
    good = hits >= TARGET["recall"] * wanted and hits >= TARGET["precision"] * there
    return 0 if good and 2 * red_hits >= TARGET["red"] * (red_there + red_wanted) else 2


if __name__ == "__main__":
    sys.exit(main())
