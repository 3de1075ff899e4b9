"""Shows a folder in the system's own file manager."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices


def open_folder(folder: Path) -> bool:
    """Whether the system took it."""
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
