"""Pictures drawn by the product itself: the functions that its worker runs; kept on disk, resumed where it stopped.

What is drawn is decided by the weights alone: a card that is written anew does not throw the pictures away.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.actions.inpaint import followed, given_labels
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.crop import context_bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.generate import GenerateRequest
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.pack_files import read_manifest
from medsynth_app.core.parameters import GenerateParameters, InpaintParameters
from medsynth_app.engine.diffusion.generate import run_generate
from medsynth_app.engine.diffusion.inpaint import run_inpaint
from medsynth_app.engine.train.card import PARTS, weights_key
from tests.benchmarks.packs.data import Pictures, cache_folder
from tests.benchmarks.packs.progress import Progress

CHUNK = 64  # pictures kept in one file; the engine cuts it into the batches of its device


@dataclass(frozen=True, eq=False)
class Wish:
    """One picture to draw; `mask`: labels (h, w) uint8 that it shall follow."""

    prompt: str
    seed: int
    mask: Pictures | None = None


@dataclass(frozen=True, eq=False)
class Fill:
    """One region to fill: `frame` (h, w) or (h, w, 3) uint8, `painted` (h, w) bool, in what classes of the pack."""

    frame: Pictures
    painted: npt.NDArray[np.bool_]
    prompt: str
    seed: int
    mode: str = "replace"
    labels: Pictures | None = None


def draw(pack: Path, wishes: Sequence[Wish]) -> Pictures:
    """Draw all wishes with the product's defaults; shape (n, s, s, 3), uint8.

    Raises
    ------
    UserError
        A mask for a pack without a ControlNet, or what `run_generate` refuses.
    """
    return _drawn(pack, wishes, pairs=False)["picture"]


def draw_pairs(pack: Path, wishes: Sequence[Wish]) -> tuple[Pictures, Pictures]:
    """Pictures (n, s, s, 3) and the masks (n, s, s) that the pack's own model of masks drew for them."""
    drawn = _drawn(pack, wishes, pairs=True)
    return drawn["picture"], drawn["mask"]


def _drawn(pack: Path, wishes: Sequence[Wish], pairs: bool) -> dict[str, npt.NDArray[Any]]:
    manifest, standard = read_manifest(pack), GenerateParameters()
    held = pairs or any(wish.mask is not None for wish in wishes)
    if held and not (manifest.draws_from_masks and (manifest.draws_masks or not pairs)):
        raise UserError(f"The pack {manifest.name} lacks a ControlNet for masks or a model of masks.",
                        "Train them: `medsynth train control`, `medsynth train masks`.")
    weights = weights_key(manifest, PARTS if pairs else PARTS[:6] if held else PARTS[:5])
    progress, drawn, done = Progress("drawing", len(wishes)), [], 0
    for several in _runs(wishes):
        first = several[0]
        request = GenerateRequest(
            pack=str(pack), pack_sha256="", prompt=first.prompt, steps=standard.steps, guidance=standard.guidance,
            seed=first.seed, count=len(several), preview_every=0, mask=first.mask, pairs=pairs,
            control_scale=standard.control_scale)

        def work(request: GenerateRequest = request) -> dict[str, npt.NDArray[Any]]:
            events = _results(lambda emit: run_generate(request, emit, lambda: False, "study"))
            made = {name: np.stack([event.arrays[name] for event in events]) for name in events[0].arrays}
            if made["picture"].ndim == 3:  # a grey pack
                made["picture"] = np.repeat(made["picture"][..., None], 3, axis=3)
            return made

        firmness = [standard.control_scale] if held else []
        key = _hash(first.prompt, [wish.seed for wish in several], first.mask, standard.steps, standard.guidance, pairs,
                    *firmness)
        drawn.append(kept("drawn", weights, key, work))
        done += len(several)
        progress(done)
    return {name: np.concatenate([each[name] for each in drawn]) for name in drawn[0]}


def fill(pack: Path, fills: Sequence[Fill]) -> tuple[list[Pictures], list[npt.NDArray[np.bool_]]]:
    """Inpaint every frame with the product's defaults, crop and stitch as the window does it.

    Returns
    -------
    The frames after it, and the pixels that could change (bool), in the order of `fills`.
    """
    manifest = read_manifest(pack)
    progress = Progress("inpainting", len(fills))
    after, effective = [], []
    for k, each in enumerate(fills):
        standard = InpaintParameters(prompt=each.prompt, mode=each.mode, seed=each.seed, count=1, preview_every=0)
        bounds = _bounds(each, manifest.native_size, standard.context)
        labels = _followed(each, manifest, standard)
        key = _hash(each.frame, each.painted, standard, labels)

        def work(each: Fill = each, bounds: Bounds = bounds, standard: InpaintParameters = standard,
                 labels: Pictures | None = labels) -> dict[str, npt.NDArray[Any]]:
            request = _request(pack, manifest, each, bounds, standard, labels)
            [event] = _results(lambda emit: run_inpaint(request, emit, lambda: False, "study"))
            return {name: event.arrays[name] for name in ("patch", "effective")}

        found = kept("inpainted", weights_key(manifest, PARTS[:5 if labels is None else 6]), key, work)
        frame, changed = each.frame.copy(), np.zeros(each.painted.shape, np.bool_)
        frame[bounds.slices], changed[bounds.slices] = found["patch"], found["effective"]
        after.append(frame)
        effective.append(changed)
        progress(k + 1)
    return after, effective


def _runs(wishes: Sequence[Wish]) -> list[list[Wish]]:
    """Wishes that one request can hold: one prompt, no mask, seeds in a row."""
    place = itertools.count()
    runs: list[list[Wish]] = []
    for _, group in itertools.groupby(wishes, lambda wish: (
            wish.prompt, wish.seed - next(place), None if wish.mask is None else id(wish))):
        several = list(group)
        runs += [several[start:start + CHUNK] for start in range(0, len(several), CHUNK)]
    return runs


def _bounds(each: Fill, native: int, context: float) -> Bounds:
    box = Bounds.of_mask(each.painted)
    if box is None:
        raise ValueError("nothing is painted")
    return context_bounds(box, each.painted.shape[0], each.painted.shape[1], native, context)


def _followed(each: Fill, manifest: PackManifest, standard: InpaintParameters) -> Pictures | None:
    """What the window would have a fill with these parameters follow."""
    if each.labels is None or not followed(given_labels(each.labels, manifest), standard, manifest)[1]:
        return None
    return each.labels


def _request(pack: Path, manifest: PackManifest, each: Fill, bounds: Bounds,
             standard: InpaintParameters, labels: Pictures | None) -> InpaintRequest:
    prompt = manifest.remove_prompt if each.mode == "remove" else each.prompt
    return InpaintRequest(
        crop=each.frame[bounds.slices].copy(), mask=each.painted[bounds.slices].copy(), bounds=bounds.as_tuple(),
        document_id="", frame_key="", revision="", source="", pack=str(pack), pack_sha256="", prompt=prompt,
        mode=each.mode, strength=standard.strength, steps=standard.steps, guidance=standard.guidance,
        seed=each.seed, count=1, feather=standard.feather, preview_every=0,
        match_seam=standard.matches_seam("rgb" if each.frame.ndim == 3 else "grey"),
        labels=None if labels is None else labels[bounds.slices].copy(), control_scale=standard.control_scale,
        window=(0, 255) if each.frame.ndim == 2 else None)


def _results(work: Callable[[Callable[[JobEvent], None]], None]) -> list[JobEvent]:
    events: list[JobEvent] = []
    work(lambda event: events.append(event) if event.kind is EventKind.RESULT else None)
    return events


def kept(kind: str, weights: str, key: str,
          work: Callable[[], dict[str, npt.NDArray[Any]]]) -> dict[str, npt.NDArray[Any]]:
    """The arrays that `work` makes, from the cache where they were made before."""
    path = cache_folder() / kind / weights / f"{key}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = work()
        temporary = path.with_suffix(".tmp.npz")
        np.savez_compressed(temporary, **made)  # type: ignore[arg-type]
        os.replace(temporary, path)
    with np.load(path) as kept:
        return {name: kept[name] for name in kept.files}


def _hash(*values: Any) -> str:
    found = hashlib.sha256()
    for value in values:
        if isinstance(value, np.ndarray):
            found.update(f"{value.shape}{value.dtype}".encode() + value.tobytes())
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            found.update(repr(sorted(dataclasses.asdict(value).items())).encode())
        else:
            found.update(repr(value).encode())
    return found.hexdigest()[:24]
