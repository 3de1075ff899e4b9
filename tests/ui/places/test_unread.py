"""A prompt that is longer than the model reads: how much of it counts is said before a run, under the field."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from medsynth_app.workspace.workspace import Workspace
from tests.formats.test_prompt import SHIPPED
from tests.ui.desk import TestDesk, a_desk

pytestmark = pytest.mark.gui
LONG = "a " * 75  # one token each


@pytest.fixture(scope="module")
def desk(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    folder = tmp_path_factory.mktemp("unread")
    with a_desk(folder, Workspace.temporary()) as made:
        pack = made.session.models.packs[0].folder
        shutil.copytree(SHIPPED / "blood-cells" / "tokenizer", pack / "tokenizer")
        (pack / "text_encoder").mkdir()
        shutil.copy(SHIPPED / "blood-cells" / "text_encoder" / "config.json", pack / "text_encoder")
        made.open()
        yield made


@pytest.mark.parametrize("place", ["paint", "generate"])
def test_how_much_of_a_prompt_counts_is_said_under_it(desk: TestDesk, place: str) -> None:
    desk.window.navigator.go(place)
    panel = desk.window.place(place).panel
    desk.session.models.set_pack(desk.session.models.packs[0])
    said = panel.told.label
    panel.prompt.setFocus()
    panel.prompt.setPlainText(LONG)
    assert said.isHidden()
    end = panel.prompt.textCursor()
    end.movePosition(end.MoveOperation.End)
    panel.prompt.setTextCursor(end)
    QTest.keyClicks(panel.prompt, "smudge")
    assert said.isVisible() and "the first 75 count: the rest, 'smudge', is not read" in said.text()
    assert said.geometry().top() >= panel.prompt.geometry().bottom()
    avoid = getattr(panel, "more", panel).avoid  # in Paint it is one of more
    QTest.keyClicks(avoid, "w " * 40 + "blur " * 30)
    assert "The negative prompt has" in said.text() and "…" in said.text() and len(said.toolTip()) > len(said.text())
    avoid.selectAll()
    QTest.keyClick(avoid, Qt.Key.Key_Delete)
    panel.prompt.setPlainText("a giraffe")
    assert "never learned the word 'giraffe'" in said.text()
    panel.prompt.setPlainText("")
    own = desk.session.models.packs[0].manifest.default_prompt
    assert f"the model's own is drawn: '{own}'" in said.text()
    panel.prompt.setPlainText(own)
    assert said.isHidden()


def test_nothing_is_said_of_a_prompt_that_takes_no_part(desk: TestDesk) -> None:
    desk.window.navigator.go("paint")
    panel = desk.inpaint_panel
    panel.prompt.setPlainText(f"{LONG}smudge")
    assert panel.told.label.isVisible()
    desk.session.inpaint.set(mode="remove")
    assert panel.told.label.isHidden()
    desk.session.inpaint.set(mode="replace")
    desk.session.models.set_pack(desk.session.models.packs[1])  # which says nothing of how much it reads
    assert panel.told.label.isHidden()
