"""How many cells of real smear fields are found: recall and precision at an overlap (IoU) of one half.

Run: ``python -m tests.benchmarks.bench_detect --data ../shared/data``. On the fields of BCCD that are held out: one of
four, which no network has learned from (the classical finder's limits were chosen on every eighth, and so are the
detector's). And on those of Chula, another laboratory's at another magnification, which nothing has learned from; only
their white cells have boxes.

A found cell counts as right where it has a box of its class for itself. BCCD's boxes miss some cells, and a found cell
without a box counts as wrong whatever it is: precision is a lower bound. ``--sheet FOLDER`` shows what such cells are:
as many found red cells without a box as with one, in random order, in ``sheet-1.png`` and on, and in ``key.csv`` which
is which.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from medsynth_app.actions.detect import DEFAULT_DETECTOR
from medsynth_app.actions.packs import find_pack
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.cell import CellKind, FoundCell
from medsynth_app.core.figure import Figure
from medsynth_app.core.pack_files import read_manifest
from medsynth_app.datasets.fields import read_boxes
from medsynth_app.datasets.listing import fields
from medsynth_app.engine.detector_pack import load_detector
from medsynth_app.engine.device import choose_device
from medsynth_app.engine.train.card import record_figures, weights_key
from medsynth_app.engine.train.pack import seal
from medsynth_app.evaluation.intervals import wilson
from medsynth_app.segmentation.smear import find_cells

NAMES = {"WBC": CellKind.WHITE, "RBC": CellKind.RED, "Platelets": CellKind.PLATELET}
TARGET = {"recall": 0.97, "precision": 0.9, "red": 0.85}  # of white cells; F1 of red ones
COMMAND = "python -m tests.benchmarks.bench_detect --data ../shared/data"
NOTES = [
    "The floor is the classical finder (`detect --engine classical`) on the same fields. A cell is right where it "
    "overlaps a box of its class, of its own, by half (IoU).",
    "A found cell without a box counts as wrong whatever it is, and BCCD's boxes miss many red cells, in some fields "
    "all of them: precision is a lower bound. `--sheet` shows found cells with and without a box side by side.",
    "The limits from which cells are told were chosen on validation fields. Earlier detectors were measured on these "
    "held-out fields, and on Chula's, before this one was trained."]
LOOKED_AT, CROP, PER_ROW = 60, 96, 10  # red cells of either kind on the sheets; pixels of a crop; crops in a row
Boxes = dict[CellKind, list[Bounds]]


@dataclass
class Count:
    """Cells of one class: right, found, and boxed ones; and those found in fields in which none of them has a box."""

    right: int = 0
    found: int = 0
    boxed: int = 0
    elsewhere: int = 0

    @property
    def f1(self) -> float:
        return 2 * self.right / max(1, self.found + self.boxed)

    @property
    def f1_where_boxed(self) -> float:
        return 2 * self.right / max(1, self.found - self.elsewhere + self.boxed)


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


def share(right: int, n: int) -> str:
    return str(wilson(right, n)) if n else "none"


def measured(name: str, find: Callable[[np.ndarray], Sequence[FoundCell]],
             known: Sequence[tuple[np.ndarray, Boxes]]) -> dict[CellKind, Count]:
    """How many of each class, which is printed."""
    counts = {kind: Count() for kind in known[0][1]}
    begun = time.perf_counter()
    for pixels, boxes in known:
        found = find(pixels)
        for kind, count in counts.items():
            ours = [cell.bounds for cell in found if cell.kind == kind]
            count.right += matched(ours, boxes[kind])
            count.found += len(ours)
            count.boxed += len(boxes[kind])
            count.elsewhere += 0 if boxes[kind] else len(ours)
    taken = (time.perf_counter() - begun) / len(known)
    for kind, count in counts.items():
        print(f"  {kind.value:9s} recall {share(count.right, count.boxed)}  precision "
              f"{share(count.right, count.found)}  F1 {count.f1:.3f}; in fields that have boxes of the class "
              f"{count.f1_where_boxed:.3f} (without {count.elsewhere} found)")
    print(f"  {name}: {len(known)} fields, {taken:.2f} s each", flush=True)
    return counts


def figures(fields_of: str, ours: Mapping[CellKind, Count], floor: Mapping[CellKind, Count]) -> list[Figure]:
    """The rows of a card."""
    names = {CellKind.WHITE: "white cells", CellKind.RED: "red cells", CellKind.PLATELET: "platelets"}
    asked = {(CellKind.WHITE, "recall"): TARGET["recall"], (CellKind.WHITE, "precision"): TARGET["precision"],
             (CellKind.RED, "F1"): TARGET["red"]}
    rows = []

    def row(kind: CellKind, what: str, reached: float, said: str, least: str, n: str, where: str = "") -> None:
        limit = asked.get((kind, what)) if fields_of.startswith("BCCD") else None
        target = "" if limit is None else f"at least {limit:g}{'' if reached >= limit else ' (not reached)'}"
        rows.append(Figure(f"{names[kind]}: {what}, {fields_of}{where}", said, least, "" if where else target, n))

    for kind, count in ours.items():
        other = floor[kind]
        row(kind, "recall", count.right / max(1, count.boxed), share(count.right, count.boxed),
            f"{other.right / max(1, other.boxed):.2f}", f"{count.boxed} boxes")
        row(kind, "precision", count.right / max(1, count.found), share(count.right, count.found),
            f"{other.right / max(1, other.found):.2f}", f"{count.found} found")
        if kind == CellKind.RED:
            row(kind, "F1", count.f1, f"{count.f1:.3f}", f"{other.f1:.3f}", f"{count.boxed} boxes")
            row(kind, "F1", count.f1_where_boxed, f"{count.f1_where_boxed:.3f}", f"{other.f1_where_boxed:.3f}",
                f"{count.boxed} boxes", ", without the fields in which no red cell has a box")
    return rows


def write_sheets(folder: Path, find: Callable[[np.ndarray], Sequence[FoundCell]],
                 known: Sequence[tuple[np.ndarray, Boxes]]) -> None:
    """Found red cells with and without a box, as many of either, drawn by chance and shuffled, each at the same size.

    Only what overlaps no box by a fifth counts as without one.
    """
    rng, crops = np.random.default_rng(0), {True: [], False: []}  # type: dict[bool, list[tuple[int, Bounds]]]
    for number, (pixels, boxes) in enumerate(known):
        for cell in find(pixels):
            shares = [overlap(cell.bounds, box) for box in boxes[CellKind.RED]]
            if cell.kind == CellKind.RED and not 0.2 <= max(shares, default=0.0) < 0.5:
                crops[max(shares, default=0.0) >= 0.5].append((number, cell.bounds))
    chosen = [(boxed, crops[boxed][k]) for boxed in crops
              for k in rng.choice(len(crops[boxed]), min(LOOKED_AT, len(crops[boxed])), replace=False)]
    chosen = [chosen[k] for k in rng.permutation(len(chosen))]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "key.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["cell", "has a box"])
        rows.writerows([k, "yes" if boxed else "no"] for k, (boxed, _crop) in enumerate(chosen))
    per_sheet = PER_ROW * 6
    for first in range(0, len(chosen), per_sheet):
        sheet = Image.new("RGB", (PER_ROW * (CROP + 4), 6 * (CROP + 4)), "white")
        for place, (_boxed, (number, bounds)) in enumerate(chosen[first:first + per_sheet]):
            pixels = known[number][0]
            seen = bounds.padded(max(bounds.height, bounds.width) // 4).clipped(*pixels.shape[:2])
            crop = Image.fromarray(pixels[seen.slices])
            crop.thumbnail((CROP, CROP))
            sheet.paste(crop, (place % PER_ROW * (CROP + 4), place // PER_ROW * (CROP + 4)))
        sheet.save(folder / f"sheet-{first // per_sheet + 1}.png")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="holds bccd-fields, chula-fields")
    parser.add_argument("--engine", default=DEFAULT_DETECTOR, help="name or folder of a detector's pack")
    parser.add_argument("--record", action="store_true", help="write the figures into the pack's card")
    parser.add_argument("--sheet", type=Path, help="a folder for found red cells with and without a box, to look at")
    options = parser.parse_args()
    bccd, chula = options.data / "bccd-fields", options.data / "chula-fields"
    if not bccd.is_dir():
        print("Left out: the fields of BCCD are not there; name the folder that holds them with --data.")
        return 0
    pack = find_pack(options.engine, kind="detector").folder
    detector = load_detector(pack, choose_device("cpu"))
    held_out = [read_field(bccd, entry.file.stem) for entry in fields(bccd) if entry.split == "test"]
    if options.sheet:
        write_sheets(options.sheet, detector.find, held_out)
        return 0
    print("BCCD, held-out fields")
    floor = measured("classical", find_cells, held_out)
    found = measured(options.engine, detector.find, held_out)
    rows = figures(f"BCCD, {len(held_out)} held-out fields", found, floor)
    if chula.is_dir():
        print("Chula, all fields")
        others = [read_white_cells(path) for path in sorted((chula / "images").iterdir())]
        floor = measured("classical", find_cells, others)
        rows += figures(f"Chula, {len(others)} fields", measured(options.engine, detector.find, others), floor)
    if options.record:
        manifest = read_manifest(pack)
        record_figures(pack, "detect", COMMAND, weights_key(manifest), rows, NOTES)
        seal(manifest, pack)
    white, red = found[CellKind.WHITE], found[CellKind.RED]
    good = white.right >= TARGET["recall"] * white.boxed and white.right >= TARGET["precision"] * white.found
    return 0 if good and red.f1 >= TARGET["red"] else 2


if __name__ == "__main__":
    sys.exit(main())
