"""The jobs of the drawer as a model: what happens to one job redraws its row alone."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from PySide6.QtCore import Qt

from medsynth_app.core.job import JobState, Lane
from medsynth_app.core.words import _
from medsynth_app.session.job_entry import JobEntry
from medsynth_app.session.jobs import Jobs
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.lists import RowsModel

SHOWN_ENDED = 12
_ENDS = {JobState.DONE: (_("Done"), "done"), JobState.FAILED: (_("Failed"), "error"),
         JobState.CANCELLED: (_("Cancelled"), "muted")}
_shown = attrgetter("record", "step", "steps", "seconds_left", "message", "remedy", "details", "notices", "device")


def said(entry: JobEntry) -> tuple[str, str]:
    """How a job stands in words, and the role of that text."""
    state = entry.record.state
    if state is JobState.WAITING:
        return f"{_('Waiting.')} {entry.message}".strip(), "help"
    if state is JobState.RUNNING:
        parts = [entry.message or (_("Step {step} of {steps}").format(step=entry.step, steps=entry.steps) if entry.steps
                                   else _("Starting"))]
        if entry.seconds_left is not None:
            parts.append(_("{time} left").format(time=words.duration(entry.seconds_left)))
        if entry.device:
            parts.append(entry.device)
        return ", ".join(parts) + (f"\n{entry.notices[-1]}" if entry.notices else ""), "help"
    text, role = _ENDS[state]
    more = " ".join(part for part in (entry.message, entry.remedy) if part) if state is JobState.FAILED else ""
    return f"{text}. {more}".strip(), role


class JobsModel(RowsModel):
    """Rows are `JobEntry` values: running, waiting in their order, then the last that ended."""

    def __init__(self) -> None:
        super().__init__(lambda entry: entry.record.id)
        self._waiting: dict[Lane, list[str]] = {}  # ids in their order

    def follow(self, jobs: Jobs) -> None:
        """Hold the jobs as they stand now."""
        entries = jobs.entries
        self._waiting = {}
        for entry in entries:
            if entry.record.state is JobState.WAITING:
                self._waiting.setdefault(entry.record.lane, []).append(entry.record.id)
        ended = [entry for entry in entries if entry.record.state.ended]
        self.show([entry for entry in entries if not entry.record.state.ended] + ended[:SHOWN_ENDED])

    def same(self, old: JobEntry, new: JobEntry) -> bool:
        return old is new or (old.previews is new.previews and _shown(old) == _shown(new))

    @property
    def waiting(self) -> tuple[str, ...]:
        """Ids of the jobs that have not begun."""
        return tuple(job for mine in self._waiting.values() for job in mine)

    def entry(self, row: int) -> JobEntry | None:
        found: JobEntry | None = self.row(row)
        return found

    def before(self, row: int, by: int) -> tuple[bool, str | None]:
        """Where a waiting job goes when it moves by one (`by` -1 sooner, 1 later): whether it can, and before which
        other job; None is last."""
        entry = self.entry(row)
        if entry is None or entry.record.state is not JobState.WAITING:
            return False, None
        mine = self._waiting[entry.record.lane]
        at = mine.index(entry.record.id)
        if not 0 <= at + by < len(mine):
            return False, None
        target = at - 1 if by < 0 else at + 2
        return True, mine[target] if target < len(mine) else None

    def say(self, row: JobEntry, role: int) -> Any:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return row.record.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{row.record.title}. {said(row)[0]}"
        return None
