"""The canvas: the session's image and mask, tools to paint it, and candidates held against it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QCloseEvent, QColor, QFocusEvent, QKeyEvent, QTransform
from PySide6.QtWidgets import QVBoxLayout, QWidget

from medsynth_app.core.changes import Changes
from medsynth_app.core.geometry import edge_letters
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.theme.tokens import CANVAS_BRIGHT_FIELD, CANVAS_RADIOLOGY, Tokens
from medsynth_app.ui.viewer.candidate import Candidate
from medsynth_app.ui.viewer.display import bright_surround
from medsynth_app.ui.viewer.edges import Edges
from medsynth_app.ui.viewer.facts import READ_ONLY, Fact, facts_of, stack_fact
from medsynth_app.ui.viewer.fitting import Fitting
from medsynth_app.ui.viewer.hover import hover_at
from medsynth_app.ui.viewer.mouse import Pointer
from medsynth_app.ui.viewer.paint_look import PaintLook
from medsynth_app.ui.viewer.painter import Painter
from medsynth_app.ui.viewer.scene import Scene
from medsynth_app.ui.viewer.stage import SliceSlider, Stage, single_timer
from medsynth_app.ui.viewer.subject import Subject
from medsynth_app.ui.viewer.tools import Tools
from medsynth_app.ui.viewer.view import View

HOVER_MS = 25


class Canvas(QWidget):
    """Shows the session's document and paints its mask.

    Attributes
    ----------
    view
        Where the image stands: zoom, flips, turns.
    tools
        The tool in hand and the brush.
    candidate
        What is held against the original, and how.
    edges, paint_look
        What is outlined, and how the painting lies over the image.
    scene, stage, overlay
        napari's layers, the widgets over them, and what is drawn there.

    Signals
    -------
    hovered
        `Hover`, or None when the pointer has left.
    """

    hovered = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self.subject = session, Subject(session)
        self.view, self.scene, self.tools = View(self), Scene(), Tools(self)
        self.stage = Stage(self.scene.widget, self._resized)
        self.overlay = self.stage.overlay
        self.candidate = Candidate(self.subject, self.view, self.scene, self)
        self.paint_look = PaintLook(self.subject, self.scene, self.candidate)
        self.edges = Edges(session, self.subject, self.candidate, self.paint_look, self.overlay)
        self._painter = Painter(session, self.subject, self.scene, self.paint_look)
        self._pointer = Pointer(self.subject, self.view, self.scene, self.tools, self._painter, self.candidate,
                                self.overlay)
        self._fitting = Fitting(self, self.view, self._pointer)
        self._slices = SliceSlider(session.view.set_index)
        self._shown: tuple[str, int] | None = None
        self._stack: Fact | None = None  # what is to be said of the stack as a whole
        self._surround = ""
        self._hovering = single_timer(self, HOVER_MS, self._hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(_("Image"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.stage, 1)
        layout.addWidget(self._slices)
        self._slices.hide()
        self.scene.native.setMouseTracking(True)
        for part in self.scene.parts:
            part.installEventFilter(self._pointer)
        self.surround(None)
        self._connect()
        self._show_document()

    def _connect(self) -> None:
        self.view.turned.connect(lambda: self.scene.place(self.view))
        self.view.moved.connect(self._follow_view)
        self.candidate.changed.connect(self._follow_candidate)
        self._pointer.pressed.connect(lambda: self.setFocus(Qt.FocusReason.MouseFocusReason))
        self._pointer.pressed.connect(self.candidate.wait)
        self._pointer.released.connect(self.candidate.go_on)
        self._pointer.pointed.connect(self.point_at)
        self._pointer.window_dragged.connect(self._drag_window)
        self._pointer.window_dropped.connect(self._drop_window)
        s = self.session
        self._links: tuple[tuple[Any, Any], ...] = (
            (s.documents.settling, self._pointer.settle), (s.documents.current_changed, self._show_document),
            (s.view.index_changed, self._show_frame), (s.view.window_level_changed, self._show_window),
            (s.changed, self._follow), (s.painting.schema_changed, self._show_schema),
            (s.painting.mask_value_changed, self.edges.trace_later),
            (s.inpaint.parameters_changed, self._follow_parameters))
        for signal, slot in self._links:
            signal.connect(slot)

    def release(self) -> None:
        """Stop listening to the session; call before the widget goes for good."""
        for signal, slot in self._links:
            signal.disconnect(slot, missing_ok=True)
        self._links = ()
        self.edges.stop()
        self._hovering.stop()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.release()
        super().closeEvent(event)

    # -- what is shown ------------------------------------------------------------------------------------------

    def _show_document(self) -> None:
        self._shown = None
        document = self.session.documents.current
        self._stack = stack_fact(document.info) if document is not None else None
        self._show_frame(self.subject.index)

    def _show_nothing(self) -> None:
        """There is no frame to be seen, or it cannot be read: what was there before must not stay."""
        error = self.subject.unreadable
        self._shown = self._shown and (self._shown[0], -1)
        self._slices.show_frame(self.subject.index, self.subject.count)
        self.scene.clear()
        self.tools.measure_with(None)
        self.overlay.marks.empty = True
        self.overlay.marks.message = str(error) if error is not None else ""
        self.stage.show_facts((), False, False)
        self.candidate.hide()
        self.hovered.emit(None)
        self.overlay.update()

    def _show_frame(self, index: int) -> None:
        document, frame = self.subject.document, self.subject.frame
        if document is None or frame is None:
            self._pointer.cancel()
            self._show_nothing()
            return
        if self._shown == (document.id, index):
            return
        anew = self._shown is None
        self._shown = (document.id, index)
        self._pointer.cancel()
        pixels, geometry = self.subject.pixels(), frame.geometry
        self.tools.measure_with(geometry)
        self._show_schema()
        self.scene.show(document.info, frame, pixels, self.subject.mask())
        self._show_window()
        if not self._surround:
            self._set_surround(CANVAS_BRIGHT_FIELD if bright_surround(pixels) else CANVAS_RADIOLOGY)
        self._slices.show_frame(index, self.subject.count)
        self.overlay.marks.empty, self.overlay.marks.message = False, ""
        self.edges.trace_generated()
        self.paint_look.step_back()
        self.overlay.marks.effective = []
        self._write_corner()
        self.candidate.hide()
        if anew:
            self._fitting.begin()
        height, width = (geometry.row_spacing, geometry.column_spacing) if geometry else (frame.aspect, 1.0)
        self.view.set_image(frame.rows, frame.columns, height, width, anew=anew)
        self._hover_later()

    def _write_corner(self) -> None:
        frame, marks = self.subject.frame, self.overlay.marks
        if frame is None:
            return
        info = self.subject.info
        marks.corner = (info.pseudonym, info.series)
        if self.subject.is_stack:
            named = "" if frame.instance is None else _(", instance {number}").format(number=frame.instance)
            marks.corner += (_("slice {number} of {count}").format(number=self.subject.index + 1,
                                                                  count=self.subject.count) + named,)
        self.setAccessibleDescription(", ".join(text for text in marks.corner if text))

    def _show_schema(self) -> None:
        self.scene.set_schema(self.session.painting.schema)
        self._hover_later()

    def _show_window(self) -> None:
        self.scene.set_window(self.session.view.window_level)
        window = self.subject.window()
        self.overlay.marks.lower = f"W {window.width:.4g}   L {window.center:.4g}" if window else ""
        if self.candidate.shown and self.candidate.mode in ("difference", "side"):
            self.candidate.refresh()
        self.overlay.update()
        self._hover_later()

    def _follow(self, changes: Changes) -> None:
        """The one refresh hook: take over the parts that changed."""
        document, frame = self.subject.document, self.subject.frame
        if document is None or frame is None:
            return
        here = [change for change in changes.documents
                if change.document_id == document.id and change.frame == frame.key]
        for change in here:
            if change.kind == "mask":
                if not self._painter.busy:
                    self.scene.refresh_mask(change.bounds, self.subject.mask())
            elif change.kind == "pixels":
                self.scene.refresh_pixels(self.subject.pixels())
                self.edges.trace_generated()
                self.paint_look.step_back()
                self._mark()
        if here:
            self.edges.trace_later()
            self._hover_later()

    def _follow_parameters(self, names: frozenset[str]) -> None:
        if "feather" in names:
            self.edges.trace_later()

    def _follow_view(self) -> None:
        """The view changed: everything that hangs on it follows."""
        marks, view = self.overlay.marks, self.view
        geometry = self.subject.frame.geometry if self.subject.frame else None
        marks.to_screen = view.to_screen
        marks.letters = edge_letters(geometry, view.flip_horizontal, view.flip_vertical, view.turns)
        spacing = min(geometry.row_spacing, geometry.column_spacing) if geometry else 0.0
        marks.pixel_mm = spacing / view.zoom if spacing > 0 else None
        self.scene.look(view)
        self._pointer.show_cursor()
        if self.candidate.shown and self.candidate.mode in ("slider", "side"):
            self.candidate.refresh()
        self.overlay.update()
        self._hover_later()

    def _resized(self) -> None:
        self._fitting.resized(self.stage.size())

    @property
    def held(self) -> bool:
        """Whether a button is down on the image: nothing may move or be covered meanwhile."""
        return self._pointer.held

    def _follow_candidate(self) -> None:
        """The candidate or its way of showing changed: redraw what lies over it and beside it."""
        pair = self.candidate.pair() if self.candidate.mode == "side" else None
        if pair is not None:
            linear = self.view.linear
            turn = QTransform(linear[1, 1], linear[0, 1], linear[1, 0], linear[0, 0], 0, 0)
            self.stage.side.show_pair(*pair, turn, self.view.scale[0] / self.view.scale[1], self.candidate.sides)
        self.stage.show_side(pair is not None)
        self.overlay.marks.captions, self.overlay.marks.divider = self.candidate.captions, self.candidate.divider
        self._mark()
        self.edges.trace_later()
        self._hover_later()

    def _mark(self) -> None:
        """Show what is generated in what is shown, and the painting where it is not in the way."""
        self.edges.mark()
        self._show_facts()
        self.paint_look.apply()

    def _show_facts(self) -> None:
        """What is to be known of the frame in view, on chips over it."""
        frame = self.subject.frame
        if frame is not None:
            info = self.subject.info
            why = (self.session.workspace.notice or READ_ONLY) if self.session.documents.read_only else ""
            facts = facts_of(info, frame, self._stack, why)
            synthetic = self.candidate.generated_in_view or self.edges.any_accepted or info.synthetic
            self.stage.show_facts(facts, synthetic, info.synthetic)

    # -- pointer, window, slices --------------------------------------------------------------------------------

    def point_at(self, at: QPointF | None) -> None:
        """The pointer is here, or has left; `hovered` follows a moment later."""
        self.overlay.set_pointer(at)
        if at is None:
            self._hovering.stop()
            self.hovered.emit(None)
        else:
            self._hover_later()

    def _hover_later(self) -> None:
        """Tell anew what lies under the pointer: it moved, or what is shown there changed."""
        if self.overlay.marks.pointer is not None and not self._hovering.isActive():
            self._hovering.start()

    def _hover(self) -> None:
        at, frame = self.overlay.marks.pointer, self.subject.frame
        if at is None or frame is None:
            return
        found = hover_at(*self.view.to_image(at), self.scene.image.data, frame, self.view.zoom, self.candidate.value_at)
        if found.inside:
            label = self.session.painting.schema.of(int(self.subject.mask()[found.row, found.column]))
            found = replace(found, label=label.name if label is not None else "")
        self.hovered.emit(found)

    def _drag_window(self, window: WindowLevel) -> None:
        """Follow a drag of the window, with its figures beside the pointer."""
        self.overlay.marks.bubble = f"W {window.width:.4g}   L {window.center:.4g}"
        self.session.view.set_window_level(window, remember=False)

    def _drop_window(self) -> None:
        self.overlay.marks.bubble = ""
        if self.session.view.window_level is not None:
            self.session.view.set_window_level(self.session.view.window_level)

    # -- looks --------------------------------------------------------------------------------------------------

    def surround(self, colour: str | None) -> None:
        """Colour round the image; None chooses it from the image: dark, or light for bright-field microscopy."""
        self._surround = colour or ""
        pixels = self.scene.image.data if self.scene.image is not None else None
        bright = pixels is not None and bright_surround(pixels)
        self._set_surround(colour or (CANVAS_BRIGHT_FIELD if bright else CANVAS_RADIOLOGY))

    def _set_surround(self, colour: str) -> None:
        bright = QColor(colour).lightnessF() > 0.5
        self.scene.set_surround(colour)
        self.stage.side.set_surround(colour, bright)
        self.overlay.marks.bright = bright
        self.overlay.update()

    def set_theme(self, tokens: Tokens) -> None:
        self.stage.set_theme(tokens)

    # -- keys ---------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._key(event):
            super().keyPressEvent(event)

    def _key(self, event: QKeyEvent) -> bool:
        """Keys that belong to the canvas while it has the focus; all others go on to the window."""
        key = event.key()
        steps = {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if key == Qt.Key.Key_Space:
            self._pointer.hold_space(True)
        elif key == Qt.Key.Key_Escape and self._pointer.drawing:
            self._pointer.cancel()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._pointer.drawing:
            self._pointer.finish_polygon()
        elif key == Qt.Key.Key_Backspace and self._pointer.drawing:
            self._pointer.take_back()
        elif key in steps and self.subject.is_stack and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            self.subject.step(steps[Qt.Key(key)])
        else:
            return False
        return True

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._pointer.hold_space(False)
        else:
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._pointer.hold_space(False)
        self._pointer.lift()  # its release may never come here
        self._pointer.let_go()
        super().focusOutEvent(event)
