"""What may be ranked and simulated, decided before a worker starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsynth_app.actions.rank import check_simulation, rank, rank_request, simulate_request
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.stored import from_parts, to_parts
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.workspace import Workspace


def test_a_ranking_waits_in_the_interactive_lane(tmp_path: Path) -> None:
    (tmp_path / "E.npz").touch()
    request = rank_request(tmp_path / "E.npz", "useful", 10, tmp_path / "ranked.csv", seed=3)
    with Workspace.open(tmp_path / "work") as workspace:
        queue = JobQueue(workspace.jobs, lambda record, event: None)  # never started
        changes = rank(queue, request)
        record, = queue.records()
        queue.close()
    assert changes.jobs == (record.id,)
    assert record.lane is Lane.INTERACTIVE
    assert "10 cells" in record.title and str(tmp_path) not in record.title


def test_a_ranking_that_an_earlier_version_stored_still_runs(tmp_path: Path) -> None:
    (tmp_path / "E.npz").touch()
    request = rank_request(tmp_path / "E.npz", "useful", 10, tmp_path / "ranked.csv")
    plain, arrays = to_parts(request)
    old = {name: value for name, value in plain.items() if name not in ("like", "pages")}
    again = from_parts({**old, "embeddings": plain["embeddings"][0]}, arrays)
    assert again.embeddings == request.embeddings and again.like == () and again.budget == 10


def test_random_is_always_among_the_simulated(tmp_path: Path) -> None:
    (tmp_path / "E.npz").touch()
    request = simulate_request(tmp_path / "E.npz", None, ["useful", "useful"], tmp_path / "new", budget=10, batch=2,
                               seeds=1)
    assert request.strategies == ("random", "useful")
    assert (tmp_path / "new").is_dir()


def test_numbers_and_names_out_of_range_are_told(tmp_path: Path) -> None:
    (tmp_path / "E.npz").touch()
    for change, complaint in (({"strategy": "best"}, "no strategy"), ({"budget": 0}, "budget"),
                              ({"seed": 2**63}, "seed"), ({"out": tmp_path / "ranked.txt"}, "ranked.txt"),
                              ({"embeddings": tmp_path / "none.npz"}, "none.npz")):
        given = {"embeddings": tmp_path / "E.npz", "strategy": "useful", "budget": 5, "out": tmp_path / "r.csv"}
        with pytest.raises(UserError, match=complaint):
            rank_request(**{**given, **change})
    with pytest.raises(UserError, match="imbalance"):
        check_simulation(["useful"], imbalance=float("nan"))
