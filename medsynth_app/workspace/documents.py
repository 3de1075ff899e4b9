"""Documents: opened images with the masks, accepted results and history that are bound to their frames."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
import numpy.typing as npt
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Changes
from medsynth_app.core.edit import Edit
from medsynth_app.core.image import FrameKey, ImageInfo, ImageSource, Pixels, pixels_sha256
from medsynth_app.core.intensity import VolumeSample
from medsynth_app.core.provenance import Provenance
from medsynth_app.core.tiles import TiledMask
from medsynth_app.workspace import register, sources
from medsynth_app.workspace.blobs import Blobs
from medsynth_app.workspace.composed import Composed, changed_error
from medsynth_app.workspace.database import Database
from medsynth_app.workspace.history import History, Standing
from medsynth_app.workspace.masks import FrameState, Masks
from medsynth_app.workspace.parts import labels_of
from medsynth_app.workspace.recent import RecentDocument, changed_frames, last_path, recent_documents
from medsynth_app.workspace.tables import (
    MASK,
    DocumentRow,
    EditRow,
    FrameRow,
    NoteRow,
    PartRow,
    PathRow,
    SourceRow,
    now,
)


class Document:
    """An opened image. Safe to use from several threads.

    Attributes
    ----------
    info
        What the reader said; its notices, and one more where the file at this path used to be another.
    read_only
        Every change raises `UserError`.
    composed
        What its pixels are made of: those of the file, and the accepted fills.
    """

    def __init__(self, database: Database, blobs: Blobs, masks: Masks, source: ImageSource, info: ImageInfo,
                 path: Path, standing: Standing, states: dict[FrameKey, FrameState], whole: bool) -> None:
        self.source = source
        self.info = info
        self.path = path
        self._database = database
        self._blobs = blobs
        self._masks = masks
        self._standing = standing
        self._states = states
        self._index = {frame.key: index for index, frame in enumerate(info.frames)}
        self._samples: dict[int | None, VolumeSample] = {}
        self._sampling = threading.Lock()
        self.composed = Composed(database, blobs, source, states)
        self._history = History(database, blobs, masks, standing, states, whole,
                                lambda key, bounds: self.region(self._index[key], bounds))

    @property
    def id(self) -> str:
        """Empty for an image that a read-only workspace does not know."""
        return self._standing.id

    @property
    def read_only(self) -> bool:
        return self._database.read_only or self._standing.removed

    @property
    def saved_at(self) -> datetime:
        """When the last change was written, in UTC."""
        return self._history.saved_at

    def pixels(self, frame: int) -> Pixels:
        """Stored values of a frame with the accepted edits; treat as read-only.

        Raises
        ------
        UserError
            When the file no longer is what the edits were made on.
        """
        return self.composed.pixels(frame)

    def pixels_and_records(self, frame: int) -> tuple[Pixels, list[Provenance]]:
        """`pixels` and `provenance` of one moment.

        For whoever gives both out: between two calls an undo could come, and generated pixels leave without a record.
        """
        return self.composed.pixels_and_records(frame)

    def region(self, frame: int, bounds: Bounds, level: int = 0) -> Pixels:
        """A part of `pixels`: nothing but what it needs is read.

        Parameters
        ----------
        bounds
            Box in the pixels of `level`, inside its frame.
        level
            Which of `source.levels`; 0 is full resolution. Lower ones show accepted edits as means.
        """
        return self.composed.region(frame, bounds, level)

    def sample(self, frame: int) -> VolumeSample:
        """Values of the volume (of this frame's channel) as the file holds them; read once, when first asked for.

        That takes up to a second: ask on another thread where a window waits. Accepted edits take no part.
        """
        channel = self.info.frames[frame].channel
        with self._sampling:
            if channel not in self._samples:
                self._samples[channel] = VolumeSample.of_volume(self.source, frame)
            return self._samples[channel]

    def mask(self, frame: int) -> npt.NDArray[np.uint8]:
        """The live mask, uint8 (rows, columns); a view that cannot be written, `apply` changes what it shows.

        It takes the memory of the whole frame: for frames of ordinary size. `mask_region` is for any.
        """
        with self._database.lock:
            return self._masks.load(self._state(frame)).whole()

    def mask_region(self, frame: int, bounds: Bounds) -> npt.NDArray[np.uint8]:
        """A copy of the mask in a box inside the frame, uint8 (bounds.height, bounds.width)."""
        with self._database.lock:
            return self._masks.load(self._state(frame)).region(bounds).copy()

    def painted(self, frame: int) -> Bounds | None:
        """The smallest box round what is painted in a frame; None where nothing is."""
        with self._database.lock:
            return self._masks.load(self._state(frame)).painted

    def label(self, subject: str) -> Any:
        """The label of a cell that stands: a JSON value, None where there is none."""
        with self._database.read() as session:
            return labels_of(session, self._standing.owns, [subject]).get(subject)

    def synthetic_mask(self, frame: int) -> npt.NDArray[np.bool_]:
        """Where accepted results were written, bool (rows, columns)."""
        state = self._state(frame)
        found = np.zeros((state.rows, state.columns), np.bool_)
        for fill in self.composed.fills(frame):
            found[fill.bounds.slices] |= self.composed.filled(fill)
        return found

    def revision(self, frame: int, bounds: Bounds) -> str:
        """Hash of the present pixels in `bounds` (type and shape included)."""
        return pixels_sha256(self.region(frame, bounds))

    def apply(self, edit: Edit, person: str = "") -> Changes:
        """Journal an edit, one step of undo, and make it; on return it survives a kill.

        Parts that change nothing are not journalled, and a step without any is none. An accepted result's state
        follows its edit: accepted, and staged again by undo; so does that of a discarded one.

        Returns
        -------
        One `Change` per part of a frame; the subjects of labels.

        Raises
        ------
        UserError
            When read-only, or when what a part has as `before` is not what is there now: nothing is changed then.
        ValueError
            When a part does not fit its frame, or two change the same.
        """
        return self._history.apply(edit, person)

    def undo(self, person: str = "") -> Changes:
        """Take back the person's last edit; empty when there is none.

        Raises
        ------
        UserError
            When somebody else's later edit overlaps one of its parts, when some of its frames are not in view, or
            read-only.
        """
        return self._history.undo(person)

    def redo(self, person: str = "") -> Changes:
        """Make the person's last undone edit again; see `undo`."""
        return self._history.redo(person)

    def can_undo(self, person: str = "") -> str | None:
        """ "Undo: paint polyp", or None."""
        return self._history.name(person, undo=True)

    def can_redo(self, person: str = "") -> str | None:
        """ "Redo: paint polyp", or None."""
        return self._history.name(person, undo=False)

    def provenance(self, frame: int) -> list[Provenance]:
        """Records of the results that stand in a frame, in the order in which they were accepted."""
        return self.composed.records(frame)

    def painted_frames(self) -> list[int]:
        """Frames in view whose mask is not empty, without reading the masks of those never painted."""
        with self._database.read() as session:
            touched = set(_touched(session, self.id))
        with self._database.lock:
            return [k for k in range(len(self.info.frames))
                    if (state := self._state(k)).id in touched and self._masks.load(state).any()]

    def changed_frames(self) -> list[int]:
        """Frames in view that hold accepted results."""
        with self._database.read() as session:
            changed = changed_frames(session, self.id)
        return [k for k in range(len(self.info.frames)) if self._state(k).id in changed]

    def close(self) -> None:
        """Write snapshots and close the file."""
        if not self.read_only:
            self._masks.flush(self._states.values())
        self.source.close()

    def _state(self, frame: int) -> FrameState:
        return self._states[self.info.frames[frame].key]


class Documents:
    """All documents of a workspace."""

    def __init__(self, database: Database, blobs: Blobs, masks: Masks) -> None:
        self._database = database
        self._blobs = blobs
        self._masks = masks
        self._open: WeakSet[Document] = WeakSet()

    def open(self, source: ImageSource, path: Path) -> Document:
        """Find the document that these frames belong to, or begin one.

        Frames are found by identity, so another order, a subset or more files of a series find their masks. Where
        the frames belong to several documents (slices opened one by one, then the series), these become one.

        Raises
        ------
        UserError
            When a known frame has another size now.
        """
        info = source.info
        merged: list[str] = []
        with self._database.lock:
            with self._database.read() if self._database.read_only else self._database.write() as session:
                known = sources.known_frames(session, [frame.key for frame in info.frames])
                if any((row.rows, row.columns) != (frame.rows, frame.columns)
                       for frame in info.frames if (row := known.get(frame.key)) is not None):
                    raise changed_error()
                if not self._database.read_only:
                    info = register.note_replaced(session, info, path, known)
                    merged = register.register(session, info, path, known)
                ids = {row.document_id for row in known.values()}
                document = session.get(DocumentRow, sorted(ids)[0]) if ids else None
                number = document.id if document is not None else ""
                standing = Standing(number, document.saved if document is not None else now())
                total = session.scalar(select(func.count()).where(FrameRow.document_id == number)) or 0
            states = {frame.key: self._masks.state(known[frame.key].id if frame.key in known else 0,
                                                   frame.rows, frame.columns) for frame in info.frames}
            opened = Document(self._database, self._blobs, self._masks, source, info, path, standing, states,
                              whole=len(states) >= total)
            self._settle_untouched(number, states)
            self._open.add(opened)
            for other in list(self._open):      # this one may have brought frames that they do not see
                if other.id in merged:
                    other._standing.id = number
                if other.id == number:
                    other._history.whole = len(other._states) >= total
            return opened

    def recent(self, count: int = 12) -> list[RecentDocument]:
        """Documents opened last, newest first, with the path used last."""
        with self._database.read() as session:
            return recent_documents(session, count)

    def paths_of_frames(self, such: Callable[[str], bool]) -> list[Path]:
        """Where documents lie that hold a frame whose key (`str(FrameKey)`) is `such`, the last opened first."""
        with self._database.read() as session:
            keys = session.execute(select(SourceRow.source, FrameRow.frame, FrameRow.document_id).join(
                SourceRow, FrameRow.source_id == SourceRow.id))
            found = {document for source, frame, document in keys if such(str(FrameKey(source, frame)))}
            return [Path(path) for path in session.scalars(select(PathRow.path).where(
                PathRow.document_id.in_(found)).order_by(PathRow.opened.desc()))]

    def last_path(self) -> Path | None:
        """Where the document that was opened last was; quicker than `recent`."""
        with self._database.read() as session:
            return last_path(session)

    def remember(self, document_id: str, key: str, value: Any) -> None:
        """Keep a small JSON value with a document: its window, last frame, flips."""
        with self._database.write() as session:
            if session.get(DocumentRow, document_id) is not None:
                session.merge(NoteRow(document_id=document_id, key=key, value=sources.hide(session, value)))

    def recall(self, document_id: str, key: str, default: Any = None) -> Any:
        """What was remembered, `default` where nothing was. Tuples come back as lists."""
        with self._database.read() as session:
            row = session.get(NoteRow, (document_id, key))
            return default if row is None else sources.show(session, row.value)

    def forget(self, document_id: str) -> None:
        """Tell opened documents that theirs was removed."""
        for document in list(self._open):
            if document.id == document_id:
                document._standing.removed = True
                self._masks.forget(document._states.values())

    def _settle_untouched(self, document_id: str, states: dict[FrameKey, FrameState]) -> None:
        """Give frames that were never painted their empty mask without a look into the database each."""
        with self._database.read() as session:
            touched = set(_touched(session, document_id))
        for state in states.values():
            if state.mask is None and state.id not in touched:
                state.mask = TiledMask(state.rows, state.columns)


def _touched(session: Session, document_id: str) -> Iterable[int | None]:
    """Frames whose mask was ever changed."""
    return session.scalars(select(PartRow.frame_id).join(EditRow, PartRow.edit_id == EditRow.id).where(
        EditRow.document_id == document_id, PartRow.kind == MASK).distinct())
