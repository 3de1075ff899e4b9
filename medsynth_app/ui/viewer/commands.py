"""What menus, keys and the tool bar ask of the canvas: zoom, flips, turns, tools and brush."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Signal
from PySide6.QtGui import QTransform
from PySide6.QtWidgets import QWidget

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.image import FrameInfo, Pixels
from medsynth_app.ui.viewer.candidate import Candidate
from medsynth_app.ui.viewer.mouse import LARGEST_BRUSH, LEAST_BRUSH, TOOLS, Pointer
from medsynth_app.ui.viewer.scene import Scene
from medsynth_app.ui.viewer.stage import Stage
from medsynth_app.ui.viewer.strokes import brush_diameter
from medsynth_app.ui.viewer.view import View

if TYPE_CHECKING:
    from medsynth_app.session.session import Session


class ViewCommands(QWidget):
    """Zoom, pan, flips and turns. `Canvas` supplies the parts."""

    zoom_changed = Signal(float)
    view: View
    scene: Scene
    stage: Stage

    def fit(self) -> None:
        """Show the whole image."""
        self.view.fit()
        self._moved()

    def actual_size(self) -> None:
        """One image pixel on one canvas pixel."""
        self.zoom_at(self._middle(), 1 / self.view.zoom)

    def zoom_in(self) -> None:
        self.zoom_at(self._middle(), 1.25)

    def zoom_out(self) -> None:
        self.zoom_at(self._middle(), 0.8)

    def zoom_at(self, at: QPointF, factor: float) -> None:
        self.view.zoom_at(at, factor)
        self._moved()

    def pan_by(self, delta: QPointF) -> None:
        self.view.pan(delta)
        self._moved()

    def flip_horizontal(self) -> None:
        self.view.flip(True)
        self._turned()

    def flip_vertical(self) -> None:
        self.view.flip(False)
        self._turned()

    def rotate(self) -> None:
        """A quarter turn clockwise."""
        self.view.turn()
        if self.view.fitted:
            self.view.fit()
        self._turned()

    def reset_view(self) -> None:
        """Undo flips, turns and zoom."""
        self.view.reset()
        self.view.fit()
        self._turned()

    @property
    def zoom(self) -> float:
        """Canvas pixels per image pixel."""
        return self.view.zoom

    def _middle(self) -> QPointF:
        return QPointF(self.view.size.width() / 2, self.view.size.height() / 2)

    def _turned(self) -> None:
        self.scene.place(self.view)
        self._moved()

    def _moved(self) -> None:
        raise NotImplementedError


class ToolCommands(ViewCommands):
    """Tools and the size of the brush. `Canvas` supplies the parts."""

    tool_changed = Signal(str)
    brush_changed = Signal(int)
    pointer: Pointer
    session: Session

    @property
    def frame_info(self) -> FrameInfo | None:
        """The frame in view."""
        document = self.session.document
        return document.info.frames[self.session.frame] if document is not None else None

    @property
    def tool(self) -> str:
        return self.pointer.tool

    def set_tool(self, tool: str) -> None:
        """One of `TOOLS`."""
        if tool not in TOOLS:
            raise ValueError(f"unknown tool: {tool!r}")
        if tool != self.pointer.tool:
            self.pointer.cancel()
            self.pointer.tool = tool
            self.tool_changed.emit(tool)
        self.pointer.show_cursor()
        self.stage.overlay.update()

    @property
    def brush_size(self) -> int:
        return self.pointer.brush_size

    def set_brush_size(self, pixels: int) -> None:
        """Width of the brush in image pixels, 1..999."""
        size = int(np.clip(pixels, LEAST_BRUSH, LARGEST_BRUSH))
        if size != self.pointer.brush_size:
            self.pointer.brush_size = size
            self.brush_changed.emit(size)
        self.pointer.show_cursor()
        self.stage.overlay.update()

    def grow_brush(self) -> None:
        self.set_brush_size(max(self.brush_size + 2, round(self.brush_size * 1.2)))

    def shrink_brush(self) -> None:
        self.set_brush_size(min(self.brush_size - 2, round(self.brush_size / 1.2)))

    def brush_mm(self) -> float | None:
        """Width of the brush in mm, None where the image has no spacing."""
        geometry = self.frame_info.geometry if self.frame_info else None
        if geometry is None:
            return None
        return brush_diameter(self.brush_size) * min(geometry.row_spacing, geometry.column_spacing)

    def set_brush_mm(self, width: float) -> None:
        geometry = self.frame_info.geometry if self.frame_info else None
        if geometry is not None:
            self.set_brush_size(round(width / min(geometry.row_spacing, geometry.column_spacing)))


class CompareCommands(ToolCommands):
    """Previews of staged candidates. `Canvas` supplies the parts."""

    compare_changed = Signal(str)
    candidate: Candidate

    def trace_later(self) -> None:
        raise NotImplementedError

    def show_candidate(self, patch: Pixels | None, bounds: Bounds,
                       effective: npt.NDArray[np.bool_] | None = None) -> None:
        """Preview a staged candidate in place; the document stays untouched.

        Parameters
        ----------
        patch
            Stored values, shape (bounds.height, bounds.width[, 3]); None ends the preview.
        effective
            Which of its pixels are generated, for the hatched edge; by default those that differ.
        """
        self.candidate.show(patch, bounds, effective)
        self.trace_later()

    @property
    def compare(self) -> str:
        return self.candidate.mode

    def compare_mode(self, mode: str) -> None:
        """One of "off", "slider", "flicker", "side", "difference"."""
        if mode != self.candidate.mode:
            self.candidate.set_mode(mode)
            self.compare_changed.emit(mode)

    def flicker(self, held: bool) -> None:
        """Show the original instead of the candidate while held."""
        self.candidate.flicker(held)

    def show_side(self, shown: bool) -> None:
        pair = self.candidate.pair() if shown else None
        if pair is not None:
            linear = self.view.linear
            turn = QTransform(linear[1, 1], linear[0, 1], linear[1, 0], linear[0, 0], 0, 0)
            self.stage.side.show_pair(*pair, turn, self.view.scale[0] / self.view.scale[1])
        self.stage.show_side(pair is not None)
