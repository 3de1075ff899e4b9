"""The studies at miniature scale: a tiny random pack and a made-up data folder; figures are finite, splits hold."""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from medsynth_app.core.errors import UserError
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.pack_files import hash_files
from medsynth_app.core.parameters import GenerateParameters, InpaintParameters
from medsynth_app.engine.train.card import FIGURES, weights_key
from medsynth_app.evaluation.shapes import shape_descriptors
from tests.benchmarks.packs import data, drawing, inpaint, judges, load, masks, networks, quality, reporting, utility
from tests.benchmarks.packs.__main__ import studies
from tests.benchmarks.packs.drawing import Fill, Wish, _runs, draw, fill
from tests.benchmarks.packs.features import halves_by_group, space_of
from tests.benchmarks.packs.inpaint import brush_of, plain_place
from tests.benchmarks.packs.judges import judge_of, mean_dice
from tests.benchmarks.packs.networks import Augment, Plan, varied
from tests.benchmarks.packs.utility import augmented_copies
from tests.engine.tiny import make_tiny_pack
from tests.engine.tiny_encoder import make_tiny_encoder

RECIPE = """
[pack]
name = "blood-cells"
version = "0.0.1"
domain = "cells"
title = "Cells"
modalities = ["SM"]
licence = "CC0"
native_size = 32
mask_labels = ["cytoplasm", "nucleus"]
[data]
layout = "labelled-cells"
captions = ["a {class} cell", "{class}"]
crops = [1.0, 0.5]
"""
PARTS = {"train": 8, "val": 1, "test": 50}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps instead of the product's 25, and a judge that sees small pictures."""
    monkeypatch.setattr(drawing, "GenerateParameters", partial(GenerateParameters, steps=2))
    monkeypatch.setattr(drawing, "InpaintParameters", partial(InpaintParameters, steps=2))
    monkeypatch.setitem(judges.SIZES, "blood-cells", 32)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, recipe and pack: dark discs are one class, pale ones another."""
    folder = tmp_path_factory.mktemp("studies")
    rng, rows = np.random.default_rng(0), []
    for name, colour in (("dark", (90, 20, 120)), ("pale", (190, 150, 200))):
        (folder / "data" / "pbc-cells" / name).mkdir(parents=True)
        for split, count in PARTS.items():
            for k in range(count):
                picture = Image.fromarray(rng.integers(225, 245, (32, 32, 3), np.uint8))
                x, y = rng.integers(8, 13, 2).tolist()
                ImageDraw.Draw(picture).ellipse((x, y, x + 12, y + 12), fill=colour)
                picture.save(folder / "data" / "pbc-cells" / name / f"{split}-{k}.png")
                rows.append({"file": f"{name}/{split}-{k}.png", "class": name, "subtype": "", "split": split})
    with (folder / "data" / "pbc-cells" / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["file", "class", "subtype", "split"])
        writer.writeheader()
        writer.writerows(rows)
    (folder / "cells.toml").write_text(RECIPE)
    make_tiny_pack(folder / "pack", name="blood-cells")
    return folder


@pytest.fixture
def domain(world: Path, monkeypatch: pytest.MonkeyPatch) -> data.Domain:
    monkeypatch.setenv("MEDSYNTH_DATA", str(world / "data"))
    return data.load_domain(data.Recipe.load(world / "cells.toml"))


def test_quality_measures_a_pack_and_writes_its_card(world: Path, domain: data.Domain, tmp_path: Path,
                                                     capsys: pytest.CaptureFixture[str]) -> None:
    pack = make_tiny_pack(tmp_path / "pack", name="blood-cells")
    before = weights_key(PackManifest.from_json((pack / "pack.json").read_text()))
    line = ["--pack", str(pack), "--recipe", str(world / "cells.toml"), "--n", "50", "--judge-minutes", "0.02",
            "--record"]
    assert quality.main(line) == 0
    study = json.loads((pack / FIGURES).read_text())["quality"]
    assert study["command"].startswith(
        "python -m tests.benchmarks.packs.quality --pack pack --recipe cells.toml --n 50")
    rows = {row["name"]: row for row in study["figures"]}
    assert len(rows) >= 9 and not any("not measured" in row["measured"] for row in rows.values())
    for row in rows.values():
        numbers = [float(text) for text in re.findall(r"(?<![\w-])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", row["measured"])]
        assert numbers and np.isfinite(numbers).all(), row
    ratio = rows["that distance over the real-vs-real floor"]
    assert float(ratio["measured"].split()[0]) > 2.5, "random weights do not draw cells"
    named = next(row for name, row in rows.items() if name.startswith("asked class"))
    assert "n=50" in named["measured"] and "n=100" in named["floor"]
    copies = next(row for name, row in rows.items() if name.startswith("copies"))
    assert copies["n"] == "32 copies" and copies["measured"].endswith("n=32)")
    card = (pack / "README.md").read_text()
    assert "| at least 0.85 |" in card and "\n- judge (trained for" in card and "other weights" not in card
    manifest = PackManifest.from_json((pack / "pack.json").read_text())
    assert manifest.files == hash_files(pack), "sealed again"
    assert weights_key(manifest) == before, "a new card does not throw the pictures away"
    assert "judge (trained for" in capsys.readouterr().out
    assert not list(pack.glob("*.jpg")), "real pictures never go into a pack"


def test_too_few_pictures_are_said_not_hidden() -> None:
    rng = np.random.default_rng(0)
    sets = quality.Compared(rng.normal(size=(8, 3)), rng.normal(size=(30, 3)), np.arange(30).astype(str), 0)
    findings = reporting.Findings()
    quality.add_distances(findings, sets, "an encoder")
    first = findings.figures[0]
    assert first.measured.startswith("not measured: A Frechet distance needs at least 50")
    assert first.n.startswith("2 x 8")
    assert [row.name for row in findings.figures][-4:] == ["precision", "coverage", "recall", "density"]


def test_missing_data_end_in_a_sentence(world: Path, monkeypatch: pytest.MonkeyPatch,
                                        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MEDSYNTH_DATA", str(world / "nowhere"))
    assert quality.main(["--pack", str(world / "pack"), "--recipe", str(world / "cells.toml")]) == 2
    assert "MEDSYNTH_DATA" in capsys.readouterr().err


def test_parts_share_no_file_and_judges_learn_from_the_train_part_only(
        domain: data.Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {split: {item.file for item in domain.part(split)} for split in PARTS}
    assert {split: len(found) for split, found in files.items()} == {s: 2 * n for s, n in PARTS.items()}
    assert not files["train"] & files["test"] and not files["val"] & files["test"]
    assert {item.box for item in domain.items} == {(0, 0, 32, 32)}, "the recipe's first crop"
    learned: list[np.ndarray] = []

    def spy(network: torch.nn.Module, pictures: np.ndarray, truth: np.ndarray, *rest: object) -> int:
        learned.append(pictures)
        return 0

    monkeypatch.setattr(networks, "fit_classifier", spy)
    judge_of(domain, minutes=0.0123)
    train = judges.resized(data.read_pictures(domain.part("train"), 32), judges.SIZES["blood-cells"])
    assert len(learned) == 1 and np.array_equal(learned[0], train)


def test_a_picture_in_two_parts_is_refused(domain: data.Domain) -> None:
    item = domain.part("train")[0]
    leaked = data.Item(item.file, item.box, item.caption, item.label, "test", item.group)
    with pytest.raises(UserError, match="more than one split"):
        data._refuse_leaks([item, leaked])
    slices = [data.Item(Path(f"case-1-axial-{k}.png"), item.box, "", "", split, "case-1")
              for k, split in enumerate(("train", "test"))]
    with pytest.raises(UserError, match="more than one split"):
        data._refuse_leaks(slices)


def test_a_judge_is_trained_once_and_again_when_the_data_change(domain: data.Domain,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    real = networks.fit_classifier
    monkeypatch.setattr(networks, "fit_classifier", lambda *given: (calls.append(given[-1]), real(*given))[1])
    first = judge_of(domain, minutes=0.015)
    again = judge_of(domain, minutes=0.015)
    assert len(calls) == 1
    assert first.words == again.words and 0 <= first.score.mean <= 1 and first.score.n == 2 * PARTS["test"]
    pictures = data.read_pictures(domain.part("test")[:4], 32)
    assert np.array_equal(first.features(pictures), again.features(pictures))
    fewer = data.Domain(domain.recipe, domain.frozen, tuple(domain.items[1:]))
    judge_of(fewer, minutes=0.015)
    assert len(calls) == 2


def test_an_interrupted_training_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "SAVE_EVERY", 0.0)
    rng = np.random.default_rng(0)
    pictures, truth = rng.integers(0, 255, (8, 32, 32, 3), np.uint8), np.arange(8) % 2
    path, plan = tmp_path / "half.pt", Plan(steps=3, minutes=5, batch=4)
    assert networks.fit_classifier(networks.new_classifier(2, 0), pictures, truth, plan, Augment(), path) == 3
    longer = Plan(steps=5, minutes=5, batch=4)
    assert torch.load(path, weights_only=True)["state"]["step"] == 3
    assert networks.fit_classifier(networks.new_classifier(2, 0), pictures, truth, longer, Augment(), path) == 5


def test_a_segmenter_learns_where_the_disc_is() -> None:
    rng = np.random.default_rng(0)
    rows, columns = np.ogrid[:32, :32]
    middles = rng.integers(8, 24, (24, 2))
    discs = np.stack([(rows - y) ** 2 + (columns - x) ** 2 < 36 for y, x in middles]).astype(np.uint8)
    pictures = (40 + 160 * discs[..., None] + rng.integers(0, 20, (24, 32, 32, 3))).astype(np.uint8)
    network = networks.new_segmenter(2, 0)
    networks.fit_segmenter(network, pictures[:16], discs[:16], Plan(60, 5, batch=8, learning_rate=5e-3), Augment())
    assert mean_dice(networks.segmented(network, pictures[16:]), discs[16:]).mean() > 0.8


def test_masks_move_with_their_pictures() -> None:
    bars = np.zeros((6, 32, 32), np.uint8)
    bars[:, 5:20, 8:16] = 1
    pictures = np.repeat(bars[..., None] * 255, 3, axis=3)
    moved, marked = augmented_copies((pictures, bars), 10, seed=1)
    assert moved.shape == (10, 32, 32, 3) and marked.shape == (10, 32, 32)
    bright = moved.mean(axis=3) > 127
    assert mean_dice(bright.astype(np.uint8), marked).min() > 0.85
    assert not np.array_equal(moved[0], pictures[0])
    same, _ = varied(torch.zeros(2, 3, 8, 8), None, Augment(), np.random.default_rng(0))
    assert torch.equal(same, torch.zeros(2, 3, 8, 8))


def test_drawn_pictures_are_kept_and_do_not_depend_on_how_they_were_asked_for(
        world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wishes = [Wish("a round cell", 3 + k) for k in range(3)]
    assert [len(run) for run in _runs([*wishes, Wish("nothing", 6), Wish("nothing", 8)])] == [3, 1, 1]
    first = draw(world / "pack", wishes)
    monkeypatch.setattr("tests.benchmarks.packs.drawing.run_generate", None)
    assert np.array_equal(draw(world / "pack", wishes), first)
    assert first.shape == (3, 32, 32, 3) and first.dtype == np.uint8


def test_a_mask_for_a_pack_without_controlnet_is_refused(world: Path) -> None:
    with pytest.raises(UserError, match="ControlNet"):
        draw(world / "pack", [Wish("a round cell", 0, np.ones((32, 32), np.uint8))])


def test_filling_changes_nothing_outside_the_region(world: Path) -> None:
    frame = np.random.default_rng(0).integers(0, 255, (40, 40), np.uint8)
    painted = np.zeros((40, 40), np.bool_)
    painted[10:24, 12:30] = True
    [after], [changed] = fill(world / "pack", [Fill(frame, painted, "a round cell", 5)])
    assert np.array_equal(after[~changed], frame[~changed]) and (after != frame).any()
    assert (changed <= painted).all()


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


def test_prompts_follow_the_proportions_of_the_real_ones(domain: data.Domain) -> None:
    asked = quality.prompts_like([*domain.part("test"), *domain.part("test")[:50]], 10)
    assert [label for _, label in asked].count("dark") == 7 and len(asked) == 10
    assert set(asked) == {("a dark cell", "dark"), ("a pale cell", "pale")}


def test_halves_tear_no_case_apart() -> None:
    groups = np.repeat(np.array(["a", "b", "c", "d", "e"]), [5, 3, 4, 4, 2])
    one, other = halves_by_group(groups, np.random.default_rng(0))
    assert len(one) == len(other) and not set(groups[one]) & set(groups[other])


def test_load_reports_seconds_and_the_largest_file(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert load.main(["--once", str(world / "pack")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seconds"] > 0 and found["peak"] > 50


def test_the_command_repeats_what_was_run() -> None:
    parser = reporting.parser_of("quality", "")
    options = parser.parse_args(["--pack", str(data.ROOT / "resources" / "packs" / "x"), "--n", "9", "--record"])
    assert reporting.command_of("quality", parser, options) == (
        "python -m tests.benchmarks.packs.quality --pack resources/packs/x --n 9")


def test_every_study_is_listed_with_a_line() -> None:
    found = studies()
    assert {"quality", "control", "inpaint", "utility", "load", "masks", "encoders", "cell_parts"} == set(found)
    assert all(10 < len(text) < 130 for text in found.values())


def test_inpainting_cells_is_measured_end_to_end(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDSYNTH_DATA", str(world / "data"))
    (world / "masked.toml").write_text(RECIPE.replace("crops =", 'masks = "cell-parts"\ncrops ='))
    parser = reporting.parser_of("inpaint", "")
    options = parser.parse_args(["--pack", str(world / "pack"), "--recipe", str(world / "masked.toml"), "--n", "3",
                                 "--judge-minutes", "0.02"])
    findings = inpaint.study(options)
    rows = {row.name: row for row in findings.figures}
    named = next(row for name, row in rows.items() if name.startswith("a cell replaced"))
    assert named.target == "at least 0.7" and "n=3" in named.measured and named.n == "3 cells"
    seams = next(row for name, row in rows.items() if "seams" in name)
    assert "n=3" in seams.measured and "100 untouched" in seams.n
    assert [path.exists() for path in findings.pictures] == [True]
    again = inpaint.study(options)
    assert again.figures == findings.figures, "the same seed gives the same figures"


def test_utility_compares_three_arms_with_equal_steps(world: Path, domain: data.Domain,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    real = networks.fit_classifier

    def spy(network: torch.nn.Module, pictures: np.ndarray, truth: np.ndarray, plan: Plan, *rest: object) -> int:
        seen.append((len(pictures), plan.steps))
        return real(network, pictures, truth, plan, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(networks, "fit_classifier", spy)
    options = argparse.Namespace(pack=world / "pack", recipe=world / "cells.toml", n=8, seed=0, seeds=2,
                                 per_class=(3,), steps=2, minutes=0.1, real=0)
    figures = utility.study(options).figures
    assert seen == [(6, 2), (14, 2), (14, 2)] * 2, "real, real + drawn, real + as many copies; two seeds"
    assert [row.name.split(": ")[1] for row in figures[:3]] == list(utility.ARMS)
    assert "gain" in figures[3].name and all("n=2" in row.measured for row in figures)


def test_masks_turned_as_in_training_and_floors_of_shapes() -> None:
    mask = np.zeros((1, 8, 8), np.uint8)
    mask[0, 1:4, 1:6] = 1
    mask[0, 1, 6] = 2
    every = data.orientations(mask, ("hflip", "vflip", "rot90"))
    assert len({each.tobytes() for each in every}) == 8 and len(data.orientations(mask, ())) == 1
    rng = np.random.default_rng(0)
    real = np.zeros((40, 32, 32), np.uint8)
    for k, (height, width) in enumerate(rng.integers(4, 12, (40, 2))):
        real[k, 5:5 + height, 5:5 + width] = 1
    larger = np.zeros_like(real)
    larger[:, 2:30, 2:30] = 1
    truth = shape_descriptors(real, 1)
    alike, floor = masks.against_floor(truth, truth, "area", np.arange(40).astype(str), 0)
    apart, same_floor = masks.against_floor(truth, shape_descriptors(larger, 1), "area", np.arange(40).astype(str), 0)
    assert floor == same_floor and alike.mean < 2 * floor.mean < apart.mean and floor.n == 20


def test_features_come_from_the_named_encoder_and_are_kept(domain: data.Domain, world: Path, tmp_path: Path) -> None:
    judge = judge_of(domain, minutes=0.015)
    pictures = data.read_pictures(domain.part("test")[:3], 32)
    space = space_of(domain, judge, make_tiny_encoder(tmp_path))
    assert space.name == "tiny-encoder 0.0.1"
    first = space.of(pictures)
    kept = sorted((data.cache_folder() / "embedded").iterdir())
    assert first.shape[0] == 3 and np.isfinite(first).all() and np.array_equal(space.of(pictures), first)
    assert sorted((data.cache_folder() / "embedded").iterdir()) == kept
    with pytest.raises(UserError, match="no encoder"):
        space_of(domain, judge, world / "pack")
