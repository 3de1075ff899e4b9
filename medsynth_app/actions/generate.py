"""Generate whole pictures from a prompt, from a mask, or as pairs of mask and picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.actions.inpaint import meant_labels
from medsynth_app.core.changes import Changes
from medsynth_app.core.control_image import LABELS, Mask, checked_labels, fitted
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.generate import GenerateRequest
from medsynth_app.core.jobs.request import LARGEST_COUNT, LARGEST_SEED, MOST_PICTURES, ModelRef, new_seed
from medsynth_app.core.labels import LabelSchema
from medsynth_app.core.options import changed
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.parameters import GenerateParameters
from medsynth_app.core.prompt import Told, Usual
from medsynth_app.formats.prompt import told
from medsynth_app.formats.registry import read_mask
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.documents import Document

FREE, PAINTED, DRAWN = "free", "painted", "drawn"  # what the shape of pictures follows: nothing, a mask, drawn masks
MASK_FILES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".nii", ".nii.gz")


@dataclass(frozen=True, eq=False)
class Painted:
    """What is painted on a frame, as a pack understands it.

    Attributes
    ----------
    labels
        The pack's label of every painted value.
    small
        What is painted at the pictures' size, shape (height, width): so the model sees it, in the painted values.
    lost
        Painted values of which nothing is left at that size.
    """

    labels: Mapping[int, int]
    small: Mask
    lost: tuple[int, ...]


def generate_request(pack: InstalledPack, parameters: GenerateParameters, source: str = "") -> GenerateRequest:
    """All that a worker needs; `source` as in `GenerateRequest`.

    Raises
    ------
    UserError
        For parameters out of range, no prompt, a mask that the pack does not know, or a pack without the part
        that masks or pairs need.
    """
    parameters.checked()
    asked, prompt = parameters.conditioning, _prompt(parameters, pack.manifest)
    if not prompt:
        raise UserError("There is no prompt.", "Say what the pictures shall show.")
    _check_parts(pack.manifest, parameters)
    labels = None if asked.labels is None else checked_labels(asked.labels, pack.manifest.mask_labels)
    if labels is not None and not labels.any():
        raise UserError("The mask is empty: all of it is 0, and there is no shape to follow.",
                        "Give a mask that holds something, or generate without one.")
    return GenerateRequest(
        ModelRef.of(pack),
        replace(asked, prompt=prompt, negative_prompt=asked.negative_prompt.strip(), labels=labels),
        parameters.sampling.with_seed().drawn_with(pack.manifest), parameters.width, parameters.height, source,
        tuple(each.words() for each in _without_prompt(parameters, pack.manifest)))


def told_of_prompt(parameters: GenerateParameters, pack: InstalledPack) -> tuple[Told, ...]:
    """What a person should know of the prompts of a run."""
    return (*_without_prompt(parameters, pack.manifest),
            *told(pack, _prompt(parameters, pack.manifest), parameters.conditioning.negative_prompt.strip()))


def _without_prompt(parameters: GenerateParameters, manifest: PackManifest) -> tuple[Usual, ...]:
    prompt = _prompt(parameters, manifest)
    return () if parameters.conditioning.prompt.strip() or not prompt else (Usual(prompt),)


def _prompt(parameters: GenerateParameters, manifest: PackManifest) -> str:
    return parameters.conditioning.prompt.strip() or manifest.default_prompt


def _check_parts(manifest: PackManifest, parameters: GenerateParameters) -> None:
    asked = parameters.conditioning
    if (asked.labels is not None or asked.pairs) and not manifest.draws_from_masks:
        raise UserError(f"{manifest.title} cannot draw from masks.",
                        "Choose a pack that holds a ControlNet, or generate without a mask.")
    if asked.pairs and not manifest.draws_masks:
        raise UserError(f"{manifest.title} cannot draw masks.",
                        "Choose a pack that holds a model of masks, or give masks of your own.")


def cannot_follow(manifest: PackManifest, shape: str) -> str:
    """Why a pack draws no pictures of this shape (`FREE`, `PAINTED`, `DRAWN`), in one sentence; "" where it does."""
    if shape != FREE and not manifest.draws_from_masks:
        return "This model was not trained to follow masks."
    return "This model was not trained to draw masks." if shape == DRAWN and not manifest.draws_masks else ""


def painted_labels(document: Document, frame: int, schema: LabelSchema, manifest: PackManifest) -> dict[int, int]:
    """The pack's label of every value that is painted on a frame: classes are known by their names.

    Raises
    ------
    UserError
        When nothing is painted, or a painted class is none that the pack knows.
    """
    known, labels = manifest.mask_labels[:LABELS], meant_labels(document.mask(frame), schema, manifest)
    if not labels:
        raise UserError("Nothing is painted on the image in view.", "Paint there what the pictures shall follow.")
    unknown = next((value for value, label in labels.items() if not label), None)
    if unknown is not None:
        item = schema.of(unknown)
        name = item.name if item is not None else f"value {unknown}"
        raise UserError(f"The mask holds a class that this model does not know: {name}.",
                        f"It knows {' and '.join(known) or 'none'}. Erase the rest, or choose another model.")
    return labels


def look_at_painted(document: Document, frame: int, schema: LabelSchema, pack: InstalledPack,
                    parameters: GenerateParameters) -> Painted:
    """What is painted on a frame as pictures with these parameters would follow it.

    Raises
    ------
    UserError
        As `painted_labels`, and when all of it is too small for the pictures' size.
    """
    manifest = pack.manifest
    labels = painted_labels(document, frame, schema, manifest)
    small, lost = fitted(document.mask(frame), parameters.height or manifest.native_size,
                         parameters.width or manifest.native_size, tuple(labels))
    return Painted(labels, small, lost)


def generate(queue: JobQueue, pack: InstalledPack, parameters: GenerateParameters, *, document_id: str = "",
             source: str = "", person: str = "") -> Changes:
    """Queue a run.

    Parameters
    ----------
    document_id
        Of the image on which the mask was painted: the job and its pictures go when its study is removed.
    source
        As in `GenerateRequest`.
    """
    request = generate_request(pack, parameters, source)
    return Changes(jobs=(queue.submit(request, document_id=document_id, person=person),))


def in_runs(parameters: GenerateParameters, count: int) -> list[GenerateParameters]:
    """`count` pictures as runs of at most `LARGEST_COUNT`; picture k over all of them has the seed ``seed + k``.

    Raises
    ------
    UserError
        When there is no picture to draw, or the last seed would be too large.
    """
    if not 1 <= count <= MOST_PICTURES:
        raise UserError(f"{count} pictures cannot be drawn.", f"Ask for 1 to {MOST_PICTURES} of them.")
    given = changed(parameters, count=1).checked().sampling.seed
    seed = min(new_seed(), LARGEST_SEED - count) if given is None else given
    if seed + count - 1 > LARGEST_SEED:
        raise UserError(f"The seed {seed} leaves no room for {count} pictures.", "Choose a smaller seed.")
    return [changed(parameters, seed=seed + begin, count=min(LARGEST_COUNT, count - begin)).checked()
            for begin in range(0, count, LARGEST_COUNT)]


def masks_in(folder: Path) -> dict[str, npt.NDArray[np.uint8]]:
    """The masks in a folder by their names without ending, in order; other files are passed over.

    Raises
    ------
    UserError
        When there is none, one cannot be read, or two have the same name.
    """
    masks: dict[str, npt.NDArray[np.uint8]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        ending = max((end for end in MASK_FILES if path.name.lower().endswith(end)), key=len, default="")
        if not ending or not path.is_file():
            continue
        name = path.name[:-len(ending)]
        if name in masks:
            raise UserError(f"Two masks in the folder are named {name}.", "Rename one of them.")
        try:
            masks[name] = read_mask(path)
        except UserError as error:
            raise UserError(f"{path.name}: {error.happened}", error.remedy) from error
    if not masks:
        raise UserError("There are no masks in this folder.", "Name a folder that holds PNG, TIFF or NIfTI masks.")
    return masks
