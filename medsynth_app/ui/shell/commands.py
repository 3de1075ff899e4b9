"""Every action of the window under one name: what menus, keys, buttons and the palette share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from medsynth_app.ui.theme.theme import Theme


@dataclass(frozen=True)
class Spec:
    """One action.

    Attributes
    ----------
    id
        Name in the settings, e.g. ``"tool.brush"``.
    key, left
        Default key, and the one of the left-handed set where it differs. "" is no key. Never one that needs
        AltGr on German or French keyboards.
    fixed
        The key belongs to a widget (canvas, strip) and is listed, not changed, here.
    place
        Where it is useful: "paint", ... or "" for everywhere. Only for the sheet of keys.
    """

    id: str
    title: str
    group: str
    key: str = ""
    left: str | None = None
    icon: str = ""
    checkable: bool = False
    fixed: bool = False
    place: str = ""
    repeats: bool = False


SPECS: tuple[Spec, ...] = (
    Spec("place.library", "Go to Library", "Places", "Ctrl+1", icon="folder-image"),
    Spec("place.paint", "Go to Paint", "Places", "Ctrl+2", icon="brush-outline"),
    Spec("place.generate", "Go to Generate", "Places", "Ctrl+3", icon="image-multiple-outline"),
    Spec("place.label", "Go to Label", "Places", "Ctrl+4", icon="tag-outline"),
    Spec("place.evaluate", "Go to Evaluate", "Places", "Ctrl+5", icon="chart-box-outline"),
    Spec("place.models", "Go to Models", "Places", "Ctrl+6", icon="cube-outline"),
    Spec("file.open", "Open file…", "File", "Ctrl+O", icon="image-plus-outline"),
    Spec("file.open_folder", "Open folder…", "File", "Ctrl+Shift+O", icon="folder-open-outline"),
    Spec("file.export", "Export image…", "File", "Ctrl+E", icon="tray-arrow-down"),
    Spec("file.export_mask", "Export mask…", "File", "Ctrl+Shift+E", icon="tray-arrow-down"),
    Spec("file.close", "Close image", "File", "", icon="close"),
    Spec("file.remove_study", "Remove study from the workspace…", "File", "", icon="trash-can-outline"),
    Spec("file.quit", "Quit", "File", "Ctrl+Q"),
    Spec("edit.undo", "Undo", "Edit", "Ctrl+Z", icon="undo", repeats=True),
    Spec("edit.redo", "Redo", "Edit", "Ctrl+Shift+Z", icon="redo", repeats=True),
    Spec("tool.pan", "Move the view", "Tools", "H", "J", "hand-back-right-outline", True, place="paint"),
    Spec("tool.brush", "Brush", "Tools", "B", "N", "brush", True, place="paint"),
    Spec("tool.eraser", "Eraser", "Tools", "E", "I", "eraser", True, place="paint"),
    Spec("tool.fill", "Fill", "Tools", "F", "O", "format-color-fill", True, place="paint"),
    Spec("tool.polygon", "Polygon", "Tools", "P", "P", "vector-polygon", True, place="paint"),
    Spec("tool.pick", "Pick class from the image", "Tools", "K", "K", "eyedropper", True, place="paint"),
    Spec("tool.window", "Window / level by drag", "Tools", "W", "L", "contrast-circle", True, place="paint"),
    Spec("brush.grow", "Larger brush", "Tools", ".", "G", "plus", place="paint", repeats=True),
    Spec("brush.shrink", "Smaller brush", "Tools", ",", "D", "minus", place="paint", repeats=True),
    Spec("paint.clear", "Clear the painting of this slice", "Tools", "Shift+Del", icon="selection-off", place="paint"),
    Spec("paint.run", "Inpaint", "Inpaint", "Ctrl+Return", icon="auto-fix", place="paint"),
    Spec("paint.prompt", "Write the prompt", "Inpaint", "T", "Y", place="paint"),
    Spec("candidate.accept", "Accept the candidate", "Candidates", "Enter", icon="check", fixed=True, place="paint"),
    Spec("candidate.discard", "Discard the candidate", "Candidates", "Del", icon="close", fixed=True, place="paint"),
    Spec("candidate.discard_all", "Discard all candidates", "Candidates", "", icon="close", place="paint"),
    Spec("candidate.more", "More like this", "Candidates", "M", "V", "creation-outline", place="paint"),
    Spec("view.fit", "Fit to the window", "View", "Ctrl+0", icon="fit-to-screen-outline"),
    Spec("view.actual", "One pixel to one pixel", "View", "Ctrl+9", icon="relative-scale"),
    Spec("view.flip_h", "Flip left and right", "View", "", icon="flip-horizontal"),
    Spec("view.flip_v", "Flip up and down", "View", "", icon="flip-vertical"),
    Spec("view.rotate", "Turn by 90°", "View", "", icon="rotate-right"),
    Spec("view.mask", "Show the painting", "View", "V", "M", "layers-outline", True),
    Spec("view.synthetic", "Show the edge of generated regions", "View", "", icon="vector-square", checkable=True),
    Spec("view.inspector", "Show the inspector", "View", "Ctrl+I", icon="dock-right", checkable=True),
    Spec("view.strip", "Show the strip", "View", "Ctrl+B", icon="dock-bottom", checkable=True),
    Spec("view.jobs", "Show the jobs", "View", "Ctrl+J", icon="progress-clock", checkable=True),
    Spec("slice.next", "Next slice", "View", "PgDown", repeats=True),
    Spec("slice.previous", "Previous slice", "View", "PgUp", repeats=True),
    Spec("compare.off", "Compare: off", "Compare", "", icon="image-outline", checkable=True, place="paint"),
    Spec("compare.slider", "Compare: slider", "Compare", "C", "U", "compare", True, place="paint"),
    Spec("compare.side", "Compare: side by side", "Compare", "", icon="view-split-vertical", checkable=True,
         place="paint"),
    Spec("compare.difference", "Compare: difference in colour", "Compare", "", icon="vector-difference",
         checkable=True, place="paint"),
    Spec("compare.flicker", "Flicker with the original (hold)", "Compare", "X", fixed=True, place="paint"),
    Spec("generate.run", "Generate pictures", "Generate", "", icon="image-multiple-outline", place="generate"),
    Spec("generate.remove", "Remove the picture from the workspace…", "Generate", "", icon="trash-can-outline",
         place="generate"),
    Spec("models.train", "Train a model…", "Models", "", icon="school-outline", place="models"),
    Spec("models.verify", "Verify the packs", "Models", "", icon="shield-check-outline", place="models"),
    Spec("theme.system", "Colours: follow the system", "Window", "", icon="theme-light-dark", checkable=True),
    Spec("theme.light", "Colours: light", "Window", "", icon="white-balance-sunny", checkable=True),
    Spec("theme.dark", "Colours: dark", "Window", "", icon="weather-night", checkable=True),
    Spec("keys.left_handed", "Keys for the left hand on the mouse", "Window", "", checkable=True),
    Spec("veil.now", "Cover the images now", "Window", "Ctrl+L", icon="eye-off-outline"),
    Spec("person.switch", "Switch the person at work", "Window", "", icon="account-outline"),
    Spec("help.palette", "Find an action…", "Help", "Ctrl+K", icon="magnify"),
    Spec("help.keys", "Keys of this place", "Help", "?", icon="keyboard-outline"),
    Spec("help.edit_keys", "Change the keys…", "Help", "", icon="keyboard-settings-outline"),
    Spec("help.settings", "Settings…", "Help", "Ctrl+,", icon="cog-outline"),
)
BY_ID: Mapping[str, Spec] = {spec.id: spec for spec in SPECS}
# Characters that need AltGr (or are dead keys) on a German or a French keyboard.
NEEDS_ALTGR = frozenset("[]{}\\|@~#^`\N{ACUTE ACCENT}\N{DIAERESIS}\N{EURO SIGN}")


def default_key(spec: Spec, left_handed: bool) -> str:
    return spec.left if left_handed and spec.left is not None else spec.key


def keys_in_force(left_handed: bool, own: Mapping[str, str]) -> dict[str, str]:
    """Key of every action: the person's own, else the set's default."""
    return {spec.id: default_key(spec, left_handed) if spec.fixed else own.get(spec.id, default_key(spec, left_handed))
            for spec in SPECS}


def conflicts(keys: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(key, action, action) of every key that is given twice."""
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


class Commands(QObject):
    """The actions as QActions of one window."""

    keys_changed = Signal()

    def __init__(self, window: QWidget, theme: Theme) -> None:
        super().__init__(window)
        self._theme = theme
        self._actions: dict[str, QAction] = {}
        self._reasons: dict[str, str] = {}
        for spec in SPECS:
            action = QAction(spec.title, window)
            action.setObjectName(spec.id)
            action.setCheckable(spec.checkable)
            action.setAutoRepeat(spec.repeats)
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            window.addAction(action)
            self._actions[spec.id] = action
        theme.changed.connect(self._paint)
        self._paint()

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def bind(self, name: str, run: Callable[[], Any]) -> None:
        """What happens when the action runs; a checkable one is asked for its state by whoever needs it."""
        self._actions[name].triggered.connect(lambda _=False: run())

    def all(self) -> Iterable[tuple[Spec, QAction]]:
        return ((spec, self._actions[spec.id]) for spec in SPECS)

    def apply_keys(self, left_handed: bool, own: Mapping[str, str]) -> None:
        """Set the keys in force and say them in the tooltips."""
        for name, key in keys_in_force(left_handed, own).items():
            spec, action = BY_ID[name], self._actions[name]
            if spec.fixed:
                action.setProperty("key", key)
            else:
                sequences = [QKeySequence(key)] if key else []
                if name == "edit.redo" and key == spec.key:
                    sequences.append(QKeySequence("Ctrl+Y"))
                action.setShortcuts(sequences)
            self._tip(name)
        self.keys_changed.emit()

    def key_text(self, name: str) -> str:
        """The key as the person reads it, "" for none."""
        key = self._actions[name].property("key") if BY_ID[name].fixed else None
        sequence = QKeySequence(key) if key else self._actions[name].shortcut()
        return sequence.toString(QKeySequence.SequenceFormat.NativeText)

    def set_title(self, name: str, title: str) -> None:
        """Say what the action would do now, e.g. "Undo: paint polyp"."""
        self._actions[name].setText(title)
        self._tip(name)

    def enable(self, name: str, enabled: bool, reason: str = "") -> None:
        """Enable or grey an action; `reason` tells why it cannot be used."""
        self._reasons[name] = "" if enabled else reason
        self._actions[name].setEnabled(enabled)
        self._tip(name)

    def reason(self, name: str) -> str:
        return self._reasons.get(name, "")

    def _tip(self, name: str) -> None:
        key, reason = self.key_text(name), self._reasons.get(name, "")
        tip = self._actions[name].text() + (f"  ({key})" if key else "")
        self._actions[name].setToolTip(tip + (f"\n{reason}" if reason else ""))

    def _paint(self, _tokens: object = None) -> None:
        for spec in SPECS:
            if spec.icon:
                self._actions[spec.id].setIcon(self._theme.icon(spec.icon))
