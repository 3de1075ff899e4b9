"""A look at data, and freezing them, as a job."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from medsynth_app.core.errors import Cancelled
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.data import DataRequest
from medsynth_app.core.jobs.stored import from_parts, to_parts
from medsynth_app.datasets.dataset import is_frozen
from medsynth_app.engine.data_job import run
from medsynth_app.engine.job import Job
from tests.datasets.test_inputs import noise


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for k in range(30):
        noise(tmp_path / "data" / "cat" / f"{k}.png", k)
    return tmp_path / "data"


def events_of(request: DataRequest, stop_after: int = 10**6) -> list[JobEvent]:
    events: list[JobEvent] = []
    job = Job("job", lambda event: events.append(event) if isinstance(event, JobEvent) else None)
    asked = iter(range(10**6))
    job.cancelled = lambda: next(asked) >= stop_after  # type: ignore[method-assign]
    run(request, job)
    return events


def test_a_look_writes_report_and_sheet(data: Path, tmp_path: Path) -> None:
    request = DataRequest(str(data), str(tmp_path / "report.json"), str(tmp_path / "sheet.png"))
    again = from_parts(*to_parts(request))
    assert vars(again) == vars(request)
    *_, result = events_of(request)
    assert result.kind is EventKind.RESULT and result.data == {"file": request.report}
    assert json.loads((tmp_path / "report.json").read_text())["counts"] == {"cat": 30}
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == 804


def test_data_are_frozen_and_what_will_be_learned_is_told(data: Path, tmp_path: Path) -> None:
    layout = {"layout": "labelled-cells", "captions": ["{a} {class}", "one {class}"]}
    request = DataRequest(str(data), str(tmp_path / "report.json"), frozen=str(tmp_path / "set"),
                          recipe=json.dumps(layout))
    events = events_of(request)
    assert is_frozen(tmp_path / "set") and events[-1].step == events[-1].steps == 60
    found = json.loads((tmp_path / "report.json").read_text())
    assert found["classes"]["cat"]["captions"] == ["a cat", "one cat"]
    again = DataRequest(str(tmp_path / "set"), str(tmp_path / "again.json"))
    events_of(again)
    assert json.loads((tmp_path / "again.json").read_text()) == found


def test_a_cancel_leaves_no_report_and_no_set(data: Path, tmp_path: Path) -> None:
    request = DataRequest(str(data), str(tmp_path / "report.json"), frozen=str(tmp_path / "set"),
                          recipe=json.dumps({"layout": "labelled-cells", "captions": ["x"]}))
    with pytest.raises(Cancelled):
        events_of(request, stop_after=40)
    assert not (tmp_path / "report.json").exists() and not is_frozen(tmp_path / "set")
