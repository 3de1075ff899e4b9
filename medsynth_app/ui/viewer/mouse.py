"""The pointer on the canvas: what press, drag and wheel do with each tool. napari never sees an event."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QNativeGestureEvent, QWheelEvent

from medsynth_app.core.window_level import WindowLevel
from medsynth_app.ui.viewer.candidate import Candidate
from medsynth_app.ui.viewer.overlay import Overlay
from medsynth_app.ui.viewer.painter import Painter
from medsynth_app.ui.viewer.scene import Scene
from medsynth_app.ui.viewer.stage import single_timer
from medsynth_app.ui.viewer.strokes import Stroke, brush_diameter, fill, polygon
from medsynth_app.ui.viewer.subject import Subject
from medsynth_app.ui.viewer.tools import PAINTING, Tools
from medsynth_app.ui.viewer.view import View

_Kind = QEvent.Type
_Shape = Qt.CursorShape
SCROLL_MS = 10  # a turning wheel waits this long; meanwhile the screen shows the slice
_KEYS = (_Kind.KeyPress, _Kind.KeyRelease, _Kind.ShortcutOverride, _Kind.ContextMenu)
_CURSORS = {"pan": _Shape.OpenHandCursor, "window": _Shape.SizeAllCursor, "pick": _Shape.PointingHandCursor,
            "fill": _Shape.CrossCursor, "polygon": _Shape.CrossCursor}


class Pointer(QObject):
    """Turns the events of the canvas into strokes, window changes, pans and zooms.

    Signals
    -------
    pressed, released
        A button went down on the image; all are up again.
    pointed
        Where the pointer is on the canvas (QPointF); None when it has left.
    window_dragged, window_dropped
        The window (WindowLevel) while it is dragged, and that the drag has ended.
    """

    pressed = Signal()
    released = Signal()
    pointed = Signal(object)
    window_dragged = Signal(object)
    window_dropped = Signal()

    def __init__(self, subject: Subject, view: View, scene: Scene, tools: Tools, painter: Painter, candidate: Candidate,
                 overlay: Overlay) -> None:
        super().__init__(overlay)
        self._subject, self._view, self._scene, self._tools = subject, view, scene, tools
        self._painter, self._candidate, self._overlay = painter, candidate, overlay
        tools.changed.connect(self._take_tool)
        tools.size_changed.connect(self._take_size)
        self.space = self.held = False
        self._action = ""  # "pan", "window", "stroke" or "divider" while a button is down
        self._last = QPointF()
        self._start: tuple[QPointF, WindowLevel] | None = None
        self._stroke: Stroke | None = None
        self._points: list[QPointF] = []
        self._wheel = 0.0
        self._slices = 0  # notches that no frame has shown yet
        self._scrolling = single_timer(self, SCROLL_MS, self._show_slice)
        self._showing = single_timer(self, 0, scene.flush)
        self._handlers: dict[QEvent.Type, Callable[[Any], None]] = {
            _Kind.MouseButtonPress: self._press, _Kind.MouseButtonDblClick: self._double, _Kind.MouseMove: self._move,
            _Kind.MouseButtonRelease: self._release, _Kind.Wheel: self._scroll, _Kind.Leave: self._leave,
            _Kind.Enter: lambda _event: None, _Kind.NativeGesture: self._gesture}

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind in _KEYS:
            event.ignore()  # goes on to the window
            return True
        handler = self._handlers.get(kind)
        if handler is None:
            if kind is _Kind.Resize:  # vispy's camera changes with the size of the widget, and tells nobody
                self._scene.forget_camera()
            elif kind is _Kind.Paint:  # it is set right in time
                self._scene.look(self._view)
            return False
        handler(event)
        event.accept()
        return True

    @property
    def tool(self) -> str:
        return self._tools.tool

    def _take_tool(self, _tool: str) -> None:
        self.settle()
        self.show_cursor()

    def _take_size(self, _size: int) -> None:
        self.show_cursor()
        self._overlay.update()

    # -- buttons ------------------------------------------------------------------------------------------------

    def _press(self, event: QMouseEvent) -> None:
        at = event.position()
        self.held = True
        self.pressed.emit()
        if self._subject.document is None or self._action:
            return
        self._last = at
        button = event.button()
        left = button is Qt.MouseButton.LeftButton
        if button is Qt.MouseButton.MiddleButton or (left and (self.space or self.tool == "pan")):
            self._action = "pan"
            self.show_cursor()
        elif button is Qt.MouseButton.RightButton or (left and self.tool == "window"):
            self._begin_window(at)
        elif left and self._candidate.near_divider(at):
            self._action = "divider"
        elif left:
            self._use_tool(at)

    def _use_tool(self, at: QPointF) -> None:
        row, column = self._view.to_image(at)
        if self.tool == "pick":
            self._painter.pick(round(row), round(column))
        elif self.tool in PAINTING and self._painter.may_paint():
            mask, value = self._scene.mask, 0 if self.tool == "eraser" else self._painter.value
            if self.tool == "fill":
                self._painter.commit(fill(mask, row, column, value), "fill", value)
            elif self.tool == "polygon":
                self._points.append(QPointF(column, row))
                self._show_polygon()
            else:
                mask.brush_size = self._tools.size
                self._stroke, self._action = Stroke(mask, value), "stroke"
                self._draw(row, column)

    def _draw(self, row: float, column: float) -> None:
        """Draw the stroke on; several moves in a row are shown together."""
        if self._stroke is not None:
            self._stroke.to(row, column)
            if not self._showing.isActive():
                self._showing.start()

    def _double(self, event: QMouseEvent) -> None:
        if self.tool == "polygon" and self._points and event.button() is Qt.MouseButton.LeftButton:
            self.finish_polygon()
        else:
            self._press(event)

    def _move(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._action == "pan":
            self._view.pan(at - self._last)
        elif self._action == "window":
            self._drag_window(at)
        elif self._action == "divider":
            self._candidate.move_divider(at.x())
        elif self._action == "stroke" and self._stroke is not None:
            self._draw(*self._view.to_image(at))
        self._last = at
        self.pointed.emit(at)
        if not self._action:
            self.show_cursor()
            if self.tool in PAINTING:
                self._scene.prepare_mask()

    def _release(self, event: QMouseEvent) -> None:
        if event.buttons() & (Qt.MouseButton.LeftButton | Qt.MouseButton.RightButton | Qt.MouseButton.MiddleButton):
            return
        self.lift()
        action, self._action = self._action, ""
        if action == "window":
            self.window_dropped.emit()
        self.show_cursor()
        self.let_go()

    def let_go(self) -> None:
        """No button is down any more, or nobody will say so."""
        if self.held:
            self.held = False
            self.released.emit()

    def _leave(self, _event: QEvent) -> None:
        if not self._action:
            self.pointed.emit(None)

    # -- window -------------------------------------------------------------------------------------------------

    def _begin_window(self, at: QPointF) -> None:
        window = self._subject.window()
        if window is not None:
            self._start, self._action = (at, window), "window"

    def _drag_window(self, at: QPointF) -> None:
        """To the right wider, upwards brighter; the step follows the width that the drag began with."""
        if self._start is None:
            return
        origin, window = self._start
        delta = (at - origin) * (max(window.width, 1e-3) / 250)
        least = max(1e-3, window.width / 500)
        self.window_dragged.emit(WindowLevel(window.center + delta.y(), max(window.width + delta.x(), least)))

    # -- wheel --------------------------------------------------------------------------------------------------

    def _scroll(self, event: QWheelEvent) -> None:
        if not self._subject.count:
            return
        turned = event.angleDelta().y() or event.angleDelta().x()
        zooming = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if zooming or not self._subject.is_stack:
            self._view.zoom_at(event.position(), math.pow(1.2, turned / 120))
            return
        self._wheel += turned
        steps = int(self._wheel / 120)
        self._wheel -= 120 * steps
        self._slices -= steps
        if not self._scrolling.isActive():
            self._show_slice()

    def _show_slice(self) -> None:
        """Go where the wheel has turned to: slices passed while one was being drawn are left out."""
        if self._slices:
            steps, self._slices = self._slices, 0
            self._subject.step(steps)
            self._scrolling.start()

    def _gesture(self, event: QNativeGestureEvent) -> None:
        if event.gestureType() is Qt.NativeGestureType.ZoomNativeGesture:
            self._view.zoom_at(event.position(), 1 + event.value())

    # -- polygon, cancelling, cursor ----------------------------------------------------------------------------

    @property
    def drawing(self) -> bool:
        """True while a polygon or a stroke is under way."""
        return bool(self._points) or self._stroke is not None

    def finish_polygon(self) -> None:
        """Close the polygon and fill it."""
        points = [(point.y(), point.x()) for point in self._points]
        self._points = []
        self._show_polygon()
        value = self._painter.value
        self._painter.commit(polygon(self._scene.mask, points, value), "polygon", value)

    def lift(self) -> None:
        """End the stroke under way, as if the button had been let go, and write it."""
        if self._stroke is not None:
            stroke, self._stroke, self._action = self._stroke, None, ""
            self._scene.flush()
            self._painter.commit(stroke.touched, "paint", stroke.value)

    def settle(self) -> None:
        """Write what is under way to the slice that it was begun on: a stroke as far as it is drawn, a polygon closed.

        Corners that are no polygon yet are forgotten.
        """
        self.lift()
        if self._points:
            self.finish_polygon()

    def take_back(self) -> None:
        """Remove the last corner of the polygon."""
        self._points = self._points[:-1]
        self._show_polygon()

    def cancel(self) -> None:
        """Forget the stroke or polygon under way; the mask is as before."""
        if self._stroke is not None:
            touched, self._stroke, self._action = self._stroke.touched, None, ""
            self._painter.revert(touched)
        self._points = []
        self._show_polygon()

    def hold_space(self, held: bool) -> None:
        """Drags pan while the space bar is held."""
        if self.space != held:
            self.space = held
            self.show_cursor()
            self._overlay.update()

    def _show_polygon(self) -> None:
        self._overlay.marks.polygon = list(self._points)
        self._overlay.update()

    def show_cursor(self) -> None:
        """The cursor, and the brush circle in true size."""
        panning = self.space or self._action == "pan"
        brush = self.tool in ("brush", "eraser") and not panning and self._subject.document is not None
        zoom = self._view.zoom * brush_diameter(self._tools.size)
        self._overlay.marks.brush = (zoom, zoom) if brush else None
        if self._candidate.near_divider(self._last) and not panning:
            shape = _Shape.SplitHCursor
        elif self._action == "pan":
            shape = _Shape.ClosedHandCursor
        elif panning:
            shape = _Shape.OpenHandCursor
        elif brush:
            shape = _Shape.BlankCursor if zoom >= 8 else _Shape.CrossCursor
        else:
            shape = _CURSORS.get(self.tool, _Shape.ArrowCursor)
        if self._scene.native.cursor().shape() is not shape:
            self._scene.native.setCursor(shape)
