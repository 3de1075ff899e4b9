"""An order: a set of pictures to be made, as lines of class x count x prompt x pack, and which picture each becomes.

An order decides every picture: its seed, its part, its name, and with whom it is drawn together. So a run that was
killed goes on where it ended, and makes what it would have made.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.request import LARGEST_COUNT

FORMAT = "medsynth-order/1"
FREE, DRAWN, GIVEN = "free", "drawn", "given"  # what the shape of pictures follows: nothing, drawn or given masks
PARTS = ("train", "val", "test")
Sort = tuple[str, str, int, int, bool]  # of lines that take the same time: pack, masks, width, height, guided
Paces = dict[Sort, tuple[float, float]]  # seconds of a picture, and of each of its steps


@dataclass(frozen=True)
class OrderedPack:
    """A model pack that an order draws with."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class OrderLine:
    """So many pictures of a class, all in one way.

    Attributes
    ----------
    seed
        Of its first picture; picture k has ``seed + k``.
    masks
        `FREE`, `DRAWN` or `GIVEN`.
    given
        sha256 of the masks that are followed, each by about as many pictures.
    """

    class_name: str
    count: int
    prompt: str
    pack: OrderedPack
    seed: int
    negative_prompt: str
    steps: int
    guidance: float
    width: int
    height: int
    masks: str = FREE
    control_scale: float = 1.0
    given: tuple[str, ...] = ()

    @property
    def sort(self) -> Sort:
        return self.pack.sha256, self.masks, self.width, self.height, self.guidance > 1

    def mask_of(self, place: int) -> str:
        """The given mask that picture `place` follows; empty where it follows none."""
        return self.given[place * len(self.given) // self.count] if self.given else ""


@dataclass(frozen=True)
class OrderedPicture:
    """One picture of an order.

    Attributes
    ----------
    name
        Of its files, without folder and ending; unique in the order.
    part
        One of `PARTS`, or empty where the set is not split.
    mask
        sha256 of the given mask that it follows; else empty.
    """

    line: OrderLine
    name: str
    seed: int
    part: str
    mask: str = ""

    @property
    def file(self) -> str:
        """Where it lies in the set."""
        kind = "images" if self.line.masks != FREE else self.line.class_name
        return "/".join(part for part in (self.part, kind, f"{self.name}.png") if part)

    @property
    def mask_file(self) -> str:
        """Where its mask lies; empty where it has none."""
        return "/".join(part for part in (self.part, "masks", f"{self.name}.png") if part) \
            if self.line.masks != FREE else ""


@dataclass(frozen=True)
class Order:
    """A set to be made; all that decides its pictures, and no path.

    Attributes
    ----------
    split
        Shares of `PARTS`; empty: the set is not split.
    labels
        What the values 1, 2, ... of its masks mean; empty where it has none.
    invisible_mark
        Hide `core.hidden_mark` in every picture.
    """

    name: str
    seed: int
    lines: tuple[OrderLine, ...]
    split: tuple[float, ...] = ()
    licence_note: str = ""
    labels: tuple[str, ...] = field(default=())
    invisible_mark: bool = False

    @property
    def count(self) -> int:
        return sum(line.count for line in self.lines)

    @property
    def is_pairs(self) -> bool:
        return any(line.masks != FREE for line in self.lines)

    @property
    def classes(self) -> tuple[str, ...]:
        """As loaders number them: by name."""
        return tuple(sorted({line.class_name for line in self.lines}))

    @property
    def packs(self) -> tuple[OrderedPack, ...]:
        return tuple(dict.fromkeys(line.pack for line in self.lines))

    @property
    def largest_bytes(self) -> int:
        """What its pictures and masks take on a disk at most, as PNG hardly ever does."""
        return sum(line.count * line.width * line.height * (3 if line.masks == FREE else 4) for line in self.lines)

    def batches(self) -> Iterator[tuple[OrderedPicture, ...]]:
        """Its pictures in order, by those that are drawn together: consecutive seeds of one line and mask."""
        numbers: dict[str, int] = {}
        parts = _Parts(self)
        for line in self.lines:
            run: list[OrderedPicture] = []
            for k in range(line.count):
                mask, seed = line.mask_of(k), line.seed + k
                number = numbers[line.class_name] = numbers.get(line.class_name, 0) + 1
                made = OrderedPicture(line, f"SYN-{line.class_name}-{number:05d}", seed,
                                      parts.of(seed, mask), mask)
                if run and (len(run) == LARGEST_COUNT or run[-1].mask != mask):
                    yield tuple(run)
                    run = []
                run.append(made)
            if run:
                yield tuple(run)

    def pictures(self) -> tuple[OrderedPicture, ...]:
        return tuple(picture for batch in self.batches() for picture in batch)

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"

    @staticmethod
    def from_json(text: str) -> Order:
        """The inverse of `to_json`; raises `UserError` for anything else."""
        try:
            raw = json.loads(text)
            if raw.pop("format") != FORMAT:
                raise ValueError("another format")
            lines = tuple(OrderLine(**{**line, "pack": OrderedPack(**line["pack"]), "given": tuple(line["given"])})
                          for line in raw.pop("lines"))
            return Order(**{**raw, "lines": lines, "split": tuple(raw["split"]), "labels": tuple(raw["labels"])})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UserError("The file order.json of the set cannot be read by this version.",
                            "Make the set in another folder.", safe="Its pictures stay.",
                            details=type(error).__name__) from error


class _Parts:
    """Which part each picture belongs to: by its seed, shares kept in every class; by its mask where one is given, so
    that no two parts hold pictures of the same shape."""

    def __init__(self, order: Order) -> None:
        self._of_groups: dict[str, str] = {}
        if order.split:
            for name in order.classes:
                self._divide(name, order)

    def of(self, seed: int, mask: str) -> str:
        return self._of_groups.get(mask or str(seed), "")

    def _divide(self, name: str, order: Order) -> None:
        groups = Counter(line.mask_of(k) or str(line.seed + k) for line in order.lines if line.class_name == name
                         for k in range(line.count))
        total, held = groups.total(), [0] * len(PARTS)
        for key in sorted(groups, key=lambda key: hashlib.sha256(f"{order.seed}/{key}".encode()).digest()):
            lacking = [share * total - got for share, got in zip(order.split, held, strict=True)]
            part = self._of_groups.setdefault(key, PARTS[lacking.index(max(lacking))])  # a mask may be known already
            held[PARTS.index(part)] += groups[key]


def seconds_of(order: Order, paces: Mapping[Sort, tuple[float, float]]) -> float | None:
    """How long an order takes; None where the pace of a line is not known."""
    if any(line.sort not in paces for line in order.lines):
        return None
    return sum(line.count * (each + step * line.steps) for line in order.lines for each, step in [paces[line.sort]])


def counted(pictures: Sequence[OrderedPicture]) -> dict[str, dict[str, int]]:
    """How many pictures there are by class and part."""
    found: dict[str, dict[str, int]] = {}
    for picture in pictures:
        of_class = found.setdefault(picture.line.class_name, {})
        of_class[picture.part] = of_class.get(picture.part, 0) + 1
    return {name: found[name] for name in sorted(found)}


def difference(one: Order, other: Order) -> str:
    """What tells two orders apart, in words; empty where nothing does."""
    if len(one.lines) != len(other.lines):
        return f"it has {len(one.lines)} lines, not {len(other.lines)}"
    for number, (mine, its) in enumerate(zip(one.lines, other.lines, strict=True), 1):
        if said := _differing(asdict(mine), asdict(its), _LINE):
            return f"in line {number} ({mine.class_name}) {said}"
    plain = [{name: value for name, value in asdict(order).items() if name != "lines"} for order in (one, other)]
    return _differing(plain[0], plain[1], _WHOLE)


_LINE = {"class_name": "the class", "pack": "the model pack", "given": "the masks", "negative_prompt": "negative"}
_WHOLE = {"split": "the split", "labels": "what the values of masks mean"}


def _differing(mine: Mapping[str, Any], its: Mapping[str, Any], words: Mapping[str, str]) -> str:
    for name, value in mine.items():
        if value != its[name]:
            said = words.get(name, f"the {name.replace('_', ' ')}")
            if isinstance(value, bool):
                return f"{said} was {'on' if value else 'off'} and is {'on' if its[name] else 'off'}"
            short = isinstance(value, str | int | float) and len(f"{value}{its[name]}") < 60
            return f"{said} was {value!r} and is {its[name]!r}" if short else f"{said} is another"
    return ""
