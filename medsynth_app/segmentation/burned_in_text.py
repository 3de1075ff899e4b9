"""Where white text is burned into a colour picture, as on many endoscopy frames.

No reading: letters are thin, white, of one height, and stand in a row. Small highlights are thin and white, too, and
seldom stand in a row.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Box = tuple[int, int, int, int]

STROKE = 5     # a letter's stroke is thinner than this, pixels
CONTRAST = 24  # grey levels above what surrounds it
HEIGHTS = 5, 10
WIDEST = 26    # letters that touch count as one
GAP = 8
LEVEL = 2      # tops and bottoms of a row differ by no more
LETTERS = 3


def text_rows(pixels: npt.NDArray[np.uint8], contrast: int = CONTRAST) -> list[Box]:
    """Find rows of small white letters, 5 to 10 pixels high.

    Parameters
    ----------
    pixels
        RGB, shape (h, w, 3), uint8.
    contrast
        Grey levels by which a letter is brighter than what surrounds it.

    Returns
    -------
    Boxes (left, top, right, bottom) in pixels, ends excluded. On Kvasir-SEG's frames of 256 pixels, in the area where
    they carry text, about nine of ten frames with text are found, and few others.
    """
    rows: list[list[Box]] = []
    for letter in sorted(_letters(pixels, contrast)):
        fitting = (row for row in rows if letter[0] - row[-1][2] <= GAP and abs(letter[1] - row[-1][1]) <= LEVEL
                   and abs(letter[3] - row[-1][3]) <= LEVEL)
        row = next(fitting, None)
        if row is None:
            rows.append([letter])
        else:
            row.append(letter)
    return [_around(row) for row in rows if len(row) >= LETTERS or _touching(row)]


def _letters(pixels: npt.NDArray[np.uint8], contrast: int) -> list[Box]:
    from scipy import ndimage  # its import takes a while

    whiteness = pixels.min(axis=2).astype(np.int16)  # red mucosa has little blue: only white has much of all three
    thin = whiteness - ndimage.grey_opening(whiteness, size=(STROKE, STROKE)) > contrast
    labelled, _ = ndimage.label(thin, np.ones((3, 3)))
    boxes = [(columns.start, rows.start, columns.stop, rows.stop)
             for rows, columns in ndimage.find_objects(labelled)]
    return [box for box in boxes if HEIGHTS[0] <= box[3] - box[1] <= HEIGHTS[1] and box[2] - box[0] <= WIDEST]


def _touching(row: list[Box]) -> bool:
    """Two pieces as wide as three letters, side by side."""
    return len(row) == 2 and row[1][2] - row[0][0] >= 14 and row[0][2] <= row[1][0]


def _around(row: list[Box]) -> Box:
    return row[0][0], min(b[1] for b in row), max(b[2] for b in row), max(b[3] for b in row)
