"""My data: a folder is looked at in the background, and what was found is shown before anything is learned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from medsynth_app.core.job import EventKind, JobEvent, JobState
from medsynth_app.core.jobs.data import DataRequest
from medsynth_app.core.pack import TrainingData
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.ui.places.models.card import ModelCard
from medsynth_app.ui.places.models.data import DataDialog
from medsynth_app.ui.places.models.train import TrainDialog
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack, two_cells
from tests.actions.test_data_words import FOUND
from tests.ui.desk import TestDesk, a_desk

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def desk(qapp: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with a_desk(tmp_path_factory.mktemp("desk"), Workspace.temporary()) as found:
        yield found


@pytest.fixture
def dialog(desk: TestDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataDialog]:
    """Opened by its button, the folder ``mine`` chosen in it."""
    (tmp_path / "mine").mkdir()
    monkeypatch.setattr(desk.window.dialogs, "open_folder", lambda title: tmp_path / "mine")
    desk.clear_jobs()
    desk.window.navigator.go("models")
    QTest.mouseClick(desk.models_panel.data, Qt.MouseButton.LeftButton)
    found = next(each for each in desk.window.findChildren(DataDialog) if each.isVisible())
    QTest.mouseClick(found.choose, Qt.MouseButton.LeftButton)
    yield found
    found.reject()
    found.deleteLater()


class Chosen(QObject):
    """Stands in for the list of packs."""

    chosen_changed = Signal()
    chosen: InstalledPack | None = None


def test_the_card_says_how_the_data_were_split_and_what_of_them_is_synthetic(desk: TestDesk, tmp_path: Path) -> None:
    chosen = Chosen()
    card = ModelCard(desk.session, chosen)  # type: ignore[arg-type]
    data = TrainingData("Pets", "CC0", "", 9, split_by="patient", synthetic=3)
    for pack, told in ((make_pack(tmp_path, "old"), False), (make_pack(tmp_path, "new", training_data=(data,)), True)):
        chosen.chosen = pack
        chosen.chosen_changed.emit()
        text = [each.text() for each in card.findChildren(QLabel) if not each.isHidden()]
        assert ("by patient" in text) is told and ("3 images of its data were drawn by a model" in text) is told
    card.deleteLater()


def request_of(desk: TestDesk) -> DataRequest:
    request = desk.queue.requests[-1]
    assert isinstance(request, DataRequest)
    return request


def end(desk: TestDesk, found: dict[str, object]) -> None:
    """The worker has written report and sheet."""
    request = request_of(desk)
    Path(request.report).write_text(json.dumps(found))
    Image.new("RGB", (804, 244), "#AA3344").save(request.sheet)
    desk.hear(list(desk.queue.jobs)[-1], JobState.DONE, JobEvent(list(desk.queue.jobs)[-1], EventKind.DONE))


def said(dialog: DataDialog) -> str:
    return "\n".join(each.text() for each in dialog.findChildren(QLabel) if each.isVisible())


def test_what_was_found_is_shown_and_what_is_broken_stops_training(desk: TestDesk, dialog: DataDialog) -> None:
    assert Path(request_of(desk).data).name == "mine" and not request_of(desk).frozen
    assert not dialog.learn.isEnabled() and "Reading the pictures" in said(dialog)
    end(desk, FOUND)
    desk.until(lambda: "class folders: 9 pictures in 11 files" in said(dialog))
    for text in ("cat 6, dog 5", "Cannot be used (1)", "a.png: It is empty.", "mend what cannot be used"):
        assert text in said(dialog), text
    assert not dialog.learn.isEnabled()
    sheet = next(each for each in dialog.findChildren(QLabel) if each.accessibleName().startswith("Some pictures"))
    assert 0 < sheet.pixmap().width() <= dialog._area.viewport().width()


def test_good_data_lead_to_training_on_them(desk: TestDesk, dialog: DataDialog) -> None:
    end(desk, {**FOUND, "broken": []})
    desk.until(dialog.learn.isEnabled)
    QTest.mouseClick(dialog.learn, Qt.MouseButton.LeftButton)
    train = next(each for each in desk.window.findChildren(TrainDialog) if each.isVisible())
    assert train._data is not None and train._data.name == "mine" and train.name.text() == "mine"
    assert train.recipe.currentText() == "new, for my data" and "recipes/mine.toml" in train.trouble.text()
    assert not dialog.isVisible()
    train.reject()
    train.deleteLater()


def test_what_goes_wrong_is_told_and_a_closed_dialog_stops_its_job(desk: TestDesk, dialog: DataDialog) -> None:
    job = list(desk.queue.jobs)[-1]
    desk.hear(job, JobState.FAILED, JobEvent(job, EventKind.FAILED, message="The folder mine holds no pictures.",
                                             data={"remedy": "Give another."}))
    desk.until(lambda: "The folder mine holds no pictures. Give another." in said(dialog))
    desk.window.banners.drop(f"job.{job}")
    QTest.mouseClick(dialog.choose, Qt.MouseButton.LeftButton)
    second = list(desk.queue.jobs)[-1]
    kept = Path(request_of(desk).report).parent
    assert second != job and kept.is_dir()
    QTest.mouseClick(dialog.close_button, Qt.MouseButton.LeftButton)
    assert ("cancel", second) in desk.queue.asked and not kept.exists()


def test_what_a_run_would_learn_is_shown_before_it_is_queued(desk: TestDesk, tmp_path: Path) -> None:
    recipe, data = tmp_path / "mine.toml", two_cells(tmp_path / "cells")
    recipe.write_text('[data]\nlayout = "labelled-cells"\ncaptions = ["{a} {class}"]\n')
    train = TrainDialog(desk.session, lambda job: None, desk.window.dialogs, folder=tmp_path / "packs")
    train._add_recipe(recipe)
    train.recipe.setCurrentIndex(train.recipe.count() - 1)
    train._follow()
    train.open()
    assert not train.preview.isEnabled()
    train.set_data(data)
    QTest.mouseClick(train.preview, Qt.MouseButton.LeftButton)
    shown = next(each for each in desk.window.findChildren(DataDialog) if each.isVisible())
    request = request_of(desk)
    assert (request.data, request.frozen) == (str(data), str(tmp_path / "packs" / "mine.training" / "set"))
    end(desk, {"name": "Cells", "licence": "CC0", "split_by": "own", "classes": {
        "eosinophil": {"train": 1, "val": 0, "test": 0, "captions": ["an eosinophil"]}}})
    desk.until(lambda: "train 1, val 0, test 0; “an eosinophil”" in said(shown))
    assert shown.windowTitle() == "What will be learned" and shown.learn.isHidden()
    for dialog in (shown, train):
        dialog.reject()
        dialog.deleteLater()
