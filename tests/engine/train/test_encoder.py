"""``train encoder`` end to end on small blobs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.pack_files import hash_files, open_pack, verify_pack
from medsynth_app.datasets.freeze import freeze_training_set
from medsynth_app.engine.train.encoder import contrastive_loss, train_encoder, vicreg_loss
from medsynth_app.engine.train.parts import train_part
from medsynth_app.engine.train.supervision import Run, Supervisor
from medsynth_app.engine.train.views import random_views, views_without_labels
from tests.engine.tiny_encoder import make_blobs, tiny_recipe


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    blobs = make_blobs(folder / "blobs")
    return freeze_training_set(blobs, tiny_recipe(folder, 2).data, folder / "frozen")


def test_a_run_ends_in_a_whole_pack_that_tells_the_classes_apart(frozen: Path, tmp_path: Path) -> None:
    said: list[tuple[str, int]] = []
    out = tmp_path / "pack"
    supervisor = Supervisor(report=lambda stage, step, *_: said.append((stage, step)))
    manifest = train_part("encoder", Run(tiny_recipe(tmp_path, 60), frozen, out, tmp_path / "kept", supervisor))
    assert (manifest.kind, manifest.native_size) == ("encoder", 32)
    about = manifest.training["encoder"]
    assert about["validation_accuracy_5_nearest"] >= 0.8 and about["validation_images"] == 32
    assert about["validation_balanced_accuracy_5_nearest"] == about["validation_accuracy_5_nearest"]  # as many of each
    assert about["validation_share_of_the_commonest_class"] == 0.5
    assert (about["classes"], about["dimensions"], about["samples_seen"]) == (["disc", "ring"], 32, 60 * 16)
    assert about["minutes_of_training"] >= 0 and about["device"]
    assert manifest.training_data[0].samples == 48
    assert ("encoder", 50) in said and said[-1][0] == "pack"
    assert verify_pack(open_pack(out)) == [] and manifest.files == hash_files(out)
    weights = load_file(out / "encoder.safetensors")
    assert {value.dtype for value in weights.values() if value.ndim == 4} == {torch.int8}
    assert json.loads((out / "encoder.json").read_text())["crop"] == 0.8
    card = (out / "README.md").read_text()
    assert "An encoder" in card and "validation accuracy" in card and "not for diagnosis" in card


def test_a_cancelled_run_resumes_from_its_checkpoint(frozen: Path, tmp_path: Path) -> None:
    recipe, asked = tiny_recipe(tmp_path, 8), iter(range(100))
    with pytest.raises(Cancelled):
        train_encoder(Run(recipe, frozen, tmp_path / "pack", tmp_path / "kept",
                          Supervisor(cancelled=lambda: next(asked) >= 5)))
    assert torch.load(tmp_path / "kept" / "encoder.pt", weights_only=True)["state"]["step"] == 5
    assert not (tmp_path / "pack").exists()
    manifest = train_encoder(Run(recipe, frozen, tmp_path / "pack", tmp_path / "kept"))
    assert manifest.training["encoder"]["steps"] == 8
    again = train_encoder(Run(recipe, frozen, tmp_path / "again", tmp_path / "kept"))  # nothing left to do
    assert again.files["encoder.safetensors"] == manifest.files["encoder.safetensors"]


def test_time_ends_a_run(frozen: Path, tmp_path: Path) -> None:
    manifest = train_encoder(Run(tiny_recipe(tmp_path, 10_000), frozen, tmp_path / "pack", tmp_path / "kept",
                                 Supervisor(max_seconds=1.5)))
    assert 0 < manifest.training["encoder"]["steps"] < 10_000


def test_a_set_without_classes_is_refused(frozen: Path, tmp_path: Path) -> None:
    raw = json.loads((frozen / "manifest.json").read_text())
    raw["items"] = [item for item in raw["items"] if item["class"] == "disc"]
    (tmp_path / "manifest.json").write_text(json.dumps(raw))
    with pytest.raises(UserError, match="fewer than two classes"):
        train_encoder(Run(tiny_recipe(tmp_path, 2), tmp_path, tmp_path / "pack", tmp_path / "kept"))


def test_a_class_that_is_left_out_is_new_to_the_encoder(frozen: Path, tmp_path: Path) -> None:
    """The very same weights as from a set that never held it, with labels and without; a class that no one has is told.
    """
    raw = json.loads((frozen / "manifest.json").read_text())
    two = raw["items"]
    three = [*two, *({**item, "class": "blot"} for item in two[:20])]
    for supervision in ("labels", "none"):
        made = []
        for name, items, left_out in (("with", three, ("blot",)), ("without", two, ())):
            folder = tmp_path / f"{supervision}-{name}"
            folder.mkdir()
            items = [{**item, "file": str(frozen / item["file"])} for item in items]
            (folder / "manifest.json").write_text(json.dumps({**raw, "items": items}))
            recipe = tiny_recipe(tmp_path, 4)
            recipe = replace(recipe, encoder=replace(recipe.encoder, supervision=supervision, leave_out=left_out))
            manifest = train_part("encoder", Run(recipe, folder, folder / "pack", folder / "kept"))
            assert manifest.training["encoder"]["left_out"] == (list(left_out) or None)
            made.append(manifest.files["encoder.safetensors"])
        assert made[0] == made[1]
    recipe = replace(recipe, encoder=replace(recipe.encoder, leave_out=("square",)))
    with pytest.raises(UserError, match="leaves out the class 'square'"):
        train_encoder(Run(recipe, frozen, tmp_path / "pack", tmp_path / "kept"))


def test_without_labels_none_is_looked_at(frozen: Path, tmp_path: Path) -> None:
    """The same pictures under shuffled classes, or one class alone, make the very same weights."""
    recipe = tiny_recipe(tmp_path, 4)
    recipe = replace(recipe, encoder=replace(recipe.encoder, supervision="none"))
    raw = json.loads((frozen / "manifest.json").read_text())
    made = []
    for name, changed in (("true", lambda k, item: item["class"]), ("shuffled", lambda k, item: "ab"[k * 7 % 3 % 2]),
                          ("one", lambda k, item: "cell")):
        folder = tmp_path / name
        folder.mkdir()
        items = [{**item, "class": changed(k, item)} for k, item in enumerate(raw["items"])]
        (folder / "manifest.json").write_text(json.dumps({**raw, "items": items}))
        manifest = train_part("encoder", Run(recipe, folder, folder / "pack", folder / "kept"))
        assert "no label was seen" in manifest.training["encoder"]["supervision"]
        assert manifest.training["encoder"]["classes"] is None
        made.append(manifest.files["encoder.safetensors"])
    assert len(set(made)) == 1
    assert "no label was seen" in (tmp_path / "true" / "pack" / "README.md").read_text()


def test_views_without_labels_differ_and_stay_pictures() -> None:
    torch.manual_seed(0)
    views = views_without_labels(torch.rand(1, 3, 40, 40).expand(6, -1, -1, -1).contiguous(), 32)
    assert views.shape == (6, 3, 32, 32) and torch.isfinite(views).all() and 0 <= views.min() <= views.max() <= 1
    assert all((views[0] - view).abs().mean() > 0.01 for view in views[1:])


def test_views_differ_and_stay_pictures() -> None:
    torch.manual_seed(0)
    pictures = torch.rand(1, 3, 40, 40).expand(6, -1, -1, -1).contiguous()
    views = random_views(pictures, 32)
    assert views.shape == (6, 3, 32, 32) and views.dtype == torch.float32
    assert views.min() >= 0 and views.max() <= 1 and torch.isfinite(views).all()
    assert all((views[0] - view).abs().mean() > 0.01 for view in views[1:])


def test_views_keep_what_lies_in_the_middle() -> None:
    """However it is turned and stained: a bright spot in the middle stays there and stands out."""
    torch.manual_seed(1)
    pictures = torch.full((64, 3, 40, 40), 0.3)
    pictures[:, :, 14:26, 14:26] = 0.9
    views = random_views(pictures, 32).mean(dim=1)
    outer = torch.cat([views[:, :3].flatten(1), views[:, -3:].flatten(1)], dim=1).mean(dim=1)
    assert ((views[:, 14:18, 14:18].mean(dim=(1, 2)) - outer) > 0.05).float().mean() > 0.9


def test_vicreg_falls_where_views_agree_and_rises_where_all_pictures_are_one() -> None:
    torch.manual_seed(0)
    rotated = torch.linalg.qr(torch.randn(64, 64)).Q[:, :8] * 8  # orthogonal columns of variance about 1
    good = vicreg_loss(torch.cat([rotated, rotated]))
    assert float(good) < 3
    for worse in (torch.cat([rotated, rotated.flip(0)]),  # views that have nothing in common
                  torch.ones(128, 8),  # one point for all
                  torch.cat([rotated[:, :1].expand(-1, 8)] * 2)):  # eight times the same number
        assert float(vicreg_loss(worse)) > float(good) + 5


def test_the_contrastive_loss_agrees_with_its_definition() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(6, 4))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    labels, tau, wanted = [0, 1, 0, 1, 2, 2], 0.2, 0.0
    for i in range(6):
        total = sum(np.exp(z[i] @ z[a] / tau) for a in range(6) if a != i)
        same = [p for p in range(6) if p != i and labels[p] == labels[i]]
        wanted -= sum(np.log(np.exp(z[i] @ z[p] / tau) / total) for p in same) / len(same) / 6
    found = contrastive_loss(torch.from_numpy(z).float(), torch.tensor(labels), tau)
    assert float(found) == pytest.approx(wanted, rel=1e-4)
