"""A data set that is drawn while a network learns from it, read by torch's own loader."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader

from medsynth_app.api import DrawnDataset, Pack, UserError
from medsynth_app.core.changes import Changes
from medsynth_app.headless import Headless

pytestmark = pytest.mark.usefixtures("here")
PROMPTS = {"cell": "a round cell", "nothing": "nothing but background"}


def test_torch_loads_what_is_drawn(tiny: Path) -> None:
    with Pack(tiny, device="cpu") as pack:
        data = DrawnDataset(pack, PROMPTS, 7, seed=3, batch=2, steps=1)
        batches = list(DataLoader(data, batch_size=4))
        assert [len(classes) for _images, classes in batches] == [4, 3]
        images, classes = batches[0]
        assert images.shape == (4, 3, 32, 32) and images.dtype == torch.float32
        assert 0 <= images.min() < images.max() <= 1
        assert classes.tolist() == [0, 1, 0, 1] and data.classes == ("cell", "nothing")
        seeds = [data.picture(k).seed for k in range(7)]
        assert sorted(seeds) == [3, 4, 5, 6, 7, 8, 9]  # no picture twice, whatever its class
        assert all(data.picture(k).provenance.parameters["prompt"] == PROMPTS[data.classes[k % 2]] for k in range(7))
        again = DrawnDataset(pack, PROMPTS, 7, seed=3, batch=2, steps=1)
        assert torch.equal(torch.as_tensor(again[5][0]), batches[1][0][1]) and again[-1][1] == data[6][1]
        assert len(ConcatDataset([data, data])) == 14 and len(list(data)) == 7
        data.renew()
        assert {data.picture(k).seed for k in range(7)}.isdisjoint(seeds)


def test_pairs_are_pictures_and_label_maps(tiny: Path) -> None:
    with Pack(tiny, device="cpu") as pack:
        data = DrawnDataset(pack, {"cell": "a round cell"}, 2, seed=0, pairs=True, steps=1, transform=np.asarray)
        image, mask = data[1]
        assert image.shape == (32, 32, 3) and image.dtype == np.uint8
        assert mask.shape == (32, 32) and mask.dtype == np.int64 and mask.max() <= 2


def test_what_cannot_be_drawn_is_told(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Pack(tiny, device="cpu") as pack:
        for prompts, length, more in (({}, 3, {}), (PROMPTS, 0, {}), (PROMPTS, 3, {"batch": 17}),
                                      (PROMPTS, 3, {"seed": 2**31})):
            with pytest.raises(UserError):
                DrawnDataset(pack, prompts, length, **more)
        data = DrawnDataset(pack, PROMPTS, 3, steps=1)
        with pytest.raises(IndexError):
            data[3]
        with pytest.raises(UserError, match="num_workers=0"):  # as a loader's worker of its own would take it over
            pickle.dumps(data)
        monkeypatch.setattr("medsynth_app.api.connection.os.getpid", lambda: -1)
        with pytest.raises(UserError, match="num_workers=0"):
            data[0]
        monkeypatch.undo()


def test_a_failure_stays_one_until_somebody_asks_anew(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(here: Headless, changes: Changes) -> NoReturn:
        raise UserError("The disk is full.", "Make room.")

    with Pack(tiny, device="cpu") as pack:
        data, pending = DrawnDataset(pack, PROMPTS, 2, batch=1, steps=1), pack.submit(count=2, steps=1)
        with monkeypatch.context() as broken:
            broken.setattr(Headless, "run", fail)
            for ask in (pending.result, lambda: data[0]):
                with pytest.raises(UserError, match="disk is full"):
                    ask()
        with pytest.raises(UserError, match="disk is full"):
            pending.result()  # no list that is shorter than what was asked for
        assert data[0][0].shape == (3, 32, 32)
        given_up = pack.submit(steps=1)
        given_up.cancel()
        with pytest.raises(UserError, match="not drawn to the end"):
            given_up.result()
