"""A staged candidate held against the original, without touching the document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QTimer
from PySide6.QtGui import QImage, QPolygonF

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.image import Pixels
from medsynth_app.ui.viewer.contours import outlines
from medsynth_app.ui.viewer.display import difference_picture, to_picture
from medsynth_app.ui.widgets.basic import qimage

if TYPE_CHECKING:
    from medsynth_app.ui.viewer.canvas import Canvas

MODES = ("off", "slider", "flicker", "side", "difference")
FLICKER_MS = 450
WHOLE_BELOW = 2**21  # pixels of an image that is copied whole for a preview
GRIP = 9  # px to either side of the divider that take hold of it


class Candidate:
    """What is previewed, and how it is compared; `Canvas` forwards its public methods here."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self.mode = "off"
        self.patch: Pixels | None = None
        self.bounds = Bounds(0, 0, 0, 0)
        self.edges: list[QPolygonF] = []
        self._original: Pixels | None = None
        self._away = False  # the original is shown instead, for the moment
        self._divider = 0.5  # share of the canvas width
        self._timer = QTimer(canvas)
        self._timer.setInterval(FLICKER_MS)
        self._timer.timeout.connect(self._blink)

    @property
    def shown(self) -> bool:
        return self.patch is not None

    def show(self, patch: Pixels | None, bounds: Bounds, effective: npt.NDArray[np.bool_] | None) -> None:
        """Preview `patch` (stored values of `bounds`) in place; None ends the preview."""
        document = self._canvas.session.document
        fits = document is not None and patch is not None and patch.shape[:2] == (bounds.height, bounds.width)
        self.patch, self.bounds = (patch if fits else None), bounds
        self._original, self.edges, self._away = None, [], False
        if document is not None and self.patch is not None:
            self._original = document.pixels(self._canvas.session.frame)[bounds.slices].copy()
            changed = effective
            if changed is None:
                differs = np.asarray(self.patch != self._original)
                changed = np.asarray(differs.any(axis=2)) if differs.ndim == 3 else differs
            self.edges = outlines(changed, bounds.left, bounds.top)
        self.refresh()

    def set_mode(self, mode: str) -> None:
        if mode not in MODES:
            raise ValueError(f"unknown way to compare: {mode!r}")
        if mode == "slider" and mode != self.mode and self.shown:
            box, width = self._canvas.view.rect(*self.bounds.as_tuple()), max(self._canvas.view.size.width(), 1)
            self._divider = float(np.clip(box.center().x() / width, 0.08, 0.92))
        self.mode, self._away = mode, False
        self.refresh()

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
        return self._divider * self._canvas.view.size.width() if shown else None

    def near_divider(self, at: QPointF) -> bool:
        x = self.divider
        return x is not None and abs(at.x() - x) <= GRIP

    def move_divider(self, x: float) -> None:
        self._divider = float(np.clip(x / max(self._canvas.view.size.width(), 1), 0.0, 1.0))
        self.refresh()

    # -- drawing ------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what the mode asks for; also after the view moved while the slider is in use."""
        blinking = self.shown and self.mode == "flicker"
        if blinking != self._timer.isActive():
            self._timer.start() if blinking else self._timer.stop()
        self._canvas.show_side(self.shown and self.mode == "side")
        if self.patch is None or self._original is None or self._away:
            self._canvas.scene.hide_patch()
        elif self.mode == "difference":
            picture = difference_picture(self._picture(self._original), self._picture(self.patch))
            self._canvas.scene.show_patch(picture, self.bounds, self._canvas.view)
        else:
            self._show(self._split(self.patch, self._original))
        self._canvas.candidate_moved()

    def _show(self, patch: Pixels) -> None:
        """Lay the patch over the image; over small images a whole copy, whose edge no smoothing can show."""
        document, scene = self._canvas.session.document, self._canvas.scene
        whole = document.pixels(self._canvas.session.frame) if document is not None else patch
        rows, columns = whole.shape[:2]
        if document is None or rows * columns > WHOLE_BELOW:
            scene.show_patch(patch, self.bounds, self._canvas.view)
            return
        copy = whole.copy()
        copy[self.bounds.slices] = patch
        scene.show_patch(copy, Bounds(0, 0, rows, columns), self._canvas.view)

    def _split(self, patch: Pixels, original: Pixels) -> Pixels:
        """The candidate right of the divider, the original left of it."""
        x = self.divider
        if x is None:
            return patch
        turned, box = self._canvas.view.to_screen, self.bounds
        across = abs(turned.m11()) >= abs(turned.m21())
        places = np.arange(box.left, box.right) if across else np.arange(box.top, box.bottom)
        right = places * (turned.m11() if across else turned.m21()) + turned.dx() >= x
        shape = [1] * patch.ndim
        shape[1 if across else 0] = -1
        return np.where(right.reshape(shape), patch, original)

    def _picture(self, pixels: Pixels) -> npt.NDArray[np.uint8]:
        session = self._canvas.session
        assert session.document is not None
        info = session.document.info
        return to_picture(pixels, info, info.frames[session.frame], self._canvas.shown_window())

    @property
    def captions(self) -> tuple[str, str]:
        """Words for the two sides, or for the whole in the second place."""
        if not self.shown or self.mode == "side":
            return "", ""
        if self._away:
            return "", "Original"
        if self.mode == "slider":
            return "Original", "Candidate"
        return "", {"flicker": "Candidate", "difference": "Difference: orange brighter, blue darker"}.get(self.mode, "")

    @property
    def generated_in_view(self) -> bool:
        return self.shown and (not self._away or self.mode == "side")

    def pair(self) -> tuple[QImage, QImage] | None:
        """The surroundings of the box, before and with the candidate, as QImages for the side-by-side view."""
        session = self._canvas.session
        if self.patch is None or session.document is None:
            return None
        pixels = session.document.pixels(session.frame)
        margin = max(self.bounds.height, self.bounds.width) // 3
        around = self.bounds.padded(margin).clipped(*pixels.shape[:2])
        before, after = pixels[around.slices], pixels[around.slices].copy()
        inner = Bounds(self.bounds.top - around.top, self.bounds.left - around.left,
                       self.bounds.bottom - around.top, self.bounds.right - around.left)
        after[inner.slices] = self.patch
        return qimage(self._picture(before)), qimage(self._picture(after))
