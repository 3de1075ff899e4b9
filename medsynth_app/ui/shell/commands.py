"""The commands of one window as Qt's actions: what menus, keys, buttons and the palette share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QWidget

from medsynth_app.ui.shell.command import Command, keys_in_force
from medsynth_app.ui.theme.theme import Theme

KEPT = 5  # commands that are remembered as used


class Commands(QObject):
    """Holds the commands, and alone enables, names and checks their actions.

    Signals
    -------
    keys_changed
        Other keys are in force.
    """

    keys_changed = Signal()

    def __init__(self, window: QWidget, theme: Theme) -> None:
        super().__init__(window)
        self._window, self._theme = window, theme
        self._actions: dict[str, QAction] = {}
        self._commands: dict[str, Command] = {}
        self._reasons: dict[str, str] = {}
        self._used: list[str] = []
        theme.changed.connect(lambda _tokens: self._paint(self._commands.values()))

    def __getitem__(self, name: str) -> QAction:
        """The action of this name; a button may ask for it before the command is known."""
        if name not in self._actions:
            action = QAction(self._window)
            action.setObjectName(name)
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            self._window.addAction(action)
            self._actions[name] = action
        return self._actions[name]

    def add(self, commands: Iterable[Command]) -> None:
        """Take these commands up; the palette lists them in this order."""
        fresh = list(commands)
        for command in fresh:
            if command.id in self._commands:
                raise ValueError(f"there are two commands of the name {command.id}")
            self._commands[command.id] = command
            action = self[command.id]
            action.setText(command.title)
            action.setCheckable(command.checked_when is not None)
            action.setAutoRepeat(command.repeats)
            action.triggered.connect(partial(self._run, command))
        self._paint(fresh)

    def _run(self, command: Command, _checked: bool = False) -> None:
        self._used = [command.id, *(name for name in self._used if name != command.id)][:KEPT]
        try:
            command.run()
        finally:
            self.refresh()

    def all(self) -> Iterable[Command]:
        return self._commands.values()

    def command(self, name: str) -> Command:
        return self._commands[name]

    @property
    def used(self) -> Sequence[str]:
        """Names of the commands that were used last, the last one first."""
        return self._used

    # -- as things stand

    def refresh(self, *names: str) -> None:
        """Look again at what can be done: at these commands, or at all of them."""
        for name in names or self._commands:
            if name in self._commands:  # a place may speak before its commands are taken up
                self._look(self._commands[name])

    def _look(self, command: Command) -> None:
        action, reason = self[command.id], command.enabled_when() or ""
        title = (command.title_now() if command.title_now is not None else "") or command.title
        if command.checked_when is not None:
            action.setChecked(command.checked_when())
        if title != action.text() or reason != self._reasons.get(command.id):
            self._reasons[command.id] = reason
            action.setText(title)
            self._tip(command.id)
        action.setEnabled(not reason)

    def reason(self, name: str) -> str:
        """Why it cannot be done now, "" where it can."""
        return self._reasons.get(name, "")

    def follow(self, button: QAbstractButton, name: str, *, tip: bool = True) -> None:
        """Let a button do this and be enabled with it; `tip` gives it the tooltip too."""
        action = self[name]
        button.setProperty("command", name)

        def show() -> None:
            button.setEnabled(action.isEnabled())
            if tip:
                button.setToolTip(action.toolTip())

        button.clicked.connect(lambda _=False: action.trigger())
        action.changed.connect(show)
        show()

    def starts_job(self, button: QAbstractButton) -> bool:
        """Whether a button that follows a command starts a job, or one that says so itself ("starts_job")."""
        command = self._commands.get(str(button.property("command")))
        return bool(button.property("starts_job")) or (command is not None and command.starts_job)

    # -- keys

    def apply_keys(self, left_handed: bool, own: Mapping[str, str]) -> None:
        """Set the keys in force and say them in the tooltips."""
        for name, key in keys_in_force(self._commands.values(), left_handed, own).items():
            command, action = self._commands[name], self[name]
            if command.fixed:
                action.setProperty("key", key)
            else:
                more = command.more_keys if key == command.key else ()
                action.setShortcuts([QKeySequence(text) for text in (key, *more) if text])
            self._tip(name)
        self.keys_changed.emit()

    def key_text(self, name: str) -> str:
        """The key as the person reads it, "" for none."""
        command = self._commands.get(name)
        key = self[name].property("key") if command is not None and command.fixed else None
        sequence = QKeySequence(key) if key else self[name].shortcut()
        return sequence.toString(QKeySequence.SequenceFormat.NativeText)

    def _tip(self, name: str) -> None:
        key, reason = self.key_text(name), self.reason(name)
        tip = self[name].text() + (f"  ({key})" if key else "")
        self[name].setToolTip(tip + (f"\n{reason}" if reason else ""))

    def _paint(self, commands: Iterable[Command]) -> None:
        for command in commands:
            if command.icon:
                self[command.id].setIcon(self._theme.icon(command.icon))
