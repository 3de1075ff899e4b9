"""Which place is shown."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from medsynth_app.settings.settings import SettingsStore
from medsynth_app.ui.shell.place import Place


class Navigator(QObject):
    """Goes from place to place and remembers the last one.

    Signals
    -------
    changed
        The `Place` that is shown now.
    """

    changed = Signal(object)

    def __init__(self, settings: SettingsStore) -> None:
        super().__init__()
        self._settings = settings
        self._places: tuple[Place, ...] = ()
        self._current: Place | None = None

    def open(self, places: Sequence[Place]) -> None:
        """Take up the places and go to where the last window was left."""
        self._places = tuple(places)
        last = self._settings.current.place
        self._current = next((place for place in self._places if place.id == last), self._places[0])
        self.changed.emit(self._current)

    @property
    def places(self) -> tuple[Place, ...]:
        """All places, in the order of the rail."""
        return self._places

    @property
    def current(self) -> Place:
        assert self._current is not None, "asked before the places were made"
        return self._current

    @property
    def sees_image(self) -> bool:
        """Whether the image stands in the middle now."""
        return self._current is not None and self._current.shows_image

    def shows(self, place_id: str) -> bool:
        return self._current is not None and self._current.id == place_id

    def go(self, place_id: str) -> None:
        place = next(place for place in self._places if place.id == place_id)
        if place is not self._current:
            self._current = place
            self._settings.change(place=place_id)
            self.changed.emit(place)
