"""Fill what is painted: build the frozen request and queue it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np
import numpy.typing as npt

from medsynth_app.actions.guard import require_writable
from medsynth_app.core.blend import effective_mask
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Changes
from medsynth_app.core.control_image import LABELS, labels_in
from medsynth_app.core.crop import REACH, context_bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.intensity import IntensityRange, intensity_range
from medsynth_app.core.jobs.inpaint import InpaintRequest, needs_model, nothing_around
from medsynth_app.core.jobs.request import Conditioning, ImageContext, ModelRef
from medsynth_app.core.labels import LabelSchema
from medsynth_app.core.modality import in_words, listed
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.parameters import InpaintParameters
from medsynth_app.core.prompt import Told, Usual
from medsynth_app.core.regions import crops_apart
from medsynth_app.formats.prompt import told
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.documents import Document

Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.uint8]
LARGEST_ENLARGEMENT = 4.0
UNSEEN = 0.02  # share of a region beyond what a model can draw that is worth a word
SAMPLED = 2**18  # pixels of a region, about, that are looked at for that


def inpaint_request(document: Document, frame: int, parameters: InpaintParameters, pack: InstalledPack | None,
                    mask_value: int | None = None, painted: Labels | None = None,
                    meant: Mapping[int, int] | None = None) -> InpaintRequest:
    """All that a worker needs to fill the painted region of one frame.

    Parameters
    ----------
    pack
        What draws; None: the classical fill, which can only remove.
    mask_value
        The class that is filled; None: all that is painted.
    painted
        A mask to take instead of the document's own, uint8 (rows, columns).
    meant
        The pack's label of each painted value that it knows (`meant_labels`); without them no shape is followed.

    Raises
    ------
    UserError
        When nothing is painted, a parameter is out of range, or something is to be drawn without a model.
    """
    parameters.checked()
    if pack is None and parameters.mode != "remove":
        raise needs_model()
    held = document.mask(frame) if painted is None else painted
    mask = wanted(held, mask_value)
    crops = _crops(mask, parameters, pack)
    if not crops:
        raise UserError("Nothing is painted on this slice.", "Paint the region that the model shall fill.")
    bounds = reduce(Bounds.union, crops)
    regions = tuple(crop.as_tuple() for crop in crops) if len(crops) > 1 else ()
    if pack is None and mask[bounds.slices].all():
        raise nothing_around()
    # what the reader changed is told with the image; the record of what was drawn from it tells it too
    notices = (*document.info.notices, *warnings_for(document, frame, parameters, pack, mask_value, painted),
               *(each.words() for each in _without_prompt(parameters, pack)))
    if pack is None:
        return InpaintRequest(None, _image_context(document, frame, bounds, regions, mask, None),
                              Conditioning(), parameters.sampling.with_seed(), mode=parameters.mode, feather=0,
                              match_seam=False, notices=notices)
    follows = meant is not None and followed(meant, parameters, pack.manifest, mask_value)[1]
    asked = parameters.conditioning
    return InpaintRequest(
        ModelRef.of(pack),
        _image_context(document, frame, bounds, regions, mask, pack.manifest),
        replace(asked, prompt=_prompt(parameters, pack.manifest), negative_prompt=asked.negative_prompt.strip(),
                labels=in_labels(held[bounds.slices], meant) if follows and meant is not None else None),
        parameters.sampling.with_seed().drawn_with(pack.manifest),
        mode=parameters.mode,
        feather=parameters.feather,
        match_seam=parameters.match_seam,
        notices=notices,
        context=parameters.context)


def meant_labels(painted: Labels, schema: LabelSchema, manifest: PackManifest) -> dict[int, int]:
    """The pack's label of every value that a mask (rows, columns) holds; 0 where it knows none of that name."""
    known = manifest.mask_labels[:LABELS]
    return {value: schema.value_in(value, known) for value in labels_in(painted)}


def given_labels(painted: Labels, manifest: PackManifest) -> dict[int, int]:
    """The same for a mask from a file: its values are the pack's labels; any single value is a pack's only label."""
    known, found = len(manifest.mask_labels[:LABELS]), labels_in(painted)
    if known == 1 and len(found) == 1:
        return {found[0]: 1}
    return {value: value if value <= known else 0 for value in found}


def followed(meant: Mapping[int, int], parameters: InpaintParameters, manifest: PackManifest,
             mask_value: int | None = None) -> tuple[tuple[str, ...], bool]:
    """The classes to be filled that a fill could keep to, as the pack calls them, and whether it does.

    `meant` holds all that is painted; `mask_value` as in `inpaint_request`.
    """
    if not manifest.draws_from_masks:
        return (), False
    held = {label for value, label in meant.items() if label and mask_value in (None, value)}
    names = tuple(manifest.mask_labels[label - 1] for label in sorted(held))
    return names, parameters.follows(names, _prompt(parameters, manifest))


def require_following(meant: Mapping[int, int], parameters: InpaintParameters, pack: InstalledPack | None) -> None:
    """Raise `UserError` where a fill that shall keep to the classes of a mask, whatever the prompt, cannot."""
    if parameters.mode != "replace" or pack is None:
        raise UserError(f"Following the mask does not go with mode {parameters.mode}.", "Follow it with mode replace.")
    title, unknown = pack.manifest.title, [str(value) for value, label in meant.items() if not label]
    if not pack.manifest.draws_from_masks:
        raise UserError(f"{title} cannot follow masks.", "Choose a pack that holds a ControlNet, or do not follow.")
    if unknown:
        raise UserError(f"The mask holds the value {', '.join(unknown)}, which {title} does not know.",
                        f"It knows {' and '.join(pack.manifest.mask_labels)}, as 1, 2, ...; or do not follow.")


def in_labels(painted: Labels, meant: Mapping[int, int]) -> Labels:
    """A copy of what is painted, (rows, columns), in the pack's labels: all of it, for it says what lies around."""
    table = np.zeros(256, np.uint8)
    table[list(meant)] = list(meant.values())
    return table[painted]


def _image_context(document: Document, frame: int, bounds: Bounds, regions: tuple[tuple[int, int, int, int], ...],
                   mask: Mask, manifest: PackManifest | None) -> ImageContext:
    info, about = document.info, document.info.frames[frame]
    return ImageContext(
        crop=np.array(document.region(frame, bounds)),
        mask=mask[bounds.slices].copy(),
        bounds=bounds.as_tuple(),
        regions=regions,
        document_id=document.id,
        frame_key=str(about.key),
        source=str(about.key),
        revision=document.revision(frame, bounds),
        intensity_range=seen_range(document, frame, manifest) if manifest is not None else None,
        inverted=info.inverted,
        rescale=(about.rescale.slope, about.rescale.intercept),
        unit=about.rescale.unit,
        stored_range=about.stored_range)


def seen_range(document: Document, frame: int, manifest: PackManifest) -> IntensityRange | None:
    """What the pack's model sees of a grey document, whichever slice and window are in view; None for colour."""
    info = document.info
    if info.colour != "grey":
        return None
    return intensity_range(info.modality, info.frames[frame], manifest.intensity_ranges,
                           lambda: document.sample(frame))


def _prompt(parameters: InpaintParameters, manifest: PackManifest) -> str:
    if parameters.mode == "remove":     # never what was typed: it would be drawn instead of taken away
        return manifest.remove_prompt
    return parameters.conditioning.prompt.strip() or manifest.default_prompt


def told_of_prompt(parameters: InpaintParameters, pack: InstalledPack) -> tuple[Told, ...]:
    """What a person should know of the prompts of a run."""
    return (*_without_prompt(parameters, pack),
            *told(pack, _prompt(parameters, pack.manifest), parameters.conditioning.negative_prompt.strip()))


def _without_prompt(parameters: InpaintParameters, pack: InstalledPack | None) -> tuple[Usual, ...]:
    if pack is None or parameters.mode == "remove" or parameters.conditioning.prompt.strip():
        return ()
    return (Usual(pack.manifest.default_prompt),) if pack.manifest.default_prompt else ()


def inpaint(queue: JobQueue, request: InpaintRequest, person: str = "") -> Changes:
    """Queue a request; the job is the one that has changed."""
    return Changes(jobs=(queue.submit(request, document_id=request.image.document_id, person=person),))


def inpaint_document(queue: JobQueue, document: Document, frame: int, parameters: InpaintParameters,
                     pack: InstalledPack | None, mask_value: int | None = None,
                     meant: Mapping[int, int] | None = None, person: str = "") -> Changes:
    """Build the request and queue it, unless the workspace is read-only."""
    require_writable(document)
    return inpaint(queue, inpaint_request(document, frame, parameters, pack, mask_value, meant=meant), person)


def wanted(mask: npt.NDArray[np.uint8], mask_value: int | None = None) -> Mask:
    """Which pixels are to be filled."""
    chosen: Mask = mask > 0 if mask_value is None else mask == mask_value
    return chosen


def effective_region(mask: Mask, feather: int) -> Mask | None:
    """Pixels that a run would change, shape of the mask; None when nothing is painted."""
    painted = Bounds.of_mask(mask)
    if painted is None:
        return None
    around = painted.padded(feather + 2).clipped(*mask.shape)
    region = np.zeros(mask.shape, bool)
    region[around.slices] = effective_mask(mask[around.slices], feather)
    return region


def warnings_for(document: Document, frame: int, parameters: InpaintParameters, pack: InstalledPack | None,
                 mask_value: int | None = None, painted: Labels | None = None) -> tuple[str, ...]:
    """What the person should know before a run; it stays with the result. `painted` as in `inpaint_request`."""
    mask = wanted(document.mask(frame) if painted is None else painted, mask_value)
    crops = _crops(mask, parameters, pack)
    texts: tuple[str, ...] = ()
    if pack is not None:
        size = max((max(crop.height, crop.width) for crop in crops), default=0)
        texts = warnings(document, pack, size / pack.manifest.native_size)
        if crops:
            texts += _beyond(document, frame, crops, mask, parameters, pack.manifest)
    if painted is None and crops and any(other != frame for other in document.painted_frames()):
        texts += ("The mask covers several slices; this run fills this slice only.",)
    return texts


def _beyond(document: Document, frame: int, crops: Sequence[Bounds], mask: Mask, parameters: InpaintParameters,
            manifest: PackManifest) -> tuple[str, ...]:
    """How much of what is painted the model could not draw, in words."""
    seen, about = seen_range(document, frame, manifest), document.info.frames[frame]
    if seen is None:
        return ()
    parts = []
    for crop in crops:
        step = max(1, math.isqrt(crop.height * crop.width // SAMPLED))  # asked anew after every stroke
        parts.append(document.region(frame, crop)[::step, ::step][mask[crop.slices][::step, ::step]])
    part = np.concatenate(parts)
    if not part.size:
        return ()
    values = about.rescale.to_modality(part)
    low, high = ("darker", "brighter") if not document.info.inverted else ("brighter", "darker")
    if about.rescale.unit == "HU":
        low, high = "less dense", "denser"
    below, above = seen.shares_beyond(values)
    what = {"vary": "; that part is kept", "remove": "; removing without a model can"}.get(parameters.mode, "")
    return tuple(
        f"{100 * share:.0f} % of this region is {word} than this model can draw "
        f"({f'{side} {end:.4g} {about.rescale.unit}'.rstrip()}){what}."
        for share, word, side, end in ((above, high, "above", seen.high), (below, low, "below", seen.low))
        if share > UNSEEN)


def warnings(document: Document, pack: InstalledPack, scale: float) -> tuple[str, ...]:
    """Warnings of a pack on a document, whose drawing is enlarged `scale` times (0 when not yet known)."""
    info, manifest = document.info, pack.manifest
    trained, this = listed(manifest.modalities) or manifest.domain, in_words(info.modality or "")
    texts = []
    unknown = info.modality is not None and info.modality not in manifest.modalities
    if info.colour != manifest.colour:  # one sentence for both, for the inspector has little room
        names = {"grey": "grey", "rgb": "colour"}
        texts.append(f"{manifest.title} was trained on {names[manifest.colour]} images ({trained}), not on "
                     f"{names[info.colour]} ones{f' ({this})' if unknown else ''}.")
    elif unknown:
        texts.append(f"{manifest.title} was trained on {trained}, not on {this}.")
    elif info.modality is None:
        texts.append(f"The image does not state its modality; {manifest.title} was trained on {trained}.")
    if scale > LARGEST_ENLARGEMENT:
        texts.append(f"The region is {scale:.1f} times as wide as the model draws ({manifest.native_size} pixels); "
                     "the fill will look soft.")
    return tuple(texts)


def _crops(mask: Mask, parameters: InpaintParameters, pack: InstalledPack | None) -> tuple[Bounds, ...]:
    """The crops in which what is painted is filled, from top to bottom; none where nothing is painted."""
    rows, columns = mask.shape

    def crop_of(region: Bounds) -> Bounds:
        if pack is None:
            return region.padded(REACH).clipped(rows, columns)
        return context_bounds(region, rows, columns, pack.manifest.native_size, parameters.context)

    return crops_apart(mask, crop_of)
