from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.engine.diffusion import memory
from medsynth_app.engine.diffusion import pipelines as packs
from medsynth_app.engine.diffusion.inpaint import run_inpaint
from tests.engine.tiny import make_request


@pytest.mark.parametrize("error", [
    torch.OutOfMemoryError("CUDA"), MemoryError(), RuntimeError("MPS backend out of memory"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")])
def test_all_ways_to_run_out_of_memory(error: Exception) -> None:
    assert memory.is_out_of_memory(error)


@pytest.mark.parametrize("error", [RuntimeError("shapes do not match"), ValueError("out of memory"), KeyError()])
def test_other_errors_are_not_taken_for_it(error: Exception) -> None:
    assert not memory.is_out_of_memory(error)


def test_what_is_left_is_drawn_one_by_one() -> None:
    calls: list[tuple[list[int], bool, int]] = []
    events: list[JobEvent] = []

    def draw(candidates: Sequence[int], sparing: bool, batches: int) -> None:
        calls.append((list(candidates), sparing, batches))
        if 2 in candidates and not sparing:
            raise MemoryError

    memory.draw_in_batches(range(5), 2, draw, events.append, "job")
    assert calls == [([0, 1], False, 3), ([2, 3], False, 2), ([2], True, 3), ([3], True, 2), ([4], True, 1)]
    assert [event.kind for event in events] == [EventKind.NOTICE]


def test_twice_out_of_memory_is_told_in_words_and_other_errors_pass() -> None:
    def never(candidates: Sequence[int], sparing: bool, batches: int) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    def broken(candidates: Sequence[int], sparing: bool, batches: int) -> None:
        raise ZeroDivisionError

    events: list[JobEvent] = []
    with pytest.raises(UserError, match="not enough memory"):
        memory.draw_in_batches(range(3), 3, never, events.append, "job")
    assert len(events) == 1
    with pytest.raises(ZeroDivisionError):
        memory.draw_in_batches(range(3), 3, broken, events.append, "job")


def test_an_inpaint_that_runs_out_of_memory_once_still_ends(tiny_pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[bool, int]] = []
    encode = packs.Pack.decode

    def short(self: packs.Pack, latents: torch.Tensor, rough: bool = False) -> torch.Tensor:
        drawn.append((self.sparing, len(latents)))
        if not self.sparing:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return encode(self, latents, rough)

    monkeypatch.setattr(packs.Pack, "decode", short)
    mask = np.zeros((32, 32), np.bool_)
    mask[8:20, 8:20] = True
    events: list[JobEvent] = []
    request = make_request(tiny_pack, np.zeros((32, 32, 3), np.uint8), mask, count=3)
    run_inpaint(request, events.append, lambda: False, "job")
    assert drawn == [(False, 3), (True, 1), (True, 1), (True, 1)]
    assert sum(event.kind is EventKind.NOTICE for event in events) == 1
    results: list[dict[str, Any]] = [dict(e.data) for e in events if e.kind is EventKind.RESULT]
    assert [data["candidate"] for data in results] == [0, 1, 2]
    for data in results:
        assert memory.NOTICE in data["provenance"]["notices"]
        assert data["provenance"]["environment"]["sparing_memory"] is True
        assert data["provenance"]["environment"]["batch"] == 1
    steps = [event.step for event in events if event.kind is EventKind.PROGRESS]
    assert steps == sorted(steps)
    assert not packs.is_loaded(tiny_pack)  # the copy that spares memory is not kept
