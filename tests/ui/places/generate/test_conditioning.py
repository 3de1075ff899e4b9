"""The Generate place with masks: the choice, why it is refused, a run, the picture with its mask, and saving both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QPushButton, QToolButton

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.job import EventKind, JobEvent, JobState
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats.raster import read_mask, write_mask_png
from medsynth_app.session.generate import Generate
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack, png
from tests.ui.desk import CTRL, TestDesk, a_desk

pytestmark = pytest.mark.gui
CONTROL, MASKS = {"controlnet/config.json": "0" * 64}, {"masks/config.json": "0" * 64}


@pytest.fixture
def desk(qapp: Any, tmp_path: Path) -> Iterator[TestDesk]:
    packs = tmp_path / "packs"
    labels = ("cytoplasm", "nucleus")
    make_pack(packs, "a-plain")
    make_pack(packs, "b-control", mask_labels=labels, files=CONTROL)
    make_pack(packs, "c-both", mask_labels=labels, files={**CONTROL, **MASKS})
    with a_desk(tmp_path, Workspace.open(tmp_path / "work")) as found:
        yield found


def parts(desk: TestDesk) -> list[QToolButton]:
    """Free, My mask, Drawn masks."""
    return desk.generate_panel.shape.choice.buttons()


def click(part: QToolButton) -> None:
    QTest.mouseClick(part, Qt.MouseButton.LeftButton)


def choose_pack(desk: TestDesk, index: int) -> None:
    desk.generate_panel.pack.setCurrentIndex(index)
    desk.generate_panel.pack.activated.emit(index)


def stroke(desk: TestDesk, box: tuple[int, int, int, int], value: int) -> None:
    bounds = Bounds(*box)
    assert desk.session.documents.current is not None
    before = np.array(desk.session.documents.current.mask(0)[bounds.slices])
    desk.session.painting.paint(bounds, before, np.full_like(before, value))


def deliver(desk: TestDesk, mask: np.ndarray | None) -> None:
    """One picture of the last job, as a worker sends it."""
    request = desk.queue.requests[-1]
    asked, seed = request.conditioning, request.sampling.seed
    provenance = Provenance(action="generate", pack="c-both", pack_sha256=request.model.sha256, seed=seed,
                            created="2030-01-01", parameters={"prompt": asked.prompt, "pairs": asked.pairs,
                                                              "control_scale": asked.control_scale})
    arrays = {"picture": np.full((60, 80, 3), 120, np.uint8)} | ({} if mask is None else {"mask": mask})
    job = list(desk.queue.jobs)[-1]
    desk.hear(job, JobState.RUNNING, JobEvent(job, EventKind.RESULT, arrays=arrays, data={
        "candidate": 0, "seed": seed, "provenance": provenance.to_dict()}))
    desk.hear(job, JobState.DONE, JobEvent(job, EventKind.DONE))


def test_what_cannot_be_followed_is_disabled_with_its_reason(desk: TestDesk) -> None:
    panel = desk.generate_panel
    desk.key(Qt.Key.Key_3, CTRL)
    free, mine, drawn = parts(desk)
    assert desk.session.generate.shape == "free" and free.isChecked()
    assert not mine.isEnabled() and not drawn.isEnabled()
    assert "not trained to follow masks" in mine.toolTip() and "not trained to follow masks" in drawn.toolTip()
    assert panel.shape.reasons.text() == "This model was not trained to follow masks."  # said once
    click(mine)
    assert desk.session.generate.shape == "free"
    choose_pack(desk, 1)
    assert "No image is open" in mine.toolTip() and "draw masks" in drawn.toolTip() and not drawn.isEnabled()
    choose_pack(desk, 2)
    assert drawn.isEnabled() and not mine.isEnabled()
    click(drawn)
    assert desk.session.generate.shape == "drawn" and not panel.closely.isHidden()
    choose_pack(desk, 0)
    assert desk.session.generate.shape == "free" and free.isChecked() and panel.closely.isHidden()
    assert "follow masks. The shape is free again" in desk.window.toasts.texts()[-1]
    panel.primary.click()
    assert not desk.queue.requests[-1].conditioning.pairs


def test_my_mask_is_shown_followed_and_refused_in_words(desk: TestDesk) -> None:
    panel = desk.generate_panel
    desk.open()
    choose_pack(desk, 2)
    desk.key(Qt.Key.Key_3, CTRL)
    _, mine, drawn = parts(desk)
    assert "Nothing is painted on the image in view" in mine.toolTip()
    stroke(desk, (10, 10, 50, 60), 1)
    desk.until(mine.isEnabled)
    click(mine)
    assert panel.shape.preview.isVisible() and panel.shape.legend.names == ("cytoplasm",)
    assert panel.area.verticalScrollBar().maximum() == 0
    stroke(desk, (20, 20, 30, 30), 2)
    desk.until(lambda: panel.shape.legend.names == ("cytoplasm", "nucleus"))
    panel.closely.slider.setValue(60)
    assert desk.session.documents.current is not None
    mask = np.array(desk.session.documents.current.mask(0))
    panel.primary.click()
    stroke(desk, (0, 0, 5, 5), 3)
    asked = desk.queue.requests[-1].conditioning  # holds the mask as it was
    assert np.array_equal(asked.labels, mask) and asked.control_scale == pytest.approx(0.6)
    desk.until(lambda: not panel.primary.isEnabled())
    assert "does not know: red cell" in panel.shape.help.text() and "does not know" in panel.shape.obstacle
    assert not desk.window.commands["generate.run"].isEnabled()
    click(drawn)
    assert panel.primary.isEnabled() and not mine.isEnabled()
    assert "My mask: the mask holds a class" in panel.shape.reasons.text()
    desk.session.painting.undo()
    desk.until(mine.isEnabled)
    click(mine)
    desk.session.documents.close()
    desk.until(lambda: not panel.primary.isEnabled())
    assert "No image is open" in panel.hint.text() and not panel.shape.preview.isVisible()
    desk.window.commands.command("generate.run").run()  # as the palette would, a moment too early to know
    assert "No image is open" in desk.window.banners.all()[-1].text
    assert len(desk.queue.requests) == 1


def test_a_picture_is_shown_and_saved_with_its_mask(desk: TestDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                    ) -> None:
    desk.open()
    choose_pack(desk, 2)
    stroke(desk, (10, 10, 50, 60), 1)
    desk.key(Qt.Key.Key_3, CTRL)
    panel, card = desk.generate_panel, desk.pictures.card
    click(parts(desk)[1])
    panel.primary.click()
    mask = np.array(desk.queue.requests[-1].conditioning.labels)
    desk.session.documents.close()
    desk.window.navigator.go("models")
    deliver(desk, mask)
    show = next(part for part in desk.window.toasts.findChildren(QPushButton) if part.text() == "Show")
    QTest.mouseClick(show, Qt.MouseButton.LeftButton)
    assert desk.window.navigator.current.id == "generate"
    assert not desk.window.opening.busy  # it is here, not at its image
    desk.until(card.view.isVisible)
    assert card.legend.names == ("cytoplasm",)
    plain = card.large.grab().toImage()
    seen = [plain]
    for part in card.view.buttons()[1:]:
        click(part)
        seen.append(card.large.grab().toImage())
    assert seen[0] != seen[1] != seen[2] != seen[0]
    assert not card.large.synthetic  # a mask painted by hand is not synthetic; the picture is

    name = tmp_path / "cell.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(name), "PNG picture (*.png)"))
    QTest.mouseClick(card.save, Qt.MouseButton.LeftButton)
    assert name.is_file() and np.array_equal(read_mask(tmp_path / "cell.png.mask.png"), mask)
    assert "Picture and mask saved" in desk.window.toasts.texts()[-1]
    name = tmp_path / "other.png"
    write_mask_png(tmp_path / "other.png.mask.png", mask * 0)
    QTest.mouseClick(card.save, Qt.MouseButton.LeftButton)
    assert "another file named other.png.mask.png" in desk.window.banners.all()[-1].text and not name.exists()

    click(parts(desk)[0])
    panel.primary.click()
    deliver(desk, None)
    desk.pictures.choose(0)
    assert card.view.isHidden() and card.save.text() == "Save picture…" and card.large.synthetic


def test_the_mask_is_looked_at_only_where_it_is_seen_and_when_pictures_are_asked_for(
        desk: TestDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    panel, run = desk.generate_panel, desk.window.commands["generate.run"]
    desk.open()
    choose_pack(desk, 2)
    stroke(desk, (10, 10, 50, 60), 1)
    desk.key(Qt.Key.Key_3, CTRL)
    click(parts(desk)[1])
    stroke(desk, (0, 0, 5, 5), 3)
    desk.until(lambda: not run.isEnabled())
    looks: list[int] = []
    look = Generate.painted
    monkeypatch.setattr(Generate, "painted", lambda generate: looks.append(1) or look(generate))
    desk.key(Qt.Key.Key_2, CTRL)
    assert run.isEnabled()  # nobody looks, so it is tried
    for row in range(5):
        stroke(desk, (20 + row, 20, 40, 40), 2)
        QTest.qWait(150)
    assert not looks
    run.trigger()
    assert looks and "does not know: red cell" in desk.window.banners.all()[-1].text
    assert not desk.queue.requests
    desk.key(Qt.Key.Key_3, CTRL)
    assert not run.isEnabled() and "red cell" in panel.hint.accessibleName()


def test_the_preview_shows_what_the_model_will_see(desk: TestDesk, tmp_path: Path) -> None:
    shape = desk.generate_panel.shape
    desk.window.open_path(png(tmp_path / "wide.png", 160, 640))
    desk.until(lambda: not desk.window.opening.busy)
    choose_pack(desk, 2)
    desk.key(Qt.Key.Key_3, CTRL)
    stroke(desk, (20, 100, 100, 600), 1)
    desk.until(parts(desk)[1].isEnabled)
    click(parts(desk)[1])
    assert shape.preview.width() == shape.preview.height() and shape.legend.names == ("cytoplasm",)
    assert shape.lost.isHidden()
    stroke(desk, (0, 0, 2, 2), 2)
    desk.until(shape.lost.isVisible)
    assert shape.lost.text() == "Too small to be drawn: nucleus" and shape.legend.names == ("cytoplasm",)
    assert desk.generate_panel.area.verticalScrollBar().maximum() == 0
    desk.window.commands["paint.clear"].trigger()
    stroke(desk, (0, 0, 2, 2), 2)
    desk.until(lambda: "nothing of it is left" in shape.help.text())
    assert not desk.generate_panel.primary.isEnabled() and not shape.preview.isVisible()


def test_a_picture_is_removed_after_a_question(desk: TestDesk) -> None:
    desk.open()
    choose_pack(desk, 2)
    stroke(desk, (10, 10, 50, 60), 1)
    remove, grid = desk.window.commands["generate.remove"], desk.pictures
    assert not remove.isEnabled()
    desk.key(Qt.Key.Key_3, CTRL)
    desk.session.generate.set(seed=1)
    desk.generate_panel.primary.click()
    deliver(desk, None)
    click(parts(desk)[1])
    for seed in (2, 3):
        desk.session.generate.set(seed=seed)
        desk.generate_panel.primary.click()
        deliver(desk, np.array(desk.queue.requests[-1].conditioning.labels))
    grid.choose(1)
    assert grid.chosen is not None and grid.chosen.seed == 2
    desk.until(grid.card.remove.isVisible)
    QTest.mouseClick(grid.card.remove, Qt.MouseButton.LeftButton)
    question = desk.window.banners.all()[-1]
    assert "seed 2" in question.text and "It and its mask are erased for good" in question.text
    assert desk.session.generate.pictures.count == 3
    question.buttons[0].click()
    assert [picture.seed for picture in desk.session.generate.pictures.page(0, 9)] == [3, 1] and grid.chosen.seed == 1
    assert "picture was removed" in desk.window.toasts.texts()[-1] and remove.isEnabled()
    desk.key(Qt.Key.Key_2, CTRL)
    assert not remove.isEnabled()  # nothing is removed that one cannot see

    desk.window.commands["file.remove_study"].trigger()
    question = desk.window.banners.all()[-1]
    assert "and with them 1 generated picture from its masks" in question.text
    question.buttons[0].click()
    assert "with 1 generated picture from its masks" in desk.window.toasts.texts()[-1]
    assert [picture.seed for picture in desk.session.generate.pictures.page(0, 9)] == [1]
    desk.key(Qt.Key.Key_3, CTRL)
    remove.trigger()
    desk.window.banners.all()[-1].buttons[0].click()
    assert not desk.session.generate.pictures.count and not remove.isEnabled() and grid.empty.isVisible()


def test_classes_of_a_home_trained_pack_are_offered_in_paint(desk: TestDesk, tmp_path: Path) -> None:
    desk.open()
    make_pack(tmp_path / "packs", "lung", domain="lung CT", mask_labels=("nodule", "vessel"), files=CONTROL)
    make_pack(tmp_path / "packs", "other", domain="lung CT", mask_labels=("vessel",), files=CONTROL)
    desk.session.models.refresh()
    panel = desk.inpaint_panel
    offered = [panel.more.schema.itemText(k) for k in range(panel.more.schema.count())]
    assert offered[-2:] == ["Lung CT: nodule, vessel", "Lung CT: vessel"] and "Colonoscopy" in offered
    desk.key(Qt.Key.Key_2, CTRL)
    panel.more.schema.activated.emit(offered.index("Lung CT: nodule, vessel"))
    assert [item.name for item in desk.session.painting.schema.classes] == ["nodule", "vessel"]
    desk.until(lambda: [part.text().strip() for part in panel.findChildren(QToolButton) if part.isVisible()
                        and part.property("role") == "class"] == ["nodule", "vessel"])
