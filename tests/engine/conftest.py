from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.engine.tiny import make_tiny_pack
from tests.engine.tiny_detector import make_tiny_detector


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small are drawn faster by one thread, on a busy machine twenty times; no test leaves another."""
    torch.set_num_threads(1)
    yield
    assert torch.get_num_threads() == 1


@pytest.fixture(scope="session")
def tiny_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One tiny pack for the whole session; tests that change a pack make their own."""
    return make_tiny_pack(tmp_path_factory.mktemp("packs") / "tiny")


@pytest.fixture(scope="session")
def detector_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny detector that has learned to find discs, beside the fields that it learned from."""
    torch.set_num_threads(1)
    return make_tiny_detector(tmp_path_factory.mktemp("detector"))


@pytest.fixture(scope="session")
def control_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny pack with a random ControlNet for masks and a random model of masks."""
    return make_tiny_pack(tmp_path_factory.mktemp("packs") / "control", with_control=True, with_masks=True)
