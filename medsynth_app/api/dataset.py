"""A data set whose pictures are drawn while somebody trains on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.api.pack import Pack, Pending
from medsynth_app.api.results import Picture
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.request import LARGEST_COUNT, LARGEST_SEED, new_seed

Transform = Callable[[npt.NDArray[np.uint8]], Any]


def to_chw(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """(rows, columns[, 3]) uint8 as (channels, rows, columns) float32 in [0, 1]: what networks take."""
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(planes, np.float32) / np.float32(255)


class DrawnDataset:
    """Synthetic pictures by index, drawn when they are first asked for and the next ones ahead of that.

    A map-style data set as torch's DataLoader takes it: ``len(data)`` and ``data[k]``, which is (image, class number),
    or with `pairs` (image, mask). It needs no torch itself. Picture k is the same in every epoch, as long as `renew` is
    not called.

    Leave shuffling off: classes alternate and every picture is a draw of its own, while the worker draws the next ones
    during your training step. The worker is a process of its own: ``num_workers`` is 0.

        with Pack("blood-cells") as pack:
            data = DrawnDataset(pack, {"neutrophil": "a neutrophil in a peripheral blood smear",
                                       "eosinophil": "an eosinophil in a peripheral blood smear"}, 2000, seed=1)
            for images, classes in torch.utils.data.DataLoader(data, batch_size=32):
                ...

    Parameters
    ----------
    pack
        What draws; open for as long as pictures are asked for.
    prompts
        What to draw for each class.
    length
        How many pictures there are; those that were drawn stay in memory.
    seed
        From which all others follow; None: by chance.
    pairs
        Draw masks too (`Pack.pairs`).
    transform
        Makes of the pixels (uint8) what is handed out; None: `to_chw`.
    batch
        How many of one class are drawn together, at most 16.
    settings
        As those of `Pack.submit`: steps, guidance, width, height, ...

    Attributes
    ----------
    classes
        Names of the classes, by number.

    Raises
    ------
    UserError
        For no class, and lengths, batches or seeds out of range; when a picture is asked for, as `Pack.generate`.
    """

    def __init__(self, pack: Pack, prompts: Mapping[str, str], length: int, *, seed: int | None = None,
                 pairs: bool = False, transform: Transform | None = None, batch: int = 8, **settings: Any) -> None:
        if not prompts or length < 1 or not 1 <= batch <= LARGEST_COUNT:
            raise UserError(f"A data set of {len(prompts)} classes, {length} pictures and batches of {batch} cannot be "
                            "drawn.", f"Give a prompt or more, a length above 0, and a batch of 1 to {LARGEST_COUNT}.")
        self.classes, self._prompts = tuple(prompts), tuple(prompts.values())
        self._pack, self._length, self._batch, self._settings = pack, length, batch, settings | {"pairs": pairs}
        self._pairs, self._transform = pairs, transform or to_chw
        self._of_class = -(-length // len(prompts))
        self._seeds = len(prompts) * self._of_class
        self._blocks: dict[tuple[int, int], Pending | list[Picture]] = {}
        self._seed = new_seed() if seed is None else seed
        if not 0 <= self._seed <= LARGEST_SEED - self._seeds:
            raise UserError(f"The seed {self._seed} leaves no room for {length} pictures.",
                            f"Choose one from 0 to {LARGEST_SEED - self._seeds}.")

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        picture = self.picture(index)
        image = self._transform(picture.pixels)
        if self._pairs:
            assert picture.mask is not None
            return image, picture.mask.astype(np.int64)
        return image, index % len(self.classes) if index >= 0 else (index + self._length) % len(self.classes)

    def picture(self, index: int) -> Picture:
        """The picture with its record; raises IndexError beyond the last one."""
        at = index + self._length if index < 0 else index
        if not 0 <= at < self._length:
            raise IndexError(f"there are {self._length} pictures, and none at {index}")
        number, place = at % len(self.classes), at // len(self.classes)
        block = place // self._batch
        for ahead in (block, block + 1):
            for each in range(len(self.classes)):
                self._begin(each, ahead)
        held = self._blocks[number, block]
        if isinstance(held, Pending):
            try:
                held = self._blocks[number, block] = held.result()
            except BaseException:
                del self._blocks[number, block]  # whoever asks again has it drawn again
                raise
        return held[place % self._batch]

    def renew(self) -> None:
        """Draw other pictures from now on, with the seeds that follow, and forget those that were drawn."""
        for held in self._blocks.values():
            if isinstance(held, Pending):
                held.cancel()
        self._blocks.clear()
        self._seed = (self._seed + self._seeds) % (LARGEST_SEED - self._seeds + 1)

    def _begin(self, number: int, block: int) -> None:
        """Have a block of a class drawn, unless that was begun."""
        first = block * self._batch
        count = min(self._batch, self._count(number) - first)
        if count > 0 and (number, block) not in self._blocks:
            self._blocks[number, block] = self._pack.submit(
                self._prompts[number], count=count, seed=self._seed + number * self._of_class + first,
                **self._settings)

    def _count(self, number: int) -> int:
        """How many pictures a class has."""
        return (self._length - number + len(self.classes) - 1) // len(self.classes)
