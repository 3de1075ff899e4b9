"""Paint: what removes, and what is said where no model knows the image."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medsynth_app.actions.demo import demo_images
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack, png
from tests.ui.desk import TestDesk, a_desk

pytestmark = pytest.mark.gui
SURROUNDINGS = "No model: from the surroundings"


@pytest.fixture
def desk(qapp: Any, tmp_path: Path) -> Iterator[TestDesk]:
    """A head CT, which neither pack knows."""
    make_pack(tmp_path / "packs", "cells", mean_colour=(128.0, 128.0, 128.0), example_prompts=("a lymphocyte",))
    make_pack(tmp_path / "packs", "hippocampus", title="Hippocampus", modalities=("MR",), colour="grey")
    with a_desk(tmp_path, Workspace.open(tmp_path / "work")) as found:
        yield found


def show(desk: TestDesk, image: Path, mode: str) -> Any:
    desk.image = image
    desk.open()
    desk.window.navigator.go("paint")
    desk.paint()
    desk.session.inpaint.set(mode=mode)
    return desk.inpaint_panel


def ct() -> Path:
    return next(image.path for image in demo_images() if image.path.name == "CT_small.dcm")


def choose(panel: Any, index: int) -> None:
    panel.pack.setCurrentIndex(index)
    panel.pack.activated.emit(index)


def listed(panel: Any) -> list[str]:
    return [panel.pack.itemText(k) for k in range(panel.pack.count())]


def test_a_ct_is_removed_from_without_a_model(desk: TestDesk) -> None:
    panel = show(desk, ct(), "remove")
    assert listed(panel) == [SURROUNDINGS, "Blood cells", "Hippocampus"]
    assert panel.pack.currentText() == SURROUNDINGS
    desk.until(panel.primary.isEnabled)
    assert not panel.strength.isEnabled() and not panel.more.steps.isEnabled() and panel.more.seed.isEnabled()
    panel.primary.click()
    assert desk.queue.requests[-1].model is None and desk.queue.requests[-1].mode == "remove"
    choose(panel, 2)  # a person may want to see what a model makes of it
    assert panel.pack.currentText() == "Hippocampus" and panel.strength.isEnabled()
    desk.until(panel.primary.isEnabled)
    panel.primary.click()
    assert desk.queue.requests[-1].model.folder.endswith("hippocampus")
    choose(panel, 0)
    panel.primary.click()
    assert desk.queue.requests[-1].model is None


def test_to_replace_where_no_model_knows_the_image_is_refused_in_words(desk: TestDesk) -> None:
    panel = show(desk, ct(), "remove")
    for mode in ("replace", "vary"):
        desk.session.inpaint.set(mode=mode)
        desk.until(lambda: panel.obstacle == "No installed model knows CT images")
        assert not panel.primary.isEnabled()
        assert panel.hint.text() == panel.primary.toolTip() == panel.obstacle
        assert panel.mode_help.text() == "No installed model knows CT images. Remove needs none."
        assert listed(panel) == ["None for such images"] and not panel.pack.isEnabled()
        assert not panel.prompt.isEnabled()
        assert desk.session.inpaint.parameters.conditioning.prompt == ""  # no prompt of another organ is offered
    assert not desk.window.commands["paint.run"].isEnabled()
    desk.session.inpaint.set(mode="remove")
    desk.until(panel.primary.isEnabled)


def test_a_model_that_knows_the_image_removes_unless_one_chooses_otherwise(desk: TestDesk, tmp_path: Path) -> None:
    panel = show(desk, png(tmp_path / "grey on average.png"), "replace")
    assert listed(panel) == ["Blood cells", "Hippocampus"] and panel.prompt.isEnabled()
    assert desk.session.inpaint.parameters.conditioning.prompt == "a cells prompt"
    desk.session.inpaint.set(mode="remove")
    assert panel.pack.currentText() == "Blood cells"
    desk.until(panel.primary.isEnabled)
    panel.primary.click()
    assert desk.queue.requests[-1].model is not None
    choose(panel, 0)
    desk.until(panel.primary.isEnabled)
    panel.primary.click()
    assert desk.queue.requests[-1].model is None
    desk.session.documents.open(png(tmp_path / "another.png"))  # said of another image
    assert panel.pack.currentText() == "Blood cells"


def test_the_first_removal_needs_no_pack_at_all(qapp: Any, tmp_path: Path) -> None:
    (tmp_path / "packs").mkdir()
    image = tmp_path / "ct.dcm"
    shutil.copy(ct(), image)
    with a_desk(tmp_path, Workspace.open(tmp_path / "work")) as desk:
        panel = show(desk, image, "replace")
        desk.until(lambda: panel.obstacle == "No model is installed")
        assert panel.mode_help.text() == "No model is installed. Remove needs none."
        desk.session.inpaint.set(mode="remove")
        assert listed(panel) == [SURROUNDINGS]
        desk.until(panel.primary.isEnabled)
        panel.primary.click()
        assert desk.queue.requests[-1].model is None
