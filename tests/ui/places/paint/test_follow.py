"""Paint: a fill that keeps to what is painted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.labels import LabelSchema
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack
from tests.ui.desk import TestDesk, a_desk

pytestmark = pytest.mark.gui


@pytest.fixture
def desk(qapp: Any, tmp_path: Path) -> Iterator[TestDesk]:
    make_pack(tmp_path / "packs", "a-control", mask_labels=("polyp",), files={"controlnet/config.json": "0" * 64})
    make_pack(tmp_path / "packs", "b-plain", mask_labels=("polyp",))
    with a_desk(tmp_path, Workspace.open(tmp_path / "work")) as found:
        found.open()
        found.window.navigator.go("paint")
        choose_pack(found, 0)
        found.session.painting.set_schema(LabelSchema.from_names("findings", ["ulcer", "polyp"]))
        yield found


def stroke(desk: TestDesk, box: tuple[int, int, int, int], value: int) -> None:
    bounds = Bounds(*box)
    assert desk.session.documents.current is not None
    before = np.array(desk.session.documents.current.mask(0)[bounds.slices])
    desk.session.painting.paint(bounds, before, np.full_like(before, value))


def choose_pack(desk: TestDesk, index: int) -> None:
    desk.inpaint_panel.pack.setCurrentIndex(index)
    desk.inpaint_panel.pack.activated.emit(index)


def test_the_shape_is_followed_where_the_prompt_names_it(desk: TestDesk) -> None:
    panel = desk.inpaint_panel
    desk.session.inpaint.set(prompt="a polyp")
    assert panel.follow.isHidden()  # nothing is painted
    stroke(desk, (10, 10, 50, 60), 2)
    desk.until(panel.follow.isVisible)
    assert panel.follow.isChecked() and "polyp" in panel.follow.toolTip()
    panel.primary.click()
    labels = desk.queue.requests[-1].conditioning.labels
    assert labels is not None and set(np.unique(labels)) == {0, 1}
    assert desk.queue.requests[-1].conditioning.control_scale == 1.5
    desk.session.inpaint.set(prompt="normal mucosa")
    desk.until(lambda: not panel.follow.isChecked())
    panel.primary.click()
    assert desk.queue.requests[-1].conditioning.labels is None


def test_what_the_person_says_holds_for_every_prompt(desk: TestDesk) -> None:
    panel = desk.inpaint_panel
    desk.session.inpaint.set(prompt="a polyp")
    stroke(desk, (10, 10, 50, 60), 2)
    desk.until(panel.follow.isVisible)
    QTest.mouseClick(panel.follow, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
                     QPoint(10, panel.follow.height() // 2))
    assert desk.session.inpaint.parameters.follow is False and not panel.follow.isChecked()
    panel.primary.click()
    assert desk.queue.requests[-1].conditioning.labels is None
    panel.follow.click()
    assert desk.session.inpaint.parameters.follow is None  # as the prompt has it: the next prompt chooses anew
    desk.session.inpaint.set(prompt="normal mucosa", control_scale=0.5)
    desk.until(lambda: not panel.follow.isChecked())
    panel.follow.click()
    assert desk.session.inpaint.parameters.follow is True
    panel.primary.click()
    asked = desk.queue.requests[-1].conditioning
    assert asked.labels is not None and asked.control_scale == 0.5
    desk.session.documents.open(desk.image)
    assert desk.session.inpaint.parameters.follow is None


def test_it_is_offered_only_where_the_model_can(desk: TestDesk) -> None:
    panel = desk.inpaint_panel
    desk.session.inpaint.set(prompt="an ulcer")
    stroke(desk, (10, 10, 50, 60), 1)  # a class that the model does not know
    desk.until(panel.primary.isEnabled)
    assert panel.follow.isHidden()
    stroke(desk, (10, 10, 30, 60), 2)
    desk.until(panel.follow.isVisible)
    desk.session.inpaint.set(mode="remove")
    desk.until(panel.follow.isHidden)
    desk.session.inpaint.set(mode="replace")
    choose_pack(desk, 1)
    desk.until(panel.follow.isHidden)
    assert panel.more.closely.isHidden()
    panel.primary.click()
    assert desk.queue.requests[-1].conditioning.labels is None
