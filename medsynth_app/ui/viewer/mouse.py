"""The pointer on the canvas: what press, drag and wheel do with each tool. napari never sees an event."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QNativeGestureEvent, QWheelEvent

from medsynth_app.core.window_level import WindowLevel
from medsynth_app.ui.viewer.stage import single_timer
from medsynth_app.ui.viewer.strokes import Stroke, brush_diameter, fill, polygon

if TYPE_CHECKING:
    from medsynth_app.ui.viewer.canvas import Canvas

TOOLS = ("brush", "eraser", "fill", "polygon", "pick", "pan", "window")
PAINTING = ("brush", "eraser", "fill", "polygon")
LEAST_BRUSH, LARGEST_BRUSH = 1, 999
_Kind = QEvent.Type
_Shape = Qt.CursorShape
_KEYS = (_Kind.KeyPress, _Kind.KeyRelease, _Kind.ShortcutOverride, _Kind.ContextMenu)
_CURSORS = {"pan": _Shape.OpenHandCursor, "window": _Shape.SizeAllCursor, "pick": _Shape.PointingHandCursor,
            "fill": _Shape.CrossCursor, "polygon": _Shape.CrossCursor}


class Pointer(QObject):
    """Turns the events of the canvas into strokes, window changes, pans and zooms."""

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self.tool = "brush"
        self.brush_size = 15
        self.space = False
        self._action = ""  # "pan", "window", "stroke" or "divider" while a button is down
        self._last = QPointF()
        self._start: tuple[QPointF, WindowLevel] | None = None
        self._stroke: Stroke | None = None
        self._points: list[QPointF] = []
        self._wheel = 0.0
        self._showing = single_timer(self, 0, canvas.scene.flush)
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
            if kind is _Kind.Paint:  # napari's camera changes with the size of the widget: set it right in time
                self._canvas.scene.look(self._canvas.view)
            return False
        handler(event)
        event.accept()
        return True

    # -- buttons ------------------------------------------------------------------------------------------------

    def _press(self, event: QMouseEvent) -> None:
        canvas, at = self._canvas, event.position()
        canvas.setFocus(Qt.FocusReason.MouseFocusReason)
        if canvas.session.document is None or self._action:
            return
        self._last = at
        button = event.button()
        left = button is Qt.MouseButton.LeftButton
        if button is Qt.MouseButton.MiddleButton or (left and (self.space or self.tool == "pan")):
            self._action = "pan"
            self.show_cursor()
        elif button is Qt.MouseButton.RightButton or (left and self.tool == "window"):
            self._begin_window(at)
        elif left and canvas.candidate.near_divider(at):
            self._action = "divider"
        elif left:
            self._use_tool(at)

    def _use_tool(self, at: QPointF) -> None:
        canvas = self._canvas
        row, column = canvas.view.to_image(at)
        if self.tool == "pick":
            self._pick(round(row), round(column))
        elif self.tool in PAINTING and canvas.may_paint():
            value = 0 if self.tool == "eraser" else canvas.session.label_value
            if self.tool == "fill":
                canvas.commit(fill(canvas.scene.mask, row, column, value), "fill", value)
            elif self.tool == "polygon":
                self._points.append(QPointF(column, row))
                self._show_polygon()
            else:
                canvas.scene.mask.brush_size = self.brush_size
                self._stroke, self._action = Stroke(canvas.scene.mask, value), "stroke"
                self._draw(row, column)

    def _pick(self, row: int, column: int) -> None:
        """Make the class under the pointer the one to paint with."""
        session = self._canvas.session
        if session.document is not None:
            values = session.document.mask(session.frame)
            if 0 <= row < values.shape[0] and 0 <= column < values.shape[1] and values[row, column]:
                session.set_label(int(values[row, column]))

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
        canvas, at = self._canvas, event.position()
        if self._action == "pan":
            canvas.pan_by(at - self._last)
        elif self._action == "window":
            self._drag_window(at)
        elif self._action == "divider":
            canvas.candidate.move_divider(at.x())
        elif self._action == "stroke" and self._stroke is not None:
            self._draw(*canvas.view.to_image(at))
        self._last = at
        canvas.point_at(at)
        if not self._action:
            self.show_cursor()
            if self.tool in PAINTING:
                canvas.scene.prepare_mask()

    def _release(self, event: QMouseEvent) -> None:
        canvas, action = self._canvas, self._action
        if event.buttons() & (Qt.MouseButton.LeftButton | Qt.MouseButton.RightButton | Qt.MouseButton.MiddleButton):
            return
        self._action = ""
        if action == "stroke" and self._stroke is not None:
            stroke, self._stroke = self._stroke, None
            canvas.scene.flush()
            canvas.commit(stroke.touched, "paint", stroke.value)
        elif action == "window":
            canvas.end_window()
        self.show_cursor()

    def _leave(self, _event: QEvent) -> None:
        if not self._action:
            self._canvas.point_at(None)

    # -- window -------------------------------------------------------------------------------------------------

    def _begin_window(self, at: QPointF) -> None:
        window = self._canvas.shown_window()
        if window is not None:
            self._start, self._action = (at, window), "window"

    def _drag_window(self, at: QPointF) -> None:
        """To the right wider, upwards brighter; the step follows the width that the drag began with."""
        if self._start is None:
            return
        origin, window = self._start
        delta = (at - origin) * (max(window.width, 1e-3) / 250)
        least = max(1e-3, window.width / 500)
        self._canvas.drag_window(WindowLevel(window.center + delta.y(), max(window.width + delta.x(), least)))

    # -- wheel --------------------------------------------------------------------------------------------------

    def _scroll(self, event: QWheelEvent) -> None:
        canvas = self._canvas
        if canvas.session.document is None:
            return
        turned = event.angleDelta().y() or event.angleDelta().x()
        zooming = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if zooming or not canvas.is_stack:
            canvas.zoom_at(event.position(), math.pow(1.2, turned / 120))
            return
        self._wheel += turned
        steps = int(self._wheel / 120)
        if steps:
            self._wheel -= 120 * steps
            canvas.step_frame(-steps)

    def _gesture(self, event: QNativeGestureEvent) -> None:
        if event.gestureType() is Qt.NativeGestureType.ZoomNativeGesture:
            self._canvas.zoom_at(event.position(), 1 + event.value())

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
        value = self._canvas.session.label_value
        self._canvas.commit(polygon(self._canvas.scene.mask, points, value), "polygon", value)

    def take_back(self) -> None:
        """Remove the last corner of the polygon."""
        self._points = self._points[:-1]
        self._show_polygon()

    def cancel(self) -> None:
        """Forget the stroke or polygon under way; the mask is as before."""
        if self._stroke is not None:
            touched, self._stroke, self._action = self._stroke.touched, None, ""
            self._canvas.revert(touched)
        self._points = []
        self._show_polygon()

    def hold_space(self, held: bool) -> None:
        """Drags pan while the space bar is held."""
        if self.space != held:
            self.space = held
            self.show_cursor()
            self._canvas.overlay.update()

    def _show_polygon(self) -> None:
        self._canvas.overlay.marks.polygon = list(self._points)
        self._canvas.overlay.update()

    def show_cursor(self) -> None:
        """The cursor, and the brush circle in true size."""
        canvas = self._canvas
        panning = self.space or self._action == "pan"
        brush = self.tool in ("brush", "eraser") and not panning and canvas.session.document is not None
        zoom = canvas.view.zoom * brush_diameter(self.brush_size)
        canvas.overlay.marks.brush = (zoom, zoom) if brush else None
        if canvas.candidate.near_divider(self._last) and not panning:
            shape = _Shape.SplitHCursor
        elif self._action == "pan":
            shape = _Shape.ClosedHandCursor
        elif panning:
            shape = _Shape.OpenHandCursor
        elif brush:
            shape = _Shape.BlankCursor if zoom >= 8 else _Shape.CrossCursor
        else:
            shape = _CURSORS.get(self.tool, _Shape.ArrowCursor)
        if canvas.scene.native.cursor().shape() is not shape:
            canvas.scene.native.setCursor(shape)
