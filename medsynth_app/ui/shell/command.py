"""What a person can do, as values: one `Command` stands behind a button, a menu, a key and a line of the palette."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from PySide6.QtGui import QKeySequence

# Characters that need AltGr (or are dead keys) on a German or a French keyboard.
NEEDS_ALTGR = frozenset("[]{}\\|@~#^`\N{ACUTE ACCENT}\N{DIAERESIS}\N{EURO SIGN}")


def always() -> None:
    """The `enabled_when` of what can be done at any time."""


@dataclass(frozen=True)
class Command:
    """One thing that a person can do.

    Attributes
    ----------
    id
        Name in the settings, e.g. ``"tool.brush"``.
    run
        Does it. What it raises as `UserError` is told by whoever made it.
    key, left
        Default key, and the one of the left-handed set where it differs. "" is no key. Never one that needs
        AltGr on German or French keyboards.
    more_keys
        Further keys that serve while the default key is in force.
    fixed
        The key belongs to a widget (canvas, strip) and is listed, not changed, here.
    enabled_when
        None where it can be done now, else why not, in a few words.
    checked_when
        Whether it is in force; None for what is done once.
    starts_job
        The focus comes to its buttons by Tab alone (`shell.focus`).
    title_now
        What it would do now, e.g. "Undo: paint polyp"; "" for the title.
    """

    id: str
    title: str
    group: str
    run: Callable[[], object]
    key: str = ""
    left: str | None = None
    icon: str = ""
    enabled_when: Callable[[], str | None] = always
    checked_when: Callable[[], bool] | None = None
    title_now: Callable[[], str] | None = None
    more_keys: tuple[str, ...] = ()
    fixed: bool = False
    repeats: bool = False
    starts_job: bool = False


def default_key(command: Command, left_handed: bool) -> str:
    return command.left if left_handed and command.left is not None else command.key


def keys_in_force(commands: Iterable[Command], left_handed: bool, own: Mapping[str, str]) -> dict[str, str]:
    """Key of every command: the person's own, else the set's default."""
    defaults = {command.id: (default_key(command, left_handed), command.fixed) for command in commands}
    return {name: key if fixed else own.get(name, key) for name, (key, fixed) in defaults.items()}


def conflicts(keys: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(key, command, command) of every key that is given twice."""
    found: list[tuple[str, str, str]] = []
    seen: dict[str, str] = {}
    for name, key in keys.items():
        text = QKeySequence(key).toString()
        if not text:
            continue
        if text in seen:
            found.append((key, seen[text], name))
        else:
            seen[text] = name
    return found
