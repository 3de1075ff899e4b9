"""The canvas: the session's image and mask, tools to paint it, and candidates held against it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPointF, QSizeF, Qt, Signal
from PySide6.QtGui import QCloseEvent, QColor, QFocusEvent, QKeyEvent, QPolygonF
from PySide6.QtWidgets import QVBoxLayout, QWidget

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Change
from medsynth_app.core.errors import UserError
from medsynth_app.core.geometry import edge_letters
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.ui.viewer.candidate import Candidate
from medsynth_app.ui.viewer.commands import CompareCommands
from medsynth_app.ui.viewer.contours import outlines
from medsynth_app.ui.viewer.display import bright_surround, window_of
from medsynth_app.ui.viewer.hover import hover_at
from medsynth_app.ui.viewer.mouse import Pointer
from medsynth_app.ui.viewer.scene import Scene
from medsynth_app.ui.viewer.stage import SliceSlider, Stage, single_timer
from medsynth_app.ui.viewer.view import View

if TYPE_CHECKING:
    from medsynth_app.session.session import Session

DARK, BRIGHT = "#0B0D10", "#E9EAEC"
READ_ONLY = ("This image is open for reading only, so it cannot be painted on. "
             "Close the other window that has it open, then open it again.")
WRITE_FAILED = "The stroke could not be written. Free some disk space, then paint it again."
HOVER_MS = 25
LATER_MS = 150  # outlines follow this long after the last change


class Canvas(CompareCommands):
    """Shows the session's document and paints its mask; see the signals and the public methods.

    Signals
    -------
    hovered
        `Hover`, or None when the pointer has left.
    tool_changed, brush_changed, zoom_changed
        Name of the tool; brush size in pixels; canvas pixels per image pixel.
    compare_changed
        Name of the way to compare.
    """

    hovered = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.view, self.scene = View(), Scene()
        self.stage = Stage(self.scene.widget, self._resized)
        self.overlay = self.stage.overlay
        self.candidate = Candidate(self)
        self.pointer = Pointer(self)
        self.slices = SliceSlider(session.set_frame)
        self._shown: tuple[str, int] | None = None
        self._surround = ""
        self._committing = False
        self._mask_wanted = self._effective_wanted = self._synthetic_wanted = True
        self._any_synthetic = False
        self._accepted_edges: list[QPolygonF] = []
        self._later = single_timer(self, LATER_MS, self._trace_effective)
        self._hovering = single_timer(self, HOVER_MS, self._hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Image")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.stage, 1)
        layout.addWidget(self.slices)
        self.slices.hide()
        self.scene.native.setMouseTracking(True)
        for part in self.scene.parts:
            part.installEventFilter(self.pointer)
        self.surround(None)
        self._connect()
        self._show_document()

    def _connect(self) -> None:
        s = self.session
        self._links: tuple[tuple[Any, Any], ...] = (
            (s.document_changed, self._show_document), (s.frame_changed, self._show_frame), (s.changed, self._follow),
            (s.window_changed, self._show_window), (s.label_changed, self._show_schema),
            (s.parameters_changed, self.trace_later))
        for signal, slot in self._links:
            signal.connect(slot)

    def release(self) -> None:
        """Stop listening to the session; call before the widget goes for good."""
        for signal, slot in self._links:
            signal.disconnect(slot, missing_ok=True)
        self._links = ()
        self._later.stop()
        self._hovering.stop()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.release()
        super().closeEvent(event)

    # -- what is shown ------------------------------------------------------------------------------------------

    @property
    def is_stack(self) -> bool:
        document = self.session.document
        return document is not None and len(document.info.frames) > 1

    def _show_document(self) -> None:
        self._shown = None
        self.pointer.cancel()
        if self.session.document is None:
            self.scene.clear()
            self.overlay.marks.empty = True
            self.stage.set_chip(False)
            self.slices.hide()
            self.show_candidate(None, Bounds(0, 0, 0, 0))
            return
        self.view.reset()
        self._show_frame(self.session.frame)
        self.fit()

    def _show_frame(self, frame: int) -> None:
        document, info = self.session.document, self.frame_info
        if document is None or info is None or self._shown == (document.id, frame):
            return
        self._shown = (document.id, frame)
        self.pointer.cancel()
        pixels = document.pixels(frame)
        geometry = info.geometry
        self.view.set_image(info.rows, info.columns, geometry.row_spacing if geometry else 1.0,
                            geometry.column_spacing if geometry else 1.0)
        self._show_schema()
        self.scene.show(document.info, info, pixels, document.mask(frame))
        self._show_window()
        if not self._surround:
            self._set_surround(BRIGHT if bright_surround(pixels) else DARK)
        self.slices.show_frame(frame, len(document.info.frames))
        self.overlay.marks.empty = False
        self._trace_synthetic()
        self.overlay.marks.effective = []
        self._later.start()
        self._write_corner()
        self.show_candidate(None, Bounds(0, 0, 0, 0))
        if self.view.fitted:
            self.view.fit()
        self._turned()

    def _write_corner(self) -> None:
        document, marks = self.session.document, self.overlay.marks
        if document is None:
            return
        info, count = document.info, len(document.info.frames)
        marks.corner = (info.pseudonym, info.series, *([f"slice {self.session.frame + 1} of {count}"]
                                                      if count > 1 else []))
        geometry = self.frame_info.geometry if self.frame_info else None
        known = geometry is not None and geometry.normal is not None
        marks.unknown = "orientation unknown" if info.modality is not None and not known else ""
        self.setAccessibleDescription(", ".join(text for text in marks.corner if text))

    def _show_schema(self) -> None:
        self.scene.set_schema(self.session.schema)

    def shown_window(self) -> WindowLevel | None:
        """The window in use; None for colour images."""
        if self.frame_info is None or self.scene.image is None or self.scene.image.rgb:
            return None
        return window_of(self.scene.image.data, self.frame_info, self.session.window)

    def _show_window(self) -> None:
        self.scene.set_window(self.session.window)
        window = self.shown_window()
        self.overlay.marks.lower = f"W {window.width:.4g}   L {window.center:.4g}" if window else ""
        if self.candidate.shown and self.candidate.mode in ("difference", "side"):
            self.candidate.refresh()
        self.overlay.update()

    def _follow(self, change: Change) -> None:
        """The one refresh hook: take over the part that changed."""
        document, info = self.session.document, self.frame_info
        if document is None or info is None or change.document_id != document.id or change.frame != info.key:
            return
        if change.kind == "mask":
            if not self._committing:
                self.scene.refresh_mask(change.bounds, document.mask(self.session.frame))
        else:
            self.scene.refresh_pixels(document.pixels(self.session.frame))
            self._trace_synthetic()
            self.candidate_moved()
        self._later.start()

    # -- outlines -----------------------------------------------------------------------------------------------

    def trace_later(self) -> None:
        """Draw the outline of what a run would change anew, a moment after the last change."""
        self._later.start()

    def _trace_effective(self) -> None:
        wanted = self._effective_wanted and self.session.document is not None and not self.candidate.shown
        mask = self.session.effective_mask(self.session.frame) if wanted else None
        self.overlay.marks.effective = outlines(mask)
        self.overlay.update()

    def _trace_synthetic(self) -> None:
        document = self.session.document
        mask = document.synthetic_mask(self.session.frame) if document is not None else None
        self._accepted_edges = outlines(mask)
        self._any_synthetic = bool(self._accepted_edges)

    def candidate_moved(self) -> None:
        """The candidate or its way of showing changed: redraw what lies over it."""
        document, marks = self.session.document, self.overlay.marks
        if document is None:
            self.overlay.update()
            return
        shown = self.candidate.generated_in_view
        edges = self._accepted_edges + (self.candidate.edges if shown else [])
        marks.synthetic = edges if self._synthetic_wanted else []
        if self.candidate.shown:
            marks.effective = []
        marks.captions, marks.divider = self.candidate.captions, self.candidate.divider
        marks.chip = shown or self._any_synthetic or document.info.synthetic
        self.stage.set_chip(marks.chip)
        self.scene.set_mask_visible(self._mask_wanted and not self.candidate.shown)
        self.overlay.update()

    def set_synthetic_edges(self, shown: bool) -> None:
        """Show or hide the hatched edge round generated regions; the chip stays."""
        self._synthetic_wanted = shown
        self.candidate_moved()

    def set_effective_visible(self, shown: bool) -> None:
        """Show or hide the outline of what a run would change."""
        self._effective_wanted = shown
        self._trace_effective()

    def set_mask_opacity(self, opacity: float) -> None:
        """0..1, kept for all images."""
        self.scene.set_mask_opacity(opacity)

    def set_mask_visible(self, shown: bool) -> None:
        self._mask_wanted = shown
        self.scene.set_mask_visible(shown and not self.candidate.shown)

    @property
    def mask_visible(self) -> bool:
        return self._mask_wanted

    # -- painting -----------------------------------------------------------------------------------------------

    def may_paint(self) -> bool:
        """False, with a notice, where this window can only read."""
        if self.session.read_only:
            self.session.notice.emit("warning", READ_ONLY)
            return False
        self.scene.set_mask_visible(True)  # even while a candidate is shown
        return True

    def commit(self, touched: Bounds, verb: str, value: int) -> None:
        """Journal what changed within `touched`: the document still holds what was there before."""
        document = self.session.document
        if document is None or touched.empty:
            return
        before = document.mask(self.session.frame)[touched.slices]
        after = self.scene.mask.data[touched.slices]
        inner = Bounds.of_mask(before != after)
        if inner is None:
            return
        bounds = Bounds(inner.top + touched.top, inner.left + touched.left,
                        inner.bottom + touched.top, inner.right + touched.left)
        label = self.session.schema.of(value)
        name = "erase" if value == 0 else f"{verb} {label.name}" if label is not None else verb
        self._committing = True
        try:
            self.session.paint(bounds, before[inner.slices].copy(), after[inner.slices].copy(), name)
        except (UserError, OSError) as error:
            self.revert(touched)
            self.session.notice.emit("error", str(error) if isinstance(error, UserError) else WRITE_FAILED)
        finally:
            self._committing = False

    def revert(self, bounds: Bounds) -> None:
        """Show the document's own mask again."""
        document = self.session.document
        if document is not None:
            self.scene.refresh_mask(bounds, document.mask(self.session.frame))

    # -- pointer, window, slices --------------------------------------------------------------------------------

    def point_at(self, at: QPointF | None) -> None:
        """The pointer is here, or has left; `hovered` follows a moment later."""
        self.overlay.set_pointer(at)
        if at is None:
            self._hovering.stop()
            self.hovered.emit(None)
        elif not self._hovering.isActive():
            self._hovering.start()

    def _hover(self) -> None:
        at, info, document = self.overlay.marks.pointer, self.frame_info, self.session.document
        if at is None or info is None or document is None:
            return
        found = hover_at(*self.view.to_image(at), self.scene.image.data, info, self.view.zoom)
        if found.inside:
            label = self.session.schema.of(int(document.mask(self.session.frame)[found.row, found.column]))
            found = replace(found, label=label.name if label is not None else "")
        self.hovered.emit(found)

    def drag_window(self, window: WindowLevel) -> None:
        """Follow a drag of the window, with its figures beside the pointer."""
        self.overlay.marks.bubble = f"W {window.width:.4g}   L {window.center:.4g}"
        self.session.set_window(window, remember=False)

    def end_window(self) -> None:
        self.overlay.marks.bubble = ""
        if self.session.window is not None:
            self.session.set_window(self.session.window)

    def step_frame(self, steps: int) -> None:
        """Go some slices on or back."""
        if self.is_stack:
            self.session.set_frame(self.session.frame + steps)

    # -- looks --------------------------------------------------------------------------------------------------

    def surround(self, colour: str | None) -> None:
        """Colour round the image; None chooses it from the image: dark, or light for bright-field microscopy."""
        self._surround = colour or ""
        pixels = self.scene.image.data if self.scene.image is not None else None
        self._set_surround(colour or (BRIGHT if pixels is not None and bright_surround(pixels) else DARK))

    def _set_surround(self, colour: str) -> None:
        bright = QColor(colour).lightnessF() > 0.5
        self.scene.set_surround(colour)
        self.stage.side.set_surround(colour, bright)
        self.overlay.marks.bright = bright
        self.overlay.update()

    def set_theme(self, tokens: Any) -> None:
        """Take the theme's colours: a mapping or an object with `synthetic` and `accent`."""
        self.stage.set_theme(tokens)

    def _resized(self) -> None:
        self.view.size = QSizeF(self.stage.size())
        if self.view.fitted:
            self.view.fit()
        self._moved()

    def _moved(self) -> None:
        """The view changed: everything that hangs on it follows."""
        marks, geometry = self.overlay.marks, self.frame_info.geometry if self.frame_info else None
        marks.to_screen = self.view.to_screen
        marks.letters = edge_letters(geometry, self.view.flip_horizontal, self.view.flip_vertical, self.view.turns)
        spacing = min(geometry.row_spacing, geometry.column_spacing) if geometry else 0.0
        marks.pixel_mm = spacing / self.view.zoom if spacing > 0 else None
        self.scene.look(self.view)
        self.pointer.show_cursor()
        if self.candidate.shown and self.candidate.mode in ("slider", "side"):
            self.candidate.refresh()
        self.overlay.update()
        self.zoom_changed.emit(self.view.zoom)

    # -- keys ---------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._key(event):
            super().keyPressEvent(event)

    def _key(self, event: QKeyEvent) -> bool:
        """Keys that belong to the canvas while it has the focus; all others go on to the window."""
        key = event.key()
        steps = {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if key == Qt.Key.Key_Space:
            self.pointer.hold_space(True)
        elif key == Qt.Key.Key_Escape and self.pointer.drawing:
            self.pointer.cancel()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.pointer.drawing:
            self.pointer.finish_polygon()
        elif key == Qt.Key.Key_Backspace and self.pointer.drawing:
            self.pointer.take_back()
        elif key in steps and self.is_stack and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            self.step_frame(steps[Qt.Key(key)])
        else:
            return False
        return True

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.pointer.hold_space(False)
        else:
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.pointer.hold_space(False)
        super().focusOutEvent(event)
