"""Which pictures the gallery shows: by words of the prompt or the seed, and by model."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QComboBox, QLineEdit, QToolButton, QWidget

from medsynth_app.core.words import _
from medsynth_app.session.pictures import Pictures
from medsynth_app.ui.widgets.basic import row
from medsynth_app.workspace.pictures import PictureFilter

SETTLED = 200  # ms after the last key


class PackBox(QComboBox):
    """Offers the models that drew pictures; they are looked up when somebody is about to choose.

    Signals
    -------
    asked
        Somebody is.
    """

    asked = Signal()

    def showPopup(self) -> None:
        self.asked.emit()
        super().showPopup()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.asked.emit()
        super().focusInEvent(event)


class FilterBar(QWidget):
    """Changes `session.generate.pictures.filter`."""

    def __init__(self, pictures: Pictures) -> None:
        super().__init__()
        self._pictures = pictures
        self._names: tuple[str, ...] = ()
        self.text = QLineEdit()
        self.text.setPlaceholderText(_("Search prompts and seeds"))
        self.text.setAccessibleName(_("Search prompts and seeds"))
        self.text.setClearButtonEnabled(True)
        self.text.setMinimumWidth(72)
        self.text.setMaximumWidth(320)
        self.pack = PackBox()
        self.pack.addItem(_("All models"), "")
        self.pack.asked.connect(self._offer)
        self.pack.setAccessibleName(_("Pictures of which model"))
        self.pack.setMinimumWidth(128)
        self.pack.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.pack.activated.connect(lambda _index: self._apply())
        self.favourites = QToolButton()
        self.favourites.setText("\N{BLACK STAR}")
        self.favourites.setCheckable(True)
        self.favourites.setAccessibleName(_("Favourites only"))
        self.favourites.setToolTip(_("Favourites only"))
        self.favourites.toggled.connect(lambda _on: self._apply())
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLED)
        self._timer.timeout.connect(self._apply)
        self.text.textChanged.connect(lambda _text: self._timer.start())
        self.text.returnPressed.connect(self._apply)
        row(self.text, self.pack, self.favourites, parent=self).setStretch(0, 1)
        self.refresh()

    def refresh(self) -> None:
        """There is something to look through, or not."""
        self.setVisible(self._pictures.total > 0)

    def _offer(self) -> None:
        names = self._pictures.packs()
        if names != self._names:
            chosen, self._names = self.pack.currentData(), names
            while self.pack.count() > 1:
                self.pack.removeItem(1)
            for name in names:
                self.pack.addItem(name, name)
            self.pack.setCurrentIndex(max(0, self.pack.findData(chosen)))

    def clear(self) -> None:
        """Show all pictures again."""
        self.text.clear()
        self.pack.setCurrentIndex(0)
        self.favourites.setChecked(False)
        self._apply()

    def _apply(self) -> None:
        self._timer.stop()
        self._pictures.show(PictureFilter(self.text.text().strip(), self.pack.currentData() or "",
                                          self.favourites.isChecked()))
