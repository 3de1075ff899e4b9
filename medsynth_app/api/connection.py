"""The way to a worker: a workspace and a queue, opened when they are first needed."""

from __future__ import annotations

import multiprocessing
import os
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, Lane
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.headless import Headless, headless

Progress = Callable[[int, int, str], None]


class _Listener:
    """Passes progress on."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress

    def __call__(self, record: JobRecord, event: JobEvent) -> None:
        if self._progress is not None and event.kind is EventKind.PROGRESS:
            self._progress(event.step, event.steps, event.message)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Nothing was begun."""


class Connection:
    """A workspace, a queue and a worker; the worker starts with its first job, and ends with the process or `close`.

    Attributes
    ----------
    temporary
        Whether the workspace is deleted at the end.
    """

    def __init__(self, lane: Lane, workspace: Path | None, progress: Progress | None) -> None:
        self.temporary = workspace is None
        self._lane, self._workspace, self._listener = lane, workspace, _Listener(progress)
        self._stack = ExitStack()
        self._here: Headless | None = None
        self._process = os.getpid()
        self._closed = False
        self._end = weakref.finalize(self, _close, self._stack, self._process)

    @property
    def here(self) -> Headless:
        """What actions work on.

        Raises
        ------
        UserError
            After `close`, in a process that was forked from the one that made this, or when the workspace cannot be
            opened.
        """
        if os.getpid() != self._process or multiprocessing.current_process().daemon:
            raise other_process()
        if self._closed:
            raise UserError("This was closed already.", "Make another one, or use it within its `with` block.")
        if self._here is None:
            self._here = self._stack.enter_context(
                headless(self._workspace, lane=self._lane, listener=self._listener))
        return self._here

    def __getstate__(self) -> NoReturn:
        """A worker belongs to one process."""
        raise other_process()

    def close(self) -> None:
        """End the worker and close the workspace. Harmless when repeated."""
        self._closed, self._here = True, None
        self._end()


class OpenPack:
    """A pack and the way to its worker, which is waited for; used in a ``with`` block, or closed by `close`."""

    def __init__(self, pack: InstalledPack, device: str, workspace: str | Path | None,
                 progress: Progress | None) -> None:
        self._pack, self._device = pack, device
        self._connection = Connection(Lane.INTERACTIVE, Path(workspace) if workspace is not None else None, progress)

    @property
    def manifest(self) -> PackManifest:
        """What the pack says of itself: prompts, licence, labels of its masks (`mask_labels`), native size."""
        return self._pack.manifest

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the worker; results stay as they are. Harmless when repeated."""
        self._connection.close()


def other_process() -> UserError:
    return UserError("Pictures are drawn for the process alone that opened the pack.",
                     "Load them there: DataLoader(..., num_workers=0). MedSynth draws in a process of its own, beside "
                     "your training.")


def _close(stack: ExitStack, process: int) -> None:
    if os.getpid() == process:  # a forked copy has no part in it
        stack.close()
