"""Window/level: which values of a grey image are shown, from black to white."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class WindowLevel:
    """A window in modality units (HU for CT). `low` shows black, `high` white, linear between."""

    center: float
    width: float
    name: str = ""

    @property
    def low(self) -> float:
        return self.center - self.width / 2

    @property
    def high(self) -> float:
        return self.center + self.width / 2

    @staticmethod
    def from_limits(low: float, high: float, name: str = "") -> WindowLevel:
        width = max(high - low, 1e-6)
        return WindowLevel(low + width / 2, width, name)

    def to_unit(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        """Values in modality units to [0, 1], clipped; float32."""
        return to_unit(values, self.low, self.high)


def to_unit(values: npt.NDArray[np.generic], low: float, high: float) -> npt.NDArray[np.float32]:
    """Values between two limits to [0, 1], clipped; float32."""
    unit = (values.astype(np.float32) - np.float32(low)) / np.float32(high - low)
    clipped: npt.NDArray[np.float32] = np.clip(unit, 0, 1)
    return clipped


CT_PRESETS = (
    WindowLevel(40, 80, "Brain"),
    WindowLevel(50, 200, "Subdural"),
    WindowLevel(40, 400, "Soft tissue"),
    WindowLevel(-600, 1500, "Lung"),
    WindowLevel(60, 160, "Liver"),
    WindowLevel(400, 1800, "Bone"),
)


def presets(modality: str | None) -> tuple[WindowLevel, ...]:
    """Fixed presets of a DICOM modality; MR has none, for its values have no unit: see `core.intensity.auto_window`."""
    return CT_PRESETS if modality == "CT" else ()
