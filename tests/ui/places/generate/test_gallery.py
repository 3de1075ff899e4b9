"""The gallery: pictures are read a page at a time, and thumbnails are made of those that are looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from medsynth_app.core.changes import Changes
from medsynth_app.core.hidden_mark import read_mark
from medsynth_app.core.provenance import Provenance
from medsynth_app.ui.places.generate.gallery import PAGE
from medsynth_app.ui.places.generate.saving import SaveDialog
from medsynth_app.ui.shell.settings_dialog import SettingsDialog
from medsynth_app.workspace.workspace import Workspace
from tests.ui.desk import CTRL, a_desk

pytestmark = pytest.mark.gui
COUNT = 2 * PAGE + 7


def test_pages_come_as_one_scrolls_and_thumbnails_as_one_looks(qapp: Any, tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace.open(tmp_path / "work")
    for seed in range(COUNT):
        about = Provenance(action="generate", pack="a", pack_sha256="0" * 64, seed=seed, created="2030-01-01",
                           parameters={"prompt": f"picture {seed}"})
        workspace.pictures.add(f"job-{seed}", 0, np.full((8, 8, 3), seed % 256, np.uint8), about)
    made: list[str] = []
    from medsynth_app.ui.places.generate import thumbnails

    make = thumbnails.thumbnail
    monkeypatch.setattr(thumbnails, "thumbnail",
                        lambda picture, *rest: made.append(picture.id) or make(picture, *rest))
    with a_desk(tmp_path, workspace) as desk:
        grid = desk.pictures
        assert len(grid.model.rows) == PAGE and not made  # nobody looks
        desk.key(Qt.Key.Key_3, CTRL)
        desk.until(lambda: bool(made))
        desk.until(lambda: not grid.thumbnails.busy)
        assert 4 < len(made) < PAGE  # those in view
        grid.model.fetchMore(QModelIndex())
        grid.model.fetchMore(QModelIndex())
        assert len(grid.model.rows) == COUNT and not grid.model.canFetchMore(QModelIndex())
        assert f"{COUNT} pictures" in grid._count.accessibleName()
        grid.choose(COUNT - 1)
        grid.list.scrollToBottom()
        last = grid.chosen
        desk.until(lambda: last.id in made)
        assert f"seed {last.seed}" in grid.model.index(COUNT - 1).data()
        QTest.qWait(20)
        kept = grid.model.row(3)
        desk.session.generate.pictures.remove(grid.model.row(0).id)
        assert grid.model.row(2) == kept and len(grid.model.rows) == COUNT - 1 and grid.chosen.id == last.id


def filled(tmp_path: Path) -> Workspace:
    workspace = Workspace.open(tmp_path / "work")
    for seed in range(8):
        about = Provenance(action="generate", pack="a", pack_sha256="0" * 64, seed=seed, created="2030-01-01",
                           parameters={"prompt": "a platelet" if seed % 2 else "a neutrophil"})
        workspace.pictures.add(f"job-{seed}", 0, np.full((8, 8, 3), seed, np.uint8), about)
    return workspace


def click_row(grid: Any, place: int, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.mouseClick(grid.list.viewport(), Qt.MouseButton.LeftButton, modifier,
                     grid.list.visualRect(grid.model.index(place)).center())


def button_of(desk: Any, text: str) -> QPushButton:
    return next(each for each in desk.window.findChildren(QPushButton) if each.text() == text and each.isVisible())


def test_several_pictures_are_removed_with_one_question(qapp: Any, tmp_path: Path) -> None:
    with a_desk(tmp_path, filled(tmp_path)) as desk:
        desk.key(Qt.Key.Key_3, CTRL)
        grid = desk.pictures
        click_row(grid, 0)
        assert not grid.remove.isVisible() and grid.save.text() == "Save 8…"
        click_row(grid, 2, Qt.KeyboardModifier.ControlModifier)
        assert grid.remove.text() == "Remove 2…" and grid.save.text() == "Save 2…"
        kept = [grid.model.row(place).seed for place in (1, 3, 4, 5, 6, 7)]
        QTest.keyClick(grid.list, Qt.Key.Key_Delete)
        assert "Remove 2 pictures from the workspace?" in desk.banner.text
        QTest.mouseClick(button_of(desk, "Remove 2 pictures"), Qt.MouseButton.LeftButton)
        assert [picture.seed for picture in desk.session.workspace.pictures.page()] == kept


def test_what_is_marked_stays_marked_while_pictures_come(qapp: Any, tmp_path: Path) -> None:
    with a_desk(tmp_path, filled(tmp_path)) as desk:
        desk.key(Qt.Key.Key_3, CTRL)
        grid = desk.pictures
        click_row(grid, 1)
        click_row(grid, 3, Qt.KeyboardModifier.ShiftModifier)
        marked = [picture.id for picture in grid.selected]
        desk.session.generate.pictures.remove(grid.model.row(6).id)
        assert len(marked) == 3 and [picture.id for picture in grid.selected] == marked


def test_the_filter_shows_what_is_searched_for_and_saves_that(qapp: Any, tmp_path: Path) -> None:
    with a_desk(tmp_path, filled(tmp_path)) as desk:
        desk.key(Qt.Key.Key_3, CTRL)
        grid, pictures = desk.pictures, desk.session.generate.pictures
        QTest.mouseClick(grid.filter.text, Qt.MouseButton.LeftButton)
        QTest.keyClicks(grid.filter.text, "platelet")
        desk.until(lambda: pictures.count == 4)
        assert {picture.seed for picture in grid.model.rows} == {1, 3, 5, 7}
        assert "4 of 8 pictures" in grid._count.accessibleName() and grid.save.text() == "Save 4…"
        QTest.mouseClick(grid.save, Qt.MouseButton.LeftButton)
        ask = next(each for each in desk.window.findChildren(SaveDialog) if each.isVisible())
        ask._folder = tmp_path
        ask.name.setText("a/b")
        assert not ask.save.isEnabled() and "without /" in ask.trouble.text()
        ask.name.setText("saved")
        assert not ask.hidden.isChecked()
        QTest.mouseClick(ask.save, Qt.MouseButton.LeftButton)
        desk.until(lambda: (tmp_path / "saved" / "README.md").exists() and not desk.session.jobs.running)
        assert len(list((tmp_path / "saved" / "platelet").iterdir())) == 4
        QTest.keyClicks(grid.filter.text, "zz")
        desk.until(lambda: pictures.count == 0)
        assert grid.empty.isVisible() and "No picture is like that" in grid.empty.text()
        grid.filter.clear()
        assert pictures.count == 8


def test_an_invisible_mark_is_hidden_where_the_dialog_or_the_settings_say_so(qapp: Any, tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "work")
    about = Provenance(action="generate", pack="a", pack_sha256="0" * 64, seed=3, created="2030-01-01",
                       parameters={"prompt": "a cell"})
    workspace.pictures.add("job", 0, np.full((96, 96, 3), 90, np.uint8), about)
    workspace.pictures.add("job", 1, np.full((96, 96, 3), 99, np.uint8), about)

    def is_marked(path: Path) -> bool:
        with Image.open(path) as image:
            mark = read_mark(np.array(image))
        return mark is not None and mark.is_there

    with a_desk(tmp_path, workspace) as desk:
        desk.key(Qt.Key.Key_3, CTRL)
        QTest.mouseClick(desk.pictures.save, Qt.MouseButton.LeftButton)
        ask = next(each for each in desk.window.findChildren(SaveDialog) if each.isVisible())
        ask._folder = tmp_path
        ask.name.setText("saved")
        QTest.keyClick(ask.hidden, Qt.Key.Key_Space)
        QTest.mouseClick(ask.save, Qt.MouseButton.LeftButton)
        desk.until(lambda: (tmp_path / "saved" / "README.md").exists() and not desk.session.jobs.running)
        assert all(is_marked(path) for path in (tmp_path / "saved").rglob("*.png"))
        picture, exports = desk.pictures.chosen, desk.session.exports
        exports.picture(picture, tmp_path / "plain.png")
        desk.window.commands["help.settings"].trigger()
        settings = next(each for each in desk.window.findChildren(SettingsDialog) if each.isVisible())
        QTest.keyClick(settings.hidden, Qt.Key.Key_Space)
        settings.accept()
        exports.picture(picture, tmp_path / "marked.png")
        assert not is_marked(tmp_path / "plain.png") and is_marked(tmp_path / "marked.png")


def test_settings_of_a_picture_come_back_into_the_panel(qapp: Any, tmp_path: Path) -> None:
    with a_desk(tmp_path, filled(tmp_path)) as desk:
        pack = desk.session.models.packs[1]
        about = Provenance(action="generate", pack=pack.manifest.name, pack_sha256=pack.manifest.sha256, seed=77,
                           created="2030-01-02", parameters={"prompt": "mine", "steps": 11, "guidance": 4.5,
                                                             "width": 64, "height": 64, "negative_prompt": "text"})
        desk.session.workspace.pictures.add("job-x", 0, np.zeros((8, 8, 3), np.uint8), about)
        desk.session.changed.emit(Changes(pictures=("x",)))
        desk.key(Qt.Key.Key_3, CTRL)
        desk.pictures.choose(0)
        QTest.mouseClick(desk.pictures.card.use, Qt.MouseButton.LeftButton)
        set_now = desk.session.generate.parameters
        assert (set_now.conditioning.prompt, set_now.conditioning.negative_prompt) == ("mine", "text")
        assert (set_now.sampling.seed, set_now.sampling.steps, set_now.sampling.guidance) == (77, 11, 4.5)
        assert (set_now.width, set_now.height) == (64, 64) and desk.session.models.pack == pack
        assert desk.generate_panel.steps.value() == 11 and desk.generate_panel.seed.field.value() == 77
        desk.pictures.choose(1)  # of a model that is not installed
        QTest.mouseClick(desk.pictures.card.use, Qt.MouseButton.LeftButton)
        assert "is not installed" in desk.banner.text
        assert desk.session.generate.parameters == set_now


def test_favourites_are_marked_with_a_star_and_shown_alone(qapp: Any, tmp_path: Path) -> None:
    with a_desk(tmp_path, filled(tmp_path)) as desk:
        desk.key(Qt.Key.Key_3, CTRL)
        grid, pictures = desk.pictures, desk.session.generate.pictures
        click_row(grid, 1)
        click_row(grid, 2, Qt.KeyboardModifier.ShiftModifier)
        liked = {picture.id for picture in grid.selected}
        QTest.mouseClick(grid.card.favourite, Qt.MouseButton.LeftButton)
        assert {picture.id for picture in pictures.page(0, 9) if picture.favourite} == liked and len(liked) == 2
        assert grid.model.index(1).data().startswith("\N{BLACK STAR}")
        QTest.mouseClick(grid.filter.favourites, Qt.MouseButton.LeftButton)
        assert {picture.id for picture in grid.model.rows} == liked
        grid.choose(0)
        QTest.mouseClick(grid.card.favourite, Qt.MouseButton.LeftButton)  # it goes out of sight
        assert pictures.count == 1 and len(grid.model.rows) == 1
        QTest.mouseClick(grid.filter.favourites, Qt.MouseButton.LeftButton)
        assert pictures.count == 8
