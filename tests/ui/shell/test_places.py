"""A place, a command and what they need: one folder and one line of the list, and the window knows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from medsynth_app.app import PLACES
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, JobState, Lane
from medsynth_app.core.jobs.table import KINDS, outcome_of
from medsynth_app.ui.shell.command import Command
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.shell.place import JobEnd, Place, PlaceKeys
from medsynth_app.ui.shell.shortcuts import KeySheet
from medsynth_app.workspace.workspace import Workspace
from tests.ui.desk import CTRL, a_desk

pytestmark = pytest.mark.gui
DONE: list[str] = []


def make(frame: Frame) -> Place:
    """A place as a developer would write it in a file of its own."""
    def digit(number: int) -> bool:
        DONE.append(f"digit {number}")
        return True

    wave = Command("compare_all.wave", "Wave", "Compare all", lambda: DONE.append("wave"), "Ctrl+Alt+W",
                   icon="creation",
                   enabled_when=lambda: None if frame.navigator.shows("compare_all") else "Go there first")
    return Place("compare_all", "Compare all", "compare", QLabel("inspector"), centre=QLabel("centre"),
                 commands=(wave,), keys=PlaceKeys((("Numbers", "1 to 9", "Choose one"),), digit),
                 tools=(frame.steps,), ends=(JobEnd(outcome_of("embed")),),
                 finish=lambda: DONE.append("finished"))


def test_a_new_place_stands_in_rail_palette_keys_and_tool_bar(qapp: Any, tmp_path: Path) -> None:
    DONE.clear()
    with a_desk(tmp_path, Workspace.temporary(), places=(*PLACES, make)) as desk:
        window = desk.window
        assert window.commands.reason("compare_all.wave") == "Go there first"
        desk.key(Qt.Key.Key_7, CTRL)
        assert window.navigator.current.id == "compare_all" and desk.settings.current.place == "compare_all"
        assert window.rail.buttons["compare_all"].isChecked()
        place = window.place("compare_all")
        assert place.panel.isVisible() and place.centre is not None and place.centre.isVisible()
        assert window.toolbar.parts == place.tools and not window.commands["edit.undo"].isEnabled()
        desk.key(Qt.Key.Key_3)
        window.palette_widget.open()
        window.palette_widget.field.setText("wave")
        window.palette_widget.run()
        sheet = KeySheet(window.commands, window.navigator, window)
        texts = {child.text() for child in sheet.findChildren(QLabel)}
        assert {"Wave", "Ctrl+Alt+W", "1 to 9"} <= texts and "Brush" not in texts
        sheet.deleteLater()
        window.navigator.go("library")
        assert not place.panel.isVisible() and not place.centre.isVisible()
        record = JobRecord("e", "embed", Lane.BACKGROUND, "Embed: cells", JobState.DONE, 0.0, "")
        desk.queue.jobs["e"] = record
        desk.hear("e", JobState.DONE, JobEvent("e", EventKind.DONE))
        assert window.toasts.texts()[-1] == f"{KINDS['embed'].done}: cells"
    assert DONE == ["digit 3", "wave", "finished"]
    with a_desk(tmp_path, Workspace.temporary()) as desk:  # a place that is no longer there: the first one is shown
        assert desk.window.navigator.current.id == "library"


def test_the_sheet_of_paint_lists_its_own_keys_and_those_of_the_window(qapp: Any, tmp_path: Path) -> None:
    with a_desk(tmp_path, Workspace.temporary()) as desk:
        for place, here in (("paint", True), ("models", False)):
            desk.window.navigator.go(place)
            sheet = KeySheet(desk.window.commands, desk.window.navigator, desk.window)
            texts = {child.text() for child in sheet.findChildren(QLabel)}
            assert ({"B", "Brush", "1 … 9"} <= texts) is here and "Ctrl+K" in texts
            sheet.deleteLater()
        assert all(isinstance(place.panel, QWidget) for place in desk.window.navigator.places)
