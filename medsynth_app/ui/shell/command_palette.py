"""Ctrl+K: find every action by a few letters of its name."""

from __future__ import annotations

import re

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QWidget

from medsynth_app.core.words import _
from medsynth_app.ui.shell.command import Command
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.navigator import Navigator
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import column, label
from medsynth_app.ui.widgets.lists import Line, LineList

WIDTH, ROWS, ROW = 560, 9, 36
ITSELF, LAST = "help.palette", "file.quit"


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

    def __init__(self, theme: Theme, commands: Commands, navigator: Navigator, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("palette")
        self.setAccessibleName(_("Find an action"))
        self._commands, self._navigator, self._over = commands, navigator, parent
        self._before: QWidget | None = None
        self.field = QLineEdit()
        self.field.setPlaceholderText(_("What do you want to do?"))
        self.field.setAccessibleName(_("Name of an action"))
        self.field.textChanged.connect(self.fill)
        self.field.installEventFilter(self)
        self.list = LineList(theme, _("Actions found"), ROW, icons=True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.clicked.connect(lambda _index: self.run())
        self._none = label(_("Nothing of that name. Try another word, for instance “open” or “brush”."), "muted")
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
        """List the commands that fit, best first; those that cannot be used now come last, greyed.

        With nothing typed the likely ones come first: those used last, then those of this place; Quit is the last.
        """
        self._commands.refresh()
        here = {command.id for command in self._navigator.current.commands}
        used = {name: at for at, name in enumerate(self._commands.used)}
        ranked: list[tuple[bool, bool, float, int, Command]] = []
        for index, command in enumerate(self._commands.all()):
            fit = score(query, f"{self._commands[command.id].text()} {command.group}")
            if fit is not None and command.id != ITSELF:
                unable, last = bool(self._commands.reason(command.id)), command.id == LAST and not query
                likely = used.get(command.id, len(used) + (command.id not in here))
                ranked.append((last, unable, -fit if query else likely, index, command))
        ranked.sort(key=lambda item: item[:4])
        self.list.show_lines(self._line(command) for *_rank, command in ranked)
        self.list.set_current(0)
        self.list.scrollToTop()
        self._none.setVisible(not ranked)
        self.list.setVisible(bool(ranked))
        self._place(len(ranked))

    def _line(self, command: Command) -> Line:
        reason = self._commands.reason(command.id)
        return Line(command.id, self._commands[command.id].text(), icon=command.icon, enabled=not reason,
                    aside=reason or self._commands.key_text(command.id))

    def _place(self, rows: int) -> None:
        parent = self._over
        width = min(WIDTH, parent.width() - 2 * look.L)
        height = 48 + (min(rows, ROWS) * ROW + 16 if rows else 56)
        self.setGeometry((parent.width() - width) // 2, max(look.L, parent.height() // 8), width,
                         min(height, parent.height() - 2 * look.L))

    def run(self) -> None:
        """Run the chosen action."""
        line = self.list.rows.row(self.list.current)
        if line is not None and line.enabled:
            self.close_palette()
            self._commands[line.key].trigger()

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
        key, count = event.key(), len(self.list.rows.rows)
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.run()
        elif key == Qt.Key.Key_Escape:
            self.close_palette()
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up) and count:
            step = 1 if key == Qt.Key.Key_Down else -1
            self.list.set_current((self.list.current + step) % count)
        else:
            return False
        return True
