"""Small pictures of image files for the welcome page."""

from __future__ import annotations

import logging
from pathlib import Path

from PySide6.QtGui import QImage

from medsynth_app.core.intensity import VolumeSample
from medsynth_app.core.render import to_rgb
from medsynth_app.formats.registry import open_image
from medsynth_app.session.window_level import starting_window

SYNTHETIC = "synthetic"  # text of a QImage whose file says that it holds generated pixels
log = logging.getLogger(__name__)


def picture_of(path: Path, most: int = 64 * 2**20) -> QImage | None:
    """The middle frame as the canvas would first show it; None when it cannot be read."""
    try:
        source = open_image(path, allow_bytes=most)
        frame = len(source.info.frames) // 2
        pixels = source.pixels(frame)
        about = source.info.frames[frame]
        window = starting_window(source.info, frame, lambda: VolumeSample.of([(pixels, about)]))
        data = to_rgb(pixels, about.rescale, window, source.info.inverted)
        source.close()
    except Exception as error:  # a picture that is missing must not keep the window from opening
        log.info("no picture of a demo image: %s", type(error).__name__)
        return None
    image = QImage(data.data, data.shape[1], data.shape[0], data.shape[1] * 3, QImage.Format.Format_RGB888).copy()
    if source.info.synthetic:
        image.setText(SYNTHETIC, "yes")
    return image
