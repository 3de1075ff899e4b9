from __future__ import annotations

from pathlib import Path

import pytest

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.engine.evaluate.processes import measured_apart
from tests.engine.evaluate.conftest import silent


def test_the_last_line_of_another_process_is_the_figure(tmp_path: Path) -> None:
    (tmp_path / "said.json").write_text('{"seconds": 1.5}')
    assert measured_apart("json.tool", ["--compact", str(tmp_path / "said.json")], "It", silent()) == {"seconds": 1.5}


def test_a_process_that_fails_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="How the pack x loads cannot be measured"):
        measured_apart("json.tool", [str(tmp_path / "nothing.json")], "How the pack x loads", silent())


def test_a_cancel_ends_the_process() -> None:
    with pytest.raises(Cancelled):
        measured_apart("tests.engine.evaluate.sleeps", [], "It", silent(lambda: True))
