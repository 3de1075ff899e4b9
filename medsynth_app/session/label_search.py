"""Search by example: the cells of the open label set that look like one of them."""

from __future__ import annotations

from pathlib import Path

from psygnal import Signal

from medsynth_app.actions.learn import LIKE_FILES, like_request
from medsynth_app.actions.rank import rank
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobRecord
from medsynth_app.formats.cell_tables import read_cells
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.hook import AFTER_VIEWS
from medsynth_app.session.jobs import Jobs
from medsynth_app.session.labelling import Labelling
from medsynth_app.session.people import People

MOST = 300  # cells that are found


class LabelSearch:
    """Has a worker look for them.

    Attributes
    ----------
    found
        Signal(list[int]): places in the open set, the example first, then the likest first.
    """

    found = Signal(list)

    def __init__(self, queue: JobQueue, labelling: Labelling, people: People, jobs: Jobs) -> None:
        self._queue, self._labelling, self._people, self._jobs = queue, labelling, people, jobs
        self._job, self._set, self._example = "", "", 0  # that was asked for last, of which set, and by which place
        jobs.event.connect(self._hear, priority=AFTER_VIEWS)

    def find(self, place: int) -> Changes:
        """Look for cells like this one of the open set; raises `UserError` where they cannot be compared."""
        opened, teaching = self._labelling.opened(), self._labelling.teaching
        if teaching.encoder is None:
            raise UserError("Without an encoder cells cannot be compared.", "Install one in Models.")
        for stale in opened.folder.glob(f"{LIKE_FILES}*.csv"):  # of searches that nobody waited for
            stale.unlink(missing_ok=True)
        changes = rank(self._queue, like_request(opened, teaching.cells, opened.cells[place].id, MOST),
                       self._people.id)
        self._job, self._set, self._example = changes.jobs[0], opened.id, place
        return self._jobs.submitted(changes)

    # -- inner

    def _hear(self, record: JobRecord, event: JobEvent) -> None:
        if record.id != self._job or event.kind is not EventKind.RESULT:
            return
        table, opened = Path(str(event.data["file"])), self._labelling.current
        if opened is None or opened.id != self._set:
            return  # another set is open now; the file goes with its own
        names = read_cells(table).rows
        table.unlink(missing_ok=True)
        self.found.emit([self._example, *(opened.places[name] for name in names if name in opened.places)])
