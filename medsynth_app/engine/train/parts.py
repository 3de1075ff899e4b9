"""What can be trained, by name; a part's module is imported when it is asked for."""

from __future__ import annotations

from pathlib import Path

from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.train import TRAINABLE
from medsynth_app.core.pack import MANIFEST, PackManifest
from medsynth_app.engine.train.base import AUTOENCODER_SHARE, DECODER_SHARE, DENOISER_SHARE, train_base
from medsynth_app.engine.train.pack import check_joinable
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import PART_SHARE, Supervisor

# Where each stage stands in the whole run, 0 to 1; a run of one part has the stages data, its own name, and pack.
SHARES = {"data": (0.0, 0.0), "autoencoder": AUTOENCODER_SHARE, "decoder": DECODER_SHARE,
          "latents": (DENOISER_SHARE[0],) * 2, "denoiser": DENOISER_SHARE, "control": PART_SHARE, "masks": PART_SHARE,
          "encoder": PART_SHARE, "pack": (DENOISER_SHARE[1], 1.0)}


def train_part(part: str, recipe: Recipe, data: Path, out: Path, supervisor: Supervisor, checkpoints: Path,
               pack: Path | None = None) -> PackManifest:
    """Train `part` and write the pack `out`.

    Parameters
    ----------
    part
        ``base`` or ``encoder``: a pack of its own, a base one perhaps started from `pack`; ``control`` or ``masks``:
        a copy of `pack` with that part.
    data
        A frozen training set (see `TrainingSet.load`).
    checkpoints
        Folder of checkpoints; an interrupted run resumes from it.

    Raises
    ------
    UserError
        An unknown part, a part without its pack, a training set that does not hold what the part needs.
    Cancelled
        When `supervisor` asked to stop; a checkpoint has been saved.
    """
    _check_place(out, pack)
    checkpoints.mkdir(parents=True, exist_ok=True)
    if part == "base":
        return train_base(recipe, data, out, supervisor, checkpoints, pack)
    if part == "encoder":
        from medsynth_app.engine.train.encoder import train_encoder

        return train_encoder(recipe, data, out, supervisor, checkpoints)
    if part not in TRAINABLE:
        raise UserError(f"There is no part {part!r} to train.", f"Choose one of {', '.join(TRAINABLE)}.")
    if pack is None:
        raise UserError(f"The part {part!r} joins a base pack, and none was named.", "Name the pack that it joins.")
    check_joinable(pack, recipe)
    if part == "control":
        from medsynth_app.engine.train.control import train_control

        return train_control(recipe, data, pack, out, supervisor, checkpoints)
    from medsynth_app.engine.train.mask_model import train_masks

    return train_masks(recipe, data, pack, out, supervisor, checkpoints)


def _check_place(out: Path, pack: Path | None) -> None:
    """Refuse a place that would spoil a pack."""
    place = out.resolve()
    if (place / MANIFEST).exists() and (pack is None or pack.resolve() != place):
        raise UserError(f"The folder {out.name} holds a pack already.", "Give another folder for the new one.")
    if any((parent / MANIFEST).exists() for parent in place.parents):
        raise UserError(f"The folder {out.name} lies inside a pack, whose files must stay as they are.",
                        "Give a folder elsewhere.")
