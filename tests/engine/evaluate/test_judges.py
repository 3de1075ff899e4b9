from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.datasets.items import read_pictures
from medsynth_app.engine.evaluate import judges, networks
from medsynth_app.engine.evaluate.bench import PackBench
from medsynth_app.engine.evaluate.judges import judge_of
from medsynth_app.studies.pictures import resized
from tests.engine.evaluate.conftest import PARTS, silent
from tests.engine.tiny_encoder import make_tiny_encoder


def test_judges_learn_from_the_train_part_only(bench: PackBench, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    domain = bench.domain
    files = {split: {item.file for item in domain.part(split)} for split in PARTS}
    assert {split: len(found) for split, found in files.items()} == {s: 2 * n for s, n in PARTS.items()}
    assert not files["train"] & files["test"] and not files["val"] & files["test"]
    assert {item.box for item in domain.items} == {(0, 0, 32, 32)}, "the recipe's first crop"
    learned: list[np.ndarray] = []

    def spy(network: torch.nn.Module, pictures: np.ndarray, truth: np.ndarray, *rest: object) -> int:
        learned.append(pictures)
        return 0

    monkeypatch.setattr(networks, "fit_classifier", spy)
    judge_of(domain, 0.0123, tmp_path, silent())
    train = resized(read_pictures(domain.part("train"), 32), judges.SIZES["blood-cells"])
    assert len(learned) == 1 and np.array_equal(learned[0], train)


def test_a_judge_is_trained_once_and_again_when_the_data_change(bench: PackBench, tmp_path: Path,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    real = networks.fit_classifier
    monkeypatch.setattr(networks, "fit_classifier", lambda *given: (calls.append(1), real(*given))[1])
    domain = bench.domain
    first = judge_of(domain, 0.015, tmp_path, silent())
    again = judge_of(domain, 0.015, tmp_path, silent())
    assert len(calls) == 1
    assert first.words == again.words and 0 <= first.score.mean <= 1 and first.score.n == 2 * PARTS["test"]
    pictures = read_pictures(domain.part("test")[:4], 32)
    assert np.array_equal(first.features(pictures), again.features(pictures))
    test = domain.part("test")
    fewer = tuple(item for item in domain.items if item not in test[:3])
    other = judge_of(replace(domain, items=fewer), 0.015, tmp_path, silent())
    assert len(calls) == 1 and other.score.n == len(test) - 3, "the same judge, asked about another test part"
    judge_of(replace(domain, items=domain.items[1:]), 0.015, tmp_path, silent())
    assert len(calls) == 2


def test_a_domain_that_is_not_listed_is_judged_at_its_own_size_at_most(bench: PackBench) -> None:
    assert judges.judge_size(bench.domain) == 32
    assert judges.judge_size(replace(bench.domain, name="another", native_size=96)) == 96
    assert judges.judge_size(replace(bench.domain, name="another", native_size=512)) == judges.LARGEST


def test_features_come_from_the_judge_or_from_the_named_encoder(bench: PackBench, world: Path, tmp_path: Path,
                                                                asked: Callable[..., StudyRequest]) -> None:
    assert bench.space().name == "the classifier's deepest layer"
    encoder = make_tiny_encoder(tmp_path)
    request = asked("quality", encoder=str(encoder), cache=str(tmp_path / "cache"))
    space = PackBench(request, silent()).space()
    assert space.name == "tiny-encoder 0.0.1"
    pictures = read_pictures(bench.domain.part("test")[:3], 32)
    first = space.of(pictures)
    kept = sorted((tmp_path / "cache" / "embedded").iterdir())
    assert first.shape[0] == 3 and np.isfinite(first).all() and np.array_equal(space.of(pictures), first)
    assert sorted((tmp_path / "cache" / "embedded").iterdir()) == kept
    with pytest.raises(UserError, match="no encoder"):
        PackBench(asked("quality", encoder=str(world / "pack")), silent()).space()
