"""How far what a base model draws lies from held-out pictures, beside how far real pictures lie from them.

The measure is the sliced Wasserstein distance of small patches (`evaluation.patches`): it was learned by nobody, so it
works for every domain, offline, and neither the model nor an encoder of ours can have been fitted to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline

from medsynth_app.core.jobs.request import Sampling
from medsynth_app.core.jobs.train import AUTOENCODER, COMPARED, DISTANCE, FLOOR, HIGHEST, LEAST_COMPARED, LOWEST
from medsynth_app.datasets.dataset import Sample, TrainingSet, read_pixels
from medsynth_app.engine.train.autoencoder import to_tensor
from medsynth_app.engine.train.loop import precision
from medsynth_app.engine.train.supervision import Pictures8
from medsynth_app.evaluation.patches import PatchSpace, patch_distance

MOST = 24  # pictures of a side: beyond it the floor falls slowly, and a look becomes dear
SETS = 5  # of training pictures, for the floor
STEPS = 8  # denoising steps: what the model draws shall be measured, not the solver's last refinement
BATCH = 12  # pictures that are drawn or decoded at once
SEED = 0  # not the recipe's: runs by several recipes are held against the same pictures


@dataclass(frozen=True)
class _Real:
    """What is worked out once: the space, the held-out pictures in it, and the figures that no training changes."""

    space: PatchSpace
    held_out: tuple[npt.NDArray[np.float32], ...]
    prompts: tuple[str, ...]
    figures: dict[str, float]


class HeldOut:
    """Held-out pictures against as many that the model draws from the very captions of these.

    The floor is balanced: sets of as many training pictures, with as many of each class and caption, against the same
    held-out ones, since the distance falls with the number of pictures and classes in other shares are a distance too.
    The autoencoder's own row is the same with the held-out pictures encoded and decoded: about as near as a denoiser
    behind that autoencoder can come. Once a model draws there, more steps of the denoiser change little.
    Pictures, places and seeds are fixed, so that a run which was stopped finds the same floor again.

    Parameters
    ----------
    pixels
        The training pictures, uint8, shape (samples, s, s, 3), in the order of ``frozen.samples``.
    """

    def __init__(self, vae: AutoencoderKL, frozen: TrainingSet, pixels: Pictures8, device: torch.device) -> None:
        self._vae, self._frozen, self._pixels, self._device = vae, frozen, pixels, device
        self._found: _Real | None = None

    def measured(self, pipeline: StableDiffusionPipeline) -> dict[str, float]:
        """The figures by their names in `core.jobs.train`; with too few pictures only how many there are."""
        held_out = _chosen(self._frozen.validation, MOST)
        count = min(len(held_out), len(self._frozen.samples))
        if count < LEAST_COMPARED:
            return {COMPARED: count}
        if self._found is None:
            self._found = self._real(tuple(self._frozen.validation[k] for k in held_out[:count]))
        real = self._found
        drawn = draw(pipeline, real.prompts, self._pixels.shape[1], STEPS)
        distance = patch_distance(real.space.described(drawn), real.held_out)
        return {DISTANCE: round(distance, 4), **real.figures}

    def _real(self, samples: tuple[Sample, ...]) -> _Real:
        pictures = read_pixels(samples, self._pixels.shape[1])
        space = PatchSpace(pictures)
        held_out, coded = space.described(pictures), space.described(self._coded(pictures))
        sets = [space.described(self._pixels[rows]) for rows in _like(samples, self._frozen.samples)]
        floor = [patch_distance(each, held_out) for each in sets]
        through = [patch_distance(each, coded) for each in sets]
        prompts = tuple(sample.captions[k % len(sample.captions)] for k, sample in enumerate(samples))
        figures = {FLOOR: float(np.mean(floor)), LOWEST: min(floor), HIGHEST: max(floor),
                   AUTOENCODER: float(np.mean(through))}
        return _Real(space, held_out, prompts,
                     {name: round(value, 4) for name, value in figures.items()} | {COMPARED: len(samples)})

    @torch.no_grad()
    def _coded(self, pictures: Pictures8) -> Pictures8:
        parts = []
        for start in range(0, len(pictures), BATCH):
            with precision(self._device):
                latents = self._vae.encode(to_tensor(pictures[start:start + BATCH], self._device)).latent_dist.mean
                decoded = self._vae.decode(latents).sample.float().clamp(-1, 1)
            parts.append(((decoded + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy())
        return np.concatenate(parts)


def draw(pipeline: StableDiffusionPipeline, prompts: Sequence[str], size: int, steps: int) -> Pictures8:
    """A picture of each prompt, with the seeds 0, 1, ... and the usual guidance; uint8, shape (n, size, size, 3)."""
    parts = []
    for start in range(0, len(prompts), BATCH):
        some = list(prompts[start:start + BATCH])
        parts.append(pipeline(
            some, num_inference_steps=steps, guidance_scale=Sampling().guidance, height=size, width=size,
            output_type="np",
            generator=[torch.Generator("cpu").manual_seed(start + k) for k in range(len(some))]).images)
    drawn: Pictures8 = np.rint(np.concatenate(parts) * 255).astype(np.uint8)
    return drawn


def _chosen(samples: Sequence[Sample], count: int) -> list[int]:
    """Rows of `count` samples by chance, of as many files as possible: crops of one picture are no two pictures."""
    order = np.random.default_rng(SEED).permutation(len(samples)).tolist()
    return _of_many_files(order, samples)[:count]


def _like(wanted: Sequence[Sample], samples: Sequence[Sample]) -> Iterator[list[int]]:
    """`SETS` times as many rows of `samples` as there are wanted, with as many of each class and captions.

    Where there are too few of a kind, the rest is of any kind.
    """
    rng, counts = np.random.default_rng(SEED + 1), Counter(map(_kind, wanted))
    for _ in range(SETS):
        order = _of_many_files(rng.permutation(len(samples)).tolist(), samples)
        left = counts.copy()
        chosen = [row for row in order if _take(left, _kind(samples[row]))]
        taken = set(chosen)
        yield [*chosen, *(row for row in order if row not in taken)][:len(wanted)]


def _take(left: Counter[tuple[str, tuple[str, ...]]], kind: tuple[str, tuple[str, ...]]) -> bool:
    left[kind] -= 1
    return left[kind] >= 0


def _kind(sample: Sample) -> tuple[str, tuple[str, ...]]:
    return sample.label, sample.captions


def _of_many_files(order: Sequence[int], samples: Sequence[Sample]) -> list[int]:
    """The same rows, the first of every file before its others."""
    first, rest, seen = list[int](), list[int](), set[object]()
    for row in order:
        (rest if samples[row].file in seen else first).append(row)
        seen.add(samples[row].file)
    return first + rest
