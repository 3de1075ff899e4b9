"""The protocols without any model: a fake bench draws and judges."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.datasets.items import Item, read_pictures, refuse_leaks
from medsynth_app.evaluation.shapes import shape_descriptors
from medsynth_app.studies import fidelity, masks
from medsynth_app.studies.catalogue import entry_of
from medsynth_app.studies.cell_parts import agreement_with_experts
from medsynth_app.studies.control import control
from medsynth_app.studies.domain import Domain, orientations
from medsynth_app.studies.encoders import SEEDS, Known, _in_folds, _per_class
from medsynth_app.studies.findings import Findings, sheet
from medsynth_app.studies.halves import halves_by_group
from medsynth_app.studies.inpaint import inpaint
from medsynth_app.studies.pictures import as_files
from medsynth_app.studies.places import brush_of, plain_place
from medsynth_app.studies.report import write_report
from medsynth_app.studies.restored import wishes
from medsynth_app.studies.steps import steps
from tests.studies.fake import FakeBench, frames_with_discs, make_cells, manifest


@pytest.fixture
def domain(tmp_path: Path) -> Domain:
    return frames_with_discs(tmp_path)


def request(study: str, n: int = 0) -> StudyRequest:
    return StudyRequest(study, "", "", "", "", n=n)


def test_too_few_pictures_are_said_not_hidden() -> None:
    rng = np.random.default_rng(0)
    sets = fidelity.Compared(rng.normal(size=(8, 3)), rng.normal(size=(30, 3)), np.arange(30).astype(str), 0)
    findings = Findings()
    fidelity.add_distances(findings, sets, "an encoder")
    fidelity.add_manifold(findings, sets)
    rows = {row.name: row for row in findings.figures}
    assert rows["Frechet distance on an encoder"].measured.startswith(
        "not measured: A Frechet distance needs at least 50") and rows["precision"].n.startswith("2 x 8")
    assert next(iter(rows)).startswith("Kernel distance") and list(rows)[-4:] == ["precision", "coverage", "recall",
                                                                             "density"]


def test_the_autoencoders_own_row_stands_beside_what_was_drawn() -> None:
    rng = np.random.default_rng(0)
    real = rng.normal(size=(160, 4))
    sets = fidelity.Compared(real[:80] + 2, real, np.arange(160).astype(str), 0, through=real + 1)
    findings = Findings()
    fidelity.add_distances(findings, sets, "an encoder")
    for drawn, own in (findings.figures[:2], findings.figures[2:4]):
        far, floor, near = (float(text.split()[0]) for text in (drawn.measured, drawn.floor, own.measured))
        assert floor < near < far and "autoencoder" in own.name


def test_every_picture_that_is_compared_was_the_same_kind_of_file() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    once = as_files(noise)
    assert once.shape == noise.shape and (once != noise).any()
    assert np.abs(as_files(once).astype(int) - once).mean() < np.abs(once.astype(int) - noise).mean() / 4


def test_a_blur_passes_for_no_fill(domain: Domain) -> None:
    rows = {row.name: row for row in inpaint(FakeBench(domain), request("inpaint", 5)).figures}
    assert sum("grain inside over grain around" in name for name in rows) == 3
    blurred = rows["the same by the truth, blurred: its grain over the truth's, median (half of them)"]
    assert float(blurred.measured.split()[0]) < 0.5
    near = rows["a region filled whose truth is known, by the classical fill: distance of features on MobileNetV2"]
    assert float(near.measured.split()[0]) > 0 and "regions of the test part" in near.n


def test_a_fill_that_is_held_against_the_truth_has_no_soft_edge_of_it(domain: Domain) -> None:
    items = domain.with_masks("test")
    fills = wishes(domain, items, read_pictures(items, 64), 0)
    assert fills and all(fill.feather == 0 for fill in fills)


def test_numbers_of_steps_are_held_against_the_largest(domain: Domain) -> None:
    asked = replace(request("steps", 8), counts=(2, 4, 5))
    found = steps(FakeBench(domain), asked)
    rows = {row.name: row for row in found.figures}
    apart = [rows[f"{count} steps: distance from the same seed in 5 steps, over that of another seed, on a stranger"]
             for count in (2, 4)]
    assert float(apart[0].measured.split()[0]) > 0.01 > float(apart[1].measured.split()[0])
    for count in (2, 4, 5):
        assert f"{count} steps: Dice of the asked mask with what a segmenter of real pictures finds" in rows
        assert f"{count} steps: kernel distance (KID) on a stranger" in rows
    assert "another stranger is missing" in found.notes and [each.name for each in found.sheets] == ["steps.jpg"]


def test_prompts_follow_the_proportions_of_the_real_ones() -> None:
    items = [Item(Path(f"{k}.png"), (0, 0, 1, 1), f"a {name} cell", name, "test", str(k))
             for k, name in enumerate(["dark"] * 100 + ["pale"] * 50)]
    asked = fidelity.prompts_like(items, 10)
    assert [label for _, label in asked].count("dark") == 7 and len(asked) == 10
    assert set(asked) == {("a dark cell", "dark"), ("a pale cell", "pale")}


def test_halves_hold_equally_many_of_each_class() -> None:
    groups = np.array([f"case {k // 2}" for k in range(124)])
    classes = np.array(["rare" if k < 22 else "common" for k in range(124)])
    for seed in range(5):
        one, other = halves_by_group(groups, np.random.default_rng(seed), classes)
        rare = [int((classes[rows] == "rare").sum()) for rows in (one, other)]
        assert len(one) == len(other) and abs(rare[0] - rare[1]) <= 2 and sum(rare) >= 20
        assert not set(groups[one]) & set(groups[other])


def test_halves_tear_no_case_apart() -> None:
    groups = np.repeat(np.array(["a", "b", "c", "d", "e"]), [5, 3, 4, 4, 2])
    one, other = halves_by_group(groups, np.random.default_rng(0))
    assert len(one) == len(other) and not set(groups[one]) & set(groups[other])


def test_a_mask_that_is_followed_is_found_again(domain: Domain) -> None:
    rows = {row.name: row for row in control(FakeBench(domain), request("control", 6)).figures}
    asked = next(row for name, row in rows.items() if name.startswith("Dice of the asked mask"))
    assert float(asked.measured.split()[0]) > 0.9 and float(asked.floor) < 0.9 and asked.n == "6 masks"
    with pytest.raises(UserError, match="no ControlNet for masks"):
        control(FakeBench(domain, files={}), request("control"))


def test_objects_are_removed_and_put_in(domain: Domain) -> None:
    found = inpaint(FakeBench(domain), request("inpaint", 5))
    rows = {row.name: row for row in found.figures}
    gone = rows["remove a polyp: fall of the found area inside the mask, all together"]
    assert float(gone.measured.split()[0]) > 0.95 and gone.n == "5 polyps that the segmenter saw, of 5"
    put_in = next(row for name, row in rows.items() if name.startswith("plain mucosa replaced by a polyp"))
    assert put_in.measured.startswith("1.00") and put_in.floor.startswith("0.00")
    floor = rows["remove a polyp by the classical fill: fall of the found area inside the mask, all together"]
    assert float(floor.measured.split()[0]) > 0.5 and floor.n == gone.n
    assert sum("seams" in name for name in rows) == 3
    assert [each.name for each in found.sheets] == [
        "inpaint-remove-a-polyp.jpg", "inpaint-remove-a-polyp-by-the-classical-fill.jpg", "inpaint-put-in-a-polyp.jpg",
        "inpaint-known-truth.jpg"]


def test_pictures_without_masks_are_filled_where_the_truth_is_known_and_nowhere_else(domain: Domain) -> None:
    bare = replace(domain, layout="labelled-cells", mask_labels=(),
                   items=tuple(replace(item, mask=None, mask_class="") for item in domain.items))
    found = inpaint(FakeBench(bare), request("inpaint", 5))
    assert {row.name.split(",")[0].split(" by ")[0] for row in found.figures} == {
        "a region filled whose truth is known", "the same", "the pack is nearer to the truth than the classical fill"}
    assert "have no masks" in found.notes[0]


def test_plain_places_keep_off_the_object_and_the_dark_border() -> None:
    frame = np.full((128, 128, 3), 150, np.uint8)
    frame[:, :30] = 0
    mask = np.zeros((128, 128), np.bool_)
    mask[80:, 80:] = True
    place = plain_place(frame, mask, np.random.default_rng(0))
    assert place is not None and 0.03 < place.mean() < 0.13
    assert not (place & mask).any() and not place[:, :30].any()
    assert not place[80 - brush_of(128):, 80 - brush_of(128):].any()
    assert plain_place(np.zeros_like(frame), mask, np.random.default_rng(0)) is None


def test_masks_turned_as_in_training_and_floors_of_shapes() -> None:
    mask = np.zeros((1, 8, 8), np.uint8)
    mask[0, 1:4, 1:6] = 1
    mask[0, 1, 6] = 2
    every = orientations(mask, ("hflip", "vflip", "rot90"))
    assert len({each.tobytes() for each in every}) == 8 and len(orientations(mask, ())) == 1
    rng = np.random.default_rng(0)
    real = np.zeros((40, 32, 32), np.uint8)
    for k, (height, width) in enumerate(rng.integers(4, 12, (40, 2))):
        real[k, 5:5 + height, 5:5 + width] = 1
    larger = np.zeros_like(real)
    larger[:, 2:30, 2:30] = 1
    truth = shape_descriptors(real, 1)
    kinds = np.arange(40).astype(str), np.full(40, "a cell")
    alike, floor = masks.against_floor(truth, truth, "area", kinds, 0)
    apart, same_floor = masks.against_floor(truth, shape_descriptors(larger, 1), "area", kinds, 0)
    assert floor == same_floor and alike.mean < 2 * floor.mean < apart.mean and floor.n == 20


def test_a_picture_in_two_parts_is_refused(domain: Domain) -> None:
    item = domain.part("train")[0]
    leaked = Item(item.file, item.box, item.caption, item.label, "test", item.group)
    with pytest.raises(UserError, match="more than one split"):
        refuse_leaks([item, leaked])
    slices = [Item(Path(f"case-1-axial-{k}.png"), item.box, "", "", split, "case-1")
              for k, split in enumerate(("train", "test"))]
    with pytest.raises(UserError, match="more than one split"):
        refuse_leaks(slices)
    with pytest.raises(UserError, match="no picture of the split 'val'"):
        domain.part("val")


def test_draws_per_class_repeat_and_differ() -> None:
    labels = np.array(["a"] * 10 + ["b"] * 3)
    drawn = [_per_class(labels, 4, seed) for seed in (0, 0, 1)]
    assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0], drawn[2])
    assert [int((labels[drawn[0]] == name).sum()) for name in "ab"] == [4, 3] and len(set(drawn[0])) == 7


def test_every_cell_is_asked_once_of_the_others() -> None:
    asked: list[int] = []

    def score(known: np.ndarray, _: np.ndarray, test: np.ndarray, __: np.ndarray) -> float:
        assert not set(known[:, 0]) & set(test[:, 0])
        asked.extend(test[:, 0])
        return 0.5

    cells = Known(np.arange(20, dtype=np.float32)[:, None], np.array(["a", "b"] * 10))
    assert _in_folds(cells, score) == [0.5] * SEEDS
    assert sorted(asked) == sorted(list(range(20)) * SEEDS)


def test_parts_of_cells_need_pictures_and_masks_of_one_size(tmp_path: Path) -> None:
    make_cells(tmp_path)
    told: list[int] = []
    rows = agreement_with_experts(tmp_path, lambda done, total: told.append(total)).figures
    assert float(rows[0].measured.split()[0]) > 0.8 and rows[0].n == "2" and told == [2, 2]
    assert rows[2].measured.startswith("not measured"), "nothing is left without the first 100"
    Image.fromarray(np.zeros((30, 60), np.uint8)).save(tmp_path / "masks" / "b.png")
    with pytest.raises(UserError, match=r"b\.png has another size"):
        agreement_with_experts(tmp_path, lambda done, total: None)
    (tmp_path / "masks" / "b.png").unlink()
    with pytest.raises(UserError, match=r"b\.png of the data is missing"):
        agreement_with_experts(tmp_path, lambda done, total: None)


def test_a_report_is_written_whole_and_an_older_one_replaced(tmp_path: Path) -> None:
    found = Findings(notes=["a note"])
    found.add("Dice", "0.90", "0.10", "at least 0.8", "5 masks")
    found.sheets.append(sheet([(np.zeros((8, 8), np.uint8),)], ["x"], "SYNTHETIC", "control.jpg"))
    for _ in range(2):
        written = write_report(tmp_path / "out", entry_of("control"), manifest(), "medsynth study control", "w", found)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["control.jpg", "control.json", "control.md"]
    about = json.loads(Path(written["json"]).read_text())
    assert about["figures"] == [{"name": "Dice", "measured": "0.90", "floor": "0.10", "target": "at least 0.8",
                                 "n": "5 masks"}] and about["pictures"] == ["control.jpg"]
    text = Path(written["report"]).read_text()
    assert "| Dice | 0.90 | 0.10 | at least 0.8 | 5 masks |" in text and "real pictures" in text and "- a note" in text
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="report cannot be written"):
        write_report(tmp_path / "file", entry_of("control"), manifest(), "", "", found)
