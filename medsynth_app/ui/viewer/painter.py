"""From the mask layer into the document: one stroke, one journalled edit."""

from __future__ import annotations

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.viewer.paint_look import PaintLook
from medsynth_app.ui.viewer.scene import Scene
from medsynth_app.ui.viewer.subject import Subject

READ_ONLY = _("This image is open for reading only, so it cannot be painted on. "
              "Close the other window that has it open, then open it again.")
WRITE_FAILED = _("The stroke could not be written. Free some disk space, then paint it again.")


class Painter:
    """Writes what was painted, or takes it back where that fails.

    Attributes
    ----------
    busy
        While a stroke is written: the layer shows it already and need not follow the news of it.
    """

    def __init__(self, session: Session, subject: Subject, scene: Scene, paint_look: PaintLook) -> None:
        self._session, self._subject, self._scene, self._look = session, subject, scene, paint_look
        self.busy = False

    @property
    def value(self) -> int:
        """What the brush paints."""
        return self._session.painting.label_value

    def may_paint(self) -> bool:
        """False, with a notice, where this window can only read."""
        if self._session.documents.read_only:
            self._session.notice.emit("warning", READ_ONLY)
            return False
        self._look.come_forward()
        return True

    def pick(self, row: int, column: int) -> None:
        """Make the class painted there the one to paint with."""
        values = self._subject.mask()
        if 0 <= row < values.shape[0] and 0 <= column < values.shape[1] and values[row, column]:
            self._session.painting.set_label(int(values[row, column]))

    def commit(self, touched: Bounds, verb: str, value: int) -> None:
        """Journal what changed within `touched`: the document still holds what was there before."""
        if self._subject.document is None or touched.empty:
            return
        before = self._subject.mask()[touched.slices]
        after = self._scene.mask.data[touched.slices]
        inner = Bounds.of_mask(before != after)
        if inner is None:
            return
        bounds = Bounds(inner.top + touched.top, inner.left + touched.left,
                        inner.bottom + touched.top, inner.right + touched.left)
        label = self._session.painting.schema.of(value)
        name = "erase" if value == 0 else f"{verb} {label.name}" if label is not None else verb
        self.busy = True
        try:
            self._session.painting.paint(bounds, before[inner.slices].copy(), after[inner.slices].copy(), name)
        except (UserError, OSError) as error:
            self.revert(touched)
            self._session.notice.emit("error", str(error) if isinstance(error, UserError) else WRITE_FAILED)
        finally:
            self.busy = False

    def revert(self, bounds: Bounds) -> None:
        """Show the document's own mask again."""
        if self._subject.document is not None:
            self._scene.refresh_mask(bounds, self._subject.mask())
