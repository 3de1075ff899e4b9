"""What may be trained where: parts join packs that they fit and that are whole, and spoil none."""

from __future__ import annotations

import importlib
import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest

from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.train import TRAINABLE
from medsynth_app.core.pack import MANIFEST, PackManifest
from medsynth_app.core.pack_files import read_manifest
from medsynth_app.engine.train.pack import check_joinable, join_part, with_data
from medsynth_app.engine.train.parts import PARTS, train_part
from medsynth_app.engine.train.recipe import SECTIONS, PackSection, Recipe
from medsynth_app.engine.train.supervision import Run
from tests.engine.tiny import LABELS, make_tiny_pack

RECIPE = Recipe(PackSection("tiny", "0.2.0", "test", "Tiny", ("OT",), "CC0-1.0", mask_labels=LABELS), {})
ABOUT = {"name": "another set", "licence": "LIC-B", "citation": "B", "train_images": 7}


def test_a_part_joins_what_it_fits_only(tmp_path: Path) -> None:
    pack = make_tiny_pack(tmp_path / "pack", with_masks=True)
    check_joinable(pack, RECIPE)
    for changed, complaint in ((replace(RECIPE.pack, domain="colon"), "for test, the recipe for colon"),
                               (replace(RECIPE.pack, mask_labels=("core", "body")), "mask labels body, core")):
        with pytest.raises(UserError, match=complaint):
            check_joinable(pack, replace(RECIPE, pack=changed))
    encoder = make_tiny_pack(tmp_path / "encoder", kind="encoder")
    with pytest.raises(UserError, match="kind 'encoder'"):
        check_joinable(encoder, RECIPE)


def test_a_pack_that_was_changed_is_not_made_whole_by_joining(tmp_path: Path) -> None:
    pack = make_tiny_pack(tmp_path / "pack")
    (pack / "unet" / "config.json").write_text("{}")
    for join in (lambda: check_joinable(pack, RECIPE),
                 lambda: join_part(pack, tmp_path / "out", "masks", RECIPE, ABOUT, {}, lambda out: None)):
        with pytest.raises(UserError, match="missing or differ"):
            join()
    assert not (tmp_path / "out" / MANIFEST).exists()


def test_only_what_the_manifest_names_is_taken_along_and_the_data_are_named(tmp_path: Path) -> None:
    pack = make_tiny_pack(tmp_path / "pack")
    (pack / "patient_Mueller.png").write_bytes(b"stray")
    joined = join_part(pack, tmp_path / "out", "masks", RECIPE, ABOUT, {"steps": 3}, lambda out: None)
    assert not (tmp_path / "out" / "patient_Mueller.png").exists()
    assert [data.name for data in joined.training_data] == ["none", "another set"]
    assert joined.licence == "CC0-1.0; LIC-B" and joined.training["masks"] == {"steps": 3}
    assert "LIC-B" in (tmp_path / "out" / "README.md").read_text()
    assert with_data(joined, joined.training_data) == joined  # nothing is named twice


@pytest.mark.parametrize(("out", "complaint"), [("pack/sub", "inside a pack"), ("other", "holds a pack already")])
def test_no_pack_is_spoilt(tmp_path: Path, out: str, complaint: str) -> None:
    pack = make_tiny_pack(tmp_path / "pack")
    make_tiny_pack(tmp_path / "other")
    with pytest.raises(UserError, match=complaint):
        train_part("masks", Run(RECIPE, tmp_path, tmp_path / out, tmp_path / "kept", pack=pack))


def test_a_manifest_from_before_there_were_parts_is_read(tmp_path: Path) -> None:
    pack = make_tiny_pack(tmp_path / "pack")
    raw = json.loads((pack / MANIFEST).read_text())
    (pack / MANIFEST).write_text(json.dumps({**raw, "training": {"denoiser_steps": 1151}}))
    assert read_manifest(pack).training == {"base": {"denoiser_steps": 1151}}
    assert isinstance(read_manifest(pack), PackManifest)


@pytest.mark.parametrize(("text", "complaint"), [
    ('[training]\naugment = 3\n', "wrong kind"), ('[training]\naugment = ["sideways"]\n', "wrong kind"),
    ('[training]\naugment = [["hflip"]]\n', r"augment in .training. is of the wrong kind"),
    *((f"[training]\nseed = {seed}\n", "seed in .training. is ") for seed in ('"x"', "-4", "true", "10000000000")),
    ('[denoiser]\nsteps = "many"\n', r"steps in \[denoiser\] is of the wrong kind"),
    ('[denoiser]\nwidths = 5\n', r"widths in \[denoiser\] is of the wrong kind"), ('pack = 3\n', "pack is no section"),
    ('[denoiser]\nwidths = [24, 32]\n', "no multiples of 16"), ('[denoiser]\nspeed = 1\n', "unknown keys"),
    ('[denoiser]\nspeed = 1\n', r"\[denoiser\] of the recipe r.toml"),
    *((f"[{section}]\nsteps = 0\n", rf"steps in \[{section}\] is 0") for section in SECTIONS if section != "decoder"),
    *((f"[denoiser]\nlearning_rate = {rate}\n", f"learning_rate in .denoiser. is {rate}")
      for rate in ("0", "nan", "inf")), ('[encoder]\ntemperature = 0\n', "temperature in .encoder. is 0"),
    ('[denoiser]\nwidths = []\n', "none at all"), ('[encoder]\nwidths = [16]\n', "widths or depths cannot be used"),
    ('[detector]\nwidths = [true, 32, 64, 96, 96]\n', "widths in .detector. is of the wrong kind"),
    ('[denoisr]\nsteps = 1\n', r"unknown section \[denoisr\]"), ('[training]\nsteps = 1\n', "unknown key 'steps'"),
    ('[autoencoder]\nwidths = [16, 16]\ncrop = 16\n[denoiser]\nwidths = [16, 32, 32, 32, 32, 32, 32, 32]\n',
     "native_size in .pack. is 128")])
def test_a_recipe_that_cannot_be_followed_is_refused_in_words(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "r.toml"
    pack = '[pack]\nname = "a"\nversion = "1"\ndomain = "d"\ntitle = "t"\nmodalities = ["OT"]\nlicence = "CC0"\n'
    path.write_text(text + ("" if text.startswith("pack") else pack))
    with pytest.raises(UserError, match=complaint):
        Recipe.load(path)


@pytest.mark.parametrize(("keys", "complaint"), [
    ('colour = "blue"', "colour in .pack. is 'blue'"), ("native_size = 5", "native_size in .pack. is 5")])
def test_what_a_pack_cannot_be_is_refused(tmp_path: Path, keys: str, complaint: str) -> None:
    path = tmp_path / "r.toml"
    path.write_text(f'[pack]\nname = "a"\nversion = "1"\ndomain = "d"\ntitle = "t"\nmodalities = ["OT"]\n{keys}\n')
    with pytest.raises(UserError, match=complaint):
        Recipe.load(path)


def test_the_table_holds_what_can_be_asked_for_and_every_stage_in_its_order() -> None:
    assert tuple(PARTS) == TRAINABLE
    for part in PARTS.values():
        module, name = part.function.split(":")
        assert callable(getattr(importlib.import_module(f"medsynth_app.engine.train.{module}"), name))
        spans = list(part.stages.values())
        assert spans[0][0] == pytest.approx(0) and spans[-1][1] == pytest.approx(1)
        assert all(before[1] == pytest.approx(after[0]) for before, after in itertools.pairwise(spans))


def test_a_part_that_is_not_in_the_table(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no part 'magic'"):
        train_part("magic", Run(RECIPE, tmp_path, tmp_path / "out", tmp_path / "kept"))
