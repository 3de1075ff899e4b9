"""Make a set: 100 of each class in three clicks, with pictures, time and room told before it begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget

from medsynth_app.core.job import EventKind, JobEvent, JobState, Lane
from medsynth_app.core.jobs.make import MakeRequest
from medsynth_app.core.options import changed
from medsynth_app.core.order import Order
from medsynth_app.core.order_file import WantedSet
from medsynth_app.datasets.made import ORDER
from medsynth_app.ui.places.generate import commands
from medsynth_app.ui.places.generate.order import OrderDialog
from medsynth_app.ui.places.generate.order_table import COUNT, PROMPT
from medsynth_app.workspace.workspace import Workspace
from tests.ui.desk import CTRL, TestDesk, a_desk

pytestmark = pytest.mark.gui


@pytest.fixture
def desk(qapp: Any, tmp_path: Path) -> Iterator[TestDesk]:
    with a_desk(tmp_path, Workspace.temporary()) as found:
        found.key(Qt.Key.Key_3, CTRL)
        yield found


def click(widget: QWidget, place: QPoint | None = None) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place or widget.rect().center())


def dialog(desk: TestDesk, folder: Path) -> OrderDialog:
    click(desk.pictures.make)
    found = next(each for each in desk.window.findChildren(OrderDialog) if each.isVisible())
    found._folder = folder  # never this person's own
    return found


def orders(desk: TestDesk) -> list[MakeRequest]:
    return [request for request in desk.queue.requests if isinstance(request, MakeRequest) and request.out]


def measured(desk: TestDesk) -> MakeRequest:
    """Answer the job that finds out how long it takes: a second for every picture."""
    job, record = next((name, each) for name, each in desk.queue.jobs.items()
                       if each.kind == "make" and each.lane is Lane.INTERACTIVE and not each.state.ended)
    request = desk.queue.requests[int(job.removeprefix("job-")) - 1]
    paces = [(line.sort, 0.5, 0.5 / line.steps) for line in Order.from_json(request.order).lines]
    desk.hear(record.id, JobState.RUNNING, JobEvent(job, EventKind.RESULT, data={"paces": paces}))
    desk.hear(record.id, JobState.DONE, JobEvent(job, EventKind.DONE))
    return request


def test_a_hundred_of_each_class_in_three_clicks(desk: TestDesk, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    found = dialog(desk, tmp_path / "sets")  # the first
    assert not found.start.isEnabled()
    click(found.fill)  # the second
    desk.until(found.start.isEnabled)
    assert "200 pictures, 2 classes, finding out how long" in found.summary.text()
    assert not measured(desk).out
    assert "about 3 min" in found.summary.text() and "at most 614 kB" in found.summary.text()
    click(found.start)  # the third
    desk.until(lambda: bool(orders(desk)))
    [request] = orders(desk)
    order = Order.from_json(request.order)
    assert [(line.class_name, line.count, line.prompt) for line in order.lines] == [
        ("neutrophil", 100, "a neutrophil"), ("lymphocyte", 100, "a lymphocyte")]
    assert order.split == (0.8, 0.1, 0.1) and Path(request.out) == (tmp_path / "sets" / "Blood cells").resolve()
    job = next(name for name, each in desk.queue.jobs.items() if each.lane is Lane.BACKGROUND)
    opened: list[Path] = []
    monkeypatch.setattr(commands, "open_folder", opened.append)
    desk.hear(job, JobState.RUNNING, JobEvent(job, EventKind.PROGRESS, step=50, steps=100))
    desk.hear(job, JobState.RUNNING, JobEvent(job, EventKind.RESULT, data={"folder": request.out, "pictures": 200}))
    desk.hear(job, JobState.DONE, JobEvent(job, EventKind.DONE))
    show = next(each for each in desk.window.findChildren(QPushButton) if each.text() == "Show" and each.isVisible())
    click(show)
    assert opened == [Path(request.out)]


def test_a_set_has_the_invisible_mark_as_the_settings_or_one_that_was_begun_say(desk: TestDesk, tmp_path: Path) -> None:
    make, settings = desk.session.make, desk.session.settings
    wanted = WantedSet("Few", tuple(replace(line, parameters=changed(line.parameters, width=96, height=96))
                                    for line in make.offered(2)))
    assert not make.plan(wanted).order.invisible_mark
    settings.change(invisible_mark=True)
    marked = make.plan(wanted).order
    found = dialog(desk, tmp_path / "sets")
    click(found.fill)
    desk.until(lambda: "too small for an invisible mark" in found.trouble.text())  # of 32 pixels
    settings.change(invisible_mark=False)
    (tmp_path / ORDER).write_text(marked.to_json())
    assert marked.invisible_mark and make.plan(wanted, tmp_path).order.invisible_mark


def test_lines_are_edited_and_what_is_wrong_is_told(desk: TestDesk, tmp_path: Path) -> None:
    found = dialog(desk, tmp_path / "sets")
    click(found.fill)
    desk.until(found.start.isEnabled)
    table = found.table
    table.item(0, COUNT).setData(Qt.ItemDataRole.EditRole, 7)
    table.item(0, PROMPT).setText("a big {class}")
    assert not found.start.isEnabled()  # it is looked at again
    desk.until(found.start.isEnabled)
    assert found._plan is not None
    assert (found._plan.order.count, found._plan.order.lines[0].prompt) == (107, "a big neutrophil")
    table.item(0, COUNT).setData(Qt.ItemDataRole.EditRole, 2)
    desk.until(lambda: "would have none" in found.trouble.text())
    assert not found.start.isEnabled()
    click(found.split.buttons()[0])
    desk.until(found.start.isEnabled)
    table.item(0, 0).setText("a/b")
    desk.until(lambda: "cannot be a folder" in found.trouble.text())
    table.selectRow(0)
    click(found.remove)
    desk.until(found.start.isEnabled)
    assert [line.class_name for line in found.wanted.lines] == ["lymphocyte"]
    click(found.kind.buttons()[1])  # a pack without masks
    desk.until(lambda: "cannot draw from masks" in found.trouble.text())
    click(found.cancel)
    assert not orders(desk)


def test_an_order_file_is_taken_and_a_wrong_one_told(desk: TestDesk, tmp_path: Path) -> None:
    path = tmp_path / "o.toml"
    path.write_text('name = "Mine"\npack = "cells"\nseed = 9\nlicence_note = "n"\n[[lines]]\nclass = "x"\ncount = 3\n'
                    'prompt = "an {class}"\n')
    found = dialog(desk, tmp_path / "sets")
    found.take(path)
    desk.until(found.start.isEnabled)
    assert found._plan is not None
    order = found._plan.order
    assert (order.name, order.seed, order.licence_note, order.split) == ("Mine", 9, "n", ())
    path.write_text("nam = 1")
    found.take(path)
    assert "key 'nam' is unknown" in found.trouble.text() and not found.start.isEnabled()


def test_a_folder_that_holds_something_is_not_used(desk: TestDesk, tmp_path: Path) -> None:
    (tmp_path / "sets" / "Blood cells").mkdir(parents=True)
    (tmp_path / "sets" / "Blood cells" / "a.txt").write_text("mine")
    found = dialog(desk, tmp_path / "sets")
    assert found.out == tmp_path / "sets" / "Blood cells 2"
    found._chosen = tmp_path / "sets" / "Blood cells"
    click(found.fill)
    desk.until(lambda: "holds files already" in found.trouble.text())
    assert not found.start.isEnabled()


def test_closing_stops_finding_out_how_long(desk: TestDesk, tmp_path: Path) -> None:
    found = dialog(desk, tmp_path / "sets")
    click(found.fill)
    desk.until(lambda: desk.session.make.is_measuring)
    click(found.cancel)
    assert not desk.session.make.is_measuring and ("cancel", "job-1") in desk.queue.asked
