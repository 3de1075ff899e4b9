"""The canvas: the only part of the window that knows napari."""

from medsynth_app.ui.viewer.canvas import Canvas
from medsynth_app.ui.viewer.hover import Hover
from medsynth_app.ui.viewer.tools import TOOLS

__all__ = ["TOOLS", "Canvas", "Hover"]
