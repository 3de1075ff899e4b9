"""An image that was opened lately, in words and as a small picture."""

from __future__ import annotations

from PySide6.QtGui import QImage, QPixmap

from medsynth_app.core.modality import in_words
from medsynth_app.core.words import _, ngettext
from medsynth_app.session.thumbnail import Thumbnail
from medsynth_app.ui.theme.theme import square_icon
from medsynth_app.workspace.recent import RecentDocument


def described(found: RecentDocument) -> str:
    """Modality in words, part of the body, number of the series: "MRI brain, series 401"."""
    code = found.modality or ""
    if code and found.series.startswith(code):
        return in_words(code) + found.series.removeprefix(code)
    return found.series or in_words(code) or _("image")


def counted(found: RecentDocument) -> str:
    """ "384 slices, 3 slices changed"."""
    parts = [ngettext("{count} slice", "{count} slices", found.slices).format(count=found.slices)] \
        if found.slices > 1 else []
    if found.changed:
        parts.append(ngettext("{count} slice changed", "{count} slices changed", found.changed).format(
            count=found.changed) if found.slices > 1 else _("changed"))
    return ", ".join(parts)


def small_picture(small: Thumbnail | None, edge: int) -> QPixmap:
    """Its middle square with rounded corners; null where there is none."""
    image = QImage.fromData(small.png) if small is not None else QImage()
    return square_icon(image, edge).pixmap(edge, edge) if not image.isNull() else QPixmap()
