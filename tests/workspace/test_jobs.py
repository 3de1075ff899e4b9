from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.job import JobRecord, JobState, Lane
from medsynth_app.core.requests import GenerateRequest, InpaintRequest, from_parts, to_parts
from medsynth_app.jobs.store import JobStore
from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import PATH, UID, FakeSource

RECORD = JobRecord("one", "inpaint", Lane.INTERACTIVE, "Inpaint: a polyp (4)", JobState.WAITING, 2.0,
                   "2025-01-01T00:00:00+00:00", "", "", "ann")


def request(document_id: str = "") -> InpaintRequest:
    rng = np.random.default_rng(3)
    return InpaintRequest(rng.integers(-1000, 1000, (16, 16), np.int16), rng.random((16, 16)) > 0.5, (1, 2, 17, 18),
                          document_id, f"uid:{UID}.1#0", "ab" * 32, f"{UID}.1", "/packs/blood", "cd" * 32, "a polyp",
                          window=(-160.0, 240.0), notices=("outside its field",))


def test_it_is_a_job_store(workspace: Workspace) -> None:
    store: JobStore = workspace.jobs
    store.add(RECORD, *to_parts(GenerateRequest("/packs/blood", "cd" * 32, "a cell")))
    assert store.records() == [RECORD]


def test_requests_survive_a_restart(folder: Path) -> None:
    made = request()
    with Workspace.open(folder) as workspace:
        workspace.documents.open(FakeSource(), PATH)
        workspace.jobs.add(RECORD, *to_parts(made))
    with Workspace.open(folder) as workspace:
        back = from_parts(*workspace.jobs.load("one"))
        assert isinstance(back, InpaintRequest)
        assert np.array_equal(back.crop, made.crop) and back.crop.dtype == np.int16
        assert np.array_equal(back.mask, made.mask) and back.mask.dtype == bool
        plain, expected = to_parts(back)[0], to_parts(made)[0]
        assert plain == expected


def test_states_order_and_places(workspace: Workspace) -> None:
    jobs = workspace.jobs
    for number, (lane, place) in enumerate([(Lane.BACKGROUND, 1.0), (Lane.INTERACTIVE, 3.0), (Lane.INTERACTIVE, 2.0)]):
        jobs.add(replace(RECORD, id=str(number), lane=lane, place=place), {"kind": "generate"}, {})
    assert [record.id for record in jobs.records()] == ["2", "1", "0"]
    jobs.move("1", 0.5)
    assert [record.id for record in jobs.records()] == ["1", "2", "0"]
    jobs.update("2", JobState.FAILED, "The worker ended.")
    assert [r.id for r in jobs.records(JobState.WAITING)] == ["1", "0"]
    assert jobs.records(JobState.FAILED, JobState.DONE)[0].message == "The worker ended."
    jobs.update("nobody", JobState.DONE)
    assert len(jobs.records()) == 3


def test_requests_that_are_gone(workspace: Workspace) -> None:
    jobs = workspace.jobs
    jobs.add(RECORD, {"kind": "x"}, {"a": np.arange(9)})
    jobs.add(replace(RECORD, id="two"), {"kind": "x"}, {"b": np.arange(9)})
    jobs.remove_request("one")
    assert np.array_equal(jobs.load("two")[1]["b"], np.arange(9))      # shared by content, still needed
    jobs.remove_request("two")
    assert list(workspace.blobs.all()) == [] and len(jobs.records()) == 2
    for name in ("one", "nobody"):
        with pytest.raises(KeyError):
            jobs.load(name)
