"""Training from the window: asked in a dialog, queued in the background, where the data are frozen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton

from medsynth_app.core.errors import UserError
from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.train import TrainRequest
from medsynth_app.ui.places.models.train import TrainDialog
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import two_cells
from tests.ui.desk import TestDesk, a_desk

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def desk(qapp: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with a_desk(tmp_path_factory.mktemp("desk"), Workspace.temporary()) as found:
        yield found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return two_cells(tmp_path / "cells")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text('[data]\nlayout = "labelled-cells"\ncaptions = ["{a} {class}"]\n')
    return path


def dialog(desk: TestDesk, tmp_path: Path, recipe: Path) -> tuple[TrainDialog, list[str]]:
    started: list[str] = []
    found = TrainDialog(desk.session, started.append, desk.window.dialogs, folder=tmp_path / "packs")
    found._add_recipe(recipe)
    found.recipe.setCurrentIndex(found.recipe.count() - 1)
    found._follow()
    found.open()
    return found, started


def test_a_run_is_queued_with_what_was_chosen(desk: TestDesk, tmp_path: Path, data: Path,
                                              recipe: Path) -> None:
    found, started = dialog(desk, tmp_path, recipe)
    assert found.name.text() == "mine" and not found.start.isEnabled()  # no data yet
    found.set_data(data)
    found.minutes.setValue(7)
    QTest.mouseClick(found.start, Qt.MouseButton.LeftButton)
    desk.until(lambda: bool(started))
    request = desk.queue.requests[-1]
    assert isinstance(request, TrainRequest) and request.part == "base" and request.max_minutes == 7
    assert Path(request.out) == (tmp_path / "packs" / "mine").resolve()
    assert (Path(request.data), Path(request.frozen)) == (data, tmp_path / "packs" / "mine.training" / "set")
    assert not Path(request.frozen).exists()  # no picture was read on the window's side
    assert desk.queue.jobs[started[0]].lane is Lane.BACKGROUND and not found.isVisible()


def test_a_detector_can_be_trained_and_the_recipe_follows_the_part(desk: TestDesk, tmp_path: Path, recipe: Path
                                                                   ) -> None:
    found, _started = dialog(desk, tmp_path, recipe)
    found._choose_part("base")
    assert found.recipe.currentText() == "mine"  # one's own recipe stays
    found.recipe.setCurrentIndex(found.recipe.findText("blood-cells"))
    buttons = {each.text(): each for each in found.part.findChildren(QAbstractButton)}
    for title, wanted in (("Detector", "smear-detector"), ("Encoder", "cell-encoder-blind"),
                          ("Pictures", "blood-cells")):
        QTest.mouseClick(buttons[title], Qt.MouseButton.LeftButton)
        assert found.recipe.currentText() == found.name.text() == wanted
    QTest.mouseClick(buttons["Detector"], Qt.MouseButton.LeftButton)
    found.set_data(two_cells(tmp_path / "fields"))
    assert found.start.isEnabled() and found._pack_row.isHidden()
    found.recipe.setCurrentIndex(0)
    found._follow()
    assert "No recipe is written for a detector" in found.trouble.text() and not found.start.isEnabled()
    found.reject()


def test_an_earlier_run_is_resumed_without_asking_for_the_data_again(desk: TestDesk, tmp_path: Path, data: Path,
                                                                     recipe: Path) -> None:
    first, started = dialog(desk, tmp_path, recipe)
    first.set_data(data)
    first.start.click()
    desk.until(lambda: bool(started))
    again, started = dialog(desk, tmp_path, recipe)
    assert again.start.text() == "Resume training" and again.start.isEnabled()
    again.start.click()
    desk.until(lambda: bool(started))
    assert desk.queue.requests[-1].data == desk.queue.requests[-2].data


def test_a_part_joins_the_chosen_model(desk: TestDesk, tmp_path: Path, data: Path, recipe: Path) -> None:
    found, started = dialog(desk, tmp_path, recipe)
    assert found._role.text() == "Starts from" and found.pack.count() == 1 + len(desk.session.models.packs)
    assert found._chosen_pack is None  # from chance
    found.pack.setCurrentIndex(2)
    assert found._chosen_pack is desk.session.models.packs[1]
    found.part.buttons()[3].click()
    assert found._pack_row.isHidden() and found._chosen_pack is None  # an encoder stands alone
    found.part.buttons()[1].click()
    assert not found._pack_row.isHidden() and found.name.text() == "mine-control"
    found.set_data(data)
    found.pack.setCurrentIndex(1)
    found.start.click()
    desk.until(lambda: bool(started))
    assert desk.queue.requests[-1].part == "control"
    assert Path(desk.queue.requests[-1].pack) == desk.session.models.packs[1].folder.resolve()


def test_what_cannot_be_trained_is_said_in_the_dialog(desk: TestDesk, tmp_path: Path, recipe: Path) -> None:
    (tmp_path / "empty").mkdir()
    found, started = dialog(desk, tmp_path, recipe)
    found.set_data(tmp_path / "empty")
    found.name.setText("a/b")
    assert not found.start.isEnabled() and "Give a name" in found.trouble.text()
    found.name.setText("mine")
    found.start.click()
    desk.until(lambda: "layout" in found.trouble.text())
    assert found.isVisible() and found.start.isEnabled() and not started
    found.reject()


def test_a_recipe_is_written_for_data_of_ones_own_and_not_written_over(desk: TestDesk, tmp_path: Path,
                                                                       data: Path) -> None:
    started: list[str] = []
    found = TrainDialog(desk.session, started.append, desk.window.dialogs, folder=tmp_path / "packs")
    found.learn_from(data)
    found.open()
    assert found.name.text() == "cells" and found.start.isEnabled()
    QTest.mouseClick(found.start, Qt.MouseButton.LeftButton)
    desk.until(lambda: bool(started))
    written = tmp_path / "recipes" / "cells.toml"
    assert Path(desk.queue.requests[-1].recipe) == written and "an eosinophil" in written.read_text()
    written.write_text(written.read_text().replace("a picture of", "a photograph of"))
    again = TrainDialog(desk.session, started.append, desk.window.dialogs, folder=tmp_path / "packs")
    again.learn_from(data)
    again.open()
    again.start.click()
    desk.until(lambda: len(started) == 2)
    assert "a photograph of" in written.read_text() and Path(desk.queue.requests[-1].recipe) == written


def test_a_queue_that_refuses_is_told(desk: TestDesk, tmp_path: Path, data: Path, recipe: Path,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    found, started = dialog(desk, tmp_path, recipe)
    found.set_data(data)

    def refuse(request: TrainRequest) -> str:
        raise UserError("This window can only read.", "Use the other one.")

    monkeypatch.setattr(desk.session.training, "run", refuse)
    found.start.click()
    desk.until(lambda: "only read" in found.trouble.text())
    assert found.isVisible() and not started
    found.reject()
