"""What a canvas shows: the document and frame of the session, as the canvas and its parts ask for them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameInfo, ImageInfo, Pixels
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.session.session import Session
from medsynth_app.ui.viewer.display import window_of
from medsynth_app.workspace.documents import Document


class Subject:
    """Reads the session; the one place of the viewer that knows how a frame in view is found."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def document(self) -> Document | None:
        """The document whose frame is seen; None without one, and where that frame cannot be read."""
        return self._session.documents.current if self.unreadable is None else None

    @property
    def unreadable(self) -> UserError | None:
        """Why the frame in view is not seen."""
        return self._session.view.state.unreadable

    @property
    def index(self) -> int:
        """Number of the frame in view, from 0."""
        return self._session.view.index

    @property
    def info(self) -> ImageInfo:
        """Raises AssertionError without a document."""
        assert self.document is not None
        return self.document.info

    @property
    def frame(self) -> FrameInfo | None:
        """The frame in view; None where there is none to be seen."""
        return self.document.info.frames[self.index] if self.document is not None else None

    @property
    def count(self) -> int:
        """How many frames the document has, seen or not; 0 without one."""
        document = self._session.documents.current
        return len(document.info.frames) if document is not None else 0

    @property
    def is_stack(self) -> bool:
        return self.count > 1

    def pixels(self) -> Pixels:
        """Stored values of the frame in view, (rows, columns[, 3])."""
        assert self.document is not None
        return self.document.pixels(self.index)

    def mask(self) -> npt.NDArray[np.uint8]:
        """Painted labels of the frame in view, (rows, columns)."""
        assert self.document is not None
        return self.document.mask(self.index)

    def window(self) -> WindowLevel | None:
        """The window in use, an automatic one where none is set; None for colour images and without one."""
        if self.frame is None or self.info.colour == "rgb":
            return None
        return window_of(self.pixels(), self.frame, self._session.view.window_level)

    def step(self, frames: int) -> None:
        """Go some frames on or back."""
        if self.is_stack:
            self._session.view.set_index(self.index + frames)
