"""Requests as they are stored: nested now, flat in the first workspaces."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from medsynth_app.core.intensity import IntensityRange
from medsynth_app.core.jobs.stored import from_parts, to_parts
from medsynth_app.core.jobs.table import kind_of
from medsynth_app.core.jobs.train import TrainRequest
from tests.asking import embed_of, generate_of, inpaint_of

CROP = np.arange(64, dtype=np.int16).reshape(8, 8)
LABELS = (CROP % 3).astype(np.uint8)
INPAINT = {"pack": "/packs/a", "pack_sha256": "ab", "bounds": [1, 2, 9, 10], "document_id": "d",
           "frame_key": "sha256:0#0", "revision": "r", "source": "sha256:0", "prompt": "a polyp",
           "negative_prompt": "text", "mode": "vary", "strength": 0.5, "steps": 12, "guidance": 3.0, "seed": 5,
           "count": 2,
           "feather": 3, "match_seam": True, "control_scale": 0.8, "window": [-160.0, 240.0], "inverted": True,
           "rescale": [1.0, -1024.0], "stored_range": [0, 4095], "preview_every": 0, "device": "cpu",
           "notices": ["outside its field"]}
GENERATE = {"pack": "/packs/a", "pack_sha256": "ab", "prompt": "a cell", "negative_prompt": "", "width": 64,
            "height": 32, "steps": 12, "guidance": 3.0, "seed": 5, "count": 2, "preview_every": 0, "device": "cpu",
            "control_scale": 0.8, "pairs": False, "source": "sha256:0#0"}
TRAIN = {"recipe": "/r.toml", "data": "/d", "out": "/o", "part": "control", "pack": "/p", "checkpoints": "/c",
         "max_minutes": 3.0}
EMBED = {"pack": "/packs/e", "pack_sha256": "cd", "images": ["/a/1.png", "/a/1.png", "/b.png"], "ids": ["x", "y", "z"],
         "crop": 0.5, "out": "/E.npz", "device": "cpu"}
BOXES = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [0, 0, 9, 9]])
# As version 3566271 stored them: one flat object, one array per field.
FLAT: dict[str, tuple[dict[str, Any], dict[str, Any], Any]] = {
    "inpaint": (INPAINT, {"crop": CROP, "mask": CROP > 9, "labels": LABELS},
                inpaint_of(**{**INPAINT, "bounds": (1, 2, 9, 10), "rescale": (1.0, -1024.0),
                              "stored_range": (0, 4095), "notices": ("outside its field",)}, crop=CROP, mask=CROP > 9,
                           labels=LABELS)),
    "generate": (GENERATE, {"mask": LABELS}, generate_of(**GENERATE, mask=LABELS)),
    "train": (TRAIN, {}, TrainRequest("/r.toml", "/d", "/o", "control", "/p", "/c", 3.0)),
    "embed": (EMBED, {"boxes": BOXES}, embed_of(**EMBED, boxes=BOXES)),
}


def same(one: Any, other: Any) -> bool:
    if dataclasses.is_dataclass(one):
        return type(one) is type(other) and all(same(getattr(one, field.name), getattr(other, field.name))
                                                for field in dataclasses.fields(one))
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other)
    return type(one) is type(other) and bool(one == other)


@pytest.mark.parametrize("name", FLAT)
def test_a_request_comes_back_as_it_was(name: str) -> None:
    request = FLAT[name][2]
    plain, arrays = to_parts(request)
    assert kind_of(request).name == name == plain["kind"]
    assert same(from_parts(json.loads(json.dumps(plain)), arrays), request)


@pytest.mark.parametrize("name", FLAT)
def test_a_flat_request_of_the_first_workspaces_is_the_same(name: str) -> None:
    plain, arrays, request = FLAT[name]
    assert same(from_parts(json.loads(json.dumps({"kind": name, **plain})), arrays), request)


def test_every_value_of_a_flat_inpainting_arrives() -> None:
    plain, arrays, request = FLAT["inpaint"]
    told = {field.name: getattr(part, field.name) for part in (request, request.image, request.conditioning,
                                                              request.sampling)
            for field in dataclasses.fields(part)}
    for name, value in {**plain, **arrays}.items():
        if name not in ("pack", "pack_sha256", "window"):
            assert np.array_equal(told[name], value), name
    assert request.image.intensity_range == IntensityRange(-160, 240)
    assert (request.model.folder, request.model.sha256) == ("/packs/a", "ab")


@pytest.mark.parametrize(("window", "seen"), [([-160.0, 240.0], IntensityRange(-160, 240)), (None, None)])
def test_a_display_window_that_a_request_once_held_is_its_range(window: Any, seen: IntensityRange | None) -> None:
    plain, arrays = to_parts(FLAT["inpaint"][2])
    image = {name: value for name, value in plain["image"].items() if name != "intensity_range"}
    back = from_parts(json.loads(json.dumps({**plain, "image": {**image, "window": window}})), arrays)
    assert back.image.intensity_range == seen and np.array_equal(back.image.crop, CROP)


def test_a_field_that_a_flat_request_lacks_is_as_it_then_was() -> None:
    older = {name: value for name, value in GENERATE.items() if name not in ("control_scale", "pairs", "source")}
    asked = from_parts({"kind": "generate", **older}, {}).conditioning
    assert (asked.labels, asked.control_scale, asked.pairs) == (None, 1.0, False)


@pytest.mark.parametrize("plain", [{"kind": "of another age"}, {"kind": "generate", "form": 3},
                                   {"kind": "generate", "form": 2, "colour": "red"}])
def test_what_this_version_does_not_know_is_refused(plain: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError)):
        from_parts(plain, {})


def test_many_cells_take_little_room_beside_their_arrays() -> None:
    count = 50_000
    request = embed_of(pack="/packs/e", ids=[f"cell-{k}" for k in range(count)], out="/E.npz",
                       images=[f"/data/Jane Doe/slide-{k // 100}.png" for k in range(count)],
                       boxes=np.zeros((count, 4), np.int64))
    plain, arrays = to_parts(request)
    text = json.dumps(plain)
    assert len(text) < 1000 and "Jane" not in text and "cell-" not in text
    assert len(arrays["pictures.files"]) < 20_000  # each file once
    back = from_parts(json.loads(text), arrays).pictures
    assert back.ids()[-1] == "cell-49999" and back.paths()[-1] == "/data/Jane Doe/slide-499.png"
    assert len(back) == count
