"""The masks in memory, one per frame, and how they come back: the last snapshot and the steps after it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

import numpy as np
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.tiles import TILE, Key, Mask, TiledMask
from medsynth_app.workspace import deltas
from medsynth_app.workspace.blobs import Blobs
from medsynth_app.workspace.database import Database
from medsynth_app.workspace.tables import MASK, PartRow, SnapshotRow, StepRow

SNAPSHOT_EVERY = 50     # steps of one frame
log = logging.getLogger(__name__)


@dataclass(eq=False)
class FrameState:
    """What memory holds of one frame, shared by all documents opened on it.

    Attributes
    ----------
    id
        Row of the frame; 0 for one that a read-only workspace does not know.
    mask
        None until it is asked for.
    unsaved
        Parts of steps since the last snapshot.
    dirty
        Tiles that these have changed.
    stale
        Whether the stored snapshot cannot be gone on with: it is none of ours, or the last one was not written.
    """

    id: int
    rows: int
    columns: int
    mask: TiledMask | None = None
    unsaved: int = 0
    dirty: set[Key] = field(default_factory=set)
    stale: bool = False
    last_step: int = 0


class Masks:
    """Loads masks and writes their snapshots. Its methods want `Database.lock` held, but for `flush`."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs
        self._states: WeakValueDictionary[int, FrameState] = WeakValueDictionary()
        # Compressing a snapshot takes tens of milliseconds: never on the thread that paints.
        self._background = ThreadPoolExecutor(1, "workspace")

    def state(self, frame_id: int, rows: int, columns: int) -> FrameState:
        """The one shared state of a frame."""
        if not frame_id:
            return FrameState(0, rows, columns)
        found = self._states.get(frame_id)
        if found is None:
            found = self._states[frame_id] = FrameState(frame_id, rows, columns)
        return found

    def load(self, state: FrameState) -> TiledMask:
        """The live mask of a frame; read from the database at the first call."""
        if state.mask is None:
            mask = TiledMask(state.rows, state.columns)
            if state.id:
                with self._database.read() as session:
                    self._restore(session, state, mask)
            state.mask = mask
        return state.mask

    def write(self, state: FrameState, bounds: Bounds, delta: deltas.Delta, step_id: int, undo: bool = False) -> None:
        """Make a journalled change, or take it back; `delta` counts from the corner of `bounds`.

        Every so often a snapshot is written behind the scenes.
        """
        _change(self.load(state), bounds, delta, undo)
        self.stepped(state, bounds, step_id)

    def stepped(self, state: FrameState, bounds: Bounds, step_id: int) -> None:
        """Take note of a journalled step that changed the mask inside a box."""
        assert state.mask is not None
        state.dirty.update(state.mask.keys(bounds))
        state.last_step = step_id
        state.unsaved += 1
        if state.unsaved >= SNAPSHOT_EVERY:
            self._snapshot(state)

    def flush(self, states: Iterable[FrameState] | None = None) -> None:
        """Write snapshots of what has none yet and wait for them."""
        futures: list[Future[None]] = []
        if self._database.read_only:  # another window has written them, or will
            return
        with self._database.lock:
            for state in list(self._states.values()) if states is None else states:
                if state.unsaved and state.id:
                    futures.append(self._snapshot(state))
        for future in futures:
            future.result()

    def forget(self, states: Iterable[FrameState]) -> None:
        """Let go of frames that were removed; nothing more is written of them."""
        for state in states:
            self._states.pop(state.id, None)
            state.unsaved = 0

    def behind(self, task: Callable[[], None]) -> None:
        """Run something that nobody waits for."""
        self._background.submit(task)

    def close(self) -> None:
        self.flush()
        self._background.shutdown(wait=True)

    def _restore(self, session: Session, state: FrameState, mask: TiledMask) -> None:
        rows = session.scalars(select(SnapshotRow).where(SnapshotRow.frame_id == state.id)).all()
        after = 0
        try:
            for row, values in [(row, self._blobs.get_array(row.blob)) for row in rows]:
                mask.write(row.bounds, values)
                after = row.step_id
                state.stale |= row.bounds.height > TILE or row.bounds.width > TILE \
                    or bool(row.top % TILE or row.left % TILE)     # of an older version
        except UserError:   # the journal holds everything; a snapshot is only quicker
            log.warning("a snapshot could not be read; the whole journal of its frame is replayed")
            state.stale = True
        steps = session.execute(
            select(StepRow.id, StepRow.undo, PartRow.top, PartRow.left, PartRow.bottom, PartRow.right, PartRow.payload)
            .join(PartRow, PartRow.edit_id == StepRow.edit_id)
            .where(PartRow.frame_id == state.id, PartRow.kind == MASK, StepRow.id > after).order_by(StepRow.id))
        for step_id, undo, *box, payload in steps:
            bounds = Bounds(*box)
            _change(mask, bounds, delta_of(payload, bounds), undo)
            state.dirty.update(mask.keys(bounds))
            state.last_step = step_id
            state.unsaved += 1

    def _snapshot(self, state: FrameState) -> Future[None]:
        """Copy the tiles that have changed; compress and write them on the other thread."""
        assert state.mask is not None
        whole = state.stale
        keys = state.mask.tiles if whole else state.dirty
        tiles = {state.mask.box(key): state.mask.take(key) for key in keys}
        state.unsaved, state.dirty, state.stale = 0, set(), False
        return self._background.submit(self._write, state, state.last_step, tiles, whole)

    def _write(self, state: FrameState, step_id: int, tiles: dict[Bounds, Mask | None], whole: bool) -> None:
        """Replace these tiles of the snapshot, or all of it; an empty one needs no row."""
        if state.stale and not whole:
            return      # tiles of the snapshot before are missing: the next one brings all
        try:
            with self._blobs.pins() as pins:
                blobs = {box: pins.put_array(tile) for box, tile in tiles.items() if tile is not None}
                with self._database.write() as session:
                    if session.get(StepRow, step_id) is None:
                        return      # the study was removed meanwhile
                    mine = SnapshotRow.frame_id == state.id
                    rows = session.scalars(select(SnapshotRow).where(mine)).all()
                    places = {(box.top, box.left) for box in tiles}
                    gone = [row for row in rows if whole or (row.top, row.left) in places]
                    for row in gone:
                        session.execute(delete(SnapshotRow).where(
                            mine, SnapshotRow.top == row.top, SnapshotRow.left == row.left)
                            .execution_options(synchronize_session=False))
                    session.expunge_all()
                    if len(gone) == len(rows) and not blobs:    # all was erased, and this too is worth to be known
                        blobs[Bounds(0, 0, 1, 1)] = pins.put_array(np.zeros((1, 1), np.uint8))
                    session.add_all(SnapshotRow(frame_id=state.id, step_id=step_id, blob=blob, top=box.top,
                                                left=box.left, bottom=box.bottom, right=box.right)
                                    for box, blob in blobs.items())
                    session.flush()
                    session.execute(update(SnapshotRow).where(mine).values(step_id=step_id)
                                    .execution_options(synchronize_session=False))
            self._database.drop_blobs(self._blobs, {row.blob for row in gone} - set(blobs.values()))
            self._database.checkpoint()
        except Exception as error:      # no traceback: it could name paths
            with self._database.lock:
                state.stale = True
            log.error("a snapshot of a mask was not written (%s); its journal is kept", type(error).__name__)


def delta_of(payload: bytes | None, bounds: Bounds) -> deltas.Delta:
    """The stored change of a part, counted from the corner of its box."""
    return deltas.decode(payload or b"", Bounds(0, 0, bounds.height, bounds.width))


def _change(mask: TiledMask, bounds: Bounds, delta: deltas.Delta, undo: bool) -> None:
    mask.change(bounds, lambda values: delta.write(values, undo))
