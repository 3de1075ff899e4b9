"""What came of drawing a result again: the same to the bit, or what is not as it was."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.actions.export import Exported
from medsynth_app.actions.trace import pixels_in
from medsynth_app.core.errors import UserError
from medsynth_app.core.hidden_mark import SMALLEST, with_its_mark
from medsynth_app.core.image import Pixels
from medsynth_app.core.provenance import Provenance
from medsynth_app.formats.mark import draw_mark

Mask = npt.NDArray[np.uint8]
BATCH = ("batch", "batch_from")  # of the environment: decided by the record, not by this machine


class InFile(StrEnum):
    """How the pixels of the file that a record tells of stand to what it draws."""

    NONE = "none"        # there is no file, or none that can be read
    SAME = "same"
    MARKED = "marked"    # the same below the visible mark
    HIDDEN = "hidden"    # the same with the invisible mark, and perhaps the visible one
    MASK = "mask"        # the mask that goes with the picture
    OTHER = "other"      # as many pixels, of other values
    UNLIKE = "unlike"    # of another size or depth, or seen through a window: nothing can be said


@dataclass(frozen=True)
class Difference:
    """What of a record is not as it is here."""

    what: str
    then: str
    now: str

    @property
    def words(self) -> str:
        return f"{self.what}: {self.then} then, {self.now} now"


@dataclass(frozen=True)
class Rerun:
    """What came of it.

    Attributes
    ----------
    identical
        Whether what was drawn is the recorded result to the bit; None where nothing says what that was.
    in_file
        How the pixels of the file stand to what was drawn.
    differing, of, largest
        How many values of the file differ, of how many, and by how much at most; 0 where they were not compared.
    fills
        How many filled regions were drawn again, the last ones, and how many the record tells of; None of whole
        pictures.
    differences
        Between record and this machine.
    lacking
        What the record, of an earlier version, does not say.
    written
        What was drawn, as a file.
    """

    identical: bool | None
    in_file: InFile
    record: Provenance
    made: Provenance
    differences: tuple[Difference, ...] = ()
    lacking: tuple[str, ...] = ()
    differing: int = 0
    of: int = 0
    largest: int = 0
    fills: tuple[int, int] | None = None
    written: Exported | None = None

    @property
    def compared(self) -> bool:
        """Whether the file's pixels were held against what was drawn."""
        return self.in_file in (InFile.SAME, InFile.MARKED, InFile.HIDDEN, InFile.OTHER)

    @property
    def holds(self) -> bool:
        """Whether the record draws what it tells of, and the file still holds that."""
        return bool(self.identical) and self.in_file is not InFile.OTHER

    @property
    def words(self) -> str:
        """The answer in words, a line for each thing that is to be said."""
        lines = [_VERDICTS[self.identical]]
        if self.in_file is InFile.OTHER:
            far = f"{self.differing} of {self.of} values differ, by up to {self.largest}"
            lines = [f"{lines[0]} But the file holds other pixels: {far}. It was changed after it was written."] \
                if self.identical else [f"{lines[0]} Of the file's, {far}."]
        elif self.in_file in _FILES:
            lines.append(_FILES[self.in_file])
        lines += self._extent()
        lines += [f"- {each.words}" for each in self.differences]
        if not self.differences and self.identical is False:
            lines.append("Nothing that the record names is other here: the record was changed after it was written, or "
                         "what it was drawn with differs in what no record names.")
        return "\n".join([*lines, *(f"The record does not say {each}." for each in self.lacking)])


    def _extent(self) -> list[str]:
        """What of an image with fills was held against the file, and what was not."""
        if self.fills is None:
            return []
        drawn, told = self.fills
        which = "The filled region was" if told == 1 else f"All {told} filled regions were" if drawn == told else \
            f"The last of {told} filled regions was" if drawn == 1 else \
            f"The last {drawn} of {told} filled regions were"
        others = [] if drawn == told else ["the one before" if told - drawn == 1 else f"the {told - drawn} before"]
        if self.compared:
            others.append("what lies outside")
        said = f"{which} drawn again{' and compared with the file' if self.compared else ''}"
        return [f"{said}; {' and '.join(others)} {'was' if told - drawn + len(others) < 3 else 'were'} not."] \
            if others else []


_VERDICTS = {True: "Bit-identical: drawn again, it is the same to the last bit.",
             False: "Not bit-identical: drawn again, it has other pixels.",
             None: "Drawn again; whether it is the same cannot be told, for the record has no hash of its result and "
                   "its file cannot be compared."}
_FILES = {InFile.MARKED: "The file is that picture with the visible mark.",
          InFile.HIDDEN: "The file is that picture with its invisible mark.",
          InFile.MASK: "The file is the mask of that picture.",
          InFile.UNLIKE: "The file shows it in another size or depth, or through a window; its pixels were not "
                         "compared."}


def answer_of(record: Provenance, made: Provenance, in_file: InFile, counts: tuple[int, int, int],
              lacking: tuple[str, ...], written: Exported | None, fills: tuple[int, int] | None = None) -> Rerun:
    then = record.parameters.get("result_sha256")
    identical: bool | None = None
    if then is not None:
        identical = then == made.parameters.get("result_sha256")
    elif in_file in (InFile.SAME, InFile.MARKED, InFile.HIDDEN, InFile.OTHER):
        identical = in_file is not InFile.OTHER
    return Rerun(identical, in_file, record, made, _differences(record, made), lacking, *counts, fills, written)


def look_at_picture(file: Path | None, pixels: Pixels, labels: Mask | None) -> tuple[InFile, tuple[int, int, int]]:
    """Hold a file against a whole picture, without and with the invisible mark: a record from the workspace, which
    keeps the picture without, does not tell of it."""
    held = _pixels_of(file)
    if held is None:
        return InFile.NONE, (0, 0, 0)
    if labels is not None and np.array_equal(held, labels):
        return InFile.MASK, (0, 0, 0)
    said = _compared(held, pixels, np.ones(pixels.shape[:2], np.bool_))
    if said[0] is InFile.OTHER and min(held.shape[:2]) >= SMALLEST:
        marked = with_its_mark(pixels)
        if any(np.array_equal(held, each) for each in (marked, draw_mark(marked))):
            return InFile.HIDDEN, (0, int(held.size), 0)
    return said


def look_at_fills(file: Path | None, frame: Pixels, where: npt.NDArray[np.bool_]
                  ) -> tuple[InFile, tuple[int, int, int]]:
    """Hold a file against a whole frame, in those pixels `where` it was filled."""
    held = _pixels_of(file)
    if held is None:
        return InFile.NONE, (0, 0, 0)
    said = _compared(held, frame, where)
    if said[0] is InFile.OTHER and frame.ndim == 2 and held.dtype == np.uint8:  # grey, seen through some window
        return InFile.UNLIKE, (0, 0, 0)
    return said


def _compared(held: Pixels, drawn: Pixels, where: npt.NDArray[np.bool_]) -> tuple[InFile, tuple[int, int, int]]:
    if held.shape != drawn.shape or held.dtype.itemsize != drawn.dtype.itemsize:
        return InFile.UNLIKE, (0, 0, 0)
    part = held[where]
    for shown, said in ((drawn, InFile.SAME), (draw_mark(drawn), InFile.MARKED)):
        if np.array_equal(part, shown[where]):
            return said, (0, int(part.size), 0)
    apart = np.abs(part.astype(np.int64) - drawn[where].astype(np.int64))
    return InFile.OTHER, (int((apart > 0).sum()), int(apart.size), int(apart.max()))


def _pixels_of(file: Path | None) -> Pixels | None:
    try:
        return None if file is None else pixels_in(file)
    except UserError:
        return None


def _differences(record: Provenance, made: Provenance) -> tuple[Difference, ...]:
    """What the record names and is other here, in the order of what matters most."""
    found = []
    if record.pack_sha256 != made.pack_sha256:
        found.append(Difference("the model", f"{record.pack} {record.pack_sha256[:12]}",
                                f"{made.pack} {made.pack_sha256[:12]}"))
    for name, words in (("engine_version", "the classical fill"), ("drawn_at", "the size that the model draws at")):
        found += _differing(words, record.parameters.get(name), made.parameters.get(name))
    if record.mask_sha256 != made.mask_sha256:
        found.append(Difference("the mask", record.mask_sha256[:12], made.mask_sha256[:12]))
    for name in [*made.environment, *(each for each in record.environment if each not in made.environment)]:
        if name not in BATCH and name in record.environment:
            found += _differing(name.replace("_", " "), record.environment[name], made.environment.get(name))
    if "batch" in record.environment:
        found += _differing("drawn together", record.environment["batch"], made.environment.get("batch"))
    return tuple(found)


def _differing(what: str, then: Any, now: Any) -> list[Difference]:
    plain = [list(value) if isinstance(value, tuple) else value for value in (then, now)]
    if then is None or plain[0] == plain[1]:
        return []
    return [Difference(what, str(plain[0]), "not known" if now is None else str(plain[1]))]
