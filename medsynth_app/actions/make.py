"""Make a set by an order: pictures of classes, or pairs of picture and mask, in folders that loaders read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.actions.generate import generate_request, masks_in
from medsynth_app.actions.out_folder import make_folder, require_room, require_unused
from medsynth_app.actions.packs import find_pack, list_packs
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.hidden_mark import require_room_for_mark
from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.make import MakeRequest
from medsynth_app.core.jobs.request import LARGEST_SEED, new_seed
from medsynth_app.core.options import changed
from medsynth_app.core.order import (
    DRAWN,
    FREE,
    GIVEN,
    PARTS,
    Order,
    OrderedPack,
    OrderLine,
    counted,
    difference,
)
from medsynth_app.core.order_file import LONGEST, WantedLine, WantedSet, checked
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.parameters import GenerateParameters
from medsynth_app.datasets.made import GIVEN_MASKS, ORDER, is_made
from medsynth_app.formats.raster import write_mask_png
from medsynth_app.jobs.queue import JobQueue

Mask = npt.NDArray[np.uint8]
_SMALL_WORDS = {"a", "an", "the", "of", "in", "on", "with"}
_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*\x00-\x1f{}]+')


@dataclass(frozen=True, eq=False)
class Plan:
    """An order whose packs and masks are at hand.

    Attributes
    ----------
    masks
        The given ones by their hash, as `OrderLine.given` names them.
    """

    order: Order
    packs: tuple[InstalledPack, ...]
    masks: dict[str, Mask] = field(default_factory=dict)


def plan_of(wanted: WantedSet, packs: Sequence[InstalledPack] | None = None, seed: int | None = None) -> Plan:
    """What a person wants as an order that decides every picture.

    Parameters
    ----------
    packs
        Those to choose from; None: all that are installed.
    seed
        For a set that names none; None: by chance.

    Raises
    ------
    UserError
        For a set that cannot be made, as far as can be seen before it is drawn.
    """
    wanted = checked(wanted)
    found = list_packs() if packs is None else list(packs)
    chosen = [_pack_of(line, number, found, named=packs is None) for number, line in enumerate(wanted.lines, 1)]
    first = wanted.seed if wanted.seed is not None else seed
    total = sum(line.count for line in wanted.lines)
    if first is None:
        first = min(new_seed(), LARGEST_SEED - total)
    if not 0 <= first <= LARGEST_SEED - total + 1:
        raise UserError(f"The seed {first} leaves no room for {total} pictures, each of which has the next one.",
                        f"Choose one from 0 to {LARGEST_SEED - total + 1}.")
    lines: list[OrderLine] = []
    masks: dict[str, Mask] = {}
    for number, (line, pack) in enumerate(zip(wanted.lines, chosen, strict=True), 1):
        try:
            lines.append(_line_of(line, pack, first + sum(each.count for each in wanted.lines[:number - 1]), masks))
        except UserError as error:
            raise UserError(f"In line {number} of the order ({line.class_name}): {error.happened}", error.remedy,
                            error.safe) from error
    if wanted.invisible_mark:
        for drawn in lines:
            require_room_for_mark(drawn.height, drawn.width)
    order = Order(wanted.name, first, tuple(lines), wanted.split, wanted.licence_note, _labels(chosen, lines),
                  wanted.invisible_mark)
    _check_parts(order)
    return Plan(order, tuple({pack.manifest.sha256: pack for pack in chosen}.values()), masks)


def offered_lines(pack: InstalledPack, parameters: GenerateParameters, each: int) -> tuple[WantedLine, ...]:
    """A line of `each` pictures for every class that a pack offers in its example prompts.

    What is there when nothing is wrong (`remove_prompt`) is a class too where there is only one other.
    """
    manifest = pack.manifest
    prompts = manifest.example_prompts or (manifest.default_prompt,)
    telling = [prompt for prompt in prompts if prompt != manifest.remove_prompt]
    chosen = telling if len(telling) > 1 else list(prompts)
    return tuple(WantedLine(name, each, changed(parameters, prompt=prompt, labels=None, pairs=False), manifest.name)
                 for name, prompt in zip(class_names(chosen), chosen, strict=True))


def class_names(prompts: Sequence[str]) -> list[str]:
    """What tells prompts apart, as names of classes: without the words that all begin or end with, and articles."""
    split = [_without(prompt.split()) for prompt in prompts]
    if len({tuple(each) for each in split}) > 1:
        while all(len(each) > 1 for each in split) and len({each[0] for each in split}) == 1:
            split = [_without(each[1:]) for each in split]
        while all(len(each) > 1 for each in split) and len({each[-1] for each in split}) == 1:
            split = [_without(each[:-1]) for each in split]
    names = [" ".join(_NOT_IN_NAMES.sub(" ", " ".join(each)).split())[:LONGEST].strip(" .") for each in split]
    return [name or "picture" for name in names]


def _without(text: list[str]) -> list[str]:
    """Words without articles and prepositions at the ends."""
    while len(text) > 1 and text[0].lower() in _SMALL_WORDS:
        text = text[1:]
    while len(text) > 1 and text[-1].lower() in _SMALL_WORDS:
        text = text[:-1]
    return text


def _pack_of(line: WantedLine, number: int, found: Sequence[InstalledPack], *, named: bool) -> InstalledPack:
    if line.pack:
        matches = [pack for pack in found if line.pack in (pack.manifest.name, pack.folder.name)]
        return find_pack(line.pack) if named or not matches else matches[-1]
    if len(found) == 1:
        return found[0]
    names = ", ".join(pack.manifest.name for pack in found)
    raise UserError(f"In line {number} of the order ({line.class_name}), no model pack is named." if found else
                    "No model pack is installed.",
                    f"Add pack = \"...\" there, or once for the whole set: {names}." if found else
                    "Train one with `medsynth train base`.")


def _line_of(line: WantedLine, pack: InstalledPack, seed: int, masks: dict[str, Mask]) -> OrderLine:
    manifest, asked = pack.manifest, line.parameters
    given: dict[str, Mask] = {}
    if line.masks and line.masks != DRAWN:
        given = {hashlib.sha256(f"{mask.shape}".encode() + mask.tobytes()).hexdigest(): mask
                 for mask in masks_in(Path(line.masks)).values()}
        if len(given) > line.count:
            raise UserError(f"The folder holds {len(given)} masks, and {line.count} pictures are asked for.",
                            "Ask for as many pictures as masks, or more.")
        for mask in given.values():
            generate_request(pack, changed(asked, labels=mask, seed=seed))
        masks.update(given)
    else:
        generate_request(pack, changed(asked, pairs=bool(line.masks), seed=seed))
    conditioning, sampling = asked.conditioning, asked.sampling.drawn_with(manifest)
    return OrderLine(
        line.class_name, line.count, conditioning.prompt, OrderedPack(manifest.name, manifest.version, manifest.sha256),
        seed, conditioning.negative_prompt.strip(), sampling.steps, float(sampling.guidance),
        asked.width or manifest.native_size, asked.height or manifest.native_size,
        GIVEN if given else DRAWN if line.masks else FREE, float(conditioning.control_scale), tuple(given))


def _labels(packs: Sequence[InstalledPack], lines: Sequence[OrderLine]) -> tuple[str, ...]:
    """What the values of the set's masks mean."""
    known = {pack.manifest.mask_labels: pack.manifest.title for pack, line in zip(packs, lines, strict=True)
             if line.masks != FREE}
    if len(known) > 1:
        (one, first), (other, second) = list(known.items())[:2]
        raise UserError(f"In one set the values of masks would mean {', '.join(one)} ({first}) and "
                        f"{', '.join(other)} ({second}).", "Make two sets of it.")
    return next(iter(known), ())


def _check_parts(order: Order) -> None:
    """Loaders number the classes of each part by themselves: one that lacks in a part would shift the others."""
    if not order.split:
        return
    wanted = [part for part, share in zip(PARTS, order.split, strict=True) if share]
    for name, parts in counted(order.pictures()).items():
        lacking = [part for part in wanted if part not in parts]
        if lacking:
            raise UserError(f"So few pictures of {name} are ordered that the part {lacking[0]} would have none.",
                            "Ask for more of them, give that part a larger share, or leave it out of the split.")


@dataclass(frozen=True)
class Outlook:
    """What stands before a set: how much is to be drawn, and what it takes on the disk at most."""

    pictures: int
    there: int
    bytes: int

    @property
    def left(self) -> int:
        return self.pictures - self.there


def begun_in(out: Path) -> Order | None:
    """What was ordered into a folder before; None where nothing was."""
    try:
        return Order.from_json((out / ORDER).read_text(encoding="utf-8"))
    except OSError:
        return None


def outlook(plan: Plan, out: Path | None) -> Outlook:
    """Look into the folder of a set before it is made.

    Raises
    ------
    UserError
        When it holds the set of another order, or other files; when the disk has no room.
    """
    order, there = plan.order, 0
    if out is not None:
        begun = begun_in(out)
        if begun is None:
            require_unused(out)
        elif said := difference(begun, order):
            raise UserError(f"The folder {out.name} holds the set of another order: {said}.",
                            "Name a new folder, or give the order that it was begun with.",
                            safe="Its pictures stay.")
        else:
            there = sum(is_made(out, picture) for picture in order.pictures())
        size = round(order.largest_bytes * (order.count - there) / order.count)
        require_room((out, size))
    return Outlook(order.count, there, order.largest_bytes)


def make_request(plan: Plan, out: Path | None = None, device: str = "auto") -> MakeRequest:
    """The request of a set; without `out` nothing is made, and the result says how many seconds it would take.

    Raises
    ------
    UserError
        When the folder cannot be written.
    """
    folders = {pack.manifest.sha256: str(pack.folder.resolve()) for pack in plan.packs}
    request = MakeRequest(plan.order.to_json(), tuple(folders[pack.sha256] for pack in plan.order.packs),
                          device=device)
    if out is None:
        return request
    make_folder(out)
    for digest, mask in plan.masks.items():
        path = out / GIVEN_MASKS / f"{digest}.png"
        if not path.exists():
            make_folder(path.parent)
            write_mask_png(path, mask)
    return replace(request, out=str(out.resolve()))


def make(queue: JobQueue, request: MakeRequest, person: str = "", lane: Lane | None = None) -> Changes:
    """Queue a set, or a look at the time that it takes."""
    return Changes(jobs=(queue.submit(request, person=person, lane=lane),))
