from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.pack import MANIFEST, PackManifest
from medsynth_app.core.requests import GenerateRequest
from medsynth_app.engine.generate import run_generate
from tests.engine.tiny import PROMPT, make_tiny_pack


def events_of(pack: Path, cancelled: Callable[[], bool] = lambda: False, **changes: Any) -> list[JobEvent]:
    manifest = PackManifest.from_json((pack / MANIFEST).read_text())
    request = GenerateRequest(**{"pack": str(pack), "pack_sha256": manifest.sha256, "prompt": PROMPT, "steps": 4,
                                 "count": 2, "preview_every": 0, "device": "cpu", **changes})
    events: list[JobEvent] = []
    run_generate(request, events.append, cancelled, "job")
    return events


def pictures(events: list[JobEvent]) -> list[Any]:
    return [event.arrays["picture"] for event in events if event.kind is EventKind.RESULT]


def test_pictures_of_the_native_size_and_again_the_same(tiny_pack: Path) -> None:
    events = events_of(tiny_pack, seed=3)
    first = pictures(events)
    assert [picture.shape for picture in first] == [(32, 32, 3)] * 2 and first[0].dtype == np.uint8
    assert not np.array_equal(*first)
    assert all(np.array_equal(a, b) for a, b in zip(first, pictures(events_of(tiny_pack, seed=3)), strict=True))
    raw = json.loads(json.dumps(events[-1].data["provenance"]))
    assert (raw["action"], raw["seed"], raw["synthetic"], raw["source"]) == ("generate", 4, True, "")
    assert raw["largest_change_outside_mask"] is None
    assert raw["parameters"]["prompt"] == PROMPT and raw["environment"]["dtype"]


def test_another_size_with_previews(tiny_pack: Path) -> None:
    events = events_of(tiny_pack, width=48, height=40, preview_every=2)
    assert pictures(events)[0].shape == (40, 48, 3)
    [preview] = [event for event in events if event.kind is EventKind.PREVIEW]
    assert preview.step == 2 and preview.arrays["1"].shape == (40, 48, 3)


def test_sizes_and_packs_that_cannot_be_drawn(tiny_pack: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be drawn"):
        events_of(tiny_pack, width=33)
    with pytest.raises(UserError, match="only fill regions"):
        events_of(make_tiny_pack(tmp_path / "nine", unet_channels=9))


def test_cancel(tiny_pack: Path) -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(Cancelled):
        events_of(tiny_pack, cancelled)
    assert len(asked) == 3
