"""Work that is the same whenever it is done: the child that is killed does it, the parent knows what it must give.

Run as a script it is the launcher: for every line "folder start" on stdin it forks a child that opens the workspace,
works from operation `start` on, and writes "ack n" after each one, until it is killed.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.edit import Edit, MaskPart
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import PATH, FakeSource, accept, stage

FRAMES, SIZE = 2, (40, 50)


@dataclass
class Operation:
    kind: str
    frame: int
    bounds: Bounds
    after: npt.NDArray[np.int16]


def operation(number: int) -> Operation:
    """What is done as operation `number`; the same in every process."""
    rng = np.random.default_rng([99, number])
    kind = str(rng.choice(["paint", "stack", "accept", "undo", "redo"], p=[0.4, 0.15, 0.1, 0.2, 0.15]))
    top, left = int(rng.integers(0, SIZE[0] - 4)), int(rng.integers(0, SIZE[1] - 4))
    bounds = Bounds(top, left, int(rng.integers(top + 1, SIZE[0] + 1)), int(rng.integers(left + 1, SIZE[1] + 1)))
    shape = (bounds.height, bounds.width)
    after = rng.integers(-1000, 3000, shape, np.int16) if kind == "accept" else np.full(shape, number % 4, np.int16)
    return Operation(kind, int(rng.integers(FRAMES)), bounds, after)


def perform(workspace: Workspace, document: Document, number: int) -> None:
    todo = operation(number)
    if todo.kind == "undo":
        document.undo()
    elif todo.kind == "redo":
        document.redo()
    elif todo.kind == "accept":
        result = stage(workspace, document, todo.bounds, todo.after, todo.frame, f"job {number}")
        if result.state == "staged":
            accept(document, result, todo.frame)
    else:
        frames = range(FRAMES) if todo.kind == "stack" else (todo.frame,)     # one stroke through all slices
        document.apply(Edit(f"paint {number}", tuple(
            MaskPart(document.info.frames[frame].key, todo.bounds, document.mask_region(frame, todo.bounds),
                     todo.after.astype(np.uint8)) for frame in frames)))


@dataclass
class Model:
    """The same work on plain arrays: a list of what was done and a list of what was undone."""

    source: FakeSource = field(default_factory=lambda: FakeSource(range(FRAMES), SIZE))
    done: list[tuple[str, int, Bounds, npt.NDArray[np.int16]]] = field(default_factory=list)
    undone: list[tuple[str, int, Bounds, npt.NDArray[np.int16]]] = field(default_factory=list)

    def perform(self, number: int) -> None:
        todo = operation(number)
        if todo.kind == "undo":
            self.undone += [self.done.pop()] if self.done else []
        elif todo.kind == "redo":
            self.done += [self.undone.pop()] if self.undone else []
        elif todo.kind == "accept" or any((self.state()[0][frame][todo.bounds.slices] != todo.after).any()
                                          for frame in (range(FRAMES) if todo.kind == "stack" else (todo.frame,))):
            self.done.append((todo.kind, todo.frame, todo.bounds, todo.after))
            self.undone.clear()

    def state(self) -> tuple[list[npt.NDArray[np.uint8]], list[npt.NDArray[np.int16]]]:
        masks = [np.zeros(SIZE, np.uint8) for _ in range(FRAMES)]
        pixels = [self.source.pixels(frame) for frame in range(FRAMES)]
        for kind, frame, bounds, after in self.done:
            for k in range(FRAMES) if kind == "stack" else (frame,):
                (pixels if kind == "accept" else masks)[k][bounds.slices] = after
        return masks, pixels

    def same(self, document: Document) -> bool:
        masks, pixels = self.state()
        return (len(self.done) > 0) == (document.can_undo() is not None) \
            and (len(self.undone) > 0) == (document.can_redo() is not None) \
            and all(np.array_equal(document.mask(k), masks[k]) and np.array_equal(document.pixels(k), pixels[k])
                    for k in range(FRAMES))


def child(folder: Path, start: int) -> None:
    workspace = Workspace.open(folder)
    if workspace.read_only:
        raise SystemExit("the lock of the killed process still holds")
    document = workspace.documents.open(FakeSource(range(FRAMES), SIZE), PATH)
    number = start
    while True:
        perform(workspace, document, number)
        os.write(1, f"ack {number}\n".encode())
        number += 1


def launch() -> None:
    for line in sys.stdin:
        folder, start = line.rsplit(maxsplit=1)
        number = os.fork()
        if not number:
            try:
                child(Path(folder), int(start))
            finally:
                os._exit(1)
        os.write(1, f"pid {number}\n".encode())
        _, status = os.waitpid(number, 0)
        os.write(1, f"dead {os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    launch()
