"""Pictures of cells, read on other threads: large ones ahead of their turn, small ones when somebody looks at them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

import numpy as np
from PySide6.QtCore import QObject, QRect, Qt, QThreadPool, Signal
from PySide6.QtGui import QImage, QPixmap

from medsynth_app.actions.cell_crops import Crop
from medsynth_app.core.cells import Cell
from medsynth_app.core.errors import UserError
from medsynth_app.core.words import _
from medsynth_app.session.labelling import Labelling
from medsynth_app.ui.widgets.background import Background
from medsynth_app.ui.widgets.basic import qimage

LARGE, SMALL = 16, 6000  # pictures that are kept
ROUND, CLOSE = 2.2, 1.15  # how much is shown of a cell's surroundings, in edges of its box
WANTED = 800  # small ones that wait; who scrolls past does not wait for what has gone by
BATCH = 8  # that one task reads
BLIND_PX = 128  # the resolution of every cell where origins are hidden


class CellPictures(QObject):
    """Reads and keeps them.

    Signals
    -------
    ready
        Small pictures are there now.
    large_ready
        Id of the cell whose large one is.
    """

    ready = Signal()
    large_ready = Signal(str)

    def __init__(self, labelling: Labelling) -> None:
        super().__init__()
        self._labelling = labelling
        self._large: OrderedDict[str, Crop | UserError] = OrderedDict()
        self._small: OrderedDict[tuple[str, int], QPixmap] = OrderedDict()
        self._wanted: OrderedDict[tuple[str, int], Cell] = OrderedDict()  # the last that was asked for is read first
        self._reading: set[str] = set()
        self._tasks: set[Background] = set()
        self._making: set[tuple[str, int]] = set()
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(2)
        self._blind = False
        labelling.changed.connect(self._begin)

    @property
    def busy(self) -> bool:
        """Whether one is being read."""
        return bool(self._tasks)

    def large(self, cell: Cell) -> Crop | UserError | None:
        """A cell with its surroundings, or why it cannot be read; None where it is not there yet."""
        found = self._large.get(cell.id)
        if found is None:
            self._read(cell)
        else:
            self._large.move_to_end(cell.id)
        return found

    def prefetch(self, cells: Sequence[Cell]) -> None:
        """Have these ready when their turn comes."""
        for cell in cells:
            if cell.id not in self._large:
                self._read(cell)

    def forget(self, cell: Cell) -> None:
        """Read it anew: its image may be back."""
        self._large.pop(cell.id, None)

    def small(self, cell: Cell, edge: int) -> QPixmap | None:
        """A cell in so many px of the device; None where it is not there yet, a null one where it cannot be read."""
        key = (cell.id, edge)
        found = self._small.get(key)
        if found is not None:
            return found
        if key not in self._making:
            self._wanted[key] = cell
            self._wanted.move_to_end(key)
            while len(self._wanted) > WANTED:
                self._wanted.popitem(last=False)
            self._go_on()
        return None

    def finish(self) -> None:
        """Read no more, when the window closes."""
        self._wanted.clear()
        self._pool.clear()
        self._pool.waitForDone(3000)

    # -- inner

    def _begin(self) -> None:
        opened = self._labelling.current
        blind = opened is not None and opened.options.blind
        if blind != self._blind:
            self._blind = blind
            self._large.clear()
            self._small.clear()

    def _read(self, cell: Cell) -> None:
        if cell.id in self._reading:
            return
        self._reading.add(cell.id)
        blind, reader = self._blind, self._labelling.crops
        task = Background(lambda _task: _blurred(reader.read(cell, ROUND)) if blind else reader.read(cell, ROUND),
                          lambda crop: self._take_large(task, cell, crop, blind),
                          lambda error: self._take_large(task, cell, error if isinstance(error, UserError) else
                                                         UserError(_("This cell cannot be read."), _("Skip it."),
                                                                   details=type(error).__name__), blind))
        self._tasks.add(task)
        self._pool.start(task, 1)

    def _take_large(self, task: Background, cell: Cell, crop: Crop | UserError, blind: bool) -> None:
        self._tasks.discard(task)
        self._reading.discard(cell.id)
        if blind != self._blind:
            self._read(cell)  # it was asked for meanwhile, and is looked at otherwise now
            return
        self._large[cell.id] = crop
        while len(self._large) > LARGE:
            self._large.popitem(last=False)
        self.large_ready.emit(cell.id)

    def _go_on(self) -> None:
        while self._wanted and len(self._tasks) < 2:
            batch = [self._wanted.popitem() for _ in range(min(BATCH, len(self._wanted)))]
            self._start([key for key, _cell in batch], batch)

    def _start(self, keys: Sequence[tuple[str, int]], batch: Sequence[tuple[tuple[str, int], Cell]]) -> None:
        self._making.update(keys)
        task: Background = Background(partial(self._make, batch, self._blind),
                                      lambda images: self._take_small(task, keys, images),
                                      lambda _error: self._take_small(task, keys, []))
        self._tasks.add(task)
        self._pool.start(task)

    def _make(self, batch: Sequence[tuple[tuple[str, int], Cell]], blind: bool, _task: Background) -> list[QImage]:
        found = []
        for (_cell_id, edge), cell in batch:
            try:
                crop = self._labelling.crops.read(cell, CLOSE)
            except UserError:
                found.append(QImage())
            else:
                found.append(scaled(qimage(crop.pixels), edge, blind))
        return found

    def _take_small(self, task: Background, keys: Sequence[tuple[str, int]], images: Sequence[QImage]) -> None:
        self._tasks.discard(task)
        self._making.difference_update(keys)
        for key, image in zip(keys, images, strict=False):
            self._small[key] = QPixmap.fromImage(image)
        while len(self._small) > SMALL:
            self._small.popitem(last=False)
        self.ready.emit()
        self._go_on()


def scaled(image: QImage, edge: int, blind: bool = False) -> QImage:
    """An image cut to a square of so many px."""
    if blind:
        image = _in_square(image, BLIND_PX)
    return _in_square(image, edge)


def _in_square(image: QImage, edge: int) -> QImage:
    side = min(image.width(), image.height())
    middle = QRect((image.width() - side) // 2, (image.height() - side) // 2, side, side)
    return image.copy(middle).convertToFormat(QImage.Format.Format_RGB32).scaled(
        edge, edge, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)


def _blurred(crop: Crop) -> Crop:
    """The same at the resolution that all have where origins are hidden; a size in mm would tell of the origin."""
    rows, columns = crop.pixels.shape[:2]
    factor = BLIND_PX / max(rows, columns)
    small = qimage(crop.pixels).scaled(max(1, round(columns * factor)), max(1, round(rows * factor)),
                                       Qt.AspectRatioMode.IgnoreAspectRatio,
                                       Qt.TransformationMode.SmoothTransformation)
    rgb = small.convertToFormat(QImage.Format.Format_RGB888)
    lines = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    pixels = lines[:, :rgb.width() * 3].reshape(rgb.height(), rgb.width(), 3).copy()
    left, top, right, bottom = (round(side * factor) for side in crop.box)
    return Crop(pixels, (left, top, right, bottom))
