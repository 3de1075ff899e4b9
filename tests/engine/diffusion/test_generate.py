from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.generate import GenerateRequest
from medsynth_app.core.pack import MANIFEST, PackManifest
from medsynth_app.engine.diffusion.generate import run_generate
from medsynth_app.engine.diffusion.pipelines import Pack, forget_packs
from tests.asking import generate_of
from tests.engine.tiny import PROMPT, make_tiny_pack

_RADIUS = np.hypot(*(np.indices((32, 32)) - np.array([14, 18])[:, None, None]))
DISC = ((_RADIUS < 9).astype(np.uint8) + (_RADIUS < 4)).astype(np.uint8)


def request_of(pack: Path, **changes: Any) -> GenerateRequest:
    manifest = PackManifest.from_json((pack / MANIFEST).read_text())
    return generate_of(**{"pack": str(pack), "pack_sha256": manifest.sha256, "prompt": PROMPT, "steps": 4,
                          "count": 2, "preview_every": 0, "device": "cpu", **changes})


def events_of(pack: Path, cancelled: Callable[[], bool] = lambda: False, **changes: Any) -> list[JobEvent]:
    events: list[JobEvent] = []
    run_generate(request_of(pack, **changes), events.append, cancelled, "job")
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


def test_a_grey_pack_draws_grey_pictures(tmp_path: Path) -> None:
    pack = make_tiny_pack(tmp_path / "grey", colour="grey")
    events = events_of(pack, count=1, preview_every=2)
    [preview] = [event for event in events if event.kind is EventKind.PREVIEW]
    assert pictures(events)[0].shape == preview.arrays["0"].shape == (32, 32)


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


@pytest.mark.parametrize("masked", [False, True])
def test_cancel(tiny_pack: Path, control_pack: Path, masked: bool) -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 4

    with pytest.raises(Cancelled):
        events_of(control_pack if masked else tiny_pack, cancelled, steps=30, mask=DISC if masked else None)
    assert len(asked) == 5


def test_a_controlnet_as_it_begins_leaves_the_picture_as_it_is(tmp_path: Path) -> None:
    pack = make_tiny_pack(tmp_path / "zero", with_control=True, control_strength=0.0)
    (plain,) = pictures(events_of(pack, seed=3, count=1))
    (held,) = pictures(events_of(pack, seed=3, count=1, mask=DISC))
    assert np.array_equal(plain, held)


def test_pictures_follow_their_mask(control_pack: Path) -> None:
    (plain,) = pictures(events_of(control_pack, seed=3, count=1))
    one, other = (pictures(events_of(control_pack, seed=3, mask=mask)) for mask in (DISC, DISC.T[::-1].copy()))
    assert not any(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert not np.array_equal(one[0], one[1]) and not np.array_equal(one[0], plain)
    again = pictures(events_of(control_pack, seed=3, mask=DISC))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    (alone,) = pictures(events_of(control_pack, seed=3, count=1, mask=DISC, control_scale=0.0))
    assert np.abs(alone.astype(int) - plain).max() <= 1  # a mask of no weight
    swapped = np.where(DISC == 1, 2, np.where(DISC == 2, 1, 0)).astype(np.uint8)
    assert not np.array_equal(one[0], pictures(events_of(control_pack, seed=3, count=1, mask=swapped))[0])


def test_the_mask_comes_back_at_the_size_of_the_picture(control_pack: Path) -> None:
    large = DISC.repeat(3, 0).repeat(3, 1)
    events = events_of(control_pack, seed=5, mask=large, control_scale=0.5, preview_every=2,
                       source="sha256:ab#0")
    result = events[-1]
    assert result.arrays["mask"].dtype == np.uint8 and np.array_equal(result.arrays["mask"], DISC)
    record = json.loads(json.dumps(result.data["provenance"]))
    digest = hashlib.sha256(DISC.tobytes()).hexdigest()
    assert record["mask_sha256"] == record["parameters"]["mask_sha256"] == digest
    assert record["parameters"]["control_scale"] == 0.5 and record["seed"] == 6
    assert record["parameters"]["mask_labels"] == {"1": "body", "2": "core"} and record["source"] == "sha256:ab#0"
    assert next(event for event in events if event.kind is EventKind.PREVIEW).arrays["1"].shape == (32, 32, 3)
    assert not [event for event in events if event.kind is EventKind.NOTICE]
    odd = events_of(control_pack, count=1, mask=DISC[:21], width=48, height=40)
    assert pictures(odd)[0].shape == (40, 48, 3) and odd[-1].arrays["mask"].shape == (40, 48)
    assert "stretched" in odd[-1].data["provenance"]["notices"][0]
    plain = events_of(control_pack, count=1)[-1]
    assert "mask" not in plain.arrays and plain.data["provenance"]["mask_sha256"] == ""


def test_what_is_lost_where_a_mask_is_made_smaller_is_told(control_pack: Path) -> None:
    large = DISC.clip(0, 1).repeat(8, 0).repeat(8, 1)
    large[0, 0] = 2
    events = events_of(control_pack, count=1, mask=large)
    assert events[-1].arrays["mask"].max() == 1
    said = "The mask's core is too small for pictures of 32 x 32 pixels; nothing of it is left."
    assert events[-1].data["provenance"]["notices"] == (said,)
    assert [event.message for event in events if event.kind is EventKind.NOTICE] == [said]
    with pytest.raises(UserError, match="nothing of it is left at 32 x 32"):
        events_of(control_pack, count=1, mask=large * (large == 2))
    assert pictures(events_of(control_pack, count=1, mask=large * 0))  # an empty mask is one too


def test_pairs_bring_masks_of_their_own(tiny_pack: Path, control_pack: Path) -> None:
    results = [event for event in events_of(control_pack, seed=8, count=3, pairs=True, prompt="a round cell")
               if event.kind is EventKind.RESULT]
    masks = [event.arrays["mask"] for event in results]
    assert all(mask.shape == (32, 32) and mask.dtype == np.uint8 and mask.max() <= 2 for mask in masks)
    assert any(mask.any() for mask in masks) and not np.array_equal(masks[0], masks[1])
    parameters = results[1].data["provenance"]["parameters"]
    assert parameters["pairs"] and parameters["mask_class"] == "round cell"
    assert parameters["mask_labels"] == {"1": "body", "2": "core"}
    assert parameters["mask_sha256"] == hashlib.sha256(masks[1].tobytes()).hexdigest()
    (again,) = [event for event in events_of(control_pack, seed=9, count=1, pairs=True, prompt="a round cell")
                if event.kind is EventKind.RESULT]  # pair k is that of the seed + k
    assert np.array_equal(again.arrays["mask"], masks[1])
    held = pictures(events_of(control_pack, seed=9, count=1, mask=masks[1]))
    assert np.array_equal(held[0], again.arrays["picture"])  # drawn as from a mask that was given
    with pytest.raises(UserError, match="cannot draw from masks"):
        events_of(tiny_pack, pairs=True)


def test_cancelling_while_masks_are_drawn(control_pack: Path) -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 3

    events: list[JobEvent] = []
    with pytest.raises(Cancelled):
        run_generate(request_of(control_pack, pairs=True), events.append, cancelled, "job")
    assert len(asked) == 4 and not [event for event in events if event.kind is EventKind.PREVIEW]


def test_memory_is_spared_with_a_mask_too(control_pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = pictures(events_of(control_pack, seed=3, mask=DISC))
    whole = Pack.control.func  # type: ignore[attr-defined]

    def scarce(pack: Pack) -> Any:
        if not pack.sparing:
            raise MemoryError
        return whole(pack)

    forget_packs()
    monkeypatch.setattr(Pack, "control", property(scarce))
    events = events_of(control_pack, seed=3, mask=DISC)
    assert [event for event in events if event.kind is EventKind.NOTICE]
    for a, b in zip(drawn, pictures(events), strict=True):
        assert np.abs(a.astype(int) - b).mean() < 6  # attention in slices rounds otherwise


def test_masks_that_cannot_be_followed_are_refused_in_words(tiny_pack: Path, control_pack: Path) -> None:
    with pytest.raises(UserError, match="cannot draw from masks"):
        events_of(tiny_pack, mask=DISC)
    with pytest.raises(UserError, match=r"value 7, which.*1 body, 2 core"):
        events_of(control_pack, mask=np.full((32, 32), 7, np.uint8))


def test_a_controlnet_is_checked_like_the_rest(tmp_path: Path) -> None:
    pack = make_tiny_pack(tmp_path / "pack", with_control=True)
    weights = next((pack / "controlnet").glob("*.safetensors"))
    (pack / "controlnet" / "net.bin").write_bytes(b"pickled")
    with pytest.raises(UserError, match="pickled"):
        events_of(pack, mask=DISC)
    (pack / "controlnet" / "net.bin").unlink()
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + b"x")
    with pytest.raises(UserError, match="differ from its manifest"):
        events_of(pack, mask=DISC)
    weights.unlink()
    with pytest.raises(UserError, match="weights of its controlnet"):
        events_of(pack, mask=DISC)
    weights.write_bytes(content)
    assert pictures(events_of(pack, count=1, mask=DISC))
