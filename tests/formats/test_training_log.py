"""The log of a training run."""

from __future__ import annotations

from pathlib import Path

from medsynth_app.formats.training_log import log_of, note, read_log


def test_points_come_back_and_of_a_step_done_twice_the_later_one(tmp_path: Path) -> None:
    checkpoints = tmp_path / "run" / "checkpoints"
    for step, loss in ((50, 3.0), (100, 2.0), (100, 1.5)):
        note(checkpoints, {"stage": "denoiser", "step": step, "steps": 200, "loss": loss})
    assert [(point["step"], point["loss"]) for point in read_log(checkpoints)] == [(50, 3.0), (100, 1.5)]


def test_a_damaged_line_is_passed_over_and_a_missing_log_is_empty(tmp_path: Path) -> None:
    assert read_log(tmp_path / "checkpoints") == []
    note(tmp_path / "checkpoints", {"stage": "denoiser", "step": 50})
    with log_of(tmp_path / "checkpoints").open("a") as stream:
        stream.write('{"stage": "denoi\n[1]\n"text"\n\xff\n')
    note(tmp_path / "checkpoints", {"stage": "denoiser", "step": 100})
    assert [point["step"] for point in read_log(tmp_path / "checkpoints")] == [50, 100]


def test_a_disk_that_takes_nothing_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    note(tmp_path / "file" / "checkpoints", {"stage": "denoiser", "step": 50})
    assert read_log(tmp_path / "file" / "checkpoints") == []
