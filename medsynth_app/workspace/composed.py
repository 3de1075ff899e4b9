"""Pixels as they are: those of the file, and over them the accepted edits."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameKey, ImageSource, Pixels
from medsynth_app.core.provenance import Provenance
from medsynth_app.workspace import sources
from medsynth_app.workspace.blobs import Blobs
from medsynth_app.workspace.database import Database
from medsynth_app.workspace.masks import FrameState
from medsynth_app.workspace.tables import ACCEPTED, DONE, PIXELS, CandidateRow, EditRow, PartRow, PatchRow

CACHED_FRAMES = 8       # frames with accepted edits that are kept composed
_UNRECORDED = Provenance("inpaint", "unknown", "", 0, "", notices=("Nothing is recorded of what was filled in here.",))


@dataclass(frozen=True)
class Patch:
    """One accepted edit in one frame: names of the blobs of its box."""

    bounds: Bounds
    before: str
    after: str


@dataclass(frozen=True)
class Fill:
    """An accepted candidate that stands in a frame.

    Attributes
    ----------
    bounds
        Of the candidate; those of the patch are larger where it took the place of another one.
    effective
        Blob of the pixels of `bounds` that it fills; None for an edit without a stored candidate.
    """

    candidate_id: str
    bounds: Bounds
    effective: str | None
    patch: Patch


class Composed:
    """Pixels of one opened document. Safe to use from several threads.

    What stands in a frame is read from the database whenever it is asked for: another process may have changed it.
    """

    def __init__(self, database: Database, blobs: Blobs, source: ImageSource,
                 states: Mapping[FrameKey, FrameState]) -> None:
        self._database = database
        self._blobs = blobs
        self._source = source
        self._states = states
        self._whole: OrderedDict[int, tuple[tuple[Patch, ...], Pixels]] = OrderedDict()

    def pixels(self, frame: int) -> Pixels:
        """A whole frame; the last few that hold edits are kept."""
        return self._with(frame, self._patches_of(frame))

    def pixels_and_records(self, frame: int) -> tuple[Pixels, list[Provenance]]:
        """A whole frame, and the records of the fills that stand in these very pixels; see `records`."""
        with self._database.read() as session:
            patches, records = _patches(session, self._state(frame).id), _records(session, self._state(frame).id)
        return self._with(frame, patches), records

    def records(self, frame: int) -> list[Provenance]:
        """Records of the fills that stand in a frame, in the order in which they were accepted.

        Of one that has none there is a record that says so: what was written over the file's pixels is never real.
        """
        with self._database.read() as session:
            return _records(session, self._state(frame).id)

    def _with(self, frame: int, patches: tuple[Patch, ...]) -> Pixels:
        base = self._source.pixels(frame)
        state = self._state(frame)
        if base.shape[:2] != (state.rows, state.columns):
            raise changed_error()
        if not patches:
            return base     # the reader's own array is given out, and not held here
        with self._database.lock:
            if frame not in self._whole or self._whole[frame][0] != patches:
                bounds = Bounds(0, 0, state.rows, state.columns)
                self._whole[frame] = (patches, compose(self._blobs, base, bounds, patches))
            self._whole.move_to_end(frame)
            while len(self._whole) > CACHED_FRAMES:
                self._whole.popitem(last=False)
            return self._whole[frame][1]

    def region(self, frame: int, bounds: Bounds, level: int = 0) -> Pixels:
        """A part of one frame, in the pixels of a level of the source."""
        base = self._source.region(frame, bounds, level)
        if base.shape[:2] != (bounds.height, bounds.width):
            raise changed_error()
        patches = self._patches_of(frame)
        if not patches or level == 0:
            return compose(self._blobs, base, bounds, patches)
        return self._lower(frame, base, bounds, level, patches)

    def _lower(self, frame: int, base: Pixels, bounds: Bounds, level: int, patches: Sequence[Patch]) -> Pixels:
        """A lower resolution, with the patches shrunk as much: the file holds none of them at any."""
        size = self._source.levels[level]
        full = self._state(frame)
        down, across = full.rows / size.rows, full.columns / size.columns
        pixels = base
        for patch in patches:
            top, left, bottom, right = patch.bounds.as_tuple()
            box = Bounds(math.floor(top / down), math.floor(left / across), math.ceil(bottom / down),
                         math.ceil(right / across)).clipped(size.rows, size.columns).shared(bounds)
            if box.empty:
                continue
            whole = Bounds(round(box.top * down), round(box.left * across), round(box.bottom * down),
                           round(box.right * across)).clipped(full.rows, full.columns)
            part = compose(self._blobs, self._source.region(frame, whole), whole, patches)
            pixels = base.copy() if pixels is base else pixels
            pixels[box.within(bounds).slices] = shrunk(part, box.height, box.width)
        return pixels

    def fills(self, frame: int) -> tuple[Fill, ...]:
        """The accepted candidates that stand in a frame, in the order in which they were accepted.

        One whose place another one has taken is staged again, and none of these.
        """
        with self._database.read() as session:
            return _fills(session, self._state(frame).id)

    def filled(self, fill: Fill) -> npt.NDArray[np.bool_]:
        """Which pixels of its bounds a fill has changed."""
        if fill.effective is not None:
            return self._blobs.get_array(fill.effective)
        changed = self._blobs.get_array(fill.patch.before) != self._blobs.get_array(fill.patch.after)
        return np.asarray(changed.any(axis=-1) if changed.ndim == 3 else changed, np.bool_)

    def without(self, frame: int, bounds: Bounds, candidates: Collection[str]) -> Pixels:
        """The pixels in a box as they would be had these candidates (ids) not been accepted."""
        pixels = np.array(self._source.region(frame, bounds))
        for fill in self.fills(frame):
            if fill.candidate_id in candidates or not fill.bounds.overlaps(bounds):
                continue
            shared = bounds.shared(fill.bounds)
            inside = self.filled(fill)[shared.within(fill.bounds).slices]
            after = self._blobs.get_array(fill.patch.after)[shared.within(fill.patch.bounds).slices]
            pixels[shared.within(bounds).slices][inside] = after[inside]
        return pixels

    def _patches_of(self, frame: int) -> tuple[Patch, ...]:
        state = self._state(frame)
        if not state.id:
            return ()
        with self._database.read() as session:
            return _patches(session, state.id)

    def _state(self, frame: int) -> FrameState:
        return self._states[self._source.info.frames[frame].key]


def _patches(session: Session, frame_id: int) -> tuple[Patch, ...]:
    """What stands in a frame, in the order in which it was applied."""
    rows = session.execute(
        select(PartRow, PatchRow).join(PatchRow, PatchRow.part_id == PartRow.id)
        .join(EditRow, PartRow.edit_id == EditRow.id)
        .where(PartRow.frame_id == frame_id, EditRow.state == DONE, PartRow.kind == PIXELS).order_by(EditRow.applied))
    return tuple(Patch(part.bounds, patch.before, patch.after) for part, patch in rows)


def _fills(session: Session, frame_id: int) -> tuple[Fill, ...]:
    rows = session.execute(
        select(PartRow, PatchRow, CandidateRow).join(PatchRow, PatchRow.part_id == PartRow.id)
        .join(EditRow, PartRow.edit_id == EditRow.id)
        .outerjoin(CandidateRow, CandidateRow.id == PatchRow.result_id)
        .where(PartRow.frame_id == frame_id, EditRow.state == DONE, PartRow.kind == PIXELS).order_by(EditRow.applied))
    found: dict[str, Fill] = {}
    for part, patch, candidate in rows:
        key = patch.result_id if candidate is not None else str(part.id)
        found.pop(key, None)  # accepted, replaced and accepted again: what counts is the last time
        if candidate is None or candidate.state == ACCEPTED:
            found[key] = Fill(patch.result_id, candidate.bounds if candidate is not None else part.bounds,
                              candidate.effective if candidate is not None else None,
                              Patch(part.bounds, patch.before, patch.after))
    return tuple(found.values())


def _records(session: Session, frame_id: int) -> list[Provenance]:
    fills = [fill.candidate_id for fill in _fills(session, frame_id)]
    rows = session.execute(select(CandidateRow.id, CandidateRow.provenance).where(CandidateRow.id.in_(fills))).all()
    known = {number: Provenance.from_dict(sources.show(session, text)) for number, text in rows}
    if not fills and _patches(session, frame_id):
        return [_UNRECORDED]
    return [known.get(number, _UNRECORDED) for number in fills]


def compose(blobs: Blobs, base: Pixels, bounds: Bounds, patches: Sequence[Patch]) -> Pixels:
    """`base`, the file's pixels in `bounds`, with the patches; itself where none touches it.

    Raises
    ------
    UserError
        Where a patch was not made on what is there.
    """
    touching = [patch for patch in patches if patch.bounds.overlaps(bounds)]
    if not touching:
        return base
    pixels = base.copy()
    for patch in touching:
        shared = bounds.shared(patch.bounds)
        here, there = shared.within(bounds).slices, shared.within(patch.bounds).slices
        before = blobs.get_array(patch.before)
        if before.dtype != pixels.dtype or not np.array_equal(before[there], pixels[here]):
            raise changed_error()
        pixels[here] = blobs.get_array(patch.after)[there]
    return pixels


def shrunk(pixels: Pixels, rows: int, columns: int) -> Pixels:
    """Pixels of full resolution as `rows` x `columns` of a lower one: means of what falls together, in their type."""
    values = pixels.astype(np.float64)
    for axis, count in ((0, rows), (1, columns)):
        edges = np.arange(count) * pixels.shape[axis] // count
        sizes = np.diff(np.append(edges, pixels.shape[axis]))
        values = np.add.reduceat(values, edges, axis=axis)
        values /= sizes.reshape(-1, *[1] * (values.ndim - 1 - axis))
    return np.rint(values).astype(pixels.dtype)


def changed_error() -> UserError:
    return UserError("The file is not the one that was worked on: its pixels or its size have changed.",
                     "Put the original file back, or remove the study from the workspace and open it anew.",
                     safe="What was painted is still stored.")
