"""Cells are labelled one by one, with real keys."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from PySide6.QtCore import QRect, Qt
from PySide6.QtTest import QTest

from medsynth_app.core.cell_schema import IMPLAUSIBLE, NOT_A_CELL, NOT_SURE
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import JobState
from medsynth_app.session.teaching import Stage
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack
from tests.ui.desk import CTRL, TestDesk, a_desk
from tests.ui.places.label.bench import (
    ENCODER,
    centre,
    embed,
    fill,
    give_encoder,
    learn,
    leave,
    pictures,
    press,
    ready,
    told,
)

pytestmark = pytest.mark.gui
ONE, TWO = (Qt.Key.Key_1, "1"), (Qt.Key.Key_2, "2")


@pytest.fixture(scope="module")
def one_desk(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with a_desk(tmp_path_factory.mktemp("desk"), Workspace.temporary()) as made:
        made.session.people.switch("Ann")
        yield made


@pytest.fixture
def desk(one_desk: TestDesk) -> Iterator[TestDesk]:
    yield one_desk
    leave(one_desk)


def labels(desk: TestDesk) -> list[str]:
    opened = desk.session.labelling.opened()
    return [each.answer for each in sorted(opened.labels.values(), key=lambda label: label.at)]


def test_one_key_names_a_cell_and_brings_the_next(desk: TestDesk, tmp_path: Path) -> None:
    fill(desk, pictures(tmp_path / "cells", 6))
    lab = desk.session.labelling
    for key, wanted in ((ONE, "neutrophil"), (TWO, "lymphocyte")):
        ready(desk)
        first = lab.asked
        press(desk, *key)
        assert lab.asked != first and labels(desk)[-1] == wanted
    ready(desk)
    press(desk, Qt.Key.Key_N, "n")
    ready(desk)
    press(desk, Qt.Key.Key_N, "N", shift=True)
    ready(desk)
    press(desk, Qt.Key.Key_U, "u")
    assert labels(desk)[-3:] == [NOT_A_CELL, IMPLAUSIBLE, NOT_SURE]
    assert centre(desk).one.count.text() == "Cell 6 of 6"
    ready(desk)
    press(desk, *ONE)
    assert "All cells are labelled" in centre(desk).one.view.accessibleName()


def test_the_next_cell_is_on_the_screen_before_the_label_is_written_and_stays_asked_where_it_cannot_be(
        desk: TestDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(desk, pictures(tmp_path / "cells", 6))
    lab, one = desk.session.labelling, centre(desk).one
    write, seen = lab.opened().apply, list[bool]()

    def watched(*given: Any) -> Any:
        following = centre(desk).pictures.large(lab.upcoming(2)[1].cell)
        seen.append(one.view.drawn_at is not None and one.view._crop is following)
        return write(*given)

    ready(desk)
    desk.until(lambda: not centre(desk).pictures.busy)
    monkeypatch.setattr(lab.opened(), "apply", watched)
    first, second = (asked.cell.id for asked in lab.upcoming(2))
    press(desk, *ONE)
    assert seen == [True] and [each.cell for each in lab.opened().labels.values()] == [first]
    ready(desk)

    def full(*given: Any) -> Any:
        raise UserError("The disk is full.", "Make room.")

    monkeypatch.setattr(lab.opened(), "apply", full)
    press(desk, *TWO)
    ready(desk)
    assert one.shown.cell.id == lab.asked.cell.id == second and len(lab.opened().labels) == 1  # type: ignore[union-attr]
    assert one.view._crop is centre(desk).pictures.large(one.shown.cell)
    for banner in desk.window.banners.all():
        desk.window.banners.drop(banner.key)
    monkeypatch.undo()
    press(desk, *TWO)
    desk.key(Qt.Key.Key_Z, CTRL)
    ready(desk)
    assert one.shown.cell.id == second and labels(desk) == ["neutrophil"]


def test_a_held_key_labels_once_and_one_that_comes_too_early_not_at_all(desk: TestDesk, tmp_path: Path) -> None:
    fill(desk, pictures(tmp_path / "cells", 8))
    press(desk, *ONE)  # nothing is drawn yet
    assert labels(desk) == []
    ready(desk)
    press(desk, *ONE)
    for _ in range(30):
        press(desk, *ONE, held=True)
        QTest.qWait(10)
    assert labels(desk) == ["neutrophil"]
    ready(desk)
    press(desk, *ONE)
    press(desk, *TWO)  # before the next one was seen
    assert labels(desk) == ["neutrophil"] * 2


def test_undo_belongs_to_the_place_in_view(desk: TestDesk, tmp_path: Path) -> None:
    desk.open()
    desk.paint()
    fill(desk, pictures(tmp_path / "cells", 4))
    lab = desk.session.labelling
    ready(desk)
    first = lab.asked
    press(desk, *ONE)
    undo = desk.window.commands["edit.undo"]
    assert undo.text() == "Undo: label neutrophil"
    ready(desk)
    desk.key(Qt.Key.Key_Z, CTRL)
    assert labels(desk) == [] and lab.asked == first
    assert not undo.isEnabled() and desk.window.commands["edit.redo"].isEnabled()
    desk.window.navigator.go("paint")
    assert undo.text().startswith("Undo: paint")
    desk.window.navigator.go("generate")
    assert not undo.isEnabled()


def test_skipped_cells_come_again_at_the_end(desk: TestDesk, tmp_path: Path) -> None:
    fill(desk, pictures(tmp_path / "cells", 3))
    lab = desk.session.labelling
    ready(desk)
    first = lab.asked
    centre(desk).one.view.setFocus()
    press(desk, Qt.Key.Key_Space, " ")
    for _ in range(2):
        ready(desk)
        press(desk, *ONE)
    ready(desk)
    assert lab.asked is not None and first is not None and lab.asked.place == first.place


def test_an_image_that_has_gone_is_named_and_can_be_skipped_or_read_again(desk: TestDesk, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "cells", 3)
    lab = desk.session.labelling
    desk.session.people.switch("Ann")
    lab.new("May", lab.schemas[0])
    lab.add(lab.gather(folder))
    assert lab.asked is not None
    gone = Path(lab.asked.cell.file)
    away = gone.rename(tmp_path / "away.png")
    desk.window.navigator.go("label")
    one = centre(desk).one
    desk.until(lambda: gone.name in one.view.accessibleName())
    press(desk, *ONE)
    assert labels(desk) == []
    away.rename(gone)
    desk.window.commands.refresh()
    desk.window.commands["label.again"].trigger()
    ready(desk)
    gone.rename(away)
    press(desk, Qt.Key.Key_S, "s")
    assert lab.asked is not None and lab.asked.cell.file != str(gone)


def test_a_name_that_is_being_written_stays_one_and_the_keys_are_answers_afterwards(desk: TestDesk, tmp_path: Path
                                                                                    ) -> None:
    lab, bar = desk.session.labelling, desk.window.name_bar
    desk.window.navigator.go("label")
    desk.until(lambda: desk.window.focusWidget() is not None and centre(desk).page is centre(desk).start)
    lab.new("May", lab.schemas[0])
    bar.ask()
    lab.add(lab.gather(pictures(tmp_path / "cells", 4)))
    ready(desk)
    assert bar.field.hasFocus()
    QTest.keyClick(bar.field, Qt.Key.Key_Escape)
    assert bar.isHidden() and centre(desk).one.view.hasFocus()
    bar.ask()
    QTest.keyClicks(bar.field, "Sue 1")
    QTest.keyClick(bar.field, Qt.Key.Key_Return)
    assert desk.session.people.current is not None and desk.session.people.current.name == "Sue 1"
    assert bar.isHidden() and centre(desk).one.view.hasFocus() and labels(desk) == []
    ready(desk)
    press(desk, *ONE)
    assert len(labels(desk)) == 1


def test_in_a_small_window_tools_do_not_lie_over_one_another(desk: TestDesk, tmp_path: Path) -> None:
    fill(desk, pictures(tmp_path / "cells", 2))
    size, bar = desk.window.size(), desk.window.toolbar
    desk.window.resize(900, 560)
    desk.until(lambda: bar.more.isVisible())
    desk.session.labelling.change(name="Smears of the second of May, by two people")

    def apart() -> bool:
        shown = [part.geometry() for part in bar.parts if part.isVisible()]
        return len(shown) > 1 and all(left.right() < right.left() for left, right in pairwise(shown))

    desk.until(apart)
    desk.window.resize(size)


def test_a_scale_bar_stands_where_the_size_is_known_and_not_where_it_would_tell_the_origin(
        desk: TestDesk, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "cells", 2)
    for number, path in enumerate(sorted(folder.iterdir())):
        if number:
            tifffile.imwrite(path.with_suffix(".tif"), np.asarray(Image.open(path)), photometric="rgb",
                             resolution=(20_000, 20_000), resolutionunit="CENTIMETER")
            path.unlink()
    fill(desk, folder)
    panel, lab, view = desk.window.place("label").panel, desk.session.labelling, centre(desk).one.view

    def inked() -> bool:
        shown = view.grab(QRect(view.width() - 160, view.height() - 40, 160, 40)).toImage()
        return any(shown.pixelColor(x, y).lightness() < 80 for x in range(shown.width()) for y in range(shown.height()))

    for _turn in range(2):
        ready(desk)
        assert inked() == lab.asked.cell.file.endswith(".tif")  # type: ignore[union-attr]
        press(desk, *ONE)
    desk.key(Qt.Key.Key_Z, CTRL)
    panel.blind.setChecked(True)
    for place in range(2):
        lab.ask(place)
        ready(desk)
        assert not inked()


def test_the_clock_stands_still_without_the_focus(desk: TestDesk, tmp_path: Path) -> None:
    fill(desk, pictures(tmp_path / "cells", 2))
    ready(desk)
    assert desk.session.labelling.clock.running
    desk.window.navigator.go("paint")
    assert not desk.session.labelling.clock.running


def test_without_an_encoder_cells_come_by_chance_and_it_is_said(desk: TestDesk, tmp_path: Path) -> None:
    fill(desk, pictures(tmp_path / "cells", 1))
    panel = desk.window.place("label").panel
    assert "no encoder" in panel.learned.state.text() and not panel.primary.isEnabled()
    ready(desk)
    assert centre(desk).one.reason.text() == "Why: chosen by chance"
    press(desk, *ONE)
    assert centre(desk).one.count.text() == "1 cells labelled"


def test_the_encoder_is_chosen_and_what_it_was_taught_is_told(qapp: Any, tmp_path: Path) -> None:
    for name, about in (("taught", {"classes": "neutrophil, lymphocyte"}),
                        ("untaught", {"supervision": "none: no label was seen"})):
        make_pack(tmp_path / "packs", name, **ENCODER, training={"encoder": about})
    with a_desk(tmp_path, Workspace.temporary()) as desk:
        fill(desk, pictures(tmp_path / "cells", 2))
        panel, lab = desk.window.place("label").panel, desk.session.labelling
        assert [panel.encoder.itemText(k) for k in range(panel.encoder.count())] == ["The one that suits", "taught",
                                                                                    "untaught"]
        assert panel.encoder.currentIndex() == 0 and "untaught saw no label" in panel.about_encoder.text()
        panel.encoder.setCurrentIndex(1)
        panel.encoder.activated.emit(1)
        assert lab.teaching.encoder is not None and lab.teaching.encoder.manifest.name == "taught"
        assert panel.encoder.currentText() == "taught" and "14 of these classes are new" in panel.about_encoder.text()


def test_digits_on_a_french_keyboard(desk: TestDesk, tmp_path: Path) -> None:
    fill(desk, pictures(tmp_path / "cells", 2))
    ready(desk)
    desk.physical(11, Qt.Key.Key_Eacute, "é")  # the key of 2
    assert labels(desk) == ["lymphocyte"]


def test_letters_are_classes_here_and_tools_elsewhere(desk: TestDesk, tmp_path: Path) -> None:
    fill(desk, pictures(tmp_path / "cells", 2))
    ready(desk)
    tool = desk.window.canvas.tools.tool
    press(desk, Qt.Key.Key_B, "b")
    assert labels(desk) == ["band-neutrophil"] and desk.window.canvas.tools.tool == tool


@pytest.fixture(scope="module")
def other_desk(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    folder = tmp_path_factory.mktemp("desk")
    give_encoder(folder)
    with a_desk(folder, Workspace.temporary()) as made:
        yield made


@pytest.fixture
def taught(other_desk: TestDesk, tmp_path: Path) -> Iterator[TestDesk]:
    """A desk with an encoder, 30 cells of which some are labelled, and what was learned from them."""
    made, lab = other_desk, other_desk.session.labelling
    fill(made, pictures(tmp_path / "cells", 30), control=0.0, repeats=0.0, batch=1000)
    embed(made)
    learn(made)
    for key in (ONE, TWO, ONE, TWO):
        ready(made)
        press(made, *key)
    made.window.commands["label.learn"].trigger()
    first = lab.opened().places[next(iter(lab.opened().labels.values())).cell]
    learn(made, told(16), suspects=((lab.teaching.row(first), 2),))  # type: ignore[arg-type]
    yield made
    leave(made)


def test_what_was_learned_is_shown_and_predictions_are_marked(taught: TestDesk) -> None:
    panel, lab = taught.window.place("label").panel, taught.session.labelling
    texts = " ".join(child.text() for child in panel.learned.findChildren(type(panel.learned.state)))
    assert "0.86 (0.81 to 0.90, 40 cells)" in texts and "40 do the work of 95 by chance (70 to more)" in texts
    assert "60 labels given in groups, whose cells the classifier chose; 1 label of generated cells" in texts
    assert "You may stop" in panel.learned.advice.text()
    assert lab.asked is not None
    wanted = lab.suggestion(lab.asked)
    assert panel.palette_.classes[wanted].predicted.endswith("75 %")
    taught.until(lambda: centre(taught).one.neighbours.accessibleName().startswith("Most alike of"))


def test_nothing_tells_what_is_thought_of_a_cell_where_predictions_are_hidden(taught: TestDesk) -> None:
    panel, lab, review = taught.window.place("label").panel, taught.session.labelling, taught.session.label_review
    asked, place = lab.upcoming(12)[10], review.doubtful[0][0]
    names, row = [each.name for each in lab.opened().schema.classes[:2]], lab.teaching.row(place)
    tip = partial(centre(taught).one.strip.rows.say, asked, Qt.ItemDataRole.ToolTipRole)
    assert lab.reason(asked) == f"could be {names[0]} or {names[1]}" and names[0] in tip()
    groups = centre(taught).group.groups
    assert groups.kind(1) == lab.opened().schema.ids[1] and not panel.doubtful.isHidden()
    lab.change(suggest=False)
    assert lab.reason(asked) == "could be one of two classes" and names[0] not in tip() and not groups.kind(1)
    panel.doubtful.click()
    assert "the other labels speak for another class" in centre(taught).one.reason.text()
    lab.change(suggest=True, control=1.0)  # now all cells measure the classifier
    learn(taught, told(16), suspects=((row, 2),))  # type: ignore[arg-type]
    assert lab.asked is not None and not lab.suggestion(lab.asked) and not review.doubtful
    lab.review([place], "somebody else calls it otherwise")
    assert lab.asked.place == place and lab.asked.control and not lab.suggestion(lab.asked)


def test_blind_hides_predictions_under_a_banner(taught: TestDesk) -> None:
    panel = taught.window.place("label").panel
    assert not panel.doubtful.isHidden()
    assert not centre(taught).blind.isVisible()
    panel.blind.setChecked(True)
    assert centre(taught).blind.isVisible()
    assert not any(found.predicted for found in panel.palette_.classes.values())
    learn(taught, told(16), suspects=((0, 2), (1, 2), (2, 2), (3, 2)))
    assert panel.doubtful.isHidden() and not centre(taught).group.groups.kind(0)
    ready(taught)
    taught.until(lambda: "labelled blind" in centre(taught).one.neighbours.nothing)


def test_with_an_image_gone_it_learns_once_and_not_for_ever(taught: TestDesk, tmp_path: Path) -> None:
    lab, opened = taught.session.labelling, taught.session.labelling.opened()
    folder = pictures(tmp_path / "more", 3)
    gone = lab.gather(folder)
    Path(gone[0].file).unlink()
    lab.add(gone)
    embed(taught)
    learn(taught)
    assert len(opened.cells) == len(taught.queue.requests[-1].ids) + 1
    assert lab.teaching.stage is Stage.READY and not lab.teaching.busy
    assert list(taught.queue.jobs.values())[-1].state is JobState.DONE


def test_doubtful_labels_are_offered_and_a_new_answer_replaces_the_old(taught: TestDesk) -> None:
    panel, lab = taught.window.place("label").panel, taught.session.labelling
    assert panel.doubtful.text() == "1 label looks doubtful: look at it"
    panel.doubtful.click()
    ready(taught)
    assert "the other labels speak for monocyte" in centre(taught).one.reason.text()
    count, place = len(lab.opened().labels), lab.asked.place  # type: ignore[union-attr]
    press(taught, Qt.Key.Key_3, "3")
    own = lab.label_of(place)
    assert own is not None and own.answer == "monocyte" and len(lab.opened().labels) == count
    assert panel.doubtful.isHidden()


def test_a_skipped_review_leaves_the_label(taught: TestDesk) -> None:
    lab = taught.session.labelling
    before = dict(lab.opened().labels)
    taught.window.place("label").panel.doubtful.click()
    ready(taught)
    press(taught, Qt.Key.Key_S, "s")
    assert lab.opened().labels == before and lab.asked is not None and lab.label_of(lab.asked.place) is None
