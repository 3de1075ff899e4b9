"""Ctrl+K: find every action by a few letters of its name."""

from __future__ import annotations

import re

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QListWidget, QListWidgetItem, QWidget

from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.widgets.basic import column, label

WIDTH, ROWS, ROW = 560, 9, 36


def score(query: str, text: str) -> float | None:
    """How well the letters of `query` are found in `text` in this order; None when they are not.

    Whole words and starts of words weigh most, gaps cost.
    """
    wanted, where = query.lower().split(), text.lower()
    total = 0.0
    for word in wanted:
        start = re.search(rf"\b{re.escape(word)}", where)
        at = start.start() if start else where.find(word)
        if at >= 0:
            total += 10 + 5 * (start is not None) - 0.01 * at
            continue
        position = -1
        for letter in word:
            found = where.find(letter, position + 1)
            if found < 0:
                return None
            begins = found == 0 or not where[found - 1].isalnum()
            total += 1.0 + begins - 0.1 * (found - position - 1)
            position = found
    return total - 0.001 * len(where)


class CommandPalette(QFrame):
    """A field and a list over the middle of the window."""

    def __init__(self, commands: Commands, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("palette")
        self.setAccessibleName("Find an action")
        self._commands, self._over = commands, parent
        self._before: QWidget | None = None
        self.field = QLineEdit()
        self.field.setPlaceholderText("What do you want to do?")
        self.field.setAccessibleName("Name of an action")
        self.field.textChanged.connect(self.fill)
        self.field.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName("Actions found")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(lambda _item: self.run())
        self._none = label("Nothing of that name. Try another word, for instance “open” or “brush”.", "muted")
        self._none.setMargin(look.L)
        column(self.field, self._none, self.list, parent=self, spacing=look.XS, margins=(look.XS,) * 4)
        self.hide()

    def open(self) -> None:
        """Show the palette, ready to type."""
        self._before = self.window().focusWidget()
        self.field.clear()
        self.fill("")
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def close_palette(self) -> None:
        self.hide()
        if self._before is not None:
            self._before.setFocus(Qt.FocusReason.OtherFocusReason)

    def fill(self, query: str) -> None:
        """List the actions that fit, best first; those that cannot be used now come last, greyed."""
        ranked: list[tuple[bool, float, int, str, QAction]] = []
        for index, (spec, action) in enumerate(self._commands.all()):
            fit = score(query, f"{action.text()} {spec.group}")
            if fit is not None and spec.id != "help.palette":
                ranked.append((not action.isEnabled(), -fit, index if query else 0, spec.id, action))
        ranked.sort(key=lambda item: item[:3])
        self.list.clear()
        for _, _, _, name, action in ranked:
            self._add(name, action)
        self.list.setCurrentRow(0)
        self._none.setVisible(not ranked)
        self.list.setVisible(bool(ranked))
        self._place(len(ranked))

    def _add(self, name: str, action: QAction) -> None:
        item = QListWidgetItem()
        item.setData(Qt.ItemDataRole.UserRole, name)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, action.text())
        item.setSizeHint(QSize(0, ROW))
        if not action.isEnabled():
            item.setFlags(Qt.ItemFlag.ItemIsSelectable)
        self.list.addItem(item)
        line = QWidget()
        layout = QHBoxLayout(line)
        layout.setContentsMargins(look.S, 0, look.M, 0)
        picture = label()
        picture.setFixedWidth(look.ICON_PX + look.S)
        picture.setPixmap(action.icon().pixmap(look.ICON_PX, look.ICON_PX))
        title = label(action.text())
        title.setEnabled(action.isEnabled())
        layout.addWidget(picture)
        layout.addWidget(title)
        layout.addStretch(1)
        key = self._commands.key_text(name)
        reason = self._commands.reason(name)
        if reason and not action.isEnabled():
            layout.addWidget(label(reason, "help"))
        elif key:
            layout.addWidget(label(key, "key"))
        self.list.setItemWidget(item, line)

    def _place(self, rows: int) -> None:
        parent = self._over
        width = min(WIDTH, parent.width() - 2 * look.L)
        height = 48 + (min(rows, ROWS) * ROW + 16 if rows else 56)
        self.setGeometry((parent.width() - width) // 2, max(look.L, parent.height() // 8), width,
                         min(height, parent.height() - 2 * look.L))

    def run(self) -> None:
        """Run the chosen action."""
        if self.list.currentRow() < 0:
            return
        action = self._commands[self.list.currentItem().data(Qt.ItemDataRole.UserRole)]
        if action.isEnabled():
            self.close_palette()
            action.trigger()

    def _lost_focus(self) -> None:
        now = self.window().focusWidget()
        if now is None or not self.isAncestorOf(now):
            self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut:
            self._lost_focus()
            return False
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        key, count = event.key(), self.list.count()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.run()
        elif key == Qt.Key.Key_Escape:
            self.close_palette()
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up) and count:
            step = 1 if key == Qt.Key.Key_Down else -1
            self.list.setCurrentRow((self.list.currentRow() + step) % count)
        else:
            return False
        return True
