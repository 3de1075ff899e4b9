"""Change the classes of a set: names, keys, what belongs to what; and as a file for others."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from medsynth_app.core.cell_schema import KEYS, CellSchema
from medsynth_app.core.errors import UserError
from medsynth_app.core.words import _
from medsynth_app.formats.cell_schemas import read_schema, write_schema
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.dialogs import Dialogs
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.widgets.basic import button, column, label, row, set_role

PATTERN = _("Sets of classes (*.toml)")
NAME, KEY, PARENT, DRAWN = range(4)


class SchemaDialog(QDialog):
    """A table with a line for each class; what cannot be is said below, and not taken.

    Attributes
    ----------
    schema
        The classes as they were last taken.

    Signals
    -------
    changed
        Of `schema`.
    """

    changed = Signal()

    def __init__(self, schema: CellSchema, session: Session, dialogs: Dialogs, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(_("Classes"))
        self.setMinimumSize(560, 320)
        self.schema, self._session, self._dialogs = schema, session, dialogs
        self.name = QLineEdit()
        self.name.setAccessibleName(_("Name of these classes"))
        self.name.setMaxLength(80)
        self.table = QTableWidget(0, 4)
        self.table.setAccessibleName(_("Classes"))
        self.table.setHorizontalHeaderLabels([_("Class"), _("Key"), _("Belongs to"), _("Drawn")])
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(34)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        head = self.table.horizontalHeader()
        head.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for at, width in ((KEY, 56), (PARENT, 190), (DRAWN, 72)):
            head.setSectionResizeMode(at, QHeaderView.ResizeMode.Fixed)
            self.table.setColumnWidth(at, width)
        self.table.itemChanged.connect(lambda _item: self._check())
        self._problem = label("", "error", wrap=True)
        self.save = button(_("Use these classes"), self._take, role="primary")
        title = row(label(_("Name")), self.name)
        title.setStretch(1, 1)
        column(label(_("Classes"), "title"), title, self.table,
               row(button(_("Add class"), self.add), button(_("Remove class"), self.remove), None,
                   button(_("Import…"), self._import), button(_("Export…"), self._export)),
               self._problem, row(label(_("Labels that were given stay."), "help"), None,
                                  button(_("Cancel"), self.reject), self.save),
               parent=self, spacing=look.M, margins=(look.L + 8,) * 4)
        self.name.textEdited.connect(lambda _text: self._check())
        self._fill(schema)

    def sizeHint(self) -> QSize:
        return QSize(640, 560)

    def add(self) -> None:
        """A line for one more class."""
        taken = {self._text(line, KEY) for line in range(self.table.rowCount())}
        self._line("", "", next((key for key in KEYS if key not in taken), ""), "", True)
        self.table.setCurrentCell(self.table.rowCount() - 1, NAME)
        if (item := self.table.item(self.table.rowCount() - 1, NAME)) is not None:
            self.table.editItem(item)
        self._check()

    def remove(self) -> None:
        if self.table.currentRow() >= 0:
            self.table.removeRow(self.table.currentRow())
            self._check()

    # -- inner

    def _fill(self, schema: CellSchema) -> None:
        drawn = self._session.label_sources.drawn_by(schema)
        self.table.blockSignals(True)
        self.table.setRowCount(0)
        self.name.setText(schema.name)
        self._id = schema.id
        self._parents = ["", *(each.name for each in schema.classes)]
        self._codes = {each.id: each.code for each in schema.classes}
        for each in schema.classes:
            parent = schema.of(each.parent)
            self._line(each.id, each.name, each.key, parent.name if parent is not None else "", each.id in drawn)
        self.table.blockSignals(False)
        self._check()

    def _line(self, number: str, name: str, key: str, parent: str, drawn: bool) -> None:
        at = self.table.rowCount()
        blocked = self.table.blockSignals(True)
        self.table.insertRow(at)
        named = QTableWidgetItem(name)
        named.setData(Qt.ItemDataRole.UserRole, number)
        self.table.setItem(at, NAME, named)
        self.table.setItem(at, KEY, QTableWidgetItem(key.upper()))
        box = QComboBox()
        box.addItems(self._parents)
        box.setAccessibleName(_("Belongs to"))
        box.setToolTip(parent)
        box.setCurrentText(parent)
        box.currentTextChanged.connect(box.setToolTip)
        box.currentTextChanged.connect(lambda _text: self._check())
        self.table.setCellWidget(at, PARENT, box)
        about = QTableWidgetItem(_("yes") if drawn and number else _("no") if number else "")
        about.setFlags(Qt.ItemFlag.ItemIsEnabled)
        self.table.setItem(at, DRAWN, about)
        self.table.blockSignals(blocked)

    def _text(self, line: int, at: int) -> str:
        item = self.table.item(line, at)
        return item.text().strip() if item is not None else ""

    def _read(self) -> CellSchema:
        """What the table says; raises `UserError` where that cannot be."""
        rows = []
        for line in range(self.table.rowCount()):
            item, name = self.table.item(line, NAME), self._text(line, NAME)
            number = str(item.data(Qt.ItemDataRole.UserRole) or "") if item is not None else ""
            rows.append((number or _id_of(name), name, self._text(line, KEY).lower()))
        known = {name: number for number, name, _key in rows}
        classes = []
        for line, (number, name, key) in enumerate(rows):
            box = self.table.cellWidget(line, PARENT)
            parent = box.currentText() if isinstance(box, QComboBox) else ""
            classes.append({"id": number, "name": name, "key": key, "parent": known.get(parent, ""),
                            "code": self._codes.get(number, "")})
        return CellSchema.from_plain({"id": self._id, "name": " ".join(self.name.text().split()), "classes": classes})

    def _check(self) -> None:
        try:
            self._read()
        except UserError as error:
            self._say(f"{error.happened} {error.remedy}")
        else:
            self._say("")

    def _say(self, problem: str) -> None:
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))
        set_role(self._problem, "error")
        self.save.setEnabled(not problem)

    def _take(self) -> None:
        self.schema = self._read()
        self.accept()
        self.changed.emit()

    def _import(self) -> None:
        path = self._dialogs.open_file(_("Import classes"), PATTERN)
        if path is None:
            return
        try:
            self._fill(read_schema(path))
        except UserError as error:
            self._problem.setText(f"{error.happened} {error.remedy}")
            self._problem.show()

    def _export(self) -> None:
        chosen = self._dialogs.save_file(_("Export classes"), f"{self._id}.toml", (PATTERN,))
        if chosen is None:
            return
        path = chosen[0] if chosen[0].suffix == ".toml" else Path(f"{chosen[0]}.toml")
        try:
            write_schema(path, self._read())
        except (UserError, OSError) as error:
            self._say(str(error))


def _id_of(name: str) -> str:
    """What label files call a class of this name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
