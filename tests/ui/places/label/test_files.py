"""Labels out of the window and in again."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from medsynth_app.ui.places.label.files import TextDialog
from medsynth_app.workspace.workspace import Workspace
from tests.ui.desk import TestDesk, a_desk
from tests.ui.places.label.bench import fill, leave, pictures

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def one_desk(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with a_desk(tmp_path_factory.mktemp("desk"), Workspace.temporary()) as made:
        made.session.people.switch("Ann")
        yield made


@pytest.fixture
def desk(one_desk: TestDesk) -> Iterator[TestDesk]:
    yield one_desk
    leave(one_desk)


def answer(desk: TestDesk, *classes: str) -> None:
    lab = desk.session.labelling
    for each in classes:
        assert lab.asked is not None
        lab.answer(lab.asked, each)


def question(desk: TestDesk) -> TextDialog:
    found: list[TextDialog] = []
    desk.until(lambda: bool(found.extend(each for each in desk.window.findChildren(TextDialog) if each.isVisible())
                            or found))
    return found[0]


def test_labels_go_out_and_come_in_after_a_question(desk: TestDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                    ) -> None:
    fill(desk, pictures(tmp_path / "cells", 4))
    assert not desk.window.commands["label.export_csv"].isEnabled()
    answer(desk, "monocyte", "ig", "platelet")
    monkeypatch.setattr(desk.window.dialogs, "save_file", lambda *_: (tmp_path / "labels", ""))
    desk.window.commands["label.export_csv"].trigger()
    desk.until(lambda: (tmp_path / "labels.csv").is_file() and not desk.session.jobs.active)
    with (tmp_path / "labels.csv").open(newline="") as stream:
        assert sorted(row["label"] for row in csv.DictReader(stream)) == ["ig", "monocyte", "platelet"]
    lab = desk.session.labelling
    for _ in range(2):
        lab.undo()
    assert lab.tally.labelled == 1
    monkeypatch.setattr(desk.window.dialogs, "open_file", lambda *_: tmp_path / "labels.csv")
    desk.window.commands["label.import"].trigger()
    dialog = question(desk)
    assert dialog.yes.text() == "Import 2 labels" and "1 stand here already" in dialog.text.toPlainText()
    QTest.mouseClick(dialog.yes, Qt.MouseButton.LeftButton)
    desk.until(lambda: lab.tally.labelled == 3)
    assert lab.undo_name == "Undo: import 2 labels"
    lab.undo()
    assert lab.tally.labelled == 1


def test_a_file_without_labels_is_told_and_changes_nothing(desk: TestDesk, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    fill(desk, pictures(tmp_path / "cells", 2))
    (tmp_path / "bad.csv").write_text("nothing\n1\n")
    monkeypatch.setattr(desk.window.dialogs, "open_file", lambda *_: tmp_path / "bad.csv")
    desk.window.commands["label.import"].trigger()
    desk.until(lambda: any("bad.csv" in banner.text for banner in desk.window.banners.all()))
    assert desk.session.labelling.tally.labelled == 0


def test_agreement_is_counted_in_the_worker(desk: TestDesk, tmp_path: Path) -> None:
    fill(desk, pictures(tmp_path / "cells", 3))
    answer(desk, "monocyte")
    desk.window.commands["label.agreement"].trigger()
    assert desk.queue.asked[-1] == ("submit", "agreement")
