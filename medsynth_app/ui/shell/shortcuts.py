"""Keys: digits by their place on the keyboard, the sheet of keys, and the editor."""

from __future__ import annotations

import sys
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QDialog,
    QGridLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QPlainTextEdit,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from medsynth_app.core.words import _
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.ui.shell.command import conflicts, default_key, keys_in_force
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.navigator import Navigator
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.widgets.basic import button, column, label, row, set_role
from medsynth_app.ui.widgets.reach import Reach

COLUMN_PX = 350  # of the window, for each column of the sheet
# Codes of the digit row: X11 and Wayland (evdev + 8), Windows; macOS gives virtual keys instead.
_KEYS = frozenset({QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress, QEvent.Type.KeyRelease})
_LINUX = {10 + k: (k + 1) % 10 for k in range(10)}
_WINDOWS = {2 + k: (k + 1) % 10 for k in range(10)}
_MAC = {18: 1, 19: 2, 20: 3, 21: 4, 23: 5, 22: 6, 26: 7, 28: 8, 25: 9, 29: 0}


def digit_of(event: QKeyEvent, platform: str = sys.platform) -> int | None:
    """The digit whose key was pressed, wherever the layout puts digits; None for other keys."""
    if platform == "darwin":
        if event.nativeVirtualKey() in _MAC and event.nativeVirtualKey():
            return _MAC[event.nativeVirtualKey()]
    elif event.nativeScanCode():
        codes = _WINDOWS if platform == "win32" else _LINUX
        if event.nativeScanCode() in codes:
            return codes[event.nativeScanCode()]
        if not event.modifiers() & Qt.KeyboardModifier.KeypadModifier:
            return None
    value = event.key() - Qt.Key.Key_0.value
    return value if 0 <= value <= 9 else None


def typing() -> bool:
    """Whether keys go into a text field now."""
    return isinstance(QApplication.focusWidget(), QLineEdit | QPlainTextEdit | QAbstractSpinBox | QKeySequenceEdit)


class Keys(QObject):
    """Hands the digit row to `choose` (plain) and `go` (with Ctrl), whatever the layout prints on the keys, and
    tells `hold` while X is held. Before that `press` is asked for every plain key, as `PlaceKeys.press`.

    Sits on the native window, where every key passes once; install it after the window has one.
    """

    def __init__(self, window: QWidget, choose: Callable[[int], bool], go: Callable[[int], bool],
                 hold: Callable[[bool], None], press: Callable[[QKeyEvent], bool]) -> None:
        super().__init__(window)
        self._choose, self._go, self._hold, self._press = choose, go, hold, press
        self._held = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind not in _KEYS or not isinstance(event, QKeyEvent):
            return False
        if event.key() == Qt.Key.Key_X:
            self._flicker(kind, event)
        if kind is QEvent.Type.KeyRelease:
            return False
        modifiers = event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier)
        if modifiers == Qt.KeyboardModifier.NoModifier and not typing() and self._press(event):
            event.accept()
            return True
        digit = digit_of(event)
        with_control = modifiers == Qt.KeyboardModifier.ControlModifier
        if digit is None or not (with_control or modifiers == Qt.KeyboardModifier.NoModifier):
            return False
        # Where the layout does print the digit, the shortcut itself answers to Ctrl.
        if (with_control and event.key() == Qt.Key.Key_0.value + digit) or (not with_control and typing()):
            return False
        if kind is QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return self._go(digit) if with_control else self._choose(digit)

    def _flicker(self, kind: QEvent.Type, event: QKeyEvent) -> None:
        held = kind is QEvent.Type.KeyPress
        if kind is QEvent.Type.ShortcutOverride or event.isAutoRepeat() or held == self._held:
            return
        if not held or not (typing() or event.modifiers()):
            self._held = held
            self._hold(held)


class KeySheet(QDialog):
    """All keys of the place on one page."""

    def __init__(self, commands: Commands, navigator: Navigator, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(_("Keys"))
        self.setAccessibleName(_("Keys of this place"))
        filled = [0] * max(1, min(3, parent.window().width() // COLUMN_PX))
        columns = [column(spacing=look.M) for _ in filled]
        for group, items in self._groups(commands, navigator).items():
            at = filled.index(min(filled))
            columns[at].addLayout(self._block(group, items))
            filled[at] += len(items) + 2
        for part in columns:
            part.addStretch(1)
        inner = QWidget()
        row(*columns, parent=inner, spacing=look.L * 2, margins=(0, 0, look.M, 0))
        column(label(_("Keys of this place"), "title"), Reach(inner),
               row(label(_("Ctrl+K finds every action by its name."), "muted"), None, button(_("Close"), self.accept)),
               parent=self, spacing=look.L, margins=(look.L + 8,) * 4)
        self._inner, self._over = inner, parent.window()

    def showEvent(self, event: QShowEvent) -> None:
        """As large as the keys need and the window allows; what they need is known once they are styled."""
        super().showEvent(event)
        hint = self._inner.sizeHint()
        room = self._over.size()
        self.resize(min(hint.width() + 72, room.width() - 60), min(hint.height() + 150, room.height() - 40))
        self.move(self._over.geometry().center() - self.rect().center())

    @staticmethod
    def _block(group: str, items: list[tuple[str, str]]) -> QGridLayout:
        block = QGridLayout()
        block.setHorizontalSpacing(look.M)
        block.setVerticalSpacing(look.XS)
        block.setColumnMinimumWidth(0, 96)
        block.addWidget(label(group, "heading"), 0, 0, 1, 2)
        for line, (key, title) in enumerate(items, 1):
            block.addWidget(label(key, "key"), line, 0, Qt.AlignmentFlag.AlignLeft)
            block.addWidget(label(title), line, 1)
        block.setColumnStretch(1, 1)
        return block

    @staticmethod
    def _groups(commands: Commands, navigator: Navigator) -> dict[str, list[tuple[str, str]]]:
        """Keys by group: those of this place, and those of no place."""
        here = navigator.current
        taken = {key for _group, keys, _text in here.keys.sheet for key in keys.split(", ")} \
            if here.keys.press is not None else set()
        elsewhere = {command.id for place in navigator.places if place is not here for command in place.commands}
        found: dict[str, list[tuple[str, str]]] = {}
        for command in commands.all():
            key = commands.key_text(command.id)
            of_image = len(key) == 1 and key.isalpha() and not navigator.sees_image  # tools, and how it is looked at
            if key and key not in taken and command.id not in elsewhere and not of_image:
                found.setdefault(command.group, []).append((key, command.title))
        for group, key, text in here.keys.sheet:
            found.setdefault(group, []).append((key, text))
        return found


class KeyEditor(QDialog):
    """Change keys; a key that is given twice cannot be saved."""

    def __init__(self, commands: Commands, settings: SettingsStore, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(_("Change the keys"))
        self._commands, self._settings = commands, settings
        self._all = {command.id: command for command in commands.all()}
        self._listed = [command for command in self._all.values() if not command.fixed]
        self._fields: dict[str, QKeySequenceEdit] = {}
        self._left = QCheckBox(_("Keys for the left hand on the mouse (tools move to the right of the keyboard)"))
        self._left.setChecked(settings.current.left_handed)
        self._left.toggled.connect(self._fill_defaults)
        self._find = QLineEdit()
        self._find.setPlaceholderText(_("Find an action"))
        self._find.setAccessibleName(_("Find an action"))
        self._find.textChanged.connect(self._filter)
        self._table = self._make_table()
        self._problem = label("", "error", wrap=True)
        self._save = button(_("Save"), self._store, "primary")
        column(label(_("Change the keys"), "title"), self._left, self._find, self._table, self._problem,
               row(button(_("All defaults"), self._fill_defaults), None, button(_("Cancel"), self.reject), self._save),
               parent=self, spacing=look.M, margins=(look.L + 8,) * 4)
        self._show(keys_in_force(self._all.values(), settings.current.left_handed, settings.current.shortcuts))

    def sizeHint(self) -> QSize:
        return QSize(620, 620)

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(len(self._listed), 3)
        table.setHorizontalHeaderLabels([_("Action"), _("Group"), _("Key")])
        table.verticalHeader().setVisible(False)
        table.verticalHeader().setDefaultSectionSize(40)
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        table.setShowGrid(False)
        header = table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        header.resizeSection(1, 100)
        header.resizeSection(2, 170)
        for line, command in enumerate(self._listed):
            for place, text in enumerate((command.title, command.group)):
                item = QTableWidgetItem(text)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled)
                table.setItem(line, place, item)
            field = QKeySequenceEdit()
            field.setMaximumSequenceLength(1)
            field.setClearButtonEnabled(True)
            field.setAccessibleName(_("Key of {command}").format(command=command.title))
            field.keySequenceChanged.connect(self._check)
            self._fields[command.id] = field
            holder = QWidget()
            row(field, parent=holder, margins=(2, 2, 6, 2))
            table.setCellWidget(line, 2, holder)
        return table

    def field(self, name: str) -> QKeySequenceEdit:
        return self._fields[name]

    def keys(self) -> dict[str, str]:
        """The keys as they stand in the fields."""
        found = {command.id: default_key(command, self._left.isChecked())
                 for command in self._all.values() if command.fixed}
        return found | {name: field.keySequence().toString() for name, field in self._fields.items()}

    def _show(self, keys: dict[str, str]) -> None:
        for name, field in self._fields.items():
            field.setKeySequence(QKeySequence(keys[name]))
        self._check()

    def _fill_defaults(self, _checked: bool = False) -> None:
        self._show(keys_in_force(self._all.values(), self._left.isChecked(), {}))

    def _filter(self, text: str) -> None:
        for line, command in enumerate(self._listed):
            self._table.setRowHidden(line, text.lower() not in f"{command.title} {command.group}".lower())

    def _check(self) -> None:
        found = conflicts(self.keys())
        self._problem.setText("\n".join(
            _("{key} is given to both “{one}” and “{other}”.").format(key=key, one=self._all[a].title,
                                                                     other=self._all[b].title)
            for key, a, b in found[:3]))
        self._problem.setVisible(bool(found))
        self._save.setEnabled(not found)
        set_role(self._problem, "error")

    def _store(self) -> None:
        left = self._left.isChecked()
        own = {}
        for name, key in self.keys().items():
            standard = QKeySequence(default_key(self._all[name], left)).toString()
            if not self._all[name].fixed and key != standard:
                own[name] = key
        self._settings.change(left_handed=left, shortcuts=own)
        self._commands.apply_keys(left, own)
        self.accept()
