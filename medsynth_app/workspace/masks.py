"""The masks in memory, one array per frame, and how they come back: the last snapshot and the steps after it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from weakref import WeakValueDictionary

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.workspace import deltas
from medsynth_app.workspace.blobs import Blobs
from medsynth_app.workspace.database import Database
from medsynth_app.workspace.deltas import Mask
from medsynth_app.workspace.tables import MASK, EditRow, SnapshotRow, StepRow

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
        uint8 (rows, columns), None until it is asked for.
    extent
        Box outside which the mask is 0.
    unsaved
        Steps since the last snapshot.
    version
        Counts edits of pixels, so that views of them know when they are stale.
    """

    id: int
    rows: int
    columns: int
    mask: Mask | None = None
    extent: Bounds | None = None
    unsaved: int = 0
    last_step: int = 0
    version: int = 0


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

    def load(self, state: FrameState) -> Mask:
        """The live mask of a frame; read from the database at the first call."""
        if state.mask is None:
            mask = np.zeros((state.rows, state.columns), np.uint8)
            if state.id:
                with self._database.read() as session:
                    self._restore(session, state, mask)
            state.mask = mask
        return state.mask

    def stepped(self, state: FrameState, bounds: Bounds, step_id: int) -> None:
        """Take note of a journalled step; every so often a snapshot is written behind the scenes."""
        bounds = Bounds(*map(int, bounds.as_tuple()))
        state.extent = bounds if state.extent is None else state.extent.union(bounds)
        state.last_step = step_id
        state.unsaved += 1
        if state.unsaved >= SNAPSHOT_EVERY:
            self._snapshot(state)

    def flush(self, states: Iterable[FrameState] | None = None) -> None:
        """Write snapshots of what has none yet and wait for them."""
        futures: list[Future[None]] = []
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

    def _restore(self, session: Session, state: FrameState, mask: Mask) -> None:
        row = session.get(SnapshotRow, state.id)
        after = 0
        if row is not None:
            try:
                mask[row.bounds.slices] = self._blobs.get_array(row.blob)
                after, state.extent = row.step_id, row.bounds
            except UserError:   # the journal holds everything; a snapshot is only quicker
                log.warning("a snapshot could not be read; the whole journal of its frame is replayed")
        steps = session.execute(
            select(StepRow.id, StepRow.undo, EditRow.top, EditRow.left, EditRow.bottom, EditRow.right, EditRow.delta)
            .join(EditRow, StepRow.edit_id == EditRow.id)
            .where(StepRow.frame_id == state.id, StepRow.id > after, EditRow.kind == MASK).order_by(StepRow.id))
        for step_id, undo, *box, delta in steps:
            bounds = Bounds(*box)
            deltas.decode(delta or b"", bounds).write(mask, undo)
            state.extent = bounds if state.extent is None else state.extent.union(bounds)
            state.last_step = step_id
            state.unsaved += 1

    def _snapshot(self, state: FrameState) -> Future[None]:
        """Copy what there is now; compress and write it on the other thread."""
        assert state.mask is not None and state.extent is not None
        state.unsaved = 0
        part = state.mask[state.extent.slices].copy()
        return self._background.submit(self._write, state.id, state.last_step, state.extent, part)

    def _write(self, frame_id: int, step_id: int, bounds: Bounds, part: Mask) -> None:
        try:
            with self._blobs.pins() as pins:
                blob = pins.put_array(part)
                with self._database.write() as session:
                    row = session.get(SnapshotRow, frame_id)
                    if session.get(StepRow, step_id) is None:
                        return      # the study was removed meanwhile
                    old = row.blob if row is not None else blob
                    session.merge(SnapshotRow(frame_id=frame_id, step_id=step_id, blob=blob, top=bounds.top,
                                              left=bounds.left, bottom=bounds.bottom, right=bounds.right))
            if old != blob:
                self._database.drop_blobs(self._blobs, [old])
            self._database.checkpoint()
        except Exception as error:      # no traceback: it could name paths
            log.error("a snapshot of a mask was not written (%s); its journal is kept", type(error).__name__)
