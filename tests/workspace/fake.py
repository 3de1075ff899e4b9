"""Images made of nothing, and edits on them. Light: the child that is killed imports this."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Changes
from medsynth_app.core.edit import CandidatePart, Edit, MaskPart, PixelPart
from medsynth_app.core.image import FrameInfo, FrameKey, Identity, ImageInfo, ImageSource, Pixels
from medsynth_app.core.provenance import Provenance
from medsynth_app.workspace.candidates import Candidate
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace

UID = "1.2.826.0.1.3680043.8.498.4711"
PATH = Path("/somewhere/Mustermann^Erika/series-0815")
NOBODY = Identity()


class FakeSource(ImageSource):
    """An image in memory; frame `n` of the series has the UID ``<UID>.<n>`` and pixels of its own."""

    info = ImageInfo("", None, "", "grey", ())

    def __init__(self, frames: Sequence[int] = (0, 1), size: tuple[int, int] = (40, 50), pseudonym: str =
                 "Subject-QXZ7WK", uid: str = UID, colour: bool = False, change: int = 0,
                 identity: Identity = NOBODY) -> None:
        self.size, self.colour, self.change = size, colour, change
        self._frames = tuple(frames)
        self.info = ImageInfo(pseudonym, "CT", "CT, series 3", "rgb" if colour else "grey", tuple(
            FrameInfo(FrameKey(f"uid:{uid}.{number}"), *size, stored_range=(-1024, 3071)) for number in frames),
            identity=identity)

    def pixels(self, frame: int) -> Pixels:
        rng = np.random.default_rng(self._frames[frame] + 1000 * self.change)
        if self.colour:
            return rng.integers(0, 256, (*self.size, 3), np.uint8)
        return rng.integers(-1024, 3071, self.size, np.int16)

    def region(self, frame: int, bounds: Bounds, level: int = 0) -> Pixels:
        return self.pixels(frame)[bounds.slices]

    def close(self) -> None: ...


class FileSource(FakeSource):
    """A PNG: identified by its hash."""

    def __init__(self, digest: str) -> None:
        super().__init__((0,))
        self.info = ImageInfo("Image-ABCDEF", None, "PNG image", "grey",
                              (FrameInfo(FrameKey(f"sha256:{digest}"), *self.size),))


def paint(document: Document, bounds: Bounds, value: int = 1, frame: int = 0, person: str = "",
          name: str = "paint polyp") -> Changes:
    """Fill a box of the mask."""
    before = document.mask(frame)[bounds.slices].copy()
    key = document.info.frames[frame].key
    return document.apply(Edit(name, (MaskPart(key, bounds, before, np.full_like(before, value)),)), person)


def provenance(seed: int = 7, source: str = "") -> Provenance:
    return Provenance("inpaint", "blood", "ab" * 32, seed, "2025-01-01T00:00:00+00:00", source=source,
                      parameters={"prompt": "a neutrophil"}, seam=0.5, notices=("short-trained",))


def stage(workspace: Workspace, document: Document, bounds: Bounds, patch: Pixels, frame: int = 0,
          job: str = "job", effective: npt.NDArray[np.bool_] | None = None, candidate: int = 0) -> Candidate:
    """Write a result as `actions.receive` does."""
    key = document.info.frames[frame].key
    if effective is None:
        effective = np.ones((bounds.height, bounds.width), bool)
    return workspace.candidates.add(job, document.id, key, bounds, candidate, patch, effective,
                                 provenance=provenance(source=key.source))


def accept(document: Document, result: Candidate, frame: int = 0, person: str = "") -> Changes:
    """Accept as `actions.accept_result` does."""
    before = document.pixels(frame)[result.bounds.slices].copy()
    part = PixelPart(document.info.frames[frame].key, result.bounds, before, result.pixels(), result.id)
    return document.apply(Edit("inpaint: a polyp", (part,)), person)


def discard(document: Document, *results: Candidate, person: str = "") -> Changes:
    """Discard as `actions.discard_result` does."""
    return document.apply(Edit("discard", tuple(
        CandidatePart(each.frame_key, each.bounds, each.id, "staged", "discarded") for each in results)), person)
