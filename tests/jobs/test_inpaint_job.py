"""The real worker, the real engine and a tiny random pack: from submit to two results, twice the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medsynth_app.core.job import EventKind, JobEvent, JobRecord, JobState
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.jobs.store import MemoryJobStore
from tests.asking import inpaint_of


@pytest.fixture(scope="module")
def tiny_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.engine.tiny import make_tiny_pack

    pack: Path = make_tiny_pack(tmp_path_factory.mktemp("packs") / "tiny", native_size=32)
    return pack


def _request(pack: Path) -> InpaintRequest:
    crop = np.random.default_rng(0).integers(0, 4096, (32, 32), dtype=np.int16)
    mask = np.zeros((32, 32), bool)
    mask[10:22, 12:24] = True
    return inpaint_of(
        crop=crop, mask=mask, bounds=(0, 0, 32, 32), document_id="d", frame_key="k", revision="r", source="sha256:x",
        pack=str(pack), pack_sha256="", prompt="a cell", steps=3, count=2, seed=7, feather=2, preview_every=1,
        window=(0.0, 4095.0), stored_range=(0, 4095), device="cpu")


@pytest.mark.timeout(900)  # most of it is waiting for a busy machine
def test_an_inpaint_job_makes_its_candidates_in_a_worker(tiny_pack: Path) -> None:
    told: list[tuple[JobRecord, JobEvent]] = []
    ready: list[Mapping[str, Any]] = []
    queue = JobQueue(MemoryJobStore(), lambda record, event: told.append((record, event)), on_ready=ready.append)
    queue.start()
    try:
        queue.warm_up(str(tiny_pack), "cpu")
        request = _request(tiny_pack)
        first = queue.submit(request, title="Inpaint: a cell (2)")
        again = queue.retry(first)
        missing = queue.submit(_request(tiny_pack.with_name("nowhere")), title="Inpaint")
        assert queue.wait(missing, 600).state is JobState.FAILED and queue.state(again) is JobState.DONE, told[-1]
        assert "CPU" in ready[0]["device"] and queue.state(first) is JobState.DONE
    finally:
        queue.close()
    _check_failure(told[-1][1], tiny_pack.parent)
    results = {job: [event for _, event in told if event.job_id == job and event.kind is EventKind.RESULT]
               for job in (first, again)}
    assert [len(events) for events in results.values()] == [2, 2]
    for k, (one, two) in enumerate(zip(*results.values(), strict=True)):
        assert one.data["candidate"] == k and one.data["seed"] == 7 + k
        patch, effective = one.arrays["patch"], one.arrays["effective"]
        assert patch.dtype == np.int16 and np.array_equal(patch, two.arrays["patch"])
        assert np.array_equal(patch[~effective], request.image.crop[~effective]) and (patch != request.image.crop).any()
    kinds = [event.kind for _, event in told if event.job_id == first]
    assert EventKind.PREVIEW in kinds and EventKind.PROGRESS in kinds and kinds[-1] is EventKind.DONE


def _check_failure(event: JobEvent, folder: Path) -> None:
    """A missing pack is told in the engine's words, without its path."""
    assert event.message and event.data["remedy"] and str(folder) not in repr(event)
    assert "should not" not in event.message  # a UserError, not a bug
