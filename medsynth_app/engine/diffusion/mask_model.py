"""Masks drawn by a pack's own model of masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers import DDIMScheduler, UNet2DModel
from torch.nn import functional as F

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.labels import names
from medsynth_app.core.pack_files import read_json
from medsynth_app.engine.diffusion.mask_maps import maps_to_masks, masks_to_maps, reach_of

Masks = npt.NDArray[np.uint8]
FOLDER, ABOUT = "masks", "labels.json"  # in a pack: where the model lies, and what it says of itself
TRIALS = 5  # no mask that was learned from is empty


@dataclass(frozen=True)
class MaskModel:
    """A loaded model of masks.

    Attributes
    ----------
    labels
        What the values 1, 2, ... of a mask mean.
    classes
        What can be asked for by name.
    size
        Edge of the masks in pixels.
    """

    labels: tuple[str, ...]
    classes: tuple[str, ...]
    size: int
    _unet: UNet2DModel
    _scheduler: DDIMScheduler
    _device: torch.device

    @staticmethod
    def load(pack: Path, device: torch.device) -> MaskModel:
        """Load it from the folder of a pack; raises `UserError` where the pack has none or it cannot be read."""
        folder = pack / FOLDER
        if not (folder / ABOUT).is_file():
            raise UserError("This model pack cannot draw masks.",
                            "Choose a pack with a model of masks, or give masks of your own.")
        try:
            about = read_json(folder / ABOUT)
            unet = UNet2DModel.from_pretrained(folder, local_files_only=True, use_safetensors=True,
                                               torch_dtype=torch.float32)
            scheduler = DDIMScheduler.from_pretrained(
                folder, local_files_only=True, timestep_spacing="trailing", clip_sample=True, clip_sample_range=1.0)
            return MaskModel(tuple(about["labels"]), tuple(about["classes"]), int(about["size"]),
                             unet.to(device).eval(), scheduler, device)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise UserError("The model of masks in this pack cannot be loaded.", "Copy the pack again.",
                            details=type(error).__name__) from error

    def class_in(self, prompt: str) -> str | None:
        """The longest of `classes` that stands in the prompt as a word, also in the plural; None where none does."""
        return max((name for name in self.classes if names(prompt, name)), key=len, default=None)

    def sample(self, count: int, seed: int, class_name: str | None = None, steps: int = 30,
               cancelled: Callable[[], bool] = lambda: False,
               progress: Callable[[int, int], None] = lambda done, total: None) -> Masks:
        """Draw masks.

        Parameters
        ----------
        seed
            Mask k uses seed + k on the CPU. Each is drawn by itself, so it is the same whatever else is asked for.
            One that comes out empty is drawn again, some times at most.
        class_name
            One of `classes`; None draws them as the training set mixes them.
        cancelled, progress
            Asked, and told (steps done, of how many), at every step.

        Returns
        -------
        Labels, shape (count, size, size), uint8.

        Raises
        ------
        UserError
            A class that the model does not know.
        Cancelled
            Once `cancelled` is true.
        """
        if class_name is not None and class_name not in self.classes:
            raise UserError(f"The model of masks does not know the class {class_name!r}.",
                            f"Choose one of: {', '.join(self.classes)}.")
        number = len(self.classes) if class_name is None else self.classes.index(class_name)
        total, reached = count * steps, 0
        masks = np.empty((count, self.size, self.size), np.uint8)
        for k in range(count):
            def step(done: int, before: int = k * steps) -> None:
                nonlocal reached
                if cancelled():
                    raise Cancelled
                reached = max(reached, before + done)  # a mask that is drawn again takes none of it back
                progress(reached, total)

            masks[k] = self._one(torch.Generator("cpu").manual_seed(seed + k), number, steps, step)
        return masks

    def _one(self, chance: torch.Generator, number: int, steps: int, step: Callable[[int], None]) -> Masks:
        """One mask, shape (size, size)."""
        for _ in range(TRIALS):
            maps = self._draw(chance, number, steps, step)
            mask: Masks = maps_to_masks(_enlarged(maps, self.size), thinnest=0.99 / reach_of(self.size))[0]
            if mask.any():
                break
        return mask

    @torch.inference_mode()
    def _draw(self, chance: torch.Generator, number: int, steps: int,
              step: Callable[[int], None]) -> npt.NDArray[np.float32]:
        """Maps of one mask on the model's own grid, shape (1, labels, grid, grid)."""
        grid = self._unet.config.sample_size
        noise = torch.randn((1, len(self.labels), grid, grid), generator=chance)
        maps, label = noise.to(self._device), torch.tensor([number], device=self._device)
        self._scheduler.set_timesteps(steps)
        for done, t in enumerate(self._scheduler.timesteps):
            step(done)
            predicted = self._unet(maps, t.to(self._device), class_labels=label).sample
            maps = self._scheduler.step(predicted, t, maps).prev_sample
        step(steps)
        drawn: npt.NDArray[np.float32] = maps.cpu().numpy()
        return drawn


def enlarge(masks: Masks, size: int) -> Masks:
    """Masks at another size, with smooth outlines: not the labels are interpolated but the distances to their outlines.

    Parameters
    ----------
    masks
        Labels, shape (n, s, s), uint8.
    size
        Edge of the result in pixels.

    Returns
    -------
    Shape (n, size, size), uint8. A label that lies within another one stays within it.
    """
    labels = int(masks.max(initial=0))
    if not labels or size == masks.shape[1]:
        return np.zeros((len(masks), size, size), np.uint8) if not labels else masks.copy()
    maps = torch.from_numpy(masks_to_maps(masks, labels, reach_of(masks.shape[1])))
    for kernel in ((1, 1, 3, 1), (1, 1, 1, 3)):  # binomial: takes the staircase of pixels out of the outline
        weight = torch.tensor([0.25, 0.5, 0.25]).view(kernel).repeat(labels, 1, 1, 1)
        maps = F.conv2d(F.pad(maps, (kernel[3] // 2,) * 2 + (kernel[2] // 2,) * 2, mode="replicate"), weight,
                        groups=labels)
    return maps_to_masks(_enlarged(maps.numpy(), size))


def _enlarged(maps: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
    """Bicubic, which keeps the place of an outline, at a smaller size too: distances are smooth as they are."""
    found: npt.NDArray[np.float32] = F.interpolate(
        torch.from_numpy(maps), size=(size, size), mode="bicubic", align_corners=False).numpy()
    return found
