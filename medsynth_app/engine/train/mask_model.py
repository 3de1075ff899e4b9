"""``train masks``: a small diffusion model of label masks themselves, on maps of distances instead of latents."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers import DDPMScheduler, UNet2DModel
from torch.nn import functional as F

from medsynth_app.core.errors import UserError
from medsynth_app.core.pack import PackManifest
from medsynth_app.datasets.dataset import Sample, TrainingSet, augmented, read_masks
from medsynth_app.engine.diffusion.mask_maps import masks_to_maps, reach_of
from medsynth_app.engine.diffusion.mask_model import ABOUT, FOLDER
from medsynth_app.engine.train.card import CONTROL_SAMPLES
from medsynth_app.engine.train.facts import recipe_fact, training_device, velocity_facts
from medsynth_app.engine.train.pack import SHARD, join_part, named_pack
from medsynth_app.engine.train.recipe import NORM_GROUPS, Recipe
from medsynth_app.engine.train.supervision import Run
from medsynth_app.engine.train.velocity import Draw, Predict, train_velocity

# Cosine noise (Nichol & Dhariwal 2021) ends in noise alone, so that it does not give away the share of background.
MASK_SCHEDULE = {"num_train_timesteps": 1000, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction"}
DROP_CLASS = 0.15
COARSE = 2  # mask pixels, along an edge, to one of the grid that the model draws on: distances are smooth


def train_masks(run: Run) -> PackManifest:
    """Train a model of the masks in the data and write the base pack with ``masks/``.

    Of every picture the item with the largest box is taken, so that areas mean something; masks with nothing in them
    are left out. ``recipe.masks.limit`` keeps that many, chosen by the recipe's seed.

    Raises
    ------
    UserError
        When the data hold no masks, or the recipe does not name their labels.
    Cancelled
        When the supervisor asked to stop; a checkpoint has been saved.
    """
    begun = time.monotonic()
    recipe, supervisor, pack, device = run.recipe, run.supervisor, named_pack(run), training_device()
    section = recipe.masks
    supervisor.report("data", 0, 1, "reading the training masks")
    frozen = TrainingSet.load(run.data)
    masks, names = chosen_masks(recipe, frozen)
    classes = sorted(set(names))
    which = np.array([classes.index(name) for name in names])
    torch.manual_seed(recipe.seed)
    model = new_mask_unet(recipe, len(classes)).to(device)

    def make_draw() -> Draw:
        def draw(rng: np.random.Generator) -> tuple[torch.Tensor, Predict]:
            chosen = rng.integers(len(masks), size=section.batch)
            turned = augmented(masks[chosen], recipe.augment, rng)
            label = np.where(rng.random(section.batch) < DROP_CLASS, len(classes), which[chosen])
            maps = masks_to_maps(turned, len(recipe.pack.mask_labels), reach_of(section.size))
            labels = torch.from_numpy(label).to(device)
            clean = F.avg_pool2d(torch.from_numpy(maps), COARSE)
            return clean, lambda noisy, t: model(noisy, t, class_labels=labels).sample

        return draw

    folder = run.checkpoints / f"masks-{_key(recipe, frozen)}"
    history = train_velocity("masks", model, section, make_draw, recipe, folder, device, supervisor, MASK_SCHEDULE)
    supervisor.report("pack", 0, 1, "writing the model of masks")
    training = {
        "recipe": recipe_fact(recipe),
        "masks": len(masks),
        "classes": len(classes),
        "steps": history.step,
        **velocity_facts(history, section.batch, begun, device, model),
    }

    def write(place: Path) -> None:
        folder = place / FOLDER
        shutil.rmtree(folder, ignore_errors=True)
        (place / CONTROL_SAMPLES).unlink(missing_ok=True)  # they show what another model of masks has drawn
        model.to("cpu", torch.float16).save_pretrained(folder, max_shard_size=SHARD)
        DDPMScheduler(**MASK_SCHEDULE).save_pretrained(folder)
        (folder / ABOUT).write_text(json.dumps(
            {"labels": recipe.pack.mask_labels, "classes": classes, "size": section.size}, indent=1))

    return join_part(pack, run.out, "masks", recipe, frozen.about, training, write)


def _key(recipe: Recipe, frozen: TrainingSet) -> str:
    """Names what a checkpoint belongs to: the masks that are learned from and the shape of the model."""
    section = recipe.masks
    about = (frozen.about.get("sha256"), recipe.seed, recipe.pack.mask_labels, section.limit, section.size,
             section.widths)
    return hashlib.sha256(repr(about).encode()).hexdigest()[:12]


def chosen_masks(recipe: Recipe, frozen: TrainingSet) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """The masks that are learned from, shape (n, size, size), and the class of each.

    Raises
    ------
    UserError
        When there are none, they hold labels that the recipe does not name, or their size does not fit the widths.
    """
    if not recipe.pack.mask_labels:
        raise UserError("The recipe does not say what the labels of a mask mean.", "Name them in [pack] mask_labels.")
    step = COARSE * 2 ** (len(recipe.masks.widths) - 1)
    if recipe.masks.size % step:
        raise UserError(f"The recipe asks for masks of {recipe.masks.size} pixels.",
                        f"Choose a size in [masks] that is a multiple of {step}.")
    samples = whole_pictures(frozen.samples)
    masks = read_masks(samples, recipe.masks.size, recipe.pack.mask_labels)
    kept = np.flatnonzero(masks.any(axis=(1, 2)))
    if not len(kept):
        raise UserError("The training set holds no masks.", "Freeze a data set that has masks with this recipe.")
    if recipe.masks.limit:
        kept = np.sort(np.random.default_rng(recipe.seed).permutation(kept)[:recipe.masks.limit])
    return masks[kept], [samples[k].mask_class for k in kept]


def whole_pictures(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    """Of each file the item that shows most of it, where its mask shows something."""
    best: dict[Path, Sample] = {}
    for sample in samples:
        if sample.mask is not None and sample.mask_class:
            other = best.get(sample.file)
            if other is None or _area(sample) > _area(other):
                best[sample.file] = sample
    return tuple(best.values())


def _area(sample: Sample) -> float:
    if sample.box is None:
        return float("inf")
    left, top, right, bottom = sample.box
    return float((right - left) * (bottom - top))


def new_mask_unet(recipe: Recipe, classes: int) -> UNet2DModel:
    """UNet with attention at the lowest level; class number `classes` stands for any class."""
    widths, labels = recipe.masks.widths, len(recipe.pack.mask_labels)
    plain = len(widths) - 1
    return UNet2DModel(
        sample_size=recipe.masks.size // COARSE, in_channels=labels, out_channels=labels, layers_per_block=1,
        block_out_channels=widths, norm_num_groups=NORM_GROUPS, attention_head_dim=NORM_GROUPS,
        down_block_types=("DownBlock2D",) * plain + ("AttnDownBlock2D",),
        up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * plain, num_class_embeds=classes + 1)
