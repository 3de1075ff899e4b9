"""A candidate held against the original or another one, without touching the document."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QPointF, QTimer, Signal
from PySide6.QtGui import QImage, QPolygonF

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.image import Pixels
from medsynth_app.core.words import _
from medsynth_app.ui.viewer.contours import outlines
from medsynth_app.ui.viewer.display import difference_picture, to_picture
from medsynth_app.ui.viewer.scene import Scene
from medsynth_app.ui.viewer.subject import Subject
from medsynth_app.ui.viewer.view import View
from medsynth_app.ui.widgets.basic import qimage

MODES = ("off", "slider", "flicker", "side", "difference")
NAMES = (_("Original"), _("Candidate"))
FLICKER_MS = 450
WHOLE_BELOW = 2**21  # pixels of an image that is copied whole for a preview
AROUND, LEAST_AROUND = 0.75, 24  # of what is generated: share of its size, and px, shown round it side by side
GRIP = 9  # px to either side of the divider that take hold of it


class Candidate(QObject):
    """What is previewed, and how it is compared.

    Attributes
    ----------
    live
        It is still being drawn.
    names
        Of the two that are compared.

    Signals
    -------
    changed
        What is shown, or how, changed: what lies over the image follows.
    mode_changed
        Name of the way to compare.
    """

    changed = Signal()
    mode_changed = Signal(str)

    def __init__(self, subject: Subject, view: View, scene: Scene, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._subject, self._view, self._scene = subject, view, scene
        self.mode = "off"
        self.patch: Pixels | None = None
        self.bounds = Bounds(0, 0, 0, 0)
        self.edges: list[QPolygonF] = []
        self.live = False
        self.names = NAMES
        self._against: Pixels | None = None
        self._focus = self.bounds  # the box of what is generated
        self._original: Pixels | None = None
        self._waits = False  # a button is down on the image
        self._waiting: Callable[[], None] | None = None
        self._away = False  # the original is shown instead, for the moment
        self._divider = 0.5  # share of the canvas width
        self._timer = QTimer(self)
        self._timer.setInterval(FLICKER_MS)
        self._timer.timeout.connect(self._blink)

    @property
    def shown(self) -> bool:
        return self.patch is not None

    @property
    def comparing(self) -> bool:
        """Whether somebody holds it against the other one now."""
        return self.shown and (self.mode != "off" or self._away)

    def show(self, patch: Pixels | None, bounds: Bounds, effective: npt.NDArray[np.bool_] | None = None, *,
             against: Pixels | None = None, names: tuple[str, str] = NAMES, live: bool = False) -> None:
        """Preview a staged candidate in place; the document stays untouched.

        Parameters
        ----------
        patch
            Stored values, shape (bounds.height, bounds.width[, 3]); None ends the preview.
        effective
            Which of its pixels are generated, for the hatched edge; by default those that differ.
        against
            What it is compared with, of the same shape and generated too; by default the document.
        names, live
            As the attributes.

        While a button is down on the image nothing new is laid over it: that follows when the button is up.
        """
        if self._waits and patch is not None:
            self._waiting = partial(self.show, patch, bounds, effective, against=against, names=names, live=live)
            return
        self._waiting = None
        document = self._subject.document
        fits = document is not None and patch is not None and patch.shape[:2] == (bounds.height, bounds.width)
        self.patch, self.bounds = (patch if fits else None), bounds
        self._original, self.edges, self._away = None, [], False
        self.names, self.live, self._against = names, live, against
        if document is not None and self.patch is not None:
            self._original = against if against is not None else self._subject.pixels()[bounds.slices].copy()
            changed = effective
            if changed is None:
                differs = np.asarray(self.patch != self._original)
                changed = np.asarray(differs.any(axis=2)) if differs.ndim == 3 else differs
            self.edges = outlines(changed, bounds.left, bounds.top)
            inner = Bounds.of_mask(changed)
            self._focus = inner.out_of(bounds) if inner is not None else bounds
        self.refresh()

    def wait(self) -> None:
        """Lay nothing new over the image, until `go_on`."""
        self._waits = True

    def go_on(self) -> None:
        self._waits = False
        if self._waiting is not None:
            self._waiting()

    def hide(self) -> None:
        """End the preview."""
        self.show(None, self.bounds)

    def set_mode(self, mode: str) -> None:
        """One of "off", "slider", "flicker", "side", "difference"."""
        if mode not in MODES:
            raise ValueError(f"unknown way to compare: {mode!r}")
        if mode == self.mode:
            return
        if mode == "slider" and self.shown:
            box, width = self._view.rect(*self.bounds.as_tuple()), max(self._view.size.width(), 1)
            self._divider = float(np.clip(box.center().x() / width, 0.08, 0.92))
        self.mode, self._away = mode, False
        self.refresh()
        self.mode_changed.emit(mode)

    def flicker(self, held: bool) -> None:
        """Show the original while held."""
        if self._away != held:
            self._away = held
            self.refresh()

    def _blink(self) -> None:
        self._away = not self._away
        self.refresh()

    # -- the divider --------------------------------------------------------------------------------------------

    @property
    def divider(self) -> float | None:
        """x of the line on the canvas while the slider is in use."""
        shown = self.shown and self.mode == "slider" and not self._away
        return self._divider * self._view.size.width() if shown else None

    def near_divider(self, at: QPointF) -> bool:
        x = self.divider
        return x is not None and abs(at.x() - x) <= GRIP

    def move_divider(self, x: float) -> None:
        self._divider = float(np.clip(x / max(self._view.size.width(), 1), 0.0, 1.0))
        self.refresh()

    def value_at(self, row: int, column: int) -> Pixels | None:
        """The stored value that the candidate shows in a pixel; None where the original or a mere preview is shown."""
        box, x = self.bounds, self.divider
        if self.patch is None or self.live or not (box.top <= row < box.bottom and box.left <= column < box.right):
            return None
        first = self._away or (x is not None and self._view.to_screen.map(QPointF(column, row)).x() < x)
        shown = self._against if first else self.patch
        value: Pixels | None = shown[row - box.top, column - box.left] if shown is not None else None
        return value

    # -- drawing ------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what the mode asks for; also after the view moved while the slider is in use."""
        blinking = self.shown and self.mode == "flicker"
        if blinking != self._timer.isActive():
            self._timer.start() if blinking else self._timer.stop()
        if self.patch is None or self._original is None or (self._away and self._against is None):
            self._scene.hide_patch()
        elif self._away:
            self._show(self._original)
        elif self.mode == "difference":
            picture = difference_picture(self._picture(self._original), self._picture(self.patch))
            self._scene.show_patch(picture, self.bounds, self._view)
        else:
            self._show(self._split(self.patch, self._original))
        self.changed.emit()

    def _show(self, patch: Pixels) -> None:
        """Lay the patch over the image; over small images a whole copy, whose edge no smoothing can show."""
        whole = self._subject.pixels()
        rows, columns = whole.shape[:2]
        if rows * columns > WHOLE_BELOW:
            self._scene.show_patch(patch, self.bounds, self._view)
            return
        copy = whole.copy()
        copy[self.bounds.slices] = patch
        self._scene.show_patch(copy, Bounds(0, 0, rows, columns), self._view)

    def _split(self, patch: Pixels, original: Pixels) -> Pixels:
        """The candidate right of the divider, the original left of it."""
        x = self.divider
        if x is None:
            return patch
        turned, box = self._view.to_screen, self.bounds
        across = abs(turned.m11()) >= abs(turned.m21())
        places = np.arange(box.left, box.right) if across else np.arange(box.top, box.bottom)
        right = places * (turned.m11() if across else turned.m21()) + turned.dx() >= x
        shape = [1] * patch.ndim
        shape[1 if across else 0] = -1
        return np.where(right.reshape(shape), patch, original)

    def _picture(self, pixels: Pixels) -> npt.NDArray[np.uint8]:
        info = self._subject.info
        return to_picture(pixels, info, info.frames[self._subject.index], self._subject.window())

    @property
    def captions(self) -> tuple[str, str]:
        """Words for the two sides, or for the whole in the second place."""
        if not self.shown or self.mode == "side":
            return "", ""
        if self.live:
            return "", _("Being drawn")
        if self._away:
            return "", self.names[0]
        if self.mode == "slider":
            return self.names
        words = {"flicker": self.names[1], "difference": _("Difference: orange brighter, blue darker")}
        return "", words.get(self.mode, "")

    @property
    def sides(self) -> tuple[str, str]:
        """Words for the two panes of the side-by-side view; what is generated says so."""
        first, second = self.names
        synthetic = _("{name}, synthetic")
        return (first if self._against is None else synthetic.format(name=first)), synthetic.format(name=second)

    @property
    def generated_in_view(self) -> bool:
        return self.shown and (not self._away or self.mode == "side" or self._against is not None)

    def pair(self) -> tuple[QImage, QImage] | None:
        """What is generated and its surroundings, before and with the candidate, for the side-by-side view."""
        if self.patch is None or self._subject.document is None:
            return None
        pixels = self._subject.pixels()
        around = self._focus.surroundings(AROUND, LEAST_AROUND).clipped(*pixels.shape[:2])
        before, after = pixels[around.slices].copy(), pixels[around.slices].copy()
        shared = self.bounds.shared(around)
        here, there = shared.within(around).slices, shared.within(self.bounds).slices
        after[here] = self.patch[there]
        if self._against is not None:
            before[here] = self._against[there]
        return qimage(self._picture(before)), qimage(self._picture(after))
