"""Which tool the pointer is, and how wide the brush."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from medsynth_app.core.geometry import Geometry
from medsynth_app.ui.viewer.strokes import brush_diameter

TOOLS = ("pan", "brush", "eraser", "fill", "polygon", "pick", "window")
PAINTING = ("brush", "eraser", "fill", "polygon")
LEAST_BRUSH, LARGEST_BRUSH = 1, 999


class Tools(QObject):
    """The tool in hand and the brush.

    Signals
    -------
    changed
        Name of the tool.
    size_changed
        Size of the brush in image pixels.
    """

    changed = Signal(str)
    size_changed = Signal(int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tool, self._size = "brush", 15
        self._spacing: float | None = None

    @property
    def tool(self) -> str:
        """One of `TOOLS`."""
        return self._tool

    def choose(self, tool: str) -> None:
        if tool not in TOOLS:
            raise ValueError(f"unknown tool: {tool!r}")
        if tool != self._tool:
            self._tool = tool
            self.changed.emit(tool)

    @property
    def size(self) -> int:
        """Size of the brush in image pixels, 1..999; what it paints is `width`."""
        return self._size

    def set_size(self, pixels: int) -> None:
        size = min(max(int(pixels), LEAST_BRUSH), LARGEST_BRUSH)
        if size != self._size:
            self._size = size
            self.size_changed.emit(size)

    def grow(self) -> None:
        self.set_size(max(self._size + 2, round(self._size * 1.2)))

    def shrink(self) -> None:
        self.set_size(min(self._size - 2, round(self._size / 1.2)))

    # -- in millimetres

    def measure_with(self, geometry: Geometry | None) -> None:
        """Take the pixel spacing of the frame in view; None where it has none."""
        self._spacing = min(geometry.row_spacing, geometry.column_spacing) if geometry is not None else None

    @property
    def width(self) -> int:
        """Image pixels that a dab of the brush is wide."""
        return brush_diameter(self._size)

    @property
    def width_mm(self) -> float | None:
        """Width of the brush in mm; None where the image has no spacing."""
        return None if self._spacing is None else self.width * self._spacing

    def set_width_mm(self, width: float) -> None:
        """Nothing happens where the image has no spacing."""
        if self._spacing is not None:
            self.set_size(round(width / self._spacing))
