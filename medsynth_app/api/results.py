"""What was drawn, with its record."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.actions.export import export_frame, write_picture
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Pixels
from medsynth_app.core.intensity import VolumeSample
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats.common import ExportFrame
from medsynth_app.session.window_level import starting_window

FORMATS = {".png": "png", ".tif": "tiff", ".tiff": "tiff"}


class _Recorded:
    """What has a record."""

    provenance: Provenance

    @property
    def seed(self) -> int:
        return self.provenance.seed

    @property
    def notices(self) -> tuple[str, ...]:
        """What should be known of it, in sentences."""
        return self.provenance.notices


@dataclass(frozen=True, eq=False)
class Picture(_Recorded):
    """A whole picture that a model drew.

    Attributes
    ----------
    pixels
        uint8, (rows, columns, 3) RGB, or (rows, columns) of a grey pack.
    mask
        What it was held to, uint8 (rows, columns), 0 the background and k the pack's label k; None where the prompt
        alone decided.
    provenance
        Its record: prompt, seed, pack with hash, versions, device. It names no file and no patient.
    """

    pixels: npt.NDArray[np.uint8]
    mask: npt.NDArray[np.uint8] | None
    provenance: Provenance

    def save(self, path: str | Path, *, mark: bool = False, invisible_mark: bool = False) -> Path:
        """Write it as PNG or TIFF with the record inside, ``.provenance.json`` and ``.mask.png`` beside it.

        Parameters
        ----------
        mark
            Draw the small visible mark, as for pictures that people look at. A classifier would learn it.
        invisible_mark
            Hide a mark by which `medsynth trace` finds it again; `pixels` stay as they are.

        Returns
        -------
        The file.

        Raises
        ------
        UserError
            For another ending than .png, .tif and .tiff, or a place that cannot be written.
        """
        return write_picture(self.pixels, self.provenance, Path(path), _format(path), mark=mark,
                             invisible=invisible_mark, mask=self.mask).path


@dataclass(frozen=True, eq=False)
class Fill(_Recorded):
    """An image of yours with a region filled.

    Attributes
    ----------
    pixels
        The whole image, of its own shape and type. Outside `changed` every pixel is the original's.
    changed
        Which pixels a fill may have changed, bool (rows, columns): the mask, less its soft edge.
    provenance
        As `Picture.provenance`; its `report` tells the fill against its surroundings in the image's own unit.
    """

    pixels: Pixels
    changed: npt.NDArray[np.bool_]
    provenance: Provenance
    _frame: ExportFrame = field(repr=False)

    def save(self, path: str | Path, *, mark: bool = False) -> Path:
        """Write it with its record, as `Picture.save`.

        A TIFF without `mark` keeps every value of a grey image at its own depth; a PNG, or a mark, is rendered with 8
        bits.
        """
        frame = self._frame
        window = starting_window(frame.info, 0, lambda: VolumeSample.of_volume(frame.source, 0))
        return export_frame(frame, Path(path), _format(path), mark=mark, window=window).path


def _format(path: str | Path) -> str:
    ending = Path(path).suffix.lower()
    if ending not in FORMATS:
        raise UserError(f"A result is not written as {ending or 'a file without an ending'}.",
                        "Name a file that ends in .png or .tif.")
    return FORMATS[ending]
