"""``train detector``: crops, targets, losses, and a whole run on drawn discs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.cell import FoundCell
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.pack_files import hash_files, open_pack, read_manifest, verify_pack
from medsynth_app.datasets.dataset import TrainingSet
from medsynth_app.datasets.freeze import freeze_training_set
from medsynth_app.engine.detector import CellNetwork, decoded
from medsynth_app.engine.find_cells import Detector
from medsynth_app.engine.train.detector import (
    Field,
    best_limit,
    box_loss,
    crop_of,
    heat_loss,
    judged,
    targets_of,
    train_detector,
    unknown_of,
    validate,
)
from medsynth_app.engine.train.parts import train_part
from medsynth_app.engine.train.recipe import DetectorSection, Recipe
from medsynth_app.engine.train.supervision import Run, Supervisor
from tests.engine.tiny_detector import make_fields, tiny_recipe

CPU = torch.device("cpu")
ALL_KNOWN = np.zeros((2, 2), bool)
NOTHING_BELIEVED = torch.full((2,), torch.inf)


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detector")
    return freeze_training_set(make_fields(folder / "fields"), tiny_recipe(folder, 2).data, folder / "frozen")


def test_targets_say_where_the_cells_are() -> None:
    """What `decoded` reads from the targets themselves are the boxes that they were made from."""
    cells = np.array([[8, 12, 40, 36, 0, 1], [50, 40, 64, 63, 1, 1], [0, 50, 20, 64, 0, 0.9]], np.float32)
    targets = targets_of([cells, cells[:0]], 2, 16, CPU, ALL_KNOWN)
    found = decoded(targets.heat[0], targets.box[0], (0.99, 0.99), (64, 64))
    order = np.lexsort((found.boxes[:, 0], found.kinds))
    assert found.boxes[order] == pytest.approx(cells[[2, 0, 1], :4], abs=1e-3)
    assert found.kinds[order].tolist() == [0, 0, 1]
    assert targets.heat[1].max() == 0 and targets.told[1].max() == 0 and targets.counts.min() == 1


def test_what_a_crop_hides_is_neither_cell_nor_background() -> None:
    targets = targets_of([np.array([[0, 0, 8, 32, 0, 0.2]], np.float32)], 1, 16, CPU, ALL_KNOWN[:1, :1])
    assert targets.heat.max() == 0 and targets.counts[0, 0, :8, :2].max() == 0 and targets.counts.sum() == 256 - 16


def test_the_losses_are_least_where_all_is_told() -> None:
    targets = targets_of([np.array([[8, 12, 40, 36, 0, 1]], np.float32)], 1, 16, CPU, ALL_KNOWN[:1, :1])
    right = torch.where(targets.heat == 1, 8.0, -8.0)
    nothing = NOTHING_BELIEVED[:1]
    assert float(heat_loss(right, targets, nothing)) < 0.01 < 1 < float(heat_loss(-right, targets, nothing))
    assert float(box_loss(targets.box, targets)) == 0 < float(box_loss(targets.box + 1, targets))


def test_a_cell_without_a_box_is_not_unlearned_where_the_network_is_sure_of_it() -> None:
    """Sure of a cell far from the only box: that costs where the class is complete, and nothing where it is not."""
    targets = targets_of([np.array([[0, 0, 20, 20, 0, 1]], np.float32)], 2, 16, CPU, ALL_KNOWN[:1])
    right = torch.where(targets.heat == 1, 8.0, -8.0)
    sure, near = right.clone(), right.clone()
    sure[0, 1, 12, 12], near[0, 1, 3, 3] = 3.0, 3.0  # and of another cell in the midst of the one that has a box
    doubted = torch.tensor([torch.inf, 0.5])
    least = float(heat_loss(right, targets, NOTHING_BELIEVED))
    assert float(heat_loss(sure, targets, doubted)) == pytest.approx(least, abs=1e-3)
    assert float(heat_loss(sure, targets, NOTHING_BELIEVED)) > 1 and float(heat_loss(near, targets, doubted)) > 1
    assert float(heat_loss(sure, targets, torch.tensor([0.5, torch.inf]))) > 1


def test_a_field_without_boxes_of_an_incomplete_class_says_nothing_of_it() -> None:
    pixels = np.full((8, 8, 3), 200, np.uint8)
    fields = [Field(pixels, np.full(3, 200, np.float32), np.array(objects, np.float32).reshape(-1, 5), 1.0)
              for objects in ([[0, 0, 4, 4, 0], [4, 4, 8, 8, 1]], [[0, 0, 4, 4, 1]], [])]
    unknown = unknown_of(fields, ("rbc", "wbc"), ("rbc",))
    assert unknown.tolist() == [[False, False], [True, False], [True, False]]
    targets = targets_of([np.empty((0, 6), np.float32)] * 3, 2, 16, CPU, unknown)
    sure = torch.full((3, 2, 16, 16), 3.0, requires_grad=True)  # of every class, everywhere
    heat_loss(sure, targets, NOTHING_BELIEVED).backward()
    assert sure.grad is not None
    learned = sure.grad.abs().amax(dim=(2, 3)) > 0
    assert learned.tolist() == [[True, True], [False, True], [False, True]]


def test_validation_asks_no_field_for_what_it_does_not_say(frozen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found in a field without any box is no mistake, where boxes miss some cells."""
    one = TrainingSet.load(frozen).validation[0]
    fields = [replace(one, objects=(("rbc", 0, 0, 10, 10),)), replace(one, objects=(("wbc", 50, 50, 60, 60),))]
    detector = Detector(CellNetwork(2, [8] * 5), CPU, ("rbc", "wbc"), np.full(2, 18, np.float32), (0.1, 0.1), 96)
    cells = (FoundCell("rbc", Bounds(0, 0, 10, 10), 0.8, True), FoundCell("rbc", Bounds(30, 30, 40, 40), 0.9, False))
    monkeypatch.setattr(Detector, "find", lambda _self, _pixels: cells)
    for incomplete, figures in (((), "F1 0.500, recall 1.000, precision 0.333"),
                                (("rbc",), "F1 0.667, recall 1.000, precision 0.500")):
        assert validate(detector, fields, incomplete)[1]["validation_rbc"].startswith(figures)


def test_a_recipe_names_no_incomplete_class_that_has_no_boxes(tmp_path: Path) -> None:
    tiny_recipe(tmp_path, 2)
    path = tmp_path / "tiny-detector-2.toml"
    path.write_text(path.read_text() + 'incomplete = ["platelet"]\n')
    with pytest.raises(UserError, match=r"incomplete in .detector. names 'platelet'"):
        Recipe.load(path)


def test_a_crop_shows_what_its_boxes_say() -> None:
    pixels = np.full((80, 120, 3), 200, np.uint8)
    pixels[20:40, 30:70] = (20, 40, 60)
    field = Field(pixels, np.full(3, 200, np.float32), np.array([[30, 20, 70, 40, 1]], np.float32), 1.0)
    rng, shown = np.random.default_rng(0), 0
    for _turn in range(40):
        crop, _light, objects = crop_of(field, DetectorSection(crop=96, zoom=1.3), rng)
        dark = Bounds.of_mask(crop[..., 0] < 90)
        assert crop.shape == (96, 96, 3) and (dark is None) == (len(objects) == 0)
        if dark is not None:
            left, top, right, bottom, kind, seen = objects[0]
            assert (dark.left, dark.top, dark.right, dark.bottom) == pytest.approx((left, top, right, bottom), abs=1.6)
            assert kind == 1 and 0 < seen <= 1.001
            shown += seen > 0.9
    assert shown > 20


def test_a_run_ends_in_a_whole_pack_that_has_learned_the_discs(detector_pack: Path) -> None:
    out, manifest = detector_pack, read_manifest(detector_pack)
    assert (manifest.kind, manifest.native_size) == ("detector", 96)
    about = manifest.training["detector"]
    assert about["classes"] == "rbc, wbc" and about["validation_fields"] == 3 and about["samples_seen"] == 100 * 6
    for name in ("rbc", "wbc"):
        assert float(about[f"validation_{name}"].split()[1].rstrip(",")) >= 0.8
    assert manifest.training_data[0].samples == 15
    assert verify_pack(open_pack(out)) == [] and manifest.files == hash_files(out)
    weights = load_file(out / "detector.safetensors")
    assert {value.dtype for value in weights.values() if value.is_floating_point()} == {torch.float16}
    facts = json.loads((out / "detector.json").read_text())
    assert facts["usual"] == pytest.approx([18, 28], rel=0.1) and all(0 < limit < 1 for limit in facts["least"])
    card = (out / "README.md").read_text()
    assert "A detector" in card and "validation rbc" in card and "not for diagnosis" in card


def test_a_cancelled_run_resumes_from_its_checkpoint(frozen: Path, tmp_path: Path) -> None:
    recipe, asked = tiny_recipe(tmp_path, 6), iter(range(100))
    with pytest.raises(Cancelled):
        train_detector(Run(recipe, frozen, tmp_path / "pack", tmp_path / "kept",
                           Supervisor(cancelled=lambda: next(asked) >= 3)))
    assert torch.load(tmp_path / "kept" / "detector.pt", weights_only=True)["state"]["step"] == 3
    assert not (tmp_path / "pack").exists()
    manifest = train_detector(Run(recipe, frozen, tmp_path / "pack", tmp_path / "kept"))
    assert manifest.training["detector"]["steps"] == 6


def test_fields_without_boxes_and_data_of_another_kind_are_refused(frozen: Path, tmp_path: Path) -> None:
    raw = json.loads((frozen / "manifest.json").read_text())
    raw["items"] = [{**item, "objects": []} for item in raw["items"]]
    (tmp_path / "manifest.json").write_text(json.dumps(raw))
    recipe = tiny_recipe(tmp_path, 2)
    with pytest.raises(UserError, match="no boxes"):
        train_detector(Run(recipe, tmp_path, tmp_path / "pack", tmp_path / "kept"))
    for part, layout in (("encoder", "smear-fields"), ("detector", "labelled-cells")):
        changed = replace(recipe, data={**recipe.data, "layout": layout})
        with pytest.raises(UserError, match=f"{part!r} cannot learn"):
            train_part(part, Run(changed, frozen, tmp_path / "pack", tmp_path / "kept"))


def test_each_box_is_found_once_and_the_best_limit_is_chosen() -> None:
    def cell(left: int, confidence: float) -> FoundCell:
        return FoundCell("rbc", Bounds(0, left, 10, left + 10), confidence, False)

    there = np.array([[0, 0, 10, 10], [50, 0, 60, 10]], np.float32)
    told = judged([cell(2, 0.5), cell(0, 0.9), cell(51, 0.6), cell(90, 0.2)], there)
    assert told == [(0.9, True), (0.6, True), (0.5, False), (0.2, False)]
    assert best_limit(told, 2) == (0.55, 1, 1, 1)
    assert best_limit([], 2)[1:] == (0, 0, 0)
