"""Our separation of nucleus and cytoplasm against masks that experts drew.

The cells are those of wbc-masks, of another stain than the one that the separation was made for. It was tuned by eye on
the other stain and on the first 100 of these; so the other 200 are reported for themselves. The floor is what anybody
would try first: Otsu's threshold on green for the nucleus, and one between what is lighter for the cell.
"""

from __future__ import annotations

import time
from collections.abc import Callable
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
from medsynth_app.studies.findings import Findings

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


def agreement_with_experts(folder: Path, told: Callable[[int, int], None]) -> Findings:
    """Dice of our parts with the masks of `folder`, over all cells and over those that nothing was tuned on.

    Parameters
    ----------
    folder
        ``images/`` and ``masks/`` with PNG files of equal names; masks: 0 background, 1 cytoplasm, 2 nucleus.
    told
        Called with how many cells are done, and of how many.

    Raises
    ------
    UserError
        A folder of another layout, or a picture or mask that cannot be read.
    """
    pictures = sorted((folder / "images").glob("*.png"))
    if not pictures:
        raise UserError(f"The folder {folder.name} holds no images/*.png.",
                        "Give the folder of wbc-masks, with images/ and masks/ of equal names.")
    ours, floor, seconds = [], [], 0.0
    for k, path in enumerate(pictures):
        told(k, len(pictures))
        pixels = _read(path, "RGB")
        true = _read(folder / "masks" / path.name, None)
        if true.shape != pixels.shape[:2]:
            raise UserError(f"The mask {path.name} has another size than its picture.", "Give masks of their pictures.")
        begun = time.perf_counter()
        found = cell_parts(pixels)
        seconds += time.perf_counter() - begun
        ours.append(scores(found, true))
        floor.append(scores(otsu_on_green(pixels), true))
    findings = Findings()
    for name, part in (("all", slice(None)), (f"without the first {TUNED_ON}", slice(TUNED_ON, None))):
        for k, what in enumerate(TARGETS):
            values = np.array(ours)[part, k]
            plain = np.array(floor)[part, k]
            findings.add(f"Dice of the {what}, {name}",
                         lambda values=values, plain=plain: (_spread(values), _spread(plain)),  # type: ignore[misc]
                         target=TARGETS[what], n=str(len(values)))
    poor = np.array([min(each) < 0.7 for each in ours])
    findings.notes += [
        f"{poor.sum()} of {len(poor)} cells lie below 0.7 in one of the two.",
        f"{seconds / len(pictures) * 1000:.0f} ms a cell on this machine, one thread.",
        "Intervals: 95 %, bootstrap over cells. Floor: Otsu's thresholds on green."]
    return findings


def _read(path: Path, mode: str | None) -> Labels:
    try:
        with Image.open(path) as image:
            pixels: Labels = np.asarray(image.convert(mode) if mode else image)
    except OSError as error:
        raise UserError(f"The file {path.name} of the data is missing or cannot be read.",
                        "images/ and masks/ hold PNG files of equal names.", details=type(error).__name__) from error
    return pixels


def _spread(values: npt.NDArray[np.float64]) -> Spread:
    return bootstrap(values, np.random.default_rng(0))
