"""What a person does with the training run that is shown: stop it, let it go on, branch it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from medsynth_app.core.job import JobState
from medsynth_app.core.jobs.train import TrainRequest
from medsynth_app.core.words import _
from medsynth_app.session.training import Branch, TrainingRun
from medsynth_app.ui.places.models.bench import TrainingPage
from medsynth_app.ui.shell.chores import Chores
from medsynth_app.ui.shell.command import Command
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.widgets.words import READ_ONLY

NONE = _("Choose a training run first")


class Runs:
    """The commands of the page that shows a run.

    Parameters
    ----------
    is_shown
        Whether the place shows that page.
    show
        Shows the place.
    """

    def __init__(self, frame: Frame, page: TrainingPage, is_shown: Callable[[], bool],
                 show: Callable[[], None]) -> None:
        self._frame, self._page, self._is_shown, self._show = frame, page, is_shown, show
        self._training, self._jobs = frame.session.training, frame.session.jobs
        self._chores = Chores(frame.session.jobs, frame.toasts, frame.banners, frame.report_bug)

    def commands(self, group: str) -> tuple[Command, ...]:
        return (
            Command("models.stop_run", _("Stop the training run"), group, self.stop, icon="stop-circle-outline",
                    enabled_when=self._stop_refusal),
            Command("models.go_on", _("Go on with the training run"), group, self.go_on, icon="play-circle-outline",
                    enabled_when=self._go_on_refusal),
            Command("models.branch", _("Branch the training run…"), group, self.ask_branch, icon="source-branch",
                    enabled_when=self._branch_refusal))

    def stop(self) -> None:
        """Stop the run; it keeps what it has learned."""
        if (run := self._run) is not None:
            self._frame.run(lambda: self._jobs.cancel(run.id))

    def go_on(self) -> None:
        """Let a run that was stopped go on, and show it."""
        if (run := self._run) is not None \
                and (changes := self._frame.run(lambda: self._jobs.retry(run.id))) is not None:
            self._page.show_one_of(changes.jobs)

    def ask_branch(self) -> None:
        """Ask what the branch shall be called and do otherwise, and begin it."""
        from medsynth_app.ui.places.models.branch import BranchDialog

        if (run := self._run) is not None:
            self._show()
            self._frame.dialogs.show(BranchDialog(run, self._recipes, self._branch, self._frame.dialogs))

    def finish(self) -> None:
        """Stop and wait, when the window closes; nothing is left of a copy that is not complete."""
        self._chores.finish()

    # -- inner

    def _branch(self, asked: Branch) -> None:
        """Copy the run on another thread, then queue what goes on from the copy."""
        self._chores.start("branch", _("Branch: {name}").format(name=asked.name),
                           lambda task: self._training.branch(asked, self._recipes, task.tell, task.stopped),
                           lambda request: self._branched(asked, request), lambda: self._branch(asked),
                           fault=_("Branching the run ended in a fault."))

    def _branched(self, asked: Branch, request: TrainRequest) -> None:
        if (changes := self._frame.run(lambda: self._training.run(request))) is not None:
            self._page.show_one_of(changes.jobs, beside=asked.of)
            self._frame.toasts.say("info", _("{name} waits its turn: see the jobs").format(name=asked.name))

    @property
    def _recipes(self) -> Path:
        return self._frame.session.models.shelf.parent / "recipes"

    @property
    def _run(self) -> TrainingRun | None:
        return self._page.run if self._is_shown() else None

    def _stop_refusal(self) -> str | None:
        if (run := self._run) is None:
            return NONE
        return _("It does not run") if run.entry.record.state.ended else None

    def _go_on_refusal(self) -> str | None:
        if (run := self._run) is None:
            return NONE
        return None if run.entry.record.state in (JobState.CANCELLED, JobState.FAILED) else _("It was not stopped")

    def _branch_refusal(self) -> str | None:
        if (run := self._run) is None:
            return NONE
        if self._frame.session.workspace.read_only:
            return READ_ONLY
        if not run.entry.record.state.ended:
            return _("Stop it first: a branch begins from what it has kept")
        return None if self._training.has_learned(run) else _("It has kept nothing yet from which it could go on")
