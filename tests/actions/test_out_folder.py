"""The folder for a run's results."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsynth_app.actions.out_folder import make_folder, out_folder
from medsynth_app.core.errors import UserError


def test_a_file_in_the_way_is_said_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UserError, match="cannot be written"):
        make_folder(tmp_path / "taken" / "results")


def test_what_was_made_and_stayed_empty_goes_again(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the run failed"), out_folder(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()
        raise ValueError("the run failed")
    assert list(tmp_path.iterdir()) == []


def test_results_and_older_folders_stay(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with out_folder(tmp_path / "old"), out_folder(tmp_path / "new"):
        (tmp_path / "new" / "result.txt").write_text("kept")
    assert (tmp_path / "old").is_dir()
    assert (tmp_path / "new" / "result.txt").read_text() == "kept"
