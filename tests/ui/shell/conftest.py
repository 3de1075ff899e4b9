"""One window for each module of tests: it takes a second to build."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtTest import QTest

from medsynth_app.workspace.workspace import Workspace
from tests.ui.desk import TestDesk, a_desk


@pytest.fixture(scope="module")
def module_desk(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with a_desk(tmp_path_factory.mktemp("desk"), Workspace.temporary()) as desk:
        desk.open()
        yield desk


@pytest.fixture
def desk(module_desk: TestDesk) -> Iterator[TestDesk]:
    module_desk.window.navigator.go("paint")
    module_desk.window.activateWindow()  # without a window manager nobody gives the focus back after a dialog
    QTest.qWaitForWindowActive(module_desk.window)
    module_desk.window.canvas.setFocus()
    yield module_desk
    for banner in module_desk.window.banners.all():
        module_desk.window.banners.drop(banner.key)
    module_desk.window.palette_widget.hide()
    module_desk.window.veil.hide()
    module_desk.window.drawer.close_drawer()
    module_desk.clear_jobs()
