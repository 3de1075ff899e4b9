"""A branch of a training run: another name, a changed recipe, a copy of what was learned; the run itself stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton

from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobState
from medsynth_app.core.jobs.stored import to_parts
from medsynth_app.core.jobs.train import TrainRequest
from medsynth_app.datasets.freeze import freeze_training_set
from medsynth_app.session.training import Branch
from medsynth_app.ui.places.models.branch import BranchDialog
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import two_cells
from tests.ui.desk import CTRL, TestDesk, a_desk
from tests.ui.places.models.test_bench import begin, choose, tell

pytestmark = pytest.mark.gui
RECIPE = """\
[pack]
name = "skin"
title = "Skin"

[data]
layout = "labelled-cells"
captions = ["{a} {class}"]

[denoiser]
steps = 500
"""


@pytest.fixture
def desk(qapp: object, tmp_path: Path) -> Iterator[TestDesk]:
    with a_desk(tmp_path / "desk", Workspace.temporary()) as found:
        found.window.navigator.go("models")
        yield found


@pytest.fixture
def job(desk: TestDesk, tmp_path: Path) -> str:
    """A run that has kept a checkpoint, and runs."""
    job_id = begin(desk, tmp_path, "skin")
    tell(desk, job_id, 50, loss=1.0)
    work = tmp_path / "skin.training"
    (work / "checkpoints").mkdir(parents=True, exist_ok=True)
    (work / "checkpoints" / "denoiser.pt").write_bytes(b"learned")
    freeze_training_set(two_cells(tmp_path / "cells"), {"layout": "labelled-cells", "captions": ["{a} {class}"]},
                        work / "set")
    (tmp_path / "r.toml").write_text(RECIPE)
    return job_id


def ended(desk: TestDesk, job_id: str, state: JobState = JobState.CANCELLED) -> None:
    kind = EventKind.CANCELLED if state is JobState.CANCELLED else EventKind.DONE
    desk.hear(job_id, state, JobEvent(job_id, kind))


def press(button: QAbstractButton) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def asked(desk: TestDesk) -> BranchDialog:
    found = [each for each in desk.window.findChildren(BranchDialog) if each.isVisible()]
    assert len(found) == 1
    return found[0]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_that_was_stopped_goes_on_under_another_name_with_more_steps(desk: TestDesk, tmp_path: Path, job: str
                                                                          ) -> None:
    ended(desk, job)
    before = files(tmp_path / "skin.training")
    page = choose(desk)
    press(page.branch)
    dialog = asked(desk)
    assert dialog.name.text() == "skin-2" and "Nothing is changed" in dialog.trouble.text()
    assert dialog.recipe.toPlainText() == RECIPE
    cursor = dialog.recipe.document().find("500")
    dialog.recipe.setTextCursor(cursor)
    QTest.keyClicks(dialog.recipe, "900")
    assert "One line differs" in dialog.trouble.text() and "recipes/skin-2.toml" in dialog.trouble.text()
    press(dialog.start)
    desk.until(lambda: len(desk.queue.requests) == 2)
    request = desk.queue.requests[-1]
    assert isinstance(request, TrainRequest) and request.part == "base" and request.out == str(tmp_path / "skin-2")
    recipe = Path(request.recipe)
    assert recipe.parent == desk.session.models.shelf.parent / "recipes"
    assert recipe.read_text() == RECIPE.replace("500", "900").replace('name = "skin"', 'name = "skin-2"').replace(
        '"Skin"', '"Skin (skin-2)"')
    assert (Path(request.checkpoints) / "denoiser.pt").read_bytes() == b"learned"
    assert files(tmp_path / "skin.training") == before and (tmp_path / "r.toml").read_text() == RECIPE


def test_a_branch_of_a_run_that_has_ended_is_held_against_it_at_once(desk: TestDesk, job: str,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    submit = desk.queue.submit

    def keep(request: Any, **options: Any) -> str:
        job_id = submit(request, **options)
        desk.session.workspace.jobs.add(desk.queue.jobs[job_id], *to_parts(request))
        return job_id

    monkeypatch.setattr(desk.queue, "submit", keep)
    ended(desk, job, JobState.DONE)
    page = choose(desk)
    press(page.branch)
    dialog = asked(desk)
    assert "only makes its model again" in dialog.trouble.text()
    press(dialog.start)
    desk.until(lambda: page.run is not None and page.run.name == "skin-2")
    assert page.other.currentText() == "skin" and "skin-2" in page._title.text()
    panel: Any = desk.window.place("models").panel
    assert panel.runs.rows.row(panel.runs.current).text == "skin-2"
    assert not page.branch.isEnabled()  # it has just begun itself


def test_what_cannot_be_branched_says_why_also_in_the_palette(desk: TestDesk, tmp_path: Path, job: str) -> None:
    def reason() -> str:
        desk.window.commands.refresh()
        return desk.window.commands.reason("models.branch")

    assert "Choose a training run" in reason()
    page = choose(desk)
    assert "Stop it first" in reason() and "Stop it first" in page.branch.toolTip()
    ended(desk, job)
    assert not reason() and page.branch.isEnabled()
    for path in (tmp_path / "skin.training" / "checkpoints").iterdir():
        path.unlink()
    assert "kept nothing" in reason()
    (tmp_path / "skin.training" / "checkpoints" / "denoiser.pt").write_bytes(b"learned")
    desk.window.commands.refresh()
    desk.key(Qt.Key.Key_K, CTRL)
    QTest.keyClicks(desk.window.palette_widget.field, "branch the")
    QTest.keyClick(desk.window.palette_widget.field, Qt.Key.Key_Return)
    asked(desk).reject()


def test_a_wrong_name_or_recipe_is_told_before_anything_is_copied(desk: TestDesk, tmp_path: Path, job: str,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    ended(desk, job)
    (tmp_path / "taken").mkdir()
    (tmp_path / "r.toml").unlink()
    press(choose(desk).branch)
    dialog = asked(desk)
    assert "cannot be read any more" in dialog.trouble.text() and not dialog.start.isEnabled()
    other = tmp_path / "other.toml"
    other.write_text(RECIPE)
    monkeypatch.setattr(desk.window.dialogs, "open_file", lambda title, patterns: other)
    press(dialog.choose)
    assert dialog.recipe.toPlainText() == RECIPE and dialog.start.isEnabled()
    for name, complaint in (("a/b", "Give a name without"), ("", "Give a name"), ("skin", "already"),
                            ("taken", "already")):
        dialog.name.setText(name)
        assert complaint in dialog.trouble.text() and not dialog.start.isEnabled()
    dialog.name.setText("free")
    assert dialog.start.isEnabled()
    dialog.recipe.setPlainText("[pack")
    assert "free.toml is no TOML" in dialog.trouble.text() and not dialog.start.isEnabled()
    other.write_bytes(b"\xff")
    press(dialog.choose)
    assert "other.toml cannot be read" in dialog.trouble.text()
    dialog.reject()


def test_a_copy_that_ends_in_a_fault_leaves_nothing(desk: TestDesk, tmp_path: Path, job: str) -> None:
    def broken(*_done: int) -> None:
        raise ZeroDivisionError

    run, = desk.session.training.runs
    with pytest.raises(ZeroDivisionError):
        desk.session.training.branch(Branch(run, "skin-2", RECIPE), tmp_path / "recipes", broken, lambda: False)
    assert not list((tmp_path / "recipes").iterdir()) and not list(tmp_path.glob("*skin-2*"))
    assert not list(tmp_path.glob("*.part"))


def test_a_copy_that_fails_is_told_and_leaves_nothing(desk: TestDesk, tmp_path: Path, job: str,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    from medsynth_app.actions import train

    def full(*places: object) -> None:
        raise UserError("There is not enough room on this disk.", "Make room.")

    ended(desk, job)
    monkeypatch.setattr(train, "require_room", full)
    press(choose(desk).branch)
    press(asked(desk).start)
    desk.until(lambda: bool(desk.window.banners.all()))
    assert "not enough room" in desk.banner.text and len(desk.queue.requests) == 1
    assert not list(tmp_path.rglob("skin-2*"))
    for banner in desk.window.banners.all():
        desk.window.banners.drop(banner.key)
