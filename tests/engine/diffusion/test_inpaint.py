from __future__ import annotations

import json
import pickle
import pickletools
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medsynth_app.core import blend
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.fill_report import FillReport
from medsynth_app.core.intensity import IntensityRange
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.inpaint import MODES, InpaintRequest
from medsynth_app.core.provenance import Provenance
from medsynth_app.engine.device import choose_device
from medsynth_app.engine.diffusion import inpaint
from medsynth_app.engine.diffusion import pipelines as packs
from medsynth_app.engine.diffusion.inpaint import latent_cells, model_size, run_inpaint
from tests.engine.tiny import events_of, make_request, make_tiny_pack, results_of


def smear(rows: int = 40, columns: int = 48) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (rows, columns, 3), np.uint8)


def region(rows: int = 40, columns: int = 48) -> npt.NDArray[np.bool_]:
    mask = np.zeros((rows, columns), np.bool_)
    mask[10:30, 12:34] = True
    return mask


def ct(rows: int = 40, columns: int = 48) -> npt.NDArray[np.int16]:
    """Stored values of a soft-tissue slice, intercept -1024, with air and bone outside the range."""
    values = np.random.default_rng(1).normal(1064, 20, (rows, columns))
    values[:5], values[-5:] = 24, 2500
    return values.astype(np.int16)


def ct_request(pack: Path, **changes: Any) -> InpaintRequest:
    given = {"intensity_range": IntensityRange(-160, 240), "rescale": (1.0, -1024.0), "stored_range": (0, 4095),
             "unit": "HU", **changes}
    return make_request(pack, ct(), region(), **given)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("match_seam", [False, True])
def test_every_mode_changes_the_painted_pixels_only(tiny_pack: Path, mode: str, match_seam: bool) -> None:
    request = make_request(tiny_pack, smear(), region(), mode=mode, strength=0.6, count=2, match_seam=match_seam)
    results = results_of(request)
    assert [event.data["candidate"] for event in results] == [0, 1]
    for event in results:
        patch = event.arrays["patch"]
        assert patch.dtype == np.uint8 and patch.shape == request.image.crop.shape
        np.testing.assert_array_equal(patch[~request.image.mask], request.image.crop[~request.image.mask])
        assert (patch[request.image.mask] != request.image.crop[request.image.mask]).mean() > 0.5
        np.testing.assert_array_equal(event.arrays["effective"], request.image.mask)
        np.testing.assert_array_equal(event.arrays["alpha"], blend.feather_alpha(request.image.mask, 4))
        assert event.data["largest_change_outside_mask"] == 0
    assert not np.array_equal(results[0].arrays["patch"], results[1].arrays["patch"])


def test_ct_keeps_its_depth_and_its_units(tiny_pack: Path) -> None:
    request = ct_request(tiny_pack, feather=0)
    [event] = results_of(request)
    patch = event.arrays["patch"]
    assert patch.dtype == np.int16
    np.testing.assert_array_equal(patch[~request.image.mask], request.image.crop[~request.image.mask])
    drawn = patch[request.image.mask].astype(int) - 1024
    assert drawn.min() >= -160 and drawn.max() <= 240
    assert len(np.unique(drawn)) > 60  # more than a window of 8-bit steps would need to be seen as 16-bit
    hu = patch.astype(np.float64) - 1024
    report = FillReport.from_dict(event.data["report"])
    assert report.inside.edge == pytest.approx(blend.seam_measure(hu, request.image.mask), rel=1e-5)
    assert report.inside.mean == pytest.approx(drawn.mean(), abs=0.01) and report.unit == "HU"


@pytest.fixture
def perfect(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that draws exactly what it sees."""
    monkeypatch.setattr(inpaint.Scene, "latents", lambda self, *_: self.unit)
    monkeypatch.setattr(packs.Pack, "decode", lambda self, latents, rough=False: latents)


def skull() -> npt.NDArray[np.int16]:
    """Air, bone of 1000 to 1400 HU, brain; at the size that the tiny pack draws."""
    hu = np.random.default_rng(2).normal(30, 8, (32, 32))
    hu[:, :10], hu[:, 10:18] = -1000, np.linspace(1000, 1400, 32 * 8).reshape(32, 8)
    return np.rint(hu + 1024).astype(np.int16)


@pytest.mark.usefixtures("perfect")
@pytest.mark.parametrize("seen", [IntensityRange(0, 80), IntensityRange(-160, 240), IntensityRange(-1000, 1000)])
def test_varied_bone_and_air_stay_in_their_order(tiny_pack: Path, seen: IntensityRange) -> None:
    mask = np.zeros((32, 32), np.bool_)
    mask[4:28, 4:28] = True
    crop = skull()
    request = make_request(tiny_pack, crop, mask, mode="vary", strength=0.5, feather=3, intensity_range=seen,
                           rescale=(1.0, -1024.0), stored_range=(0, 4095), unit="HU")
    patch = results_of(request)[0].arrays["patch"]
    np.testing.assert_allclose(patch, crop, atol=1)


@pytest.mark.usefixtures("perfect")
def test_what_is_drawn_anew_keeps_nothing_of_what_lay_beyond_but_at_its_soft_edge(tiny_pack: Path) -> None:
    mask = np.zeros((32, 32), np.bool_)
    mask[8:24, 8:24] = True
    crop = np.full((32, 32), 1024 + 1200, np.int16)
    values = {"intensity_range": IntensityRange(-160, 240), "rescale": (1.0, -1024.0), "stored_range": (0, 4095)}
    [event] = results_of(make_request(tiny_pack, crop, mask, mode="replace", feather=4, **values))
    hu = event.arrays["patch"] - 1024.0
    assert hu[14:18, 14:18].max() <= 240
    assert (np.diff(hu[16, 7:13]) <= 0).all() and hu[16, 8] > 1000  # it falls slowly, from what stands beside it


def test_inverted_grey_is_drawn_the_other_way_round(tiny_pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the model sees of a negative is the same picture; what is written back is the negative of it."""
    exact = replace(choose_device("cpu"), autocast=None)  # bfloat16, which some machines choose, rounds both apart
    monkeypatch.setattr(packs, "choose_device", lambda _device: exact)
    crop = np.random.default_rng(3).integers(0, 256, (32, 32), np.uint8)
    mask = region(32, 32)
    [plain] = results_of(make_request(tiny_pack, crop, mask, feather=0))
    [negative] = results_of(make_request(tiny_pack, 255 - crop, mask, feather=0, inverted=True))
    difference = plain.arrays["patch"].astype(int) + negative.arrays["patch"] - 255
    assert np.abs(difference).max() <= 1


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["rgb", "uint8", "uint16", "int16"]), st.integers(3, 70), st.integers(3, 70),
       st.sampled_from(MODES), st.integers(0, 6), st.booleans(), st.integers(0, 2**31))
def test_exact_outside_for_any_size_depth_and_mask(
        tiny_pack: Path, kind: str, rows: int, columns: int, mode: str, feather: int, match: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    dtype = np.dtype("uint8" if kind == "rgb" else kind)
    limits = np.iinfo(dtype)
    crop = rng.integers(limits.min, limits.max, (rows, columns, 3) if kind == "rgb" else (rows, columns), dtype,
                        endpoint=True)
    mask = rng.random((rows, columns)) < rng.choice([0.02, 0.3, 0.95])
    mask[rng.integers(rows), rng.integers(columns)] = True
    request = make_request(tiny_pack, crop, mask, mode=mode, strength=0.5, steps=2, feather=feather, match_seam=match,
                           stored_range=(int(limits.min), int(limits.max)), seed=seed)
    [event] = results_of(request)
    patch = event.arrays["patch"]
    assert patch.dtype == dtype
    assert patch[~event.arrays["effective"]].tobytes() == crop[~event.arrays["effective"]].tobytes()
    assert not event.arrays["effective"][~mask].any()


def test_the_same_request_draws_the_same_pixels(tiny_pack: Path) -> None:
    request = ct_request(tiny_pack, count=3, seed=11)
    first = [event.arrays["patch"].tobytes() for event in results_of(request)]
    packs.forget_packs()
    assert [event.arrays["patch"].tobytes() for event in results_of(request)] == first
    shown = ct_request(tiny_pack, count=3, seed=11, preview_every=1)
    assert [event.arrays["patch"].tobytes() for event in results_of(shown)] == first  # previews change nothing


def test_a_candidate_is_that_of_its_seed_whatever_stands_beside_it(tiny_pack: Path) -> None:
    together = results_of(make_request(tiny_pack, smear(), region(), count=3, seed=5))
    [alone] = results_of(make_request(tiny_pack, smear(), region(), count=1, seed=7))
    assert together[2].data["seed"] == alone.data["seed"] == 7
    apart = np.abs(together[2].arrays["patch"].astype(int) - alone.arrays["patch"])
    others = np.abs(together[1].arrays["patch"].astype(int) - alone.arrays["patch"])
    assert apart.mean() < others.mean() / 4  # batches of other sizes round differently


def test_what_is_painted_over_does_not_shine_through_unless_it_is_varied(tiny_pack: Path) -> None:
    mask, other = region(), smear()
    other[mask] = 255 - other[mask]

    def drawn(crop: npt.NDArray[np.uint8], mode: str) -> bytes:
        return bytes(results_of(make_request(tiny_pack, crop, mask, mode=mode, strength=0.5, feather=0))[0]
                     .arrays["patch"][mask].tobytes())

    # 40 x 48 is resampled to the model's size, which mixes painted with unpainted neighbours: compare at its own size
    mask, base = region(32, 32), smear(32, 32)
    mask[:] = False
    mask[8:24, 8:24] = True
    other = base.copy()
    other[mask] = 255 - other[mask]
    assert drawn(base, "replace") == drawn(other, "replace")
    assert drawn(base, "remove") == drawn(other, "remove")
    assert drawn(base, "vary") != drawn(other, "vary")


def test_remove_uses_the_prompt_of_the_pack(tiny_pack: Path) -> None:
    [event] = results_of(make_request(tiny_pack, smear(), region(), mode="remove", prompt=" "))
    assert event.data["provenance"]["parameters"]["prompt"] == "nothing but background"
    [event] = results_of(make_request(tiny_pack, smear(), region(), mode="remove", prompt="a round cell"))
    assert event.data["provenance"]["parameters"]["prompt"] == "a round cell"


@pytest.mark.parametrize(("mode", "strength", "steps"), [("replace", 1.0, 4), ("replace", 0.5, 2), ("replace", 0.0, 1),
                                                         ("vary", 1.0, 3)])
def test_strength_is_the_share_of_steps(tiny_pack: Path, mode: str, strength: float, steps: int) -> None:
    events = events_of(make_request(tiny_pack, smear(), region(), mode=mode, strength=strength))
    progress = [event for event in events if event.kind is EventKind.PROGRESS and event.step]
    assert [(event.step, event.steps) for event in progress] == [(k + 1, steps) for k in range(steps)]
    assert all(event.seconds_left is not None and event.seconds_left >= 0 for event in progress)
    assert progress[-1].seconds_left == 0


def test_previews_show_the_crop_with_what_is_drawn(tiny_pack: Path) -> None:
    request = make_request(tiny_pack, smear(32, 32), region(32, 32), count=2, preview_every=2, steps=5)
    previews = [event for event in events_of(request) if event.kind is EventKind.PREVIEW]
    assert [event.step for event in previews] == [2, 4]
    for event in previews:
        assert sorted(event.arrays) == ["0", "1"]
        for picture in event.arrays.values():
            assert picture.dtype == np.uint8 and picture.shape == (32, 32, 3)
            np.testing.assert_array_equal(picture[~request.image.mask], request.image.crop[~request.image.mask])
            assert (picture[request.image.mask] != request.image.crop[request.image.mask]).any()


@pytest.mark.parametrize("at", [0, 1, 3])
def test_cancel_ends_within_a_step(tiny_pack: Path, at: int) -> None:
    events: list[JobEvent] = []

    def steps() -> int:
        return max((event.step for event in events), default=0)

    request = make_request(tiny_pack, smear(), region(), steps=6, preview_every=1, count=2)
    with pytest.raises(Cancelled):
        run_inpaint(request, events.append, lambda: steps() >= at, "job")
    assert steps() == at
    assert not any(event.kind is EventKind.RESULT for event in events)
    assert len(results_of(request)) == 2  # the pipeline is as good as before


def test_a_tiny_mask_is_drawn(tiny_pack: Path) -> None:
    mask = np.zeros((64, 64), np.bool_)
    mask[63, 0] = True
    crop = np.full((64, 64, 3), 128, np.uint8)
    [event] = results_of(make_request(tiny_pack, crop, mask))
    assert event.arrays["effective"].sum() == 1
    assert (event.arrays["patch"] != crop).any(axis=2).sum() <= 1


def test_many_candidates_go_in_several_batches(tiny_pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(choose_device("cpu")), "batch", lambda self, height, width: 2)
    events = events_of(make_request(tiny_pack, smear(), region(), count=5, steps=3))
    results = [event for event in events if event.kind is EventKind.RESULT]
    assert [event.data["seed"] for event in results] == [0, 1, 2, 3, 4]
    assert [event.data["provenance"]["environment"]["batch"] for event in results] == [2, 2, 2, 2, 1]
    progress = [(event.step, event.steps) for event in events if event.kind is EventKind.PROGRESS and event.step]
    assert progress == [(k + 1, 9) for k in range(9)]
    assert len({event.arrays["patch"].tobytes() for event in results}) == 5


def test_an_inpainting_unet_with_nine_channels(tmp_path: Path) -> None:
    pack = make_tiny_pack(tmp_path / "nine", unet_channels=9)
    request = make_request(pack, smear(), region(), count=2)
    results = results_of(request)
    assert len(results) == 2
    outside = ~request.image.mask
    np.testing.assert_array_equal(results[0].arrays["patch"][outside], request.image.crop[outside])
    assert packs.warm_up(str(pack), "cpu")["kind"] == "cpu"


def test_the_provenance_is_complete_plain_and_without_places(tiny_pack: Path) -> None:
    request = ct_request(tiny_pack, count=2, seed=4, notices=("not for this modality",))
    event = results_of(request)[1]
    raw = json.loads(json.dumps(event.data["provenance"]))
    record = Provenance.from_dict(raw)
    assert (record.action, record.seed, record.pack) == ("inpaint", 5, "tiny")
    assert record.pack_sha256 == request.model.sha256
    assert record.source == request.image.source and len(record.mask_sha256) == 64
    assert record.largest_change_outside_mask == 0 and record.report == event.data["report"] and record.seam is None
    assert record.notices == ("not for this modality",)
    assert record.parameters["intensity_range"] == {"low": -160, "high": 240} and record.parameters["steps"] == 4
    for key in ("torch", "diffusers", "medsynth", "device", "dtype", "threads", "batch"):
        assert record.environment[key]
    assert str(tiny_pack) not in json.dumps(raw)


def test_what_the_window_reads_makes_it_import_no_model_library(tiny_pack: Path) -> None:
    for event in events_of(ct_request(tiny_pack, count=1, preview_every=1)):
        names = {str(argument) for code, argument, _ in pickletools.genops(pickle.dumps(event, protocol=3))
                 if code.name == "GLOBAL"}
        assert names and not any(name.startswith(("torch", "diffusers", "transformers")) for name in names), names


def test_nothing_painted_and_a_wrong_pack(tiny_pack: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Nothing is painted"):
        events_of(make_request(tiny_pack, smear(), np.zeros((40, 48), np.bool_)))
    with pytest.raises(UserError, match="no model pack"):
        events_of(make_request(tiny_pack, smear(), region(), pack=str(tmp_path)))


def test_a_change_outside_the_mask_would_stop_the_job(tiny_pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blend, "composite", lambda original, *_: original + np.uint8(1))
    with pytest.raises(AssertionError, match="outside the mask"):
        events_of(make_request(tiny_pack, np.zeros((32, 32, 3), np.uint8), region(32, 32)))


def test_a_whole_inpaint_without_any_socket(tiny_pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a socket was opened")

    packs.forget_packs()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert len(results_of(make_request(tiny_pack, smear(), region(), preview_every=2))) == 1


@given(st.integers(1, 3000), st.integers(1, 3000), st.sampled_from([(32, 4), (128, 4), (512, 8)]))
def test_the_model_draws_about_its_native_number_of_pixels(rows: int, columns: int, pack: tuple[int, int]) -> None:
    native, factor = pack
    height, width = model_size(rows, columns, native, factor)
    assert height % (2 * factor) == 0 and width % (2 * factor) == 0
    assert 0.4 <= height * width / native**2 <= 1.7
    if rows == columns:
        assert (height, width) == (native, native)
    assert (height >= width) if rows > columns else (width >= height)


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**31))
def test_no_painted_pixel_lies_outside_the_drawn_cells(
        rows: int, columns: int, down: int, across: int, seed: int) -> None:
    mask = np.random.default_rng(seed).random((rows, columns)) < 0.1
    cells = latent_cells(mask, down, across)
    assert cells.any() == mask.any()
    # on a grid that is a multiple of both, every painted spot must be drawn, and every drawn cell hold a painted spot
    fine = np.kron(mask, np.ones((down, across), np.bool_))
    drawn = np.kron(cells, np.ones((rows, columns), np.bool_))
    assert not (fine & ~drawn).any()
    np.testing.assert_array_equal(fine.reshape(down, rows, across, columns).any(axis=(1, 3)), cells)


def test_resampling_keeps_what_has_the_right_size() -> None:
    picture = torch.rand(1, 3, 20, 30)
    assert inpaint.resized(picture, 20, 30) is picture
    small = inpaint.resized(picture, 7, 9)
    assert small.shape == (1, 3, 7, 9) and small.min() >= 0 and small.max() <= 1


@pytest.fixture
def precise(monkeypatch: pytest.MonkeyPatch) -> None:
    """float32 everywhere, several pictures at once: nothing but what is asked can make a difference."""
    exact = replace(choose_device("cpu"), weights=torch.float32, autocast=None, batch_pixels=4 * 64 * 64)
    monkeypatch.setattr(packs, "choose_device", lambda name: exact)


def two_classes() -> npt.NDArray[np.uint8]:
    labels = region().astype(np.uint8)
    labels[14:22, 16:24] = 2
    return labels


@pytest.mark.usefixtures("precise")
def test_a_fill_follows_its_labels(control_pack: Path) -> None:
    free = results_of(make_request(control_pack, smear(), region()))[0]
    drawn = [results_of(make_request(control_pack, smear(), region(), labels=two_classes(), control_scale=scale))[0]
             for scale in (1.0, 1.0, 0.0)]
    patches = [event.arrays["patch"] for event in drawn]
    np.testing.assert_array_equal(patches[0], patches[1])  # the seed decides
    assert not np.array_equal(patches[0], patches[2])
    np.testing.assert_array_equal(patches[2], free.arrays["patch"])  # 0 ignores the labels, with the same noise
    np.testing.assert_array_equal(patches[0][~region()], smear()[~region()])


def test_what_was_followed_is_recorded(control_pack: Path) -> None:
    def recorded(labels: npt.NDArray[np.uint8] | None, mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
        request = make_request(control_pack, smear(), mask, labels=labels, control_scale=1.0)
        parameters: dict[str, Any] = results_of(request)[0].data["provenance"]["parameters"]
        return parameters

    labels, mask = two_classes(), region()
    both = recorded(labels, mask)
    assert both["followed"] == {"1": "body", "2": "core"} and both["control_scale"] == 1.0
    assert recorded(np.array([0, 2, 1], np.uint8)[labels], mask)["labels_sha256"] != both["labels_sha256"]
    assert recorded(labels, mask & (labels == 1))["followed"] == {"1": "body"}  # the core is not filled
    assert not {"followed", "control_scale", "labels", "labels_sha256"} & set(recorded(None, mask))


@pytest.mark.usefixtures("precise")
def test_several_candidates_follow_labels_alone_as_together(control_pack: Path) -> None:
    many = results_of(make_request(control_pack, smear(), region(), labels=two_classes(), count=3, seed=4))
    alone = results_of(make_request(control_pack, smear(), region(), labels=two_classes(), seed=6))[0]
    np.testing.assert_allclose(many[2].arrays["patch"].astype(int), alone.arrays["patch"], atol=1)
    assert not np.array_equal(many[2].arrays["patch"], many[0].arrays["patch"])


@pytest.mark.parametrize("weights", [torch.bfloat16, torch.float32])
def test_a_followed_fill_runs_in_the_precision_of_a_gpu(control_pack: Path, monkeypatch: pytest.MonkeyPatch,
                                                        weights: torch.dtype) -> None:
    policy = replace(choose_device("cpu"), weights=weights, autocast=None)  # there the autoencoder alone is float32
    monkeypatch.setattr(packs, "choose_device", lambda name: policy)
    assert len(results_of(make_request(control_pack, smear(), region(), labels=two_classes(), strength=0.5))) == 1


def test_what_is_too_small_to_be_followed_is_told(control_pack: Path) -> None:
    crop, mask = smear(600, 600), np.zeros((600, 600), np.bool_)
    mask[100:500, 100:101] = True  # between two of the 32 pixels that the model draws
    [event] = results_of(make_request(control_pack, crop, mask, labels=mask.astype(np.uint8)))
    record = event.data["provenance"]
    assert "The painted body is too small" in record["notices"][-1] and "followed" not in record["parameters"]


def test_labels_that_cannot_be_followed_are_refused_in_words(tiny_pack: Path, control_pack: Path) -> None:
    labels = region().astype(np.uint8)
    with pytest.raises(UserError, match="cannot draw from masks"):
        results_of(make_request(tiny_pack, smear(), region(), labels=labels))
    with pytest.raises(UserError, match="the value 7"):
        results_of(make_request(control_pack, smear(), region(), labels=labels * 7))
