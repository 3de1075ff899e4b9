"""Cells are gathered on another thread, shown among the jobs, with time left and a way to stop."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from medsynth_app.core.cell_schema import CellSchema
from medsynth_app.core.cells import Cell
from medsynth_app.core.errors import UserError
from medsynth_app.core.words import _, ngettext
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.banners import Banners
from medsynth_app.ui.shell.chores import Chores
from medsynth_app.ui.shell.runner import Runner
from medsynth_app.ui.shell.toasts import Toasts

Gather = Callable[[Callable[[int, int], None], Callable[[], bool]], list[Cell]]


class Gathering:
    """Adds cells to the open set, or where none is open to one that is made once they have come.

    Attributes
    ----------
    name, schema
        Of the set that is made then.
    """

    def __init__(self, session: Session, run: Runner, toasts: Toasts, banners: Banners,
                 failed: Callable[[Exception], None]) -> None:
        self._session, self._run, self._toasts = session, run, toasts
        self._chores = Chores(session.jobs, toasts, banners, failed)
        self.name, self.schema = session.label_sources.usual_name, session.label_sources.usual_schema

    @property
    def busy(self) -> bool:
        return bool(self._chores.running)

    def data(self, path: Path) -> None:
        """Cells of a folder of pictures or of a table."""
        self._start(_("Gather cells: {name}").format(name=path.name),
                    lambda schema: lambda progress, stopped: self._session.labelling.gather(
                        path, progress, stopped, schema))

    def pictures(self, picture_ids: Collection[str]) -> None:
        """Generated pictures."""
        self._start(ngettext("Send {count} picture to Label", "Send {count} pictures to Label", len(picture_ids))
                    .format(count=len(picture_ids)),
                    lambda schema: lambda progress, stopped: self._session.labelling.gather_generated(
                        picture_ids, progress, stopped, schema))

    def open_set(self) -> None:
        """Make the set that jobs fill later, where none is open."""
        if self._session.labelling.current is None:
            self._session.labelling.new(self.name, self.schema)

    def finish(self) -> None:
        """Stop and wait, when the window closes: cells that were not all read are not added."""
        self._chores.finish()

    # -- inner

    def _start(self, title: str, how: Callable[[CellSchema], Gather]) -> None:
        opened = self._session.labelling.current
        target, schema = (opened.id, opened.schema) if opened is not None else ("", self.schema)
        gather = how(schema)
        self._chores.start("gather cells", title, lambda task: gather(task.tell, task.stopped),
                           lambda cells: self._done(target, cells), lambda: self._start(title, how),
                           fault=_("Gathering the cells ended in a fault."),
                           stopped=_("Gathering was stopped; no cells were added."))

    def _done(self, target: str, cells: Sequence[Cell]) -> None:
        if self._run(lambda: self._add(target, cells)) is not None:
            self._toasts.say("done", ngettext("{count} cell to label.", "{count} cells to label.", len(cells))
                             .format(count=f"{len(cells):,}"))

    def _add(self, target: str, cells: Sequence[Cell]) -> bool:
        labelling = self._session.labelling
        if not cells:
            raise UserError(_("There are no cells to label."),
                            _("Choose pictures of cells, or find the cells of an image."))
        if not target and labelling.current is None:
            labelling.new(self.name, self.schema)
        labelling.add(cells, set_id=target)
        return True
