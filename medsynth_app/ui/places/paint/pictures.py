"""The small pictures of the strip: made of what somebody looks at, in the window in use."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QImage

from medsynth_app.core.bounds import Bounds
from medsynth_app.session.job_entry import Preview
from medsynth_app.session.session import Session
from medsynth_app.ui.places.paint.groups import AS_IS, live_key, waiting
from medsynth_app.ui.places.paint.thumbs import Thumb
from medsynth_app.ui.viewer.display import to_picture
from medsynth_app.ui.widgets.basic import qimage

LATER_MS = 120
AROUND, LEAST_AROUND = 0.5, 8  # of what is generated: share of its size, and px, seen round it
Mask = npt.NDArray[np.bool_]


class StripPictures(QObject):
    """Keeps them; one that is asked for and not there is made a moment later, and `made` is called."""

    def __init__(self, session: Session, made: Callable[[], object], parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._made = session, made
        self._kept: dict[str, QImage] = {}
        self._wanted: set[str] = set()
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(LATER_MS)
        self._later.timeout.connect(self._fill)

    def stop(self) -> None:
        """Make no more."""
        self._later.stop()

    def forget(self) -> None:
        """All look different now."""
        self._kept.clear()
        self._made()

    def follow(self) -> None:
        """The candidates changed, or which of them is looked at: the image as it is shows that one's region."""
        known = {AS_IS, *(result.id for result in self._session.candidates.results)}
        self._kept = {key: image for key, image in self._kept.items() if key in known}
        self._wanted.add(AS_IS)
        self._later.start()

    def follow_previews(self) -> None:
        """What is being drawn looks different now."""
        drawing = self._session.candidates.drawing
        for number in waiting(self._session):
            if drawing is not None and drawing.effective is not None:
                self._kept[live_key(number)] = qimage(_part(drawing.previews[number], drawing.effective))

    def of(self, thumb: Thumb) -> QImage | None:
        """The picture of a thumb that is looked at; None where it is not there yet."""
        found = self._kept.get(thumb.key)
        if found is None and thumb.live is None:
            self._wanted.add(thumb.key)
            if not self._later.isActive():
                self._later.start()
        return found

    def _fill(self) -> None:
        document, view, candidates = self._session.documents.current, self._session.view, self._session.candidates
        wanted, self._wanted = self._wanted, set()
        if document is None or view.state.unreadable is not None:
            return
        results = {result.id: result for result in candidates.results}
        frame, looked_at = document.info.frames[view.index], candidates.region
        for key in wanted & {AS_IS, *results}:
            if key != AS_IS:
                pixels = results[key].pixels()[_focus(results[key].effective()).slices]
            elif looked_at is not None:
                box, effective = looked_at
                pixels = document.region(view.index, _focus(effective).out_of(box))
            else:
                continue
            self._kept[key] = qimage(to_picture(pixels, document.info, frame, view.window_level))
        self._made()


def _focus(effective: Mask) -> Bounds:
    """The part of a candidate's box that a small picture shows: what is generated, and some of what surrounds it."""
    inner = Bounds.of_mask(effective) or Bounds(0, 0, *effective.shape)
    return inner.surroundings(AROUND, LEAST_AROUND).clipped(*effective.shape)


def _part(preview: Preview, effective: Mask) -> Preview:
    """The same part of a preview, which has a size of its own."""
    focus, (rows, columns) = _focus(effective), effective.shape
    down, across = preview.shape[0] / rows, preview.shape[1] / columns
    top, left = int(focus.top * down), int(focus.left * across)
    bottom, right = round(focus.bottom * down), round(focus.right * across)
    return np.ascontiguousarray(preview[top:max(bottom, top + 1), left:max(right, left + 1)])
