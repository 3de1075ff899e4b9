"""What can be done with the window itself: places, looks, keys, the person at work, help."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from medsynth_app.core.words import _
from medsynth_app.ui.shell.command import Command
from medsynth_app.ui.shell.navigator import Navigator
from medsynth_app.ui.shell.place import Place

THEMES = (("system", _("Colours: follow the system"), "theme-light-dark"),
          ("light", _("Colours: light"), "white-balance-sunny"), ("dark", _("Colours: dark"), "weather-night"))


def place_commands(places: Iterable[Place], navigator: Navigator) -> tuple[Command, ...]:
    """One for each place, with Ctrl and its number."""
    return tuple(Command(f"place.{place.id}", _("Go to {place}").format(place=place.title), _("Places"),
                         partial(navigator.go, place.id), f"Ctrl+{number}" if number < 10 else "", icon=place.icon)
                 for number, place in enumerate(places, 1))


def switch(name: str, title: str, key: str, icon: str, shown: Callable[[], bool], show: Callable[[bool], object]
           ) -> Command:
    """A part of the window that can be shown or hidden."""
    return Command(name, title, _("View"), lambda: show(not shown()), key, icon=icon, checked_when=shown)


def theme_commands(choice: Callable[[], str], choose: Callable[[str], object]) -> tuple[Command, ...]:
    return tuple(Command(f"theme.{name}", title, _("Window"), partial(choose, name), icon=icon,
                         checked_when=lambda name=name: choice() == name)  # type: ignore[misc]
                 for name, title, icon in THEMES)
