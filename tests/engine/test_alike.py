"""The job "alike" in this process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import JobEvent
from medsynth_app.core.jobs.alike import AlikeRequest
from medsynth_app.engine import alike
from medsynth_app.engine.job import Job
from medsynth_app.formats.embeddings import Embeddings, write_embeddings


@pytest.fixture
def file(tmp_path: Path) -> str:
    truth = np.arange(40) % 4
    values = 4 * np.eye(6)[truth] + np.random.default_rng(0).normal(size=(40, 6))
    write_embeddings(tmp_path / "E.npz", Embeddings(tuple(f"c{k}" for k in range(40)), values.astype(np.float32),
                                                    "tiny", "ab" * 32))
    return str(tmp_path / "E.npz")


def test_the_cells_most_like_the_example_come_back(file: str) -> None:
    events: list[JobEvent] = []
    alike.run(AlikeRequest((file,), np.array([8], np.int32), 5), Job("job", events.append))  # type: ignore[arg-type]
    found = events[-1].arrays
    assert found["cells"].dtype == np.int32 and len(found["cells"]) == 5
    assert 8 not in found["cells"] and (found["cells"] % 4 == 0).all()
    assert (np.diff(found["cosines"]) <= 0).all()


@pytest.mark.parametrize("examples", [[], [40], [-1]])
def test_an_example_that_is_none_of_the_cells_is_refused(file: str, examples: list[int]) -> None:
    with pytest.raises(UserError, match="none of these cells"):
        alike.run(AlikeRequest((file,), np.array(examples, np.int32)), Job("job", lambda message: None))


def test_it_stops_when_cancelled(file: str) -> None:
    job = Job("job", lambda message: job.cancel())
    with pytest.raises(Cancelled):
        alike.run(AlikeRequest((file,), np.array([1], np.int32)), job)
