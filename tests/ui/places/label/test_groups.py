"""From generated pictures to labels: sent, ranked, labelled one by one and in a group, and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from medsynth_app.core.cell_page import CHECKS
from medsynth_app.core.cells import Origin
from medsynth_app.core.job import EventKind, JobEvent, JobState
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats.cell_tables import write_ranked
from medsynth_app.session.teaching import Stage
from medsynth_app.ui.places.label.centre import Mode
from medsynth_app.ui.places.label.map_view import inside, level_of
from medsynth_app.workspace.workspace import Workspace
from tests.ui.desk import CTRL, TestDesk, a_desk
from tests.ui.places.label.bench import centre, embed, give_encoder, learn, leave, press, ready

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def one_desk(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    folder = tmp_path_factory.mktemp("desk")
    give_encoder(folder)
    with a_desk(folder, Workspace.temporary()) as made:
        made.session.people.switch("Ann")
        yield made


@pytest.fixture
def desk(one_desk: TestDesk) -> Iterator[TestDesk]:
    if not one_desk.session.generate.pictures.count:
        draw(one_desk, 120)
    one_desk.window.navigator.go("generate")
    one_desk.window.commands.refresh()
    yield one_desk
    centre(one_desk).set_mode(Mode.ONE)
    for banner in one_desk.window.banners.all():
        one_desk.window.banners.drop(banner.key)
    leave(one_desk)


def sent(desk: TestDesk) -> None:
    """All pictures are cells now, and embedded; chance draws none of them."""
    lab = desk.session.labelling
    desk.window.commands["label.generated"].trigger()
    desk.until(lambda: lab.current is not None and len(lab.current.cells) == 120, 60)
    lab.change(control=0.0, repeats=0.0)


def draw(desk: TestDesk, count: int) -> None:
    """Whole pictures, as a worker would have drawn them."""
    workspace, rng = desk.session.workspace, np.random.default_rng(5)
    for seed in range(count):
        about = Provenance(action="generate", pack="cells 1", seed=seed, pack_sha256="", created="2030-01-01",
                           source="", largest_change_outside_mask=0,
                           parameters={"prompt": ("a neutrophil", "a lymphocyte")[seed % 2]}, report={}, notices=())
        workspace.pictures.add("job", seed, rng.integers(0, 256, (24, 24, 3), np.uint8), about)
    pictures = desk.session.generate.pictures
    pictures.count = workspace.pictures.count
    pictures.changed.emit()


def test_generated_pictures_are_sent_ranked_and_labelled_one_by_one_and_in_a_group(desk: TestDesk) -> None:
    lab, window = desk.session.labelling, desk.window
    desk.until(lambda: window.commands["label.generated"].isEnabled())
    QTest.mouseClick(desk.pictures.card.label_all, Qt.MouseButton.LeftButton)
    desk.until(lambda: lab.current is not None and len(lab.current.cells) == 120, 60)
    assert window.navigator.current.id == "label"
    assert {cell.origin for cell in lab.opened().cells} == {Origin.SYNTHETIC}
    assert {cell.asked for cell in lab.opened().cells} == {"neutrophil", "lymphocyte"}
    lab.change(control=0.0, repeats=0.0, batch=20)
    assert lab.teaching.stage is Stage.EMBEDDING
    embed(desk)
    learn(desk)
    for number in range(20):
        ready(desk)
        press(desk, *((Qt.Key.Key_1, "1"), (Qt.Key.Key_2, "2"))[number % 2])
    assert lab.tally.answers == 20 and lab.teaching.stage is Stage.LEARNING  # by itself
    learn(desk)

    press(desk, Qt.Key.Key_G, "g")
    group = centre(desk).group
    desk.until(lambda: group.ready)
    page = group.shown
    assert page.kind in ("neutrophil", "lymphocyte") and len(page.places) <= 60 and len(page.checked) == CHECKS
    left = len(page.places)
    assert f"0 of 8 checked are strangers. Of the other {left - 8} that a key labels" in group.estimate.text()
    before = page.strangers(())
    for width in (1000, 620, 500):  # every cell to check is seen whole, whatever the room
        group.resize(width, group.height())
        boxes = [group.large.visualRect(group.large.rows.index(k)) for k in range(CHECKS)]
        seen = group.large.viewport().rect()
        assert all(seen.contains(box) for box in boxes) and len({(box.x(), box.y()) for box in boxes}) == CHECKS
    desk.until(lambda: group.ready)
    for tiles, number in ((group.large, 1), (group.small, 3)):
        box = tiles.visualRect(tiles.rows.index(number))
        QTest.mouseClick(tiles.viewport(), Qt.MouseButton.LeftButton, pos=box.center())
    assert f"1 of 8 checked is a stranger. Of the other {left - 9} that a key labels" in group.estimate.text()
    assert page.strangers(group._out).value > before.value and page.strangers({group.small.rows.rows[3]}).low == 0
    assert f"A class key labels {left - 2} cells" in group.estimate.text()
    out = {page.checked[1], group.small.rows.rows[3]}
    press(desk, Qt.Key.Key_1, "1")
    given = [each for each in lab.opened().labels.values() if each.group > 1]
    assert len(given) == left - 2 and {each.answer for each in given} == {"neutrophil"}
    assert not {lab.opened().places[each.cell] for each in given} & out
    assert sum(each.checked for each in given) == CHECKS - 1
    assert group.shown != page

    for wanted in (20, 19):  # the group is one step
        desk.key(Qt.Key.Key_Z, CTRL)
        assert lab.tally.answers == wanted
    press(desk, Qt.Key.Key_G, "g")
    ready(desk)


def test_a_lasso_on_the_map_shows_its_cells_as_a_group(desk: TestDesk) -> None:
    lab = desk.session.labelling
    sent(desk)
    embed(desk)
    learn(desk)
    desk.key(Qt.Key.Key_M, CTRL)
    view = centre(desk).map.view
    assert view.isVisible()
    corners = [QPoint(2, 2), QPoint(view.width() - 2, 2), QPoint(view.width() - 2, view.height() // 2),
               QPoint(2, view.height() // 2), QPoint(2, 2)]
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=corners[0])
    for corner in corners[1:]:
        QTest.mouseMove(view, corner)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=corners[-1])
    group = centre(desk).group
    desk.until(lambda: group.shown is not None and group.isVisible())
    rows = [lab.teaching.row(place) for place in group.shown.places]
    assert lab.teaching.learned is not None
    assert all(lab.teaching.learned.map[row, 1] < 0.55 for row in rows)
    assert 20 < group.shown.left < 100


def test_cells_like_one_come_as_a_group(desk: TestDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = desk.session.labelling
    sent(desk)
    ready(desk)
    press(desk, Qt.Key.Key_G, "G", shift=True)
    assert "has not looked at this cell yet" in desk.banner.text
    embed(desk)
    learn(desk)
    ready(desk)
    asked = lab.asked
    assert asked is not None
    with monkeypatch.context() as patch:  # of a million cells that would take seconds
        patch.setattr("medsynth_app.actions.learn.read_ids", lambda path: pytest.fail("ids were read where one waits"))
        press(desk, Qt.Key.Key_G, "G", shift=True)
    job, request = list(desk.queue.jobs)[-1], desk.queue.requests[-1]
    assert request.like == (asked.cell.id,) and len(request.embeddings) == 1
    others = [cell.id for cell in lab.opened().cells if cell.id != asked.cell.id][::-1]
    write_ranked(Path(request.out), [(name, k, 0.5, "like", "") for k, name in enumerate(others, 1)])
    desk.hear(job, JobState.RUNNING, JobEvent(job, EventKind.RESULT, data={"file": request.out}))
    desk.hear(job, JobState.DONE, JobEvent(job, EventKind.DONE))
    assert not Path(request.out).exists()
    group = centre(desk).group
    desk.until(lambda: group.isVisible() and group.shown is not None)
    assert group.shown.places[0] == asked.place and group.shown.left == 120
    assert [lab.opened().cells[place].id for place in group.shown.places[1:3]] == others[:2]
    assert not group.shown.kind and group.shown.strangers(()).n == 52


def test_groups_say_why_there_are_none(desk: TestDesk) -> None:
    sent(desk)
    press(desk, Qt.Key.Key_G, "g")
    group = centre(desk).group
    desk.until(lambda: "The encoder looks at the cells" in group.empty.text())
    job = next(job for job, record in desk.queue.jobs.items() if record.kind == "embed")
    desk.hear(job, JobState.FAILED, JobEvent(job, EventKind.FAILED, message="The encoder cannot be read."))
    assert group.empty.text() == "The encoder cannot be read."


def test_squares_of_the_map_hold_every_point_once() -> None:
    points = np.random.default_rng(0).random((2000, 2)).astype(np.float32)
    for edge in (0.5, 0.1, 0.013):
        level = level_of(points, edge)
        assert level.counts.sum() == 2000
        assert len(set(zip(level.columns.tolist(), level.rows.tolist(), strict=True))) == len(level.rows)
    corners = np.array([[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]])
    assert (inside(points, corners) == ((points > 0.2) & (points < 0.8)).all(1)).all()
