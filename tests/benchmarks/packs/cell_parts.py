"""``python -m tests.benchmarks.packs.cell_parts``: our separation of nucleus and cytoplasm against drawn masks.

The cells are those of wbc-masks, of another stain than the one that the separation was made for. It was tuned by eye on
the other stain and on the first 100 of these; so the other 200 are reported for themselves. The floor is what anybody
would try first: Otsu's threshold on green for the nucleus, and one between what is lighter for the cell.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage
from skimage.filters import threshold_otsu

from medsynth_app.core.errors import UserError
from medsynth_app.evaluation.intervals import Spread, bootstrap
from medsynth_app.evaluation.overlap import dice
from medsynth_app.segmentation.cell_parts import NUCLEUS, cell_parts
from tests.benchmarks.packs.data import data_root
from tests.benchmarks.packs.reporting import PACKS, Findings, parser_of, run

TUNED_ON = 100
TARGETS = {"nucleus": "> 0.85", "whole cell": "> 0.80"}
Labels = npt.NDArray[np.uint8]


def otsu_on_green(pixels: Labels) -> Labels:
    """The floor: two thresholds on green, the part nearest to the middle."""
    green = pixels[..., 1]
    dark = green < threshold_otsu(green)
    limit = threshold_otsu(green[~dark])
    cell = ndimage.binary_fill_holes(green < limit)
    parts, _ = ndimage.label(cell)
    distance = np.hypot(*(np.indices(parts.shape) - (np.array(parts.shape) / 2)[:, None, None]))
    middle = parts == parts[np.unravel_index(np.argmin(np.where(parts > 0, distance, np.inf)), parts.shape)]
    mask: Labels = np.where(middle, np.where(dark, 2, 1), 0).astype(np.uint8)
    return mask


def scores(found: Labels, true: Labels) -> tuple[float, float]:
    """Dice of nucleus and of the whole cell."""
    return dice(found == NUCLEUS, true == NUCLEUS), dice(found > 0, true > 0)


def study(options: argparse.Namespace) -> Findings:
    folder = data_root() / "wbc-masks"
    pictures = sorted((folder / "images").glob("*.png"))
    if not pictures:
        raise UserError("The folder wbc-masks holds no pictures.", "Set MEDSYNTH_DATA to the folder of the real data.")
    ours, floor, seconds = [], [], 0.0
    for path in pictures:
        pixels = _read(path, "RGB")
        true = _read(folder / "masks" / path.name, None)
        begun = time.perf_counter()
        found = cell_parts(pixels)
        seconds += time.perf_counter() - begun
        ours.append(scores(found, true))
        floor.append(scores(otsu_on_green(pixels), true))
    findings = Findings()
    for name, part in (("all", slice(None)), (f"without the first {TUNED_ON}", slice(TUNED_ON, None))):
        for k, what in enumerate(TARGETS):
            values = np.array(ours)[part, k]
            findings.add(f"Dice of the {what}, {name}", _spread(values), _spread(np.array(floor)[part, k]),
                         TARGETS[what], str(len(values)))
    poor = (np.array(ours) < 0.7).any(axis=1)
    findings.notes += [
        f"{poor.sum()} of {len(poor)} cells lie below 0.7 in one of the two.",
        f"{seconds / len(pictures) * 1000:.0f} ms a cell on this machine, one thread.",
        "Intervals: 95 %, bootstrap over cells. Floor: Otsu's thresholds on green."]
    return findings


def _read(path: Path, mode: str | None) -> Labels:
    with Image.open(path) as image:
        pixels: Labels = np.asarray(image.convert(mode) if mode else image)
    return pixels


def _spread(values: npt.NDArray[np.float64]) -> Spread:
    return bootstrap(values, np.random.default_rng(0))


def main(arguments: list[str] | None = None) -> int:
    parser = parser_of("cell_parts", __doc__, pack=False)
    parser.add_argument("--pack", type=Path, default=PACKS / "blood-cells", help="whose card tells of its masks")
    return run("cell_parts", parser, study, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
