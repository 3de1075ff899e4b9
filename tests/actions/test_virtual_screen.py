"""The screen without a monitor."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from medsynth_app.actions import virtual_screen as module
from medsynth_app.actions.virtual_screen import has_display, virtual_screen
from medsynth_app.core.errors import UserError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Xvfb is for Linux")


def test_two_screens_at_once_and_both_are_gone_afterwards() -> None:
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    with virtual_screen("640x480") as one, virtual_screen("640x480") as two:
        places = [Path(f"/tmp/.X11-unix/X{env['DISPLAY'][1:]}") for env in (one, two)]
        assert len(set(places)) == 2 and all(place.exists() for place in places)
        assert "WAYLAND_DISPLAY" not in one and one["QT_QPA_PLATFORM"] == "xcb"
    assert not any(place.exists() for place in places)


def test_a_missing_xvfb_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="apt-get install -y xvfb"), virtual_screen():
        pass


def test_a_server_that_ends_at_once_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    server = shutil.which("true")
    monkeypatch.setattr(module.shutil, "which", lambda name: server)
    with pytest.raises(UserError, match="did not start"), virtual_screen():
        pass


@pytest.mark.parametrize(("name", "expected"), [("DISPLAY", True), ("WAYLAND_DISPLAY", True), ("NOTHING", False)])
def test_a_display_is_seen(monkeypatch: pytest.MonkeyPatch, name: str, expected: bool) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv(name, ":5")
    assert has_display() is expected
