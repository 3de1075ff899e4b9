"""How a canvas looks at the document at work."""

from __future__ import annotations

from dataclasses import replace

from psygnal import Signal

from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Pixels
from medsynth_app.core.intensity import VolumeSample, auto_window, in_hu
from medsynth_app.core.view import ViewState
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.session.documents import SLICE, Documents
from medsynth_app.session.hook import AFTER_VIEWS
from medsynth_app.session.window_level import from_plain, starting_window, to_plain
from medsynth_app.workspace.documents import Document


class View:
    """The slice and the window of one canvas.

    Attributes
    ----------
    state
        What the canvas shows; a new value at every change.
    index_changed, window_level_changed
        Signals: of the slice (int) and of the window; also when another document is shown.
    """

    index_changed = Signal(int)
    window_level_changed = Signal()

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self.state = ViewState()
        documents.follow(self._take_document)
        documents.current_changed.connect(self._tell_all, priority=AFTER_VIEWS)

    @property
    def index(self) -> int:
        """Of the slice in view, from 0."""
        return self.state.index

    @property
    def window_level(self) -> WindowLevel | None:
        """None for colour images, and where no document is open."""
        return self.state.window_level

    @property
    def pixels(self) -> Pixels | None:
        """Stored values of the slice in view; None where no document is open, or the slice cannot be read."""
        document = self._documents.current
        return document.pixels(self.index) if document is not None and self.state.unreadable is None else None

    def seen(self) -> Document:
        """The document at work, where its slice in view is seen: nothing is done to what nobody sees.

        Raises
        ------
        UserError
            When none is open, or the slice in view cannot be read.
        """
        document = self._documents.opened()
        if self.state.unreadable is not None:
            raise self.state.unreadable
        return document

    def set_index(self, index: int) -> None:
        """Show another slice: the nearest that there is."""
        document = self._documents.opened()
        index = min(max(index, 0), len(document.info.frames) - 1)
        if index != self.index:
            self._documents.settle()
            self.state = replace(self.state, index=index, unreadable=_unreadable(document, index))
            self._documents.remember(SLICE, [index, str(document.info.frames[index].key)])
            self.index_changed.emit(index)

    def set_window_level(self, window_level: WindowLevel, *, remember: bool = True) -> None:
        """Show another window; `remember` is False while it is being dragged."""
        self.state = replace(self.state, window_level=window_level)
        if remember:
            self._documents.remember("window", to_plain(window_level))
        self.window_level_changed.emit()

    def auto_window(self) -> WindowLevel | None:
        """A window from the values of the volume, or of CT, which has presets for the volume, of the slice in view."""
        document, index = self._documents.current, self.index
        if document is None or document.info.colour == "rgb":
            return None
        modality, about = document.info.modality, document.info.frames[index]
        here = in_hu(modality, about)
        return auto_window(modality, about, lambda: VolumeSample.of([(document.pixels(index), about)]) if here
                           else document.sample(index))

    def _take_document(self) -> None:
        document = self._documents.current
        if document is None:
            self.state = ViewState()
            return
        index = self._documents.slice_of(document)
        window_level = from_plain(self._documents.recall("window")) or starting_window(
            document.info, index, lambda: document.sample(index))
        self.state = ViewState(document.id, index=index, window_level=window_level,
                               unreadable=_unreadable(document, index))

    def _tell_all(self) -> None:
        self.window_level_changed.emit()
        self.index_changed.emit(self.index)


def _unreadable(document: Document, index: int) -> UserError | None:
    """Why a slice cannot be shown; None where it can."""
    try:
        document.pixels(index)
    except UserError as error:
        return error
    return None
