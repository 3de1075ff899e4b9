"""Whole pictures from a prompt: the request, and what comes back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.actions.generate import generate, generate_request, in_runs, masks_in
from medsynth_app.actions.receive import receive
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.generate import GenerateRequest
from medsynth_app.core.jobs.request import LARGEST_SEED
from medsynth_app.core.jobs.stored import from_parts, to_parts
from medsynth_app.core.pack import USUAL_STEPS
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.formats.raster import write_mask_png
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import answer, make_pack
from tests.asking import to_generate


def test_the_request_holds_all_that_a_worker_needs(pack: InstalledPack) -> None:
    request = generate_request(pack, to_generate(prompt="  a cell ", seed=9, count=3, width=64, height=32))
    assert (request.conditioning.prompt, request.sampling.seed, request.sampling.count) == ("a cell", 9, 3)
    assert (request.width, request.height) == (64, 32)
    assert request.model.folder == str(pack.folder) and request.model.sha256 == pack.manifest.sha256


def test_without_a_prompt_the_packs_own_is_drawn(pack: InstalledPack) -> None:
    assert generate_request(pack, to_generate()).conditioning.prompt == pack.manifest.default_prompt


def test_a_run_takes_the_steps_that_are_named_or_else_those_that_its_pack_recommends(pack: InstalledPack) -> None:
    quick = replace(pack, manifest=replace(pack.manifest, recommended_steps=9))
    assert generate_request(quick, to_generate()).sampling.steps == 9
    assert generate_request(quick, to_generate(steps=25)).sampling.steps == 25
    assert generate_request(pack, to_generate()).sampling.steps == USUAL_STEPS


def test_without_a_seed_every_run_draws_another(pack: InstalledPack) -> None:
    assert len({generate_request(pack, to_generate()).sampling.seed for _ in range(8)}) > 1


@pytest.mark.parametrize("wrong", [{"count": 0}, {"width": 33}, {"steps": -1}, {"guidance": -1.0}, {"seed": -1}])
def test_parameters_out_of_range_are_refused(pack: InstalledPack, wrong: dict[str, float]) -> None:
    with pytest.raises(UserError):
        generate_request(pack, to_generate(**wrong))  # type: ignore[arg-type]


def test_pictures_are_kept_with_their_seeds(workspace: Workspace, queue: JobQueue, pack: InstalledPack) -> None:
    (job,) = generate(queue, pack, to_generate(prompt="a cell", seed=4, count=2)).jobs
    (record,) = workspace.jobs.records()
    assert record.lane is Lane.INTERACTIVE and record.title == "Generate: a cell (2)"
    drawn = answer(workspace, job, lambda record, event: receive(workspace, record, event))
    kept = sorted(workspace.pictures.page(), key=lambda picture: picture.candidate)
    assert [picture.seed for picture in kept] == [4, 5]
    assert all(np.array_equal(picture.pixels(), pixels) for picture, pixels in zip(kept, drawn, strict=True))


MASK = np.array([[0, 1], [2, 0]], np.uint8)


@pytest.fixture
def masked(tmp_path: Path) -> InstalledPack:
    """A pack that says that it draws from masks and draws masks."""
    return make_pack(tmp_path / "more", "masked", mask_labels=("cytoplasm", "nucleus"),
                     files={"controlnet/config.json": "0" * 64, "masks/config.json": "0" * 64})


@pytest.mark.parametrize("mask", [None, MASK])
def test_a_request_survives_storage_with_and_without_a_mask(masked: InstalledPack, mask: np.ndarray | None) -> None:
    request = generate_request(masked, to_generate(prompt="a cell", labels=mask, control_scale=0.5))
    plain, arrays = to_parts(request)
    read = from_parts(json.loads(json.dumps(plain)), arrays)
    assert isinstance(read, GenerateRequest)
    asked = read.conditioning
    assert asked.control_scale == 0.5 and not asked.pairs
    if mask is None:
        assert asked.labels is None and not arrays
    else:
        assert np.array_equal(asked.labels, mask) and list(arrays) == ["conditioning.labels"]


def test_what_a_pack_cannot_do_is_said_before_the_run(pack: InstalledPack, masked: InstalledPack,
                                                      tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot draw from masks"):
        generate_request(pack, to_generate(labels=MASK))
    only = make_pack(tmp_path / "only", "only", mask_labels=("polyp",), files={"controlnet/config.json": "0" * 64})
    with pytest.raises(UserError, match="cannot draw masks"):
        generate_request(only, to_generate(pairs=True))
    with pytest.raises(UserError, match="value 2"):
        generate_request(only, to_generate(labels=MASK))
    white = generate_request(only, to_generate(labels=MASK // 2 * 255)).conditioning.labels
    assert white is not None and white.tolist() == [[0, 0], [1, 0]]
    with pytest.raises(UserError, match="masks of their own"):
        generate_request(masked, to_generate(labels=MASK, pairs=True))
    with pytest.raises(UserError, match="followed"):
        generate_request(masked, to_generate(labels=MASK, control_scale=3))
    assert generate_request(masked, to_generate(pairs=True)).conditioning.pairs


def test_pictures_are_kept_with_their_masks(workspace: Workspace, queue: JobQueue, masked: InstalledPack) -> None:
    mask = (np.indices((32, 32)).sum(0) % 3).astype(np.uint8)
    (job,) = generate(queue, masked, to_generate(prompt="a cell", seed=4, count=2, labels=mask)).jobs
    assert workspace.jobs.records()[0].title == "Generate from a mask: a cell (2)"
    answer(workspace, job, lambda record, event: receive(workspace, record, event))
    for picture in workspace.pictures.page():
        kept = picture.mask()
        assert kept is not None and np.array_equal(kept, mask)


def test_many_pictures_are_drawn_in_several_runs() -> None:
    runs = in_runs(to_generate(prompt="a cell", seed=10), 35)
    assert [(run.sampling.seed, run.sampling.count) for run in runs] == [(10, 16), (26, 16), (42, 3)]
    (one,) = in_runs(to_generate(), 1)
    assert one.sampling.seed is not None and one.sampling.count == 1
    with pytest.raises(UserError, match="0 pictures"):
        in_runs(to_generate(), 0)
    with pytest.raises(UserError, match="no room"):
        in_runs(to_generate(seed=LARGEST_SEED), 2)
    with pytest.raises(UserError, match="steps"):
        in_runs(to_generate(steps=-1), 2)


def test_masks_of_a_folder_by_their_names(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no masks"):
        masks_in(tmp_path)
    for name in ("b.png", "a.png"):
        write_mask_png(tmp_path / name, MASK)
    (tmp_path / "a.png.provenance.json").write_text("{}")
    found = masks_in(tmp_path)
    assert list(found) == ["a", "b"] and np.array_equal(found["a"], MASK)  # its label values, not 0 and 1
    (tmp_path / "c.png").write_text("no picture")
    with pytest.raises(UserError, match=r"c\.png: "):
        masks_in(tmp_path)
    (tmp_path / "c.png").rename(tmp_path / "a.tif")
    with pytest.raises(UserError, match="named a"):
        masks_in(tmp_path)
