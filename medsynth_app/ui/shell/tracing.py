"""Where the picture in view comes from: looked for on another thread, shown among the jobs, told in a banner."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from medsynth_app.actions.trace import Origin, unknown_mark
from medsynth_app.core.image import Pixels
from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.banners import Banners
from medsynth_app.ui.shell.chores import Chores
from medsynth_app.ui.shell.toasts import Toasts


class Tracing:
    """Looks for what was generated here and looks like a slice; the answer is of no use beside another image."""

    def __init__(self, session: Session, toasts: Toasts, banners: Banners, failed: Callable[[Exception], None]) -> None:
        self._documents, self._view, self._banners = session.documents, session.view, banners
        self._chores = Chores(session.jobs, toasts, banners, failed)
        session.documents.current_changed.connect(self._stop)

    @property
    def busy(self) -> bool:
        return bool(self._chores.running)

    def start(self) -> None:
        """Look for the origin of the slice in view; returns at once. Raises `UserError` where it cannot be read."""
        document = self._documents.opened()
        pixels = self._documents.seen(self._view.index)
        task = self._chores.start(
            "trace", _("Find where it comes from: {image}").format(image=document.info.pseudonym),
            lambda task: self._documents.origins(pixels, task.tell, task.stopped),
            lambda found: None if task.stopped() else self._tell(pixels, found), self.start,
            fault=_("The search ended in a fault."), stopped=_("The search was stopped."))

    def finish(self) -> None:
        """Stop and wait, when the window closes."""
        self._chores.finish()

    def _stop(self) -> None:
        for task in self._chores.running:
            task.stop()

    def _tell(self, pixels: Pixels, found: Sequence[Origin]) -> None:
        marked = unknown_mark(pixels, found)
        words = [*([marked] if marked else []), *(each.words for each in found)] or [
            _("Nothing that was generated in this workspace looks like this picture.")]
        self._banners.say("info", words[0], details="\n".join(words[1:]), key="image.origin")
