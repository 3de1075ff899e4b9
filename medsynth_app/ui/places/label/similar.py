"""More cells like one: by what the encoder saw, on another thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QThreadPool

from medsynth_app.actions.learn import like
from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.widgets.background import Background
from medsynth_app.workspace.label_sets import LabelSet

MOST = 300  # cells that are shown


class Similar:
    """Finds them for the open set, and hands their places to `show` with words about them; `say` tells of none."""

    def __init__(self, session: Session, show: Callable[[Sequence[int], str], object], say: Callable[[str], object],
                 failed: Callable[[Exception], None]) -> None:
        self._session, self._show, self._say, self._failed = session, show, say, failed
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(1)
        self._task: Background | None = None

    @property
    def refusal(self) -> str | None:
        """Why no cells can be found, None where they can."""
        if self._session.labelling.teaching.encoder is None:
            return _("Without an encoder cells cannot be compared")
        return None

    def find(self, place: int) -> None:
        """Look for the cells most like this one of the open set."""
        opened, encoder = self._session.labelling.current, self._session.labelling.teaching.encoder
        if opened is None or encoder is None or self._task is not None:
            return
        places, wanted = opened.places, opened.cells[place].id
        self._task = Background(lambda _task: [places[name] for name in like(opened, encoder, wanted, MOST)
                                               if name in places],
                                lambda found: self._take(opened, found), self._fail)
        self._pool.start(self._task)

    def finish(self) -> None:
        self._pool.waitForDone(3000)

    def _take(self, of: LabelSet, found: list[int]) -> None:
        self._task = None
        if self._session.labelling.current is not of:
            return  # another set is open now
        if not found:
            self._say(_("The encoder has not looked at this cell yet, or its image is gone."))
        else:
            self._show(found, _("Most like the chosen cell, the likest first"))

    def _fail(self, error: Exception) -> None:
        self._task = None
        self._failed(error)
