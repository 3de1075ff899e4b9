"""Nothing is cut off and no texts lie upon each other: every place, dialog and state, at six sizes, in both themes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent, QPoint
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QPushButton, QScrollArea, QWidget

from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobState
from medsynth_app.formats.training_log import note
from medsynth_app.ui.places.label.centre import Mode
from medsynth_app.ui.shell.banners import Details
from medsynth_app.ui.viewer import Hover
from medsynth_app.ui.viewer.overlay import EDGE
from medsynth_app.ui.widgets.basic import Group
from medsynth_app.workspace.workspace import Workspace
from tests.ui.desk import TestDesk, a_desk
from tests.ui.geometry import faults
from tests.ui.places.label.bench import pictures
from tests.ui.places.models.test_bench import begin, choose

pytestmark = [pytest.mark.gui, pytest.mark.timeout(600)]    # most of it is waiting for a busy machine
SIZES = ((900, 560), (1024, 640), (1280, 720), (1366, 768), (1920, 1080), (2560, 1440))
PLACES = ("library", "paint", "generate", "label", "evaluate", "models")
ERROR = UserError("The worker ended while it drew, because the memory of the computer was used up.",
                  "Close other programs, or ask for fewer candidates, then run it again.",
                  "The image is unchanged and what you painted is saved.", details="a trace\nof two lines")


@pytest.fixture(scope="module")
def desk(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with a_desk(tmp_path_factory.mktemp("desk"), Workspace.temporary(), (900, 560)) as made:
        yield made


def settle() -> None:
    """Let what was asked to be laid out be laid out."""
    for _ in range(3):
        QApplication.sendPostedEvents()
        QApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def layers(desk: TestDesk) -> tuple[QWidget, ...]:
    """What lies over other things on purpose."""
    window = desk.window
    chips = window.canvas.stage.chips
    return (*window.findChildren(Details), *window.findChildren(QDialog), chips.list, chips, window.veil,
            window.palette_widget, window.drawer, window.toasts, window.messages)


# -- states: each is entered, looked at, and left


@contextmanager
def place(desk: TestDesk, name: str) -> Iterator[None]:
    desk.window.navigator.go(name)
    yield
    desk.window.navigator.go("paint")


@contextmanager
def said(desk: TestDesk) -> Iterator[None]:
    """An error with its details, an image that is being opened, a question and notes."""
    window = desk.window
    window.banners.error(ERROR, key="first")
    window.banners.error(ERROR, key="second", choices=(("Run again", lambda: None),))
    window.opening._words.setText("Opening: 128 of 384 files read")
    window.opening.show()
    window.toasts.say("done", "The study was removed from the workspace, with one generated picture from its masks.")
    desk.banner.fold.click()
    yield
    for banner in window.banners.all():
        window.banners.drop(banner.key)
    window.opening.hide()
    for each in window.toasts._notes():
        window.toasts._drop(each)


@contextmanager
def asked_for_a_name(desk: TestDesk) -> Iterator[None]:
    desk.window.name_bar.ask()
    desk.window.name_bar.save()  # an empty one is refused, in words
    yield
    desk.window.name_bar.hide()


@contextmanager
def switched(desk: TestDesk, command: str) -> Iterator[None]:
    """What a command opens and closes."""
    desk.window.commands[command].trigger()
    yield
    desk.window.commands[command].trigger()


@contextmanager
def palette(desk: TestDesk) -> Iterator[None]:
    desk.window.commands["help.palette"].trigger()
    desk.window.palette_widget.field.setText("no such thing")
    yield
    desk.window.palette_widget.close_palette()


@contextmanager
def covered(desk: TestDesk) -> Iterator[None]:
    desk.window.veil.cover()
    yield
    desk.window.veil.lift()


@contextmanager
def dialog(desk: TestDesk, command: str) -> Iterator[None]:
    desk.window.commands[command].trigger()
    yield
    for shown in desk.window.findChildren(QDialog):
        if shown.isVisible():
            shown.reject()
            shown.deleteLater()


@contextmanager
def branch(desk: TestDesk) -> Iterator[None]:
    """A training run that was stopped, and the dialog that branches it."""
    folder = desk.image.parent
    note(folder / "cells.training" / "checkpoints", {"stage": "denoiser", "step": 50, "steps": 500, "loss": 1.0})
    (folder / "cells.training" / "checkpoints").mkdir(exist_ok=True)
    (folder / "cells.training" / "checkpoints" / "denoiser.pt").touch()
    job_id = begin(desk, folder, "cells")
    desk.hear(job_id, JobState.CANCELLED, JobEvent(job_id, EventKind.CANCELLED))
    desk.window.navigator.go("models")
    choose(desk)
    with dialog(desk, "models.branch"):
        yield
    desk.session.workspace.jobs.remove(job_id)
    desk.clear_jobs()
    desk.window.navigator.go("paint")


@contextmanager
def unfolded(desk: TestDesk) -> Iterator[None]:
    """What stands behind "More"."""
    more = desk.inpaint_panel.more.head
    more.setChecked(True)
    yield
    more.setChecked(False)


@contextmanager
def pointed(desk: TestDesk) -> Iterator[None]:
    """The longest facts of the status bar, and the corner's words beside the chips."""
    stage = desk.window.canvas.stage
    desk.window.canvas.hovered.emit(Hover(1023, 1023, True, "-1024 HU (original 3071)", (-123.4, -234.5, -1234.5), 1.0,
                                          "epithelium"))
    words = QFontMetrics(stage.overlay._text)
    assert max(map(words.horizontalAdvance, stage.overlay.marks.corner)) + 2 * EDGE <= stage.chips.x()
    yield
    desk.window.canvas.hovered.emit(None)


@contextmanager
def known(desk: TestDesk) -> Iterator[None]:
    desk.window.canvas.stage.chips.open()
    yield
    desk.window.canvas.stage.chips.list.hide()


@contextmanager
def at_work(desk: TestDesk) -> Iterator[None]:
    """A run that draws, another that waits and one that failed, with the drawer open."""
    jobs = [desk.session.inpaint.run().jobs[0] for _ in range(3)]
    desk.hear(jobs[0], JobState.RUNNING, JobEvent(jobs[0], EventKind.STARTED))
    desk.hear(jobs[0], JobState.RUNNING, JobEvent(jobs[0], EventKind.PROGRESS, step=12, steps=25, seconds_left=4000))
    desk.hear(jobs[1], JobState.FAILED, JobEvent(jobs[1], EventKind.FAILED, message="Out of memory.",
                                                 data={"remedy": "Use fewer candidates.", "details": "trace"}))
    desk.window.drawer.set_open(True)
    yield
    desk.window.drawer.set_open(False)
    for banner in desk.window.banners.all():
        desk.window.banners.drop(banner.key)
    desk.clear_jobs()


@contextmanager
def labelling(desk: TestDesk, mode: str) -> Iterator[None]:
    """Cells to label, blind, with all groups of the inspector unfolded."""
    lab, centre = desk.session.labelling, desk.window.place("label").centre
    if not lab.sets:
        folder = pictures(desk.image.parent / "cells", 30)
        lab.new("Smears of May", next(each for each in lab.schemas if each.id == "bone-marrow"))
        lab.change(blind=True)
        lab.add(lab.gather(folder))
    lab.open_last()
    desk.window.navigator.go("label")
    centre.set_mode(Mode(mode))
    groups = [group for group in desk.window.place("label").panel.findChildren(Group) if not group.head.isChecked()]
    for group in groups:
        group.head.setChecked(True)
    yield
    for group in groups:
        group.head.setChecked(False)
    centre.set_mode(Mode.ONE)
    desk.window.navigator.go("paint")


EMPTY: dict[str, Callable[[TestDesk], Any]] = {
    **{f"empty, in {name}": (lambda desk, name=name: place(desk, name)) for name in PLACES},
    "first run": asked_for_a_name,
}
OPENED: dict[str, Callable[[TestDesk], Any]] = {
    **{f"with candidates, in {name}": (lambda desk, name=name: place(desk, name)) for name in PLACES},
    "under the pointer": pointed, "messages": said, "a question for the name": asked_for_a_name, "at work": at_work,
    "palette": palette,
    "veil": covered, "more": unfolded, "facts": known,
    "the strip folded": lambda desk: switched(desk, "view.strip"),
    "without the inspector": lambda desk: switched(desk, "view.inspector"),
    "settings": lambda desk: dialog(desk, "help.settings"), "keys": lambda desk: dialog(desk, "help.keys"),
    "key editor": lambda desk: dialog(desk, "help.edit_keys"),
    **{f"cells, {mode.value}": (lambda desk, mode=mode: labelling(desk, mode.value)) for mode in Mode},
    "classes": lambda desk: dialog(desk, "label.classes"),
    "my data": lambda desk: dialog(desk, "models.data"), "training": lambda desk: dialog(desk, "models.train"),
    "branch": branch,
}


def look(desk: TestDesk, states: dict[str, Callable[[TestDesk], Any]]) -> list[str]:
    """What is wrong in any of these states, at any size, in either theme."""
    found: dict[str, list[str]] = {}
    desk.window.setUpdatesEnabled(False)    # where things lie is asked, and nothing is drawn
    for theme in ("light", "dark"):
        desk.window.choose_theme(theme)
        for size in SIZES:
            desk.window.resize(*size)
            settle()
            assert (desk.window.width(), desk.window.height()) == size
            for name, state in states.items():
                with state(desk):
                    settle()
                    for fault in faults(desk.window, layers(desk)):
                        found.setdefault(fault, []).append(f"{size[0]} x {size[1]}, {theme}, {name}")
                settle()
    desk.window.setUpdatesEnabled(True)
    return [f"{fault}\n    at {at[0]}" + (f" and in {len(at) - 1} more" if at[1:] else "")
            for fault, at in found.items()]


def test_without_an_image(desk: TestDesk) -> None:
    desk.until(lambda: bool(desk.window.welcome.demo_buttons()))
    found = look(desk, EMPTY)
    assert found == [], "\n".join(found)


def test_with_an_image_and_candidates(desk: TestDesk, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    grey = Image.fromarray(rng.integers(0, 255, (64, 80, 2), np.uint8), "LA")  # blended, with a note; of no modality
    grey.save(tmp_path / "grey.png")
    desk.window.open_path(tmp_path / "grey.png")
    desk.until(lambda: not desk.window.opening.busy)
    desk.window.navigator.go("paint")
    desk.session.people.switch("Dr. Maximiliane Oberhuber-Westerwelle")
    desk.candidates()
    QTest.qWait(200)
    assert [fact.title for fact in desk.window.canvas.stage.chips.facts] == ["SYNTHETIC", "Modality unknown", "1 note"]
    found = look(desk, OPENED)
    assert found == [], "\n".join(found)


def test_on_a_smaller_screen_everything_can_be_reached(desk: TestDesk) -> None:
    """At 200 % a screen of 1366 x 768 has 683 x 384: the window scrolls."""
    window = desk.window
    window.setMinimumSize(0, 0)
    window.resize(683, 384)
    settle()
    area = window.centralWidget()
    assert isinstance(area, QScrollArea) and area.widget().size().toTuple() == (900, 560)
    assert area.horizontalScrollBar().maximum() >= 900 - 683 and area.verticalScrollBar().maximum() >= 560 - 384
    found = [fault for name in ("settings", "keys", "key editor", "palette")
             for fault in _looked_at(desk, OPENED[name])]
    assert found == [], "\n".join(found)
    window.resize(900, 560)


def _looked_at(desk: TestDesk, state: Callable[[TestDesk], Any]) -> list[str]:
    with state(desk):
        settle()
        shown = [dialog for dialog in desk.window.findChildren(QDialog) if dialog.isVisible()]
        assert all(dialog.height() <= 384 and dialog.width() <= 683 for dialog in shown)
        return [fault for part in shown or [desk.window.palette_widget] for fault in faults(part)]


def test_what_is_cut_off_or_overlaps_is_found(qapp: Any) -> None:
    window = QWidget()
    window.resize(300, 200)
    narrow, over, under = QPushButton("A long text", window), QLabel("Over", window), QLabel("Under", window)
    wrapped = QLabel("many words that need several lines", window)
    out = QLabel("out", window)
    wrapped.setWordWrap(True)
    narrow.setGeometry(0, 0, 40, 30)
    over.setGeometry(100, 0, 60, 20)
    under.setGeometry(110, 5, 60, 20)
    wrapped.setGeometry(0, 60, 80, 16)
    out.setGeometry(280, 100, 60, 20)
    window.show()
    settle()
    texts = "\n".join(faults(window))
    for wanted in ("“A long text”: needs", "“Over” and QLabel “Under” overlap", "“many words", "“out”: sticks out"):
        assert wanted in texts, texts
    for widget, at in ((narrow, QPoint(0, 0)), (over, QPoint(150, 0)), (under, QPoint(150, 40)),
                       (wrapped, QPoint(0, 60)), (out, QPoint(150, 120))):
        widget.move(at)
        widget.resize(140, 60)
    under.resize(140, 20)
    over.resize(140, 20)
    narrow.resize(140, 40)
    settle()
    assert faults(window) == []
    window.close()
