"""Training of model packs and their parts, and a look at the data before.

The actions stand on the readers of data sets, which no window needs before somebody trains.
"""

from __future__ import annotations

from pathlib import Path

from medsynth_app.core.changes import Changes
from medsynth_app.core.jobs.data import DataRequest
from medsynth_app.core.jobs.train import TrainRequest
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.jobs import Jobs
from medsynth_app.session.people import People


class Training:
    def __init__(self, queue: JobQueue, people: People, jobs: Jobs) -> None:
        self._queue, self._people, self._jobs = queue, people, jobs

    def request(self, recipe: Path, data: Path | None, out: Path, *, part: str, pack: InstalledPack | None,
                resume: bool, max_minutes: float) -> TrainRequest:
        """The request of a training run; what can be seen at once to speak against it is a `UserError`."""
        from medsynth_app.actions.train import train_request

        return train_request(recipe, data, out, part=part, pack=pack, resume=resume, max_minutes=max_minutes)

    def look_at(self, request: DataRequest) -> Changes:
        """Queue a look at data, or a preview of what a run would learn from them."""
        from medsynth_app.actions.data import look_at_data

        return self._jobs.submitted(look_at_data(self._queue, request, self._people.id))

    def run(self, request: TrainRequest) -> Changes:
        """Queue a training run."""
        from medsynth_app.actions.train import train

        return self._jobs.submitted(train(self._queue, request, self._people.id))
