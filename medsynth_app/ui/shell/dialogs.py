"""Dialogs: the one seam between the window and the system's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from medsynth_app.ui.widgets.wheel import Guard

MARGIN = 24  # px of the window that stay in sight round a dialog


class Dialogs:
    """Asks for names of files and folders, where one was asked for last, and shows the window's own dialogs."""

    def __init__(self, window: QWidget) -> None:
        self.window, self._wheel = window, Guard(window)
        self._opened = self._saved = ""  # folders, until the window is closed: they may tell of patients

    def open_file(self, title: str, patterns: str) -> Path | None:
        """An existing file; None when the person thought better of it."""
        name, _kind = QFileDialog.getOpenFileName(self.window, title, self._opened, patterns)
        self._opened = str(Path(name).parent) if name else self._opened
        return Path(name) if name else None

    def open_folder(self, title: str) -> Path | None:
        name = QFileDialog.getExistingDirectory(self.window, title, self._opened)
        self._opened = str(Path(name).parent) if name else self._opened
        return Path(name) if name else None

    def save_file(self, title: str, name: str, kinds: Sequence[str]) -> tuple[Path, str] | None:
        """A name to write to, and which of `kinds` was chosen."""
        chosen, kind = QFileDialog.getSaveFileName(self.window, title, str(Path(self._saved, name)), ";;".join(kinds))
        self._saved = str(Path(chosen).parent) if chosen else self._saved
        return (Path(chosen), kind) if chosen else None

    def show(self, dialog: QDialog) -> None:
        """Show a dialog of the window, no larger than that; returns at once."""
        self._wheel.guard(dialog)
        room = self.window.size() - QSize(MARGIN, MARGIN)
        dialog.setMaximumSize(room)
        dialog.resize(dialog.sizeHint().boundedTo(room))
        dialog.open()
        if (layout := dialog.layout()) is not None:
            layout.invalidate()  # what its words need is known once they are styled
            dialog.resize(dialog.sizeHint().expandedTo(dialog.size()).boundedTo(room))
