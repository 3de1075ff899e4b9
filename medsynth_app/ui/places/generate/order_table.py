"""The lines of an order as a table: class, count, prompt and model of each."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QComboBox, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from medsynth_app.core.options import changed
from medsynth_app.core.order_file import WantedLine
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.words import _
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.widgets.basic import model_box, row

CLASS, COUNT, PROMPT, MODEL = range(4)
HEAD = (_("Class"), _("Pictures"), _("Prompt"), _("Model"))
WIDTHS = {CLASS: 168, COUNT: 84, MODEL: 248}  # px; the prompt takes the rest
_LINE = Qt.ItemDataRole.UserRole
ROW_PX = 42


class OrderTable(QTableWidget):
    """Shows lines, and gives them back as they were edited.

    Signals
    -------
    edited
        By the person.
    """

    edited = Signal()

    def __init__(self, packs: Sequence[InstalledPack]) -> None:
        super().__init__(0, len(HEAD))
        self._packs = packs
        self.setAccessibleName(_("Lines of the set"))
        self.setHorizontalHeaderLabels(HEAD)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.AnyKeyPressed
                             | QAbstractItemView.EditTrigger.SelectedClicked)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        head = self.horizontalHeader()
        head.setSectionsClickable(False)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for place, width in WIDTHS.items():
            self.setColumnWidth(place, width)
        head.setSectionResizeMode(PROMPT, QHeaderView.ResizeMode.Stretch)
        self.itemChanged.connect(lambda _item: self.edited.emit())

    def show_lines(self, lines: Sequence[WantedLine]) -> None:
        """Take these lines instead of those that are there."""
        self.blockSignals(True)
        self.setRowCount(0)
        self.blockSignals(False)
        for line in lines:
            self.add_line(line)

    def add_line(self, line: WantedLine) -> None:
        """Add a line at the end."""
        self.blockSignals(True)
        place = self.rowCount()
        self.insertRow(place)
        name, prompt = QTableWidgetItem(line.class_name), QTableWidgetItem(line.parameters.conditioning.prompt)
        name.setData(_LINE, line)
        prompt.setToolTip(prompt.text())
        count = QTableWidgetItem()
        count.setData(Qt.ItemDataRole.EditRole, line.count)
        count.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for where, item in ((CLASS, name), (COUNT, count), (PROMPT, prompt)):
            self.setItem(place, where, item)
        box = model_box(lambda _index: self.edited.emit())
        box.addItems([pack.manifest.title for pack in self._packs])
        box.setCurrentIndex(next((k for k, pack in enumerate(self._packs)
                                  if line.pack in (pack.manifest.name, pack.folder.name)), 0))
        holder = QWidget()  # so that the boxes of two lines do not touch
        row(box, parent=holder, margins=(0, look.XS, look.XS, look.XS))
        self.setCellWidget(place, MODEL, holder)
        self.blockSignals(False)

    def remove_chosen(self) -> None:
        """Remove the chosen lines; the last one where none is chosen."""
        chosen = sorted({index.row() for index in self.selectedIndexes()}) or [self.rowCount() - 1]
        for place in reversed(chosen):
            self.removeRow(place)

    def edit_class(self, place: int) -> None:
        """Let the person write the class of a line."""
        cell = self._cell(place, CLASS)
        self.setCurrentItem(cell)
        self.editItem(cell)

    def _cell(self, place: int, where: int) -> QTableWidgetItem:
        cell = self.item(place, where)
        assert cell is not None  # every line has all of them
        return cell

    def lines(self) -> tuple[WantedLine, ...]:
        """As they stand there."""
        return tuple(self._line(place) for place in range(self.rowCount()))

    def _line(self, place: int) -> WantedLine:
        name, count, prompt = (self._cell(place, where) for where in (CLASS, COUNT, PROMPT))
        held: WantedLine = name.data(_LINE)
        box = self.cellWidget(place, MODEL).findChild(QComboBox)
        pack = self._packs[box.currentIndex()].manifest.name if box is not None and self._packs else ""
        return WantedLine(name.text().strip(), int(count.data(Qt.ItemDataRole.EditRole) or 0),
                          changed(held.parameters, prompt=prompt.text()), pack, held.masks)
