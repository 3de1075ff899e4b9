"""The worker on a thread of this process, as for the tests of the command line; tiny models."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import ThreadClient, same_process  # noqa: F401  (a fixture)
from tests.engine.tiny import make_tiny_pack


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_pack(tmp_path_factory.mktemp("packs") / "tiny", with_control=True, with_masks=True)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """That a process of its own does the same is what `test_process` proves."""
    monkeypatch.setattr("medsynth_app.jobs.queue.LaneClient", ThreadClient)
