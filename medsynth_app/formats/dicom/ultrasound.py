"""The size of pixels in ultrasound pictures, which is stated by region: PS3.3 C.8.5.5."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from medsynth_app.formats.dicom.elements import number

IN_REGION = "Distances hold in the ultrasound region alone: rows {top} to {bottom}, columns {left} to {right}."
SEVERAL = "The regions of this ultrasound picture have different scales: no distance is shown."
_TISSUE = 1  # Region Spatial Format: 2D
_CENTIMETRES = 3  # Physical Units


def _regions(header: Dataset) -> list[tuple[Dataset, tuple[float, float]]]:
    """Regions that show tissue to scale, and their spacing in mm between rows and columns."""
    found = []
    for region in header.get("SequenceOfUltrasoundRegions") or ():
        down, across = number(region, "PhysicalDeltaY"), number(region, "PhysicalDeltaX")
        units = (number(region, "PhysicalUnitsXDirection"), number(region, "PhysicalUnitsYDirection"))
        tissue = number(region, "RegionSpatialFormat") == _TISSUE and set(units) == {_CENTIMETRES}
        if tissue and down and across:
            found.append((region, (abs(down) * 10, abs(across) * 10)))
    return found


def spacing(header: Dataset) -> tuple[float, float] | None:
    """Distance in mm between rows and columns, where all regions that show tissue share it."""
    found = [size for _, size in _regions(header)]
    return found[0] if found and all(np.allclose(size, found[0], rtol=1e-3) for size in found) else None


def notices(header: Dataset) -> list[str]:
    found = _regions(header)
    if not found:
        return []
    if spacing(header) is None:
        return [SEVERAL]
    edges = [[number(region, f"RegionLocation{name}") for region, _ in found]
             for name in ("MinY0", "MaxY1", "MinX0", "MaxX1")]
    if any(value is None for values in edges for value in values):
        return []
    top, bottom, left, right = (int(pick(value for value in values if value is not None))
                                for pick, values in zip((min, max, min, max), edges, strict=True))
    return [IN_REGION.format(top=top, bottom=bottom, left=left, right=right)]
