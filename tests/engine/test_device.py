from __future__ import annotations

import pytest
import torch

from medsynth_app.core.errors import UserError
from medsynth_app.engine import device


@pytest.fixture(autouse=True)
def fresh() -> None:
    device.choose_device.cache_clear()
    device.bfloat16_pays.cache_clear()


@pytest.mark.parametrize(("gain", "dtype"), [(0.5, "float32"), (1.1, "float32"), (2.0, "bfloat16")])
def test_the_cpu_uses_bfloat16_only_where_it_is_clearly_faster(
        monkeypatch: pytest.MonkeyPatch, gain: float, dtype: str) -> None:
    monkeypatch.setattr(device, "bfloat16_gain", lambda: gain)
    policy = device.choose_device("cpu")
    assert (policy.kind, policy.dtype, policy.weights) == ("cpu", dtype, torch.float32)
    assert policy.words == f"CPU ({torch.get_num_threads()} threads, {dtype})" or torch.get_num_threads() == 1
    with policy.precision():
        assert torch.is_autocast_enabled("cpu") == (dtype == "bfloat16")


def test_automatic_takes_the_best_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert device.choose_device("auto").kind == "mps"
    assert device.choose_device("cpu").kind == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    device.choose_device.cache_clear()
    assert device.choose_device("auto").kind == "cpu"


@pytest.mark.parametrize(("native", "dtype"), [(True, "bfloat16"), (False, "float16")])
def test_cuda_uses_half_precision(monkeypatch: pytest.MonkeyPatch, native: bool, dtype: str) -> None:
    class Properties:
        total_memory = 8 * 2**30

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: Properties())
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "Some GPU")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    policy = device.choose_device("auto")
    assert policy.words == f"Some GPU ({dtype})"
    assert policy.batch(512, 512) == 2 and policy.batch(128, 128) == 32


@pytest.mark.parametrize("wanted", ["cuda", "mps", "abacus"])
def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UserError, match="not available"):
        device.choose_device(wanted)


def test_measuring_leaves_threads_and_chance_as_they_were() -> None:
    before, chance = torch.get_num_threads(), torch.get_rng_state()
    assert device.bfloat16_gain() > 0
    assert torch.get_num_threads() == before and torch.equal(torch.get_rng_state(), chance)


def test_a_large_picture_is_drawn_alone() -> None:
    policy = device.choose_device("cpu")
    assert policy.batch(4096, 4096) == 1
    assert policy.batch(128, 128) == 16
