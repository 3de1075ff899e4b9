"""Models: the packs that are installed, what they say of themselves, and whether their files are whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QThreadPool, Signal

from medsynth_app.actions.packs import PackCheck, verify_packs
from medsynth_app.core.job import JobState
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.session.training import TrainingRun
from medsynth_app.ui.places.models.bench import STATES
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.background import Background
from medsynth_app.ui.widgets.basic import button, label, row, set_role
from medsynth_app.ui.widgets.lists import Line, LineList
from medsynth_app.ui.widgets.panel import Panel

LINE, SHOWN, RUNS_SHOWN = 52, 6, 3  # px of a row, and how many rows without scrolling


class ModelsPanel(Panel):
    """The list of packs, and the button that compares their files with their hashes."""

    chosen_changed = Signal()
    run_chosen = Signal(object)

    def __init__(self, theme: Theme, session: Session, commands: Commands,
                 failed: Callable[[Exception], None]) -> None:
        super().__init__(theme, _("Models"))
        self._session, self._commands, self._report = session, commands, failed
        self._verifying = False
        self._pool = QThreadPool(self)
        self._tasks: list[Background] = []
        self._checks: dict[str, PackCheck] = {}
        self.list = LineList(theme, _("Installed models"), LINE, SHOWN)
        self.list.selectionModel().currentChanged.connect(lambda _now, _before: self._show_chosen())
        self._empty = label(_("No model is installed. Add the folder of a pack, from a USB stick "
                            "for example."), "muted", wrap=True)
        self._state = label("", "help", wrap=True)
        self._again = button(_("Look again"), role="link")
        commands.follow(self._again, "models.refresh")
        self._runs_head = label(_("Training"), "heading")
        self.runs = LineList(theme, _("Training runs"), LINE, RUNS_SHOWN)
        self.runs.clicked.connect(lambda _index: self._show_run())
        self.runs.activated.connect(lambda _index: self._show_run())
        self.body.addWidget(self._runs_head)
        self.body.addWidget(self.runs)
        self.body.addLayout(row(label(_("Installed models"), "heading"), None, self._again))
        for part in (self.list, self._empty, self._state):
            self.body.addWidget(part)
        self.remove = button(_("Delete…"), role="link")
        commands.follow(self.remove, "models.remove")
        self.body.addLayout(row(None, self.remove))
        self.add = button(_("Add a model…"))
        commands.follow(self.add, "models.add")
        self.body.addWidget(self.add)
        self.train = button(_("Train a model…"))
        commands.follow(self.train, "models.train")
        self.data = button(_("Look at my data…"))
        commands.follow(self.data, "models.data")
        self.body.addWidget(self.data)
        self.body.addWidget(self.train)
        self.body.addStretch(1)
        self.pin(_("Verify the files"))
        commands.follow(self.primary, "models.verify", tip=False)
        self.hint.setText(_("Compares every file with the hash in its pack."))
        session.models.changed.connect(self.refresh)
        session.jobs.changed.connect(self.show_runs)
        session.training.changed.connect(lambda _job: self.show_runs())
        self.refresh()
        self.show_runs()

    def show_runs(self) -> None:
        """List the training runs of this workspace; none, no list."""
        runs = self._session.training.runs
        self.runs.show_lines(Line(run.id, run.name, self._about(run), value=run) for run in runs)
        self.runs.setVisible(bool(runs))
        self._runs_head.setVisible(bool(runs))

    @staticmethod
    def _about(run: TrainingRun) -> str:
        state = run.entry.record.state
        if state is JobState.RUNNING:
            left = f", {words.duration(run.entry.seconds_left)}" if run.entry.seconds_left is not None else ""
            return f"{round(run.entry.fraction * 100)} %{left}"
        return STATES[state]

    def _show_run(self) -> None:
        line = self.runs.rows.row(self.runs.current)
        if line is not None:
            self.run_chosen.emit(line.value)

    def show_as_chosen(self, run: str) -> None:
        """Mark the run that the page shows."""
        if (at := self.runs.rows.place(run)) >= 0:
            self.runs.set_current(at)

    @property
    def chosen(self) -> InstalledPack | None:
        line = self.list.rows.row(self.list.current)
        found: InstalledPack | None = line.value if line is not None else None
        return found

    def choose(self, pack: InstalledPack) -> None:
        """Show this pack; nothing happens where it is not in the list."""
        if (at := self.list.rows.place(str(pack.folder))) >= 0:
            self.list.set_current(at)

    @property
    def obstacle(self) -> str:
        """Why the files cannot be compared now; "" when they can."""
        if self._verifying:
            return _("They are being verified")
        return "" if self._session.models.installed else _("No model is installed")

    def refresh(self) -> None:
        """List the installed packs; the chosen one stays chosen, at first the one that draws."""
        models = self._session.models
        kept = self.chosen or models.pack
        packs = models.installed
        self.list.show_lines(Line(str(pack.folder), pack.manifest.title, _("{domain}, version {version}").format(
            domain=pack.manifest.domain, version=pack.manifest.version), value=pack) for pack in packs)
        at = self.list.rows.place(str(kept.folder)) if kept is not None else -1
        self.list.set_current(at if at >= 0 else 0)
        self.list.setVisible(bool(packs))
        self._empty.setVisible(not packs)
        self._show_chosen()
        self._commands.refresh("models.verify")

    def verify(self) -> None:
        """Compare the files on another thread."""
        self._verifying = True
        self.primary.setText(_("Verifying…"))
        folders = sorted({pack.folder for pack in self._session.models.installed})
        task = Background(lambda _task: verify_packs(folders), self._verified, self._failed)
        self._tasks = [task]
        self._pool.start(task)

    def _verified(self, checks: Sequence[PackCheck]) -> None:
        self._checks = {check.pack.manifest.sha256: check for check in checks}
        self._reset()

    def _failed(self, error: Exception) -> None:
        self._reset()
        self._report(error)

    def _reset(self) -> None:
        self._verifying = False
        self.primary.setText(_("Verify the files"))
        self._show_check()
        self._commands.refresh("models.verify")

    def _show_chosen(self) -> None:
        self._show_check()
        self.chosen_changed.emit()
        self._commands.refresh("models.remove")

    def _show_check(self) -> None:
        check = self._checks.get(self.chosen.manifest.sha256) if self.chosen else None
        if check is None:
            self._state.setText(_("Not verified in this session.") if self.chosen else "")
        elif check.whole:
            count = len(check.pack.manifest.files)
            self._state.setText(_("Whole: all {count} files match their hashes.").format(count=count))
        else:
            self._state.setText(_("Not whole; do not use it, copy it again.\n") + "\n".join(check.problems[:6]))
        set_role(self._state, "help" if check is None else "done" if check.whole else "error")

    def finish(self) -> None:
        self._pool.waitForDone(3000)
