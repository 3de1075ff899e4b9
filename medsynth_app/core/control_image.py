"""A mask of labels as a ControlNet sees it, and the checks that come before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError

Mask = npt.NDArray[np.uint8]
_COLOURS = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], np.float32)
LABELS = len(_COLOURS) - 1  # how many labels have a colour
STRETCHED = 1.05  # proportions that differ by more are told
_ROWS = 64  # looked through at a time: what a processor's cache holds


def control_image(mask: Mask) -> npt.NDArray[np.float32]:
    """Each label in a colour of its own: 0 black, 1 red, 2 green, 3 blue.

    Parameters
    ----------
    mask
        Labels, shape (..., h, w), uint8.

    Returns
    -------
    Shape (..., h, w, 3), in [0, 1].

    Raises
    ------
    ValueError
        For a label above `LABELS`; see `checked_labels` for masks that a person chose.
    """
    if mask.max(initial=0) > LABELS:
        raise ValueError(f"a control image has colours for {LABELS} labels only")
    return _COLOURS[mask]


def labels_in(mask: Mask) -> tuple[int, ...]:
    """The labels that a mask (rows, columns) holds, in order, without the background; quick where they are small."""
    found: set[int] = set()
    for top in range(0, len(mask), _ROWS):
        part = mask[top:top + _ROWS]
        found |= {value for value in range(1, int(part.max(initial=0)) + 1)
                  if value not in found and (part == value).any()}
    return tuple(sorted(found))


def checked_labels(mask: Mask, labels: Sequence[str]) -> Mask:
    """`mask` with the label values that a pack knows.

    A mask of 0 and 255, as many programs write it, means label 1 where the pack has one label only.

    Parameters
    ----------
    mask
        Shape (h, w), uint8.
    labels
        What the values 1, 2, ... mean (`PackManifest.mask_labels`).

    Raises
    ------
    UserError
        For an empty mask, or one that holds other values.
    """
    if mask.ndim != 2 or not mask.size:
        raise UserError("The mask has no pixels.", "Give a mask of labels, one value per pixel.")
    found = set(labels_in(mask))
    if len(labels) == 1 and found == {255}:
        return (mask > 0).astype(np.uint8)
    unknown = sorted(found - set(range(1, min(len(labels), LABELS) + 1)))
    if unknown:
        known = ", ".join(f"{value} {name}" for value, name in enumerate(labels, 1)) or "none"
        raise UserError(f"The mask holds the value{'s' if len(unknown) > 1 else ''} "
                        f"{', '.join(map(str, unknown[:8]))}, which the model does not know.",
                        f"Use 0 for the background and the labels of the model: {known}.")
    return mask


def resized(mask: Mask, height: int, width: int) -> Mask:
    """`mask` at (height, width), shape (h, w) to (height, width): every pixel takes the label nearest to its middle."""
    rows, columns = mask.shape
    down = ((np.arange(height) + 0.5) * rows / height).astype(np.intp)
    across = ((np.arange(width) + 0.5) * columns / width).astype(np.intp)
    return np.ascontiguousarray(mask[down[:, None], across])


def fitted(mask: Mask, height: int, width: int, held: Sequence[int]) -> tuple[Mask, tuple[int, ...]]:
    """`mask` as `resized`, and which of the labels that it held were too small to be left.

    Parameters
    ----------
    held
        `labels_in` of the mask.

    Raises
    ------
    UserError
        When nothing of what the mask holds is left.
    """
    small = resized(mask, height, width)
    left = labels_in(small)
    if held and not left:
        raise UserError(f"What the mask holds is too small: nothing of it is left at {width} x {height} pixels.",
                        "Make it larger, or choose a larger size of the pictures.")
    return small, tuple(value for value in held if value not in left)


def is_stretched(mask: Mask, height: int, width: int) -> bool:
    """Whether a mask must be stretched to be (height, width): its proportions differ by more than is overlooked."""
    rows, columns = (int(edge) for edge in mask.shape)
    return max(rows * width, columns * height) > STRETCHED * min(rows * width, columns * height)
