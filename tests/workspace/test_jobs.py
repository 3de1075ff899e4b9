from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.job import JobRecord, JobState, Lane
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.core.jobs.stored import from_parts, to_parts
from medsynth_app.jobs.store import JobStore
from medsynth_app.workspace.blobs import Blobs
from medsynth_app.workspace.tables import JobRow
from medsynth_app.workspace.workspace import Workspace
from tests.asking import embed_of, generate_of, inpaint_of
from tests.workspace.fake import PATH, UID, FakeSource, discard, stage

RECORD = JobRecord("one", "inpaint", Lane.INTERACTIVE, "Inpaint: a polyp (4)", JobState.WAITING, 2.0,
                   "2025-01-01T00:00:00+00:00", "", "", "ann")


def request(document_id: str = "") -> InpaintRequest:
    rng = np.random.default_rng(3)
    return inpaint_of(crop=rng.integers(-1000, 1000, (16, 16), np.int16), mask=rng.random((16, 16)) > 0.5,
                      bounds=(1, 2, 17, 18), document_id=document_id, frame_key=f"uid:{UID}.1#0", revision="ab" * 32,
                      source=f"{UID}.1", pack="/packs/blood", pack_sha256="cd" * 32, prompt="a polyp",
                      window=(-160.0, 240.0), notices=("outside its field",))


def test_it_is_a_job_store(workspace: Workspace) -> None:
    store: JobStore = workspace.jobs
    store.add(RECORD, *to_parts(generate_of(pack="/packs/blood", pack_sha256="cd" * 32, prompt="a cell")))
    assert store.records() == [RECORD]


def test_requests_survive_a_restart(folder: Path) -> None:
    made = request()
    with Workspace.open(folder) as workspace:
        workspace.documents.open(FakeSource(), PATH)
        workspace.jobs.add(RECORD, *to_parts(made))
    with Workspace.open(folder) as workspace:
        back = from_parts(*workspace.jobs.load("one"))
        assert isinstance(back, InpaintRequest)
        assert np.array_equal(back.image.crop, made.image.crop) and back.image.crop.dtype == np.int16
        assert np.array_equal(back.image.mask, made.image.mask) and back.image.mask.dtype == bool
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


def loads(workspace: Workspace, *job_ids: str) -> list[str]:
    """Those of the jobs whose request is still there."""
    kept = []
    for job_id in job_ids:
        with suppress(KeyError):
            workspace.jobs.load(job_id)
            kept.append(job_id)
    return kept


def test_the_request_of_a_finished_job_goes_unless_a_result_needs_it(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    for number, name in enumerate(("picture", "staged", "failed")):
        workspace.jobs.add(replace(RECORD, id=name), {"kind": "x"}, {"crop": np.arange(9) + number})
    result = stage(workspace, document, Bounds(0, 0, 4, 4), np.ones((4, 4), np.int16), job="staged")
    workspace.jobs.update("picture", JobState.DONE)
    workspace.jobs.update("staged", JobState.DONE)
    workspace.jobs.update("failed", JobState.FAILED)
    assert loads(workspace, "picture", "staged", "failed") == ["staged", "failed"]
    blobs = set(workspace.blobs.all())
    discard(document, result)
    workspace.jobs.update("staged", JobState.DONE)      # undo may bring the candidate back
    assert loads(workspace, "picture", "staged", "failed") == ["staged", "failed"]
    assert set(workspace.blobs.all()) == blobs and len(workspace.jobs.records()) == 3


def test_old_requests_and_records_go_at_the_next_opening(folder: Path) -> None:
    def made(days: float) -> str:
        return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")

    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        for name, days, state in (("new", 6, JobState.FAILED), ("week", 8, JobState.CANCELLED),
                                  ("month", 31, JobState.FAILED), ("waiting", 99, JobState.WAITING),
                                  ("seen", 99, JobState.DONE), ("discarded", 6, JobState.DONE),
                                  ("forgotten", 8, JobState.DONE)):
            workspace.jobs.add(replace(RECORD, id=name, created=made(days), state=state), {"kind": "x"},
                               {"crop": np.frombuffer(name.encode(), np.uint8)})
        box, patch = Bounds(0, 0, 4, 4), np.ones((4, 4), np.int16)
        stage(workspace, document, box, patch, job="seen")
        for job in ("discarded", "forgotten"):
            discard(document, stage(workspace, document, box, patch, job=job))
        files = len(list(workspace.blobs.all()))
    with Workspace.open(folder) as workspace:
        assert {record.id for record in workspace.jobs.records()} == {"new", "week", "waiting", "seen", "discarded",
                                                                       "forgotten"}
        assert loads(workspace, "new", "week", "month", "waiting", "seen", "discarded", "forgotten") == [
            "new", "waiting", "seen", "discarded"]
        assert len(list(workspace.blobs.all())) == files - 3


def test_what_a_kind_that_lasts_was_asked_for_stays_as_long_as_its_record(folder: Path) -> None:
    moment = datetime.now(UTC)
    with Workspace.open(folder) as workspace:
        for name, days in (("done", 8), ("old", 31)):
            created = (moment - timedelta(days=days)).isoformat(timespec="milliseconds")
            workspace.jobs.add(replace(RECORD, id=name, kind="train", created=created), {"kind": "train"}, {})
            workspace.jobs.update(name, JobState.DONE)
        assert loads(workspace, "done", "old") == ["done", "old"]
    with Workspace.open(folder) as workspace:
        assert loads(workspace, "done", "old") == ["done"] == [record.id for record in workspace.jobs.records()]


def test_a_removed_job_leaves_nothing(workspace: Workspace) -> None:
    workspace.jobs.add(RECORD, {"kind": "x"}, {"a": np.arange(9)})
    assert workspace.jobs.plain("one") == {"kind": "x"}
    workspace.jobs.remove("one")
    workspace.jobs.remove("nobody")
    assert workspace.jobs.records() == [] and list(workspace.blobs.all()) == []


def test_a_long_list_is_written_before_the_transaction_and_leaves_a_short_row(
        workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 20_000
    cells = embed_of(pack="/packs/e", ids=[f"cell-{k}" for k in range(count)], out="/E.npz",
                     images=[f"/data/slide-{k // 100}.png" for k in range(count)],
                     boxes=np.arange(4 * count).reshape(count, 4))
    database, write = workspace.jobs._database, Blobs._write_file
    written: list[tuple[str, bool]] = []

    def watched(path: Path, data: bytes) -> None:
        def free() -> bool:
            got = database.lock.acquire(blocking=False)
            if got:
                database.lock.release()
            return got

        with ThreadPoolExecutor(1) as other:
            written.append((path.name, other.submit(free).result()))
        write(path, data)

    monkeypatch.setattr(Blobs, "_write_file", staticmethod(watched))
    workspace.jobs.add(replace(RECORD, kind="embed"), *to_parts(cells))
    assert len(written) == 4 and all(free for _, free in written)
    with database.read() as session:
        row = session.get(JobRow, RECORD.id)
        assert row is not None and row.request is not None
        assert len(row.request) < 10_000 and "slide" not in row.request and "cell-" not in row.request
    back = from_parts(*workspace.jobs.load(RECORD.id))
    assert back.pictures.paths() == cells.pictures.paths() and np.array_equal(back.pictures.boxes, cells.pictures.boxes)


def test_many_jobs_are_cancelled_at_once(workspace: Workspace) -> None:
    for number in range(5):
        workspace.jobs.add(replace(RECORD, id=str(number), message="old", restarts=number % 2), {"kind": "x"}, {})
    workspace.jobs.cancel(["1", "3"])
    found = {record.id: (record.state, record.message, record.restarts) for record in workspace.jobs.records()}
    assert found == {"0": (JobState.WAITING, "old", 0), "1": (JobState.CANCELLED, "", 1),
                     "2": (JobState.WAITING, "old", 0), "3": (JobState.CANCELLED, "", 1),
                     "4": (JobState.WAITING, "old", 0)}
