"""Pictures drawn by the product itself: the functions that its worker runs; kept on disk, resumed where it stopped.

What is drawn is decided by the weights alone: a card that is written anew does not throw the pictures away.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.crop import context_bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.generate import GenerateRequest
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.core.jobs.request import ImageContext, ModelRef
from medsynth_app.core.options import changed
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.pack_files import read_manifest
from medsynth_app.core.parameters import GenerateParameters, InpaintParameters
from medsynth_app.engine.diffusion.generate import run_generate
from medsynth_app.engine.diffusion.inpaint import run_inpaint
from medsynth_app.engine.evaluate.kept import Arrays, Kept, key_of
from medsynth_app.engine.evaluate.progress import Progress
from medsynth_app.engine.train.card import PARTS, weights_key
from medsynth_app.studies.bench import Fill, Mask, Wish
from medsynth_app.studies.domain import Pictures

CHUNK = 64  # pictures kept in one file; the engine cuts it into the batches of its device
T = TypeVar("T", InpaintParameters, GenerateParameters)
DRAWING, FILLING = "drawing pictures", "inpainting"


class Drawing:
    """Draws and fills with one pack, with the parameters that the window starts with, or another number of steps."""

    def __init__(self, pack: Path, kept: Kept, progress: Progress, device: str = "auto") -> None:
        self._pack, self._kept, self._progress, self._device = pack, kept, progress, device
        self._manifest = read_manifest(pack)

    def draw(self, wishes: Sequence[Wish], steps: int = 0) -> Pictures:
        """Draw all wishes; shape (n, s, s, 3), uint8. Without `steps` as many as the pack recommends.

        Raises
        ------
        UserError
            A mask for a pack without a ControlNet, or what `run_generate` refuses.
        """
        return self._drawn(wishes, steps, pairs=False)["picture"]

    def draw_pairs(self, wishes: Sequence[Wish], steps: int = 0) -> tuple[Pictures, Pictures]:
        """Pictures (n, s, s, 3) and the masks (n, s, s) that the pack's own model of masks drew for them."""
        drawn = self._drawn(wishes, steps, pairs=True)
        return drawn["picture"], drawn["mask"]

    def _drawn(self, wishes: Sequence[Wish], steps: int, pairs: bool) -> Arrays:
        manifest, standard = self._manifest, self._standard(GenerateParameters(), steps)
        held = pairs or any(wish.mask is not None for wish in wishes)
        if held and not (manifest.draws_from_masks and (manifest.draws_masks or not pairs)):
            raise UserError(f"The pack {manifest.name} lacks a ControlNet for masks or a model of masks.",
                            "Train them: `medsynth train control`, `medsynth train masks`.")
        weights = weights_key(manifest, PARTS if pairs else PARTS[:6] if held else PARTS[:5])
        told, drawn, done = self._progress.stage(DRAWING), [], 0
        for several in _runs(wishes):
            first = several[0]
            request = GenerateRequest(
                ModelRef(str(self._pack)),
                replace(standard.conditioning, prompt=first.prompt, labels=first.mask, pairs=pairs),
                replace(standard.sampling, seed=first.seed, count=len(several), preview_every=0, device=self._device))

            def work(request: GenerateRequest = request) -> Arrays:
                events = _results(lambda emit: run_generate(request, emit, self._progress.stopped, "study"))
                made = {name: np.stack([event.arrays[name] for event in events]) for name in events[0].arrays}
                if made["picture"].ndim == 3:  # a grey pack
                    made["picture"] = np.repeat(made["picture"][..., None], 3, axis=3)
                return made

            firmness = [standard.conditioning.control_scale] if held else []
            key = key_of(first.prompt, [wish.seed for wish in several], first.mask, standard.sampling.steps,
                         standard.sampling.guidance, pairs, *firmness)
            drawn.append(self._kept.arrays(f"drawn/{weights}", key, work))
            done += len(several)
            told(done, len(wishes))
        return {name: np.concatenate([each[name] for each in drawn]) for name in drawn[0]}

    def fill(self, fills: Sequence[Fill], steps: int = 0) -> tuple[list[Pictures], list[Mask]]:
        """Inpaint every frame, crop and stitch as the window does it.

        Returns
        -------
        The frames after it, and the pixels that could change (bool), in the order of `fills`.
        """
        manifest, told = self._manifest, self._progress.stage(FILLING)
        after, effective = [], []
        for k, each in enumerate(fills):
            standard = changed(self._standard(InpaintParameters(), steps), prompt=each.prompt, mode=each.mode,
                               seed=each.seed, count=1, preview_every=0)
            if each.feather is not None:
                standard = changed(standard, feather=each.feather)
            bounds = _bounds(each, manifest.native_size, standard.context)
            labels = _followed(each, manifest, standard)

            def work(each: Fill = each, bounds: Bounds = bounds, standard: InpaintParameters = standard,
                     labels: Pictures | None = labels) -> Arrays:
                request = self._request(each, bounds, standard, labels)
                [event] = _results(lambda emit: run_inpaint(request, emit, self._progress.stopped, "study"))
                return {name: event.arrays[name] for name in ("patch", "effective")}

            weights = weights_key(manifest, PARTS[:5 if labels is None else 6])
            key = key_of(each.frame, each.painted, standard, labels)
            found = self._kept.arrays(f"inpainted/{weights}", key, work)
            frame, altered = each.frame.copy(), np.zeros(each.painted.shape, np.bool_)
            frame[bounds.slices], altered[bounds.slices] = found["patch"], found["effective"]
            after.append(frame)
            effective.append(altered)
            told(k + 1, len(fills))
        return after, effective

    def _standard(self, parameters: T, steps: int) -> T:
        """The window's parameters, the steps named."""
        asked = changed(parameters, steps=steps) if steps else parameters
        return replace(asked, sampling=asked.sampling.drawn_with(self._manifest))

    def _request(self, each: Fill, bounds: Bounds, standard: InpaintParameters,
                 labels: Pictures | None) -> InpaintRequest:
        prompt = self._manifest.remove_prompt if each.mode == "remove" else each.prompt
        image = ImageContext(
            crop=each.frame[bounds.slices].copy(), mask=each.painted[bounds.slices].copy(), bounds=bounds.as_tuple(),
            document_id="", frame_key="", revision="", source="")
        conditioning = replace(standard.conditioning, prompt=prompt,
                               labels=None if labels is None else labels[bounds.slices].copy())
        return InpaintRequest(ModelRef(str(self._pack)), image, conditioning,
                              replace(standard.sampling, device=self._device), mode=each.mode, feather=standard.feather,
                              match_seam=standard.match_seam)


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
        raise UserError("A region of the study is empty.", "Check the masks of the data.")
    return context_bounds(box, each.painted.shape[0], each.painted.shape[1], native, context)


def _followed(each: Fill, manifest: PackManifest, standard: InpaintParameters) -> Pictures | None:
    """What the window would have a fill with these parameters follow."""
    if each.labels is None or not manifest.draws_from_masks:
        return None
    painted = [name for value, name in enumerate(manifest.mask_labels, 1) if (each.labels == value).any()]
    return each.labels if standard.follows(painted, each.prompt) else None


def _results(work: Callable[[Callable[[JobEvent], None]], None]) -> list[JobEvent]:
    events: list[JobEvent] = []
    work(lambda event: events.append(event) if event.kind is EventKind.RESULT else None)
    return events
