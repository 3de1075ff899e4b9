from __future__ import annotations

import dataclasses
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import medsynth_app.evaluation
from medsynth_app.evaluation.catalogue import METRICS
from medsynth_app.evaluation.manifold import ManifoldScores

FOLDER = Path(medsynth_app.evaluation.__file__).parent
NOT_METRICS = {"arrays", "distances", "intervals", "resampled", "learning_curve", "catalogue", "__init__"}
HELPERS = {"split_half_floor", "split_half_floor_1d", "label_array", "confusion", "shape_descriptors",
           "reference_seams", "share_difference", "within_95",
           "precision_recall_density_coverage", "nearest_training_image", "fitted_probe"}
NEEDS = {"real", "synthetic", "train", "held-out", "encoder", "labels", "masks", "painted"}


def test_every_metric_stands_in_it_once_and_nothing_else_does() -> None:
    existing = {field.name for field in dataclasses.fields(ManifoldScores)}
    for name in {path.stem for path in FOLDER.glob("*.py")} - NOT_METRICS:
        module = importlib.import_module(f"medsynth_app.evaluation.{name}")
        existing |= {each for each, value in inspect.getmembers(module, inspect.isfunction)
                     if value.__module__ == module.__name__ and not each.startswith("_")}
    names = [entry.name for entry in METRICS]
    assert len(names) == len(set(names)) and set(names) == existing - HELPERS


def test_every_metric_is_explained() -> None:
    for entry in METRICS:
        assert entry.better in ("lower", "higher") and entry.needs and set(entry.needs) <= NEEDS, entry.name
        assert 0 < len(entry.title) <= 30 and entry.title[0].isupper(), entry.name
        assert 40 < len(entry.help) < 400 and entry.help.endswith((".", "?")), entry.name


def test_it_may_be_imported_without_anything_heavy() -> None:
    code = ("import sys, medsynth_app.evaluation.catalogue\n"
            "print(sorted({name.partition('.')[0] for name in sys.modules}))")
    done = subprocess.run([sys.executable, "-c", code], cwd=FOLDER.parents[1], capture_output=True, text=True,
                          check=True)
    assert "'medsynth_app'" in done.stdout
    for library in ("numpy", "scipy", "skimage", "sklearn", "torch", "PySide6"):
        assert f"'{library}'" not in done.stdout


def test_scikit_learn_is_loaded_when_it_is_called_for_and_not_before() -> None:
    names = sorted(f"medsynth_app.evaluation.{path.stem}" for path in FOLDER.glob("[!_]*.py"))
    code = f"import sys, {', '.join(names)}\nassert not {{'sklearn', 'torch'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=FOLDER.parents[1], check=True)
