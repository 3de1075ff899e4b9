"""napari, embedded and silent: its scene and its Labels painting, none of its keys, menus, files or history."""
# ruff: noqa: E402  (napari is imported after what it shall find)

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pint
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtOpenGLWidgets import QOpenGLWidget

# Before napari is imported: with an empty path it neither reads nor writes settings, not even the person's own.
os.environ["NAPARI_CONFIG"] = ""

from napari.resources import _icons

# What napari does at every start and nobody here needs: some 300 icons of its menus, written into the person's cache,
# and the units of all physics, of which its layers here have one.
_icons.build_theme_svgs = lambda theme, source: ""
pint.set_application_registry(pint.UnitRegistry(["pixel = [printing_unit] = _ = dot = pel = picture_element"]))

from napari.components import ViewerModel
from napari.layers import Image, Labels
from napari.qt import QtViewer
from napari.settings import get_settings
from napari.utils.colormaps import direct_colormap

from medsynth_app.core.bounds import Bounds

__all__ = ["MaskLayer", "PictureLayer", "QtViewer", "ViewerModel", "direct_colormap", "silent_viewer"]


class PictureLayer(Image):  # type: ignore[misc]
    """An image without the thumbnail of napari's list of layers, which is not there.

    The first one would load scipy.ndimage before the window's first frame, and each shrinks the whole picture.
    """

    def _update_thumbnail(self) -> None:
        """Draw none."""


class MaskLayer(Labels):  # type: ignore[misc]
    """Labels without thumbnail and without napari's undo history: the one history lies in the workspace."""

    _stale: Bounds | None = None  # painted, not yet shown

    def _update_thumbnail(self) -> None:
        """Draw none."""

    def _save_history(self, value: Any) -> None:
        """Keep nothing: the document still holds the mask as it was before the stroke."""

    @staticmethod
    def _history_atom_for_mask_paint(*args: Any) -> None:
        """Spare the copies that the history would hold."""

    def stamp(self, points: list[tuple[float, float]], value: int) -> None:
        """Paint the brush at each (row, column), as `Labels.paint` does; `flush` shows it.

        napari's own way works out the brush anew for every point; here it is kept, which takes a tenth of the time.
        """
        disc = _disc(self.brush_size, tuple(self.scale))
        down, across = disc.shape[0] // 2, disc.shape[1] // 2
        rows, columns = self.data.shape
        for row, column in points:
            top, left = round(row) - down, round(column) - across
            box = Bounds(top, left, top + disc.shape[0], left + disc.shape[1]).clipped(rows, columns)
            if not box.empty:
                inside = disc[box.top - top:box.bottom - top, box.left - left:box.right - left]
                np.putmask(self.data[box.slices], inside, value)
                self._stale = box if self._stale is None else self._stale.union(box)

    def flush(self) -> None:
        """Show what was painted since the last time."""
        if self._stale is not None:
            self._updated_slice, self._stale = self._stale.slices, None
            self._partial_labels_refresh()

    def replace(self, bounds: Bounds, values: npt.NDArray[np.uint8]) -> None:
        """Take over `values` in `bounds` and show that part alone."""
        if bounds.empty:
            return
        self.data[bounds.slices] = values
        self._stale = bounds if self._stale is None else self._stale.union(bounds)
        self.flush()


@lru_cache(maxsize=8)
def _disc(size: int, scale: tuple[float, float]) -> npt.NDArray[np.bool_]:
    """The brush as napari draws it: round in the world, with a middle pixel."""
    radius, least = size // 2 + 0.5, min(scale)
    reach = [int(radius / (side / least)) for side in scale]
    rows, columns = np.ogrid[-reach[0]:reach[0] + 1, -reach[1]:reach[1] + 1]
    inside: npt.NDArray[np.bool_] = (rows * scale[0] / least) ** 2 + (columns * scale[1] / least) ** 2 <= radius**2
    return inside


def silent_viewer() -> tuple[ViewerModel, QtViewer, QOpenGLWidget]:
    """A viewer model, its widget, and the OpenGL widget inside that the pointer moves over."""
    propagate = Qt.ApplicationAttribute.AA_UseStyleSheetPropagationInWidgetStyles
    before = QCoreApplication.testAttribute(propagate)
    # None of its keys is ours; each that it binds would also lay out anew the welcome pages that nobody sees.
    get_settings().shortcuts.shortcuts.clear()
    model = ViewerModel()
    widget = QtViewer(model, show_welcome_screen=False)
    QCoreApplication.setAttribute(propagate, before)
    native: QOpenGLWidget = widget.canvas.native
    model.scene.camera.mouse_pan = model.scene.camera.mouse_zoom = False
    widget.dims.hide()
    for part in (widget, native):
        part.setAcceptDrops(False)
        part.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    inner = widget.widget(0)
    if inner is not None and inner.layout() is not None:
        inner.layout().setContentsMargins(0, 0, 0, 0)
    return model, widget, native
