"""Records that act: what is said of a result that was drawn again, and of where a picture comes from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.actions.records import Found, find_record
from medsynth_app.actions.rerun import rerun
from medsynth_app.actions.rerun_answer import InFile, answer_of
from medsynth_app.actions.trace import trace
from medsynth_app.core.errors import UserError
from medsynth_app.core.looks import BITS, distances, looks_of
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats.raster import write_png
from medsynth_app.workspace.workspace import Workspace

DRAWN = Provenance("generate", "cells", "a" * 64, 7, "2030-01-02T03:04:05+00:00",
                   parameters={"prompt": "a cell", "result_sha256": "1" * 64, "drawn_at": [32, 32]},
                   environment={"torch": "2.13.0", "threads": 2, "batch": 3, "batch_from": 0})


def test_every_difference_between_record_and_machine_is_named() -> None:
    same = answer_of(DRAWN, DRAWN, InFile.SAME, (0, 0, 0), (), None)
    assert same.holds and same.differences == ()
    assert same.words == "Bit-identical: drawn again, it is the same to the last bit."
    here = replace(DRAWN, pack_sha256="b" * 64, parameters={**DRAWN.parameters, "result_sha256": "2" * 64},
                   environment={"torch": "2.14.0", "threads": 4, "batch": 2, "batch_from": 1, "dtype": "float32"})
    other = answer_of(DRAWN, here, InFile.OTHER, (5, 12, 3), ("what was painted",), None)
    assert [each.what for each in other.differences] == ["the model", "torch", "threads", "drawn together"]
    assert not other.holds and "5 of 12 values differ, by up to 3" in other.words
    assert "- threads: 2 then, 4 now" in other.words and "does not say what was painted" in other.words
    redrawn = replace(DRAWN, parameters={**DRAWN.parameters, "result_sha256": "3" * 64})
    edited = answer_of(DRAWN, redrawn, InFile.NONE, (0, 0, 0), (), None)
    assert not edited.holds and "the record was changed" in edited.words
    old = replace(DRAWN, parameters={})
    assert answer_of(old, DRAWN, InFile.MARKED, (0, 0, 0), (), None).identical is True
    unknown = answer_of(old, DRAWN, InFile.UNLIKE, (0, 0, 0), (), None)
    assert unknown.identical is None and not unknown.holds and "cannot be told" in unknown.words


def test_a_record_that_says_only_that_something_is_synthetic_draws_nothing(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.zeros((8, 8), np.uint8), replace(DRAWN, action="imported"))
    found = find_record(tmp_path / "a.png")
    assert found.record.action == "imported" and found.file == tmp_path / "a.png"
    with pytest.raises(UserError, match="not how"):
        rerun(Found(found.record, None), None, None, None)  # type: ignore[arg-type]  # nothing of them is touched


def test_of_pictures_that_are_alike_the_nearest_is_told_first() -> None:
    waves = np.kron(np.random.default_rng(0).integers(0, 200, (16, 16)), np.ones((6, 6))).astype(np.uint8)
    near = waves.copy()
    near[:20, :20] += 9
    with Workspace.temporary() as workspace:
        for seed, pixels in enumerate((near, waves, waves.T.copy())):
            workspace.pictures.add("job", seed, pixels, replace(DRAWN, seed=seed, source="sha256:" + "c" * 64))
        found = trace(waves, workspace)
        assert [each.record.seed for each in found] == [1, 0] and found[0].same and not found[1].same
        assert found[0].words == f"generate: seed 1, cells {'a' * 12}, 2030-01-02, 'a cell'; the same pixels."
        assert f"of {BITS} bits differ" in found[1].words and found[0].record.source.startswith("keyed:")
        assert trace(255 - waves, workspace) == ()
        workspace.pictures.remove(workspace.pictures.page()[0].id)
        assert len(workspace.traces.all()) == 2
    assert looks_of(waves) == looks_of(waves.astype(np.int16) * 7 - 900)  # whatever linear scale
    assert distances(looks_of(waves), [looks_of(near), looks_of(waves)])[1] == 0
