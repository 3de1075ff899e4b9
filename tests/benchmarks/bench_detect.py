"""How many cells of real smear fields are found: recall and precision at an overlap (IoU) of one half.

Run: ``python -m tests.benchmarks.bench_detect --data ../shared/data/bccd-fields``; the fields on which the finder's
limits were chosen (every eighth) are left out.
"""

from __future__ import annotations

import argparse
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from medsynth_app.core.bounds import Bounds
from medsynth_app.evaluation.intervals import wilson
from medsynth_app.segmentation.smear import CellKind, find_cells

NAMES = {"WBC": CellKind.WHITE, "RBC": CellKind.RED, "Platelets": CellKind.PLATELET}
TARGET = {"recall": 0.97, "precision": 0.9}  # of white cells
CHOSEN_ON = 8  # every eighth


def read_field(data: Path, name: str) -> tuple[np.ndarray, dict[CellKind, list[Bounds]]]:
    """A field as uint8 RGB, and the boxes that its annotators drew."""
    known: dict[CellKind, list[Bounds]] = {kind: [] for kind in CellKind}
    for item in ElementTree.parse(data / "annotations" / f"{name}.xml").getroot().iter("object"):
        box = {side: int(float(item.findtext(f"bndbox/{side}") or 0)) for side in ("ymin", "xmin", "ymax", "xmax")}
        known[NAMES[item.findtext("name") or ""]].append(Bounds(*box.values()))
    with Image.open(data / "images" / f"{name}.jpg") as image:
        return np.asarray(image.convert("RGB")), known


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/bccd-fields"))
    options = parser.parse_args()
    if not options.data.is_dir():
        print("Left out: the fields of BCCD are not there; name their folder with --data.")
        return 0
    names = [path.stem for k, path in enumerate(sorted((options.data / "images").iterdir())) if k % CHOSEN_ON]
    counts = {kind: np.zeros(3, int) for kind in CellKind}  # matched, found, known
    begun = time.perf_counter()
    for name in names:
        pixels, known = read_field(options.data, name)
        found = find_cells(pixels)
        for kind in CellKind:
            ours = [cell.bounds for cell in found if cell.kind is kind]
            counts[kind] += matched(ours, known[kind]), len(ours), len(known[kind])
    taken = (time.perf_counter() - begun) / len(names)
    for kind, (hits, found_, there) in counts.items():
        print(f"{kind.value:9s} recall {wilson(hits, there)}  precision {wilson(hits, found_)}  "
              f"F1 {2 * hits / (found_ + there):.3f}")
    print(f"{len(names)} fields that no limit was chosen on, {taken:.2f} s each")
    hits, found_, there = counts[CellKind.WHITE]
    return 0 if hits >= TARGET["recall"] * there and hits >= TARGET["precision"] * found_ else 2


if __name__ == "__main__":
    sys.exit(main())
