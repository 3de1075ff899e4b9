"""Windows (brightness and contrast) to choose from: an automatic one, the file's own, and the presets of CT."""

from __future__ import annotations

from functools import partial

from medsynth_app.core.window_level import CT_PRESETS, WindowLevel, presets
from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.command import Command
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.words import NO_IMAGE, UNSEEN

AUTO, FILE = "window.auto", "window.file"
_PRESETS = {f"window.{window.name.lower().replace(' ', '_')}": window for window in CT_PRESETS}
IDS = (AUTO, FILE, *_PRESETS)


def window_commands(session: Session) -> tuple[Command, ...]:
    """One for each window that any image may offer, with the keys from F2 on."""
    titles = {AUTO: _("Window: automatic"), FILE: _("Window: from the file")}
    titles |= {name: _("Window: {name} ({width}, {center})").format(
        name=window.name.lower(), width=f"W {words.number(window.width)}", center=f"L {words.number(window.center)}")
        for name, window in _PRESETS.items()}
    return tuple(Command(name, titles[name], _("Window and level"), partial(_choose, session, name), f"F{key}",
                         icon="contrast-circle", enabled_when=partial(_refusal, session, name),
                         checked_when=partial(_is_chosen, session, name)) for key, name in enumerate(IDS, 2))


def _own(session: Session) -> WindowLevel | None:
    """The first one that the file suggests for the slice in view."""
    document = session.documents.current
    windows = document.info.frames[session.view.index].windows if document is not None else ()
    return windows[0] if windows else None


def _choose(session: Session, name: str) -> None:
    window = session.view.auto_window() if name == AUTO else _own(session) if name == FILE else _PRESETS[name]
    if window is not None:
        session.view.set_window_level(window)


def _refusal(session: Session, name: str) -> str | None:
    document = session.documents.current
    if document is None:
        return NO_IMAGE
    if session.view.state.unreadable is not None:
        return UNSEEN
    if document.info.colour != "grey":
        return _("A colour image has no window")
    if name == FILE:
        return None if _own(session) is not None else _("The file suggests none")
    return None if name == AUTO or _PRESETS[name] in presets(document.info.modality) else _("For CT only")


def _is_chosen(session: Session, name: str) -> bool:
    """Whether it is in use. The automatic one is known by its name: to work it out takes all pixels."""
    window = session.view.window_level
    if window is None:
        return False
    if name == AUTO:
        return window != _own(session) and window.name in ("Auto", "Full range")
    return window == (_own(session) if name == FILE else _PRESETS[name])
