"""The model card: written from the manifest and from the figures that studies measured, nothing by hand."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from medsynth_app.core.figure import Figure
from medsynth_app.core.jobs.request import Sampling
from medsynth_app.core.pack import USUAL_STEPS, PackManifest, TrainingData

SAMPLES = "samples.jpg"
CONTROL_SAMPLES = "control-samples.jpg"
FIGURES = "figures.json"
SETTINGS = f"{USUAL_STEPS} steps, guidance {Sampling().guidance:g}"  # with which samples are drawn
PARTS = ("unet/", "vae/", "text_encoder/", "tokenizer/", "scheduler/", "controlnet/", "masks/")
SPLIT = {  # by `TrainingData.split_by`
    "own": "split as the set itself says; validation and test images, and images nearly the same, were never seen",
    "own-untested": "split as the set itself says, which has no test part: its validation images are the test, a part "
                    "of train (whole patients where they are known) validates; neither, nor images nearly the same, "
                    "were ever seen",
    "case": "split by case, and no volume lies in two parts; validation and test cases were never seen",
    "patient": "split by patient, and images nearly the same lie in one part; validation and test were never seen",
    "near-duplicates": "the set names no patients: split by groups of images that are nearly the same, so that one "
                       "patient may lie in two parts",
    "image": "the set names no patients: split by image, none nearly the same as another, so that one patient may lie "
             "in two parts"}
UNMEASURED = "## Figures\nNot evaluated: no study has measured this pack (`medsynth study --help`).\n"
LOADING = """## In other programs
The folder is one of diffusers' StableDiffusionPipeline. Weights are stored with {bits} and computed with 32:

```python
from diffusers import StableDiffusionPipeline
pipeline = StableDiffusionPipeline.from_pretrained("this folder")
```

Pictures drawn so carry no record. `medsynth_app.api.Pack` draws them with one.
"""
BITS = {"float16": "16 bits", "float8": "8 bits (float8_e4m3; vectors, autoencoder and text encoder with 16)"}
TRAINED = {"base": "Training", "control": "Training of the ControlNet for masks",
           "masks": "Training of the model of masks", "encoder": "Training",
           "detector": "Training"}


def weights_key(manifest: PackManifest, parts: tuple[str, ...] = PARTS) -> str:
    """A short hash of the files that decide what is drawn, or of all files of a pack of another kind."""
    files = [item for item in sorted(manifest.files.items()) if item[0].startswith(parts)]
    files = files or [item for item in sorted(manifest.files.items()) if item[0].endswith((".safetensors", ".json"))]
    return hashlib.sha256(repr([item for item in files if item[0] != FIGURES]).encode()).hexdigest()[:16]


def record_figures(folder: Path, study: str, command: str, weights: str, figures: list[Figure],
                   notes: list[str]) -> None:
    """Keep the figures of one study in the pack's ``figures.json``; what this study said before is replaced.

    The card and the manifest are made anew by `medsynth_app.engine.train.pack.seal`.

    Parameters
    ----------
    command
        The line that repeats the study.
    weights
        `weights_key` of the pack that was measured.
    notes
        What must be known to read the figures, in sentences.
    """
    path = folder / FIGURES
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    kept[study] = {"command": command, "weights": weights, "figures": [asdict(figure) for figure in figures],
                   "notes": notes}
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def model_card(manifest: PackManifest, folder: Path) -> str:
    """The card of the pack in `folder` as Markdown."""
    parts = [_head(manifest), *(_training(manifest, part) for part in manifest.training)]
    if (folder / CONTROL_SAMPLES).exists():
        parts.append(f"## From masks\nMask and picture, seeds 0, 1, ..., {SETTINGS}, none picked by hand. "
                     "Both are synthetic: the masks come from this pack's own model of masks.\n\n"
                     f"![Masks, and pictures made from them]({CONTROL_SAMPLES})\n")
    if (folder / SAMPLES).exists():
        parts.append(f"## Samples\nSeeds 0 to 5 of each prompt, {SETTINGS}, none picked by hand. "
                     f"All are synthetic.\n\n![Samples made by this pack]({SAMPLES})\n")
    parts.append(_figures(json.loads((folder / FIGURES).read_text(encoding="utf-8")), weights_key(manifest))
                 if (folder / FIGURES).exists() else UNMEASURED)
    if manifest.kind == "base":
        parts.append(LOADING.format(bits=BITS[str(manifest.training.get("base", {}).get("stored", "float16"))]))
    if manifest.known_failures:
        parts.append("## Known failures\n" + "".join(f"- {text}\n" for text in manifest.known_failures))
    return "\n".join(parts)


def _head(manifest: PackManifest) -> str:
    what = {"base": "A small latent diffusion model in the folder layout of diffusers' StableDiffusionPipeline",
            "encoder": "An encoder: a picture of one cell becomes a vector that says what the cell looks like",
            "detector": "A detector: it finds the cells of a field, and tells the class of each"}
    also = [text for held, text in ((manifest.draws_from_masks, "with a ControlNet for masks (`controlnet/`)"),
                                    (manifest.draws_masks, "with a model of masks (`masks/`)")) if held]
    rows = [("domain", manifest.domain), ("DICOM modalities", ", ".join(manifest.modalities))]
    for data in manifest.training_data:
        rows += [("trained on", f"{data.name}, {data.samples} training images; {_kept_back(data)}"),
                 ("licence of the data", data.licence), ("please cite", data.citation)]
    rows += [("licence of this pack", manifest.licence), ("what it does not know", manifest.knows_not),
             ("labels of its masks", ", ".join(f"{k} {name}" for k, name in enumerate(manifest.mask_labels, 1))),
             ("denoising steps that it recommends", str(manifest.recommended_steps) if manifest.kind == "base" else "")]
    note = f"\n{manifest.licence_note}\n" if manifest.licence_note else ""
    return (f"# {manifest.title}\n\n{manifest.intended_use}\n\n"
            f"{', '.join([what[manifest.kind], *also])}; {manifest.native_size} px.\n\n{_table(rows)}{note}")


def _kept_back(data: TrainingData) -> str:
    """How sure it is that what figures are measured on was never seen."""
    said = [SPLIT.get(data.split_by, "validation and test images were never seen")]
    if data.left_out:
        said.append(f"{data.left_out} training images were left out, because a held-out one is nearly the same")
    if data.synthetic:
        said.append(f"{data.synthetic} images of the set were drawn by a model, not photographed")
    return "; ".join(said)


def _training(manifest: PackManifest, part: str) -> str:
    rows = [(key.replace("_", " "), ", ".join(map(str, value)) if isinstance(value, list) else str(value))
            for key, value in manifest.training[part].items()
            if value is not None]
    return f"## {TRAINED.get(part, part)}\n`medsynth train {part}`\n\n{_table(rows)}"


def _table(rows: list[tuple[str, str]]) -> str:
    return "| | |\n|---|---|\n" + "".join(f"| {key} | {value} |\n" for key, value in rows if value)


def _figures(studies: dict[str, dict[str, Any]], weights: str) -> str:
    text = "## Figures\nOn held-out real images only; written by the commands that measured them.\n"
    for name, study in studies.items():
        former = "" if study["weights"] == weights else " Measured on other weights than this pack has now."
        text += f"\n### {name}\n`{study['command']}`{former}\n\n"
        text += "| figure | measured | floor | target | n |\n|---|---|---|---|---|\n"
        for raw in study["figures"]:
            row = Figure(**raw)
            text += f"| {row.name} | {row.measured} | {row.floor} | {row.target} | {row.n} |\n"
        text += "".join(f"\n- {note}" for note in study["notes"]) + ("\n" if study["notes"] else "")
    return text
