"""Runs what a person asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from medsynth_app.core.errors import UserError
from medsynth_app.ui.shell.banners import Banners

T = TypeVar("T")


class Runner:
    """Calls something that may fail in a way that the person can mend; a banner says how."""

    def __init__(self, banners: Banners) -> None:
        self._banners = banners

    def __call__(self, run: Callable[[], T]) -> T | None:
        """What `run` returns; None, and a banner, where it raises `UserError`."""
        try:
            return run()
        except UserError as error:
            self._banners.error(error)
            return None
