"""Models: the packs that are installed, what they say of themselves, and whether their files are whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, QThreadPool
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from medsynth_app.actions.packs import PackCheck, verify_packs
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.opening import Background
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import button, label, row, set_role
from medsynth_app.ui.widgets.panel import Panel


class ModelsPanel(Panel):
    """The list of packs, and the button that compares their files with their hashes."""

    def __init__(self, theme: Theme, session: Session, commands: Commands,
                 failed: Callable[[Exception], None]) -> None:
        super().__init__(theme, "Models")
        self._session, self._report = session, failed
        self._pool = QThreadPool(self)
        self._tasks: list[Background] = []
        self._checks: dict[str, PackCheck] = {}
        self.list = QListWidget()
        self.list.setAccessibleName("Installed models")
        self.list.currentRowChanged.connect(lambda _row: self._show_check())
        self._empty = label("No model is installed. Copy a pack folder into the folder “packs” of MedSynth's data; "
                            "then look again.", "muted", wrap=True)
        self._state = label("", "help", wrap=True)
        self._again = button("Look again", session.models.refresh, "link")
        self.body.addLayout(row(label("Installed models", "heading"), None, self._again))
        for part in (self.list, self._empty, self._state):
            self.body.addWidget(part)
        self.train = button("Train a model…", commands["models.train"].trigger)
        self.body.addWidget(self.train)
        self.body.addStretch(1)
        self.pin("Verify the files", commands["models.verify"].trigger)
        self.hint.setText("Compares every file with the hash in its pack.")
        session.models.changed.connect(self.refresh)
        self.refresh()

    @property
    def chosen(self) -> InstalledPack | None:
        index = self.list.currentRow()
        return self._session.models.installed[index] if 0 <= index < len(self._session.models.installed) else None

    def refresh(self) -> None:
        packs = self._session.models.installed
        shown = [f"{pack.manifest.title}\n{pack.manifest.domain}, version {pack.manifest.version}" for pack in packs]
        if [self.list.item(k).text() for k in range(self.list.count())] != shown:
            self.list.clear()
            for text in shown:
                item = QListWidgetItem(text)
                item.setSizeHint(QSize(0, 52))
                self.list.addItem(item)
            at = packs.index(self._session.models.pack) if self._session.models.pack in packs else 0
            self.list.setCurrentRow(at if packs else -1)
        self.list.setFixedHeight(min(6, max(1, len(packs))) * 52 + 8)
        self.list.setVisible(bool(packs))
        self._empty.setVisible(not packs)
        self.primary.setEnabled(bool(packs))
        self._show_check()

    def verify(self) -> None:
        """Compare the files on another thread."""
        self.primary.setEnabled(False)
        self.primary.setText("Verifying…")
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
        self.primary.setEnabled(True)
        self.primary.setText("Verify the files")
        self._show_check()

    def _show_check(self) -> None:
        check = self._checks.get(self.chosen.manifest.sha256) if self.chosen else None
        if check is None:
            self._state.setText("Not verified in this session." if self.chosen else "")
        elif check.whole:
            count = len(check.pack.manifest.files)
            self._state.setText(f"Whole: all {count} files match their hashes.")
        else:
            self._state.setText("Not whole; do not use it, copy it again.\n" + "\n".join(check.problems[:6]))
        set_role(self._state, "help" if check is None else "done" if check.whole else "error")

    def finish(self) -> None:
        self._pool.waitForDone(3000)
