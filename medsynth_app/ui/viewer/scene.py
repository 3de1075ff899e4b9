"""The layers that napari draws: the image, a staged candidate over it, and the mask on top."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.image import FrameInfo, ImageInfo, Pixels
from medsynth_app.core.labels import LabelSchema
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.viewer.display import stored_limits, window_of
from medsynth_app.ui.viewer.embed import MaskLayer, PictureLayer, direct_colormap, silent_viewer
from medsynth_app.ui.viewer.view import View

SMOOTH_BELOW = 8.0  # canvas pixels per image pixel; closer up the pixels themselves are shown
CONTOUR = 2  # width of the painting's outline, in its pixels
_CLEAR = (0.0, 0.0, 0.0, 0.0)


class Scene:
    """napari's side of the canvas; knows neither the session nor the pointer."""

    def __init__(self) -> None:
        self.model, self.widget, self.native = silent_viewer()
        self._images: dict[bool, Any] = {}  # by "is RGB": layers are kept, for removing one is slow
        self._patches: dict[bool, Any] = {}
        self._mask: Any = None
        self._values: npt.NDArray[np.uint8] | None = None  # what the mask layer will hold once it is made
        self._painted = False  # whether those values show anything
        self._colours: Any = None
        self._opacity, self._mask_shown, self._contour = 0.45, True, 0
        self._frame: FrameInfo | None = None
        self._rgb = False
        self._placed: tuple[Any, Any] = ((1.0, 1.0), np.eye(3))
        self._applied: tuple[float, ...] = ()
        self.native.frameSwapped.connect(self._complete)

    @property
    def parts(self) -> tuple[QWidget, QWidget]:
        return self.widget, self.native

    @property
    def image(self) -> Any:
        """The layer of the image in view, None without one."""
        return self._images.get(self._rgb) if self._frame is not None else None

    @property
    def mask(self) -> Any:
        """The mask layer, None without an image; made when it is first needed, for it loads 60 MB of pandas."""
        self.prepare_mask()
        return self._mask

    def prepare_mask(self) -> None:
        """Make the mask layer now, so that the first stroke does not wait for it."""
        if self._mask is None and self._values is not None:
            self._mask = MaskLayer(self._values, name="mask", opacity=self._opacity, visible=self._mask_shown,
                                   blending="translucent_no_depth", colormap=self._colours)
            self._mask.contour = self._contour
            self._settle(self._mask)
            self.model.layers.append(self._mask)

    def _complete(self) -> None:
        """After a frame: make the mask layer where there is something to show, for the first takes napari a while."""
        if self._painted:
            self.prepare_mask()
        if self._mask is not None:
            self.native.frameSwapped.disconnect(self._complete)

    # -- contents -----------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Show nothing."""
        self._frame = None
        for layer in (*self._images.values(), *self._patches.values()):
            layer.visible = False
            layer.data = np.zeros((1, 1, 3) if layer.rgb else (1, 1), np.uint8)
        self._values = np.zeros((1, 1), np.uint8) if self._mask is not None else None
        if self._mask is not None:
            self._mask.data = self._values

    def show(self, info: ImageInfo, frame: FrameInfo, pixels: Pixels, mask: npt.NDArray[np.uint8]) -> None:
        """Show one frame."""
        pixels = _native(pixels)
        self._frame, self._rgb = frame, pixels.ndim == 3
        image = self._layer(self._images, pixels)
        image.colormap = "gray_r" if info.inverted != (frame.rescale.slope < 0) else "gray"
        image.visible = True
        self._values, self._painted = mask.copy(), bool(mask.any())
        if self._mask is not None:
            self._mask.data = self._values
        other = self._images.get(not self._rgb)
        if other is not None and other.visible:
            other.visible = False
            other.data = np.zeros((1, 1) if self._rgb else (1, 1, 3), np.uint8)
        self.hide_patch()

    def _layer(self, layers: dict[bool, Any], pixels: Pixels) -> Any:
        """The image layer for pixels of this kind, holding them."""
        rgb = pixels.ndim == 3
        layer = layers.get(rgb)
        if layer is not None:
            layer.data = pixels
            return layer
        limits = (0, 255) if rgb else (0, 1)  # given at once, or napari looks through all pixels for them
        layer = layers[rgb] = PictureLayer(pixels, rgb=rgb, contrast_limits=limits, interpolation2d="linear",
                                           blending="translucent_no_depth")
        self._settle(layer)
        self.model.layers.insert(len(self._images) if layers is self._patches else 0, layer)
        return layer

    def _settle(self, layer: Any) -> None:
        layer.scale, layer.affine = self._placed

    def refresh_pixels(self, pixels: Pixels) -> None:
        self.image.data = _native(pixels)

    def refresh_mask(self, bounds: Bounds, mask: npt.NDArray[np.uint8]) -> None:
        if self._mask is not None:
            self._mask.replace(bounds, mask[bounds.slices])
        elif self._values is not None:
            self._values[bounds.slices] = mask[bounds.slices]
            self._painted = bool(self._values.any())
            self.native.update()  # the layer is made after the next frame

    def flush(self) -> None:
        """Show what was painted since the last time."""
        if self._mask is not None:
            self._mask.flush()

    def set_schema(self, schema: LabelSchema) -> None:
        colours: dict[int | None, Any] = {item.value: QColor(item.colour).getRgbF() for item in schema.classes}
        colours |= {None: QColor(look.NAMELESS).getRgbF(), 0: _CLEAR}
        self._colours = direct_colormap(colours)
        if self._mask is not None:
            self._mask.colormap = self._colours

    def set_window(self, window: WindowLevel | None) -> None:
        """Window in modality units; the layer keeps its stored values, only the limits are converted."""
        if self._frame is None or self._rgb:
            return
        low, high, _ = stored_limits(window_of(self.image.data, self._frame, window), self._frame)
        for layer in (self.image, self._patches.get(False)):
            if layer is not None:
                layer.contrast_limits = (low, high)

    # -- a staged candidate -------------------------------------------------------------------------------------

    def show_patch(self, pixels: Pixels, bounds: Bounds, view: View) -> None:
        """Show these pixels over `bounds`: stored values, or an RGB picture also over a grey image."""
        layer = self._layer(self._patches, _native(pixels))
        layer.translate = (bounds.top * view.scale[0], bounds.left * view.scale[1])
        layer.interpolation2d = self.image.interpolation2d
        if not layer.rgb:
            layer.colormap, layer.contrast_limits = self.image.colormap, self.image.contrast_limits
        layer.visible = True
        other = self._patches.get(not layer.rgb)
        if other is not None:
            other.visible = False

    def hide_patch(self) -> None:
        for layer in self._patches.values():
            layer.visible = False

    def set_mask_opacity(self, opacity: float) -> None:
        self._opacity = opacity
        if self._mask is not None and self._mask.opacity != opacity:
            self._mask.opacity = opacity

    def set_mask_outline(self, outline: bool) -> None:
        """Show the edge of what is painted alone, or all of it."""
        self._contour = CONTOUR if outline else 0
        if self._mask is not None and self._mask.contour != self._contour:
            self._mask.contour = self._contour

    def set_mask_visible(self, shown: bool) -> None:
        self._mask_shown = shown
        if self._mask is not None and self._mask.visible != shown:
            self._mask.visible = shown

    # -- view ---------------------------------------------------------------------------------------------------

    def place(self, view: View) -> None:
        """Give every layer the flips, turns and pixel shape of the view."""
        self._placed = (view.scale, view.affine)
        for layer in self.model.layers:
            self._settle(layer)
        self.forget_camera()
        self.look(view)

    def forget_camera(self) -> None:
        """Nobody knows how the camera stands: the next `look` sets it, whatever it says of itself."""
        self._applied = ()

    def look(self, view: View) -> None:
        """Move the camera; cheap where nothing changed."""
        centre = view.camera
        wanted = (view.zoom, centre.x(), centre.y(), view.size.width(), view.size.height())
        if wanted == self._applied:
            return
        camera = self.model.scene.camera
        if not self._applied:  # what does not change tells vispy nothing
            camera.zoom = 2 * view.zoom
        self._applied = wanted
        camera.zoom = view.zoom
        camera.center = (0.0, centre.y(), centre.x())
        style = "linear" if view.zoom < SMOOTH_BELOW else "nearest"
        for layer in (*self._images.values(), *self._patches.values()):
            if str(layer.interpolation2d) != style:
                layer.interpolation2d = style

    def set_surround(self, colour: str) -> None:
        self.model.canvas.background_color_override = colour


def _native(pixels: Pixels) -> Pixels:
    """In the machine's byte order and without gaps, as the graphics card wants it."""
    return np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))
