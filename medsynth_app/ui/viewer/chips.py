"""Chips: the standing facts of an image in one row over it; they open a list with the whole text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFrame, QToolButton, QVBoxLayout, QWidget

from medsynth_app.core.words import _, ngettext
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.viewer.facts import FROM_FILE, GENERATED, Fact
from medsynth_app.ui.widgets.basic import clear, column, label, row

LIST_PX = 380
SYNTHETIC = _("SYNTHETIC")


class FactList(QFrame):
    """The facts in whole sentences; a click elsewhere or Esc closes it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("toast")
        self.setAccessibleName(_("What to know of this image"))
        self._lines: QVBoxLayout = column(parent=self, margins=(look.L, look.M, look.L, look.M))
        self.setFixedWidth(LIST_PX)

    def show_facts(self, facts: Sequence[Fact], corner: QPoint) -> None:
        """Show them; `corner` is where the top right one of the list lies, on the screen."""
        clear(self._lines)
        for fact in facts:
            self._lines.addWidget(label(fact.title, "heading"))
            for text in fact.texts:
                words = label(text, wrap=True)
                words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                self._lines.addWidget(words)
        self.ensurePolished()
        self._lines.activate()
        self.setFixedHeight(self.heightForWidth(LIST_PX))
        self.move(corner - QPoint(LIST_PX, 0))
        self.show()


class Chips(QWidget):
    """The row: SYNTHETIC first, where any pixel is generated; where there is little room one chip counts the rest."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName(_("What to know of this image"))
        self._facts: tuple[Fact, ...] = ()
        self._from_file = False
        self._room = 0
        self.list = FactList(self)
        self.synthetic = self._chip(SYNTHETIC, "synthetic-chip")
        self.synthetic.setAccessibleName(_("Synthetic: pixels shown here are generated"))
        self._others = row(spacing=look.XS)
        row(self.synthetic, self._others, parent=self, spacing=look.XS)
        self.synthetic.hide()

    def _chip(self, text: str, role: str = "chip") -> QToolButton:
        chip = QToolButton()
        chip.setText(text)
        chip.setProperty("role", role)
        chip.setToolTip(_("What to know of this image"))
        chip.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        chip.clicked.connect(lambda _=False: self.open())
        return chip

    @property
    def facts(self) -> tuple[Fact, ...]:
        """All of them, with that the image is synthetic."""
        texts = (GENERATED, FROM_FILE) if self._from_file else (GENERATED,)
        return (*((Fact(SYNTHETIC, texts),) if not self.synthetic.isHidden() else ()), *self._facts)

    def show_facts(self, facts: tuple[Fact, ...], from_file: bool = False) -> None:
        """Show these beside the chip SYNTHETIC; `from_file`: the file itself says that it is generated."""
        self._from_file = from_file
        if facts != self._facts:
            self._facts = facts
            self._fill()

    def show_synthetic(self, shown: bool) -> None:
        if shown == self.synthetic.isHidden():
            self.synthetic.setVisible(shown)
            self._fill()

    def fit(self, room: int) -> None:
        """There are so many px in a row."""
        if room != self._room:
            self._room = room
            self._fill()

    def _fill(self) -> None:
        self._put(fact.title for fact in self._facts)
        count = len(self._facts)
        if count > 1 and self.sizeHint().width() > self._room:
            self._put([ngettext("{count} fact", "{count} facts", count).format(count=count)])
        self.adjustSize()

    def _put(self, titles: Iterable[str]) -> None:
        clear(self._others)
        for title in titles:
            chip = self._chip(title)
            self._others.addWidget(chip)
            chip.show()  # what is hidden gets no room
            chip.ensurePolished()
        self.synthetic.ensurePolished()

    def open(self) -> None:
        """Show the list below the row."""
        if self.facts:
            self.list.show_facts(self.facts, self.mapToGlobal(QPoint(self.width(), self.height() + look.XS)))
