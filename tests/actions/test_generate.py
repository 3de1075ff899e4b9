"""Whole pictures from a prompt: the request, and what comes back."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_app.actions.generate import generate, generate_request
from medsynth_app.actions.receive import receive
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import Lane
from medsynth_app.core.parameters import GenerateParameters
from medsynth_app.formats.pack import InstalledPack
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import answer


def test_the_request_holds_all_that_a_worker_needs(pack: InstalledPack) -> None:
    request = generate_request(pack, GenerateParameters(prompt="  a cell ", seed=9, count=3, width=64, height=32))
    assert (request.prompt, request.seed, request.count, request.width, request.height) == ("a cell", 9, 3, 64, 32)
    assert request.pack == str(pack.folder) and request.pack_sha256 == pack.manifest.sha256


def test_without_a_prompt_the_packs_own_is_drawn(pack: InstalledPack) -> None:
    assert generate_request(pack, GenerateParameters()).prompt == pack.manifest.default_prompt


def test_without_a_seed_every_run_draws_another(pack: InstalledPack) -> None:
    assert len({generate_request(pack, GenerateParameters()).seed for _ in range(8)}) > 1


@pytest.mark.parametrize("wrong", [{"count": 0}, {"width": 33}, {"steps": 0}, {"guidance": -1.0}, {"seed": -1}])
def test_parameters_out_of_range_are_refused(pack: InstalledPack, wrong: dict[str, float]) -> None:
    with pytest.raises(UserError):
        generate_request(pack, GenerateParameters(**wrong))  # type: ignore[arg-type]


def test_pictures_are_kept_with_their_seeds(workspace: Workspace, queue: JobQueue, pack: InstalledPack) -> None:
    job = generate(queue, pack, GenerateParameters(prompt="a cell", seed=4, count=2))
    (record,) = workspace.jobs.records()
    assert record.lane is Lane.INTERACTIVE and record.title == "Generate: a cell (2)"
    drawn = answer(workspace, job, lambda record, event: receive(workspace, record, event))
    kept = sorted(workspace.results.pictures(), key=lambda picture: picture.candidate)
    assert [picture.seed for picture in kept] == [4, 5]
    assert all(np.array_equal(picture.pixels(), pixels) for picture, pixels in zip(kept, drawn, strict=True))
