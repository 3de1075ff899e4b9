"""Library: open, what was opened lately, what is open now, and the workspace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QThreadPool
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from medsynth_app.actions.open_image import list_series
from medsynth_app.formats.common import SeriesListing
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.opening import Background
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.basic import Group, button, clear, column, label, row
from medsynth_app.ui.widgets.panel import Panel, fact

RECENT = 10
LINE = 44


class LibraryPanel(Panel):
    """Recent images are shown by pseudonym, never by path."""

    def __init__(self, theme: Theme, session: Session, commands: Commands, open_path: Callable[..., None]) -> None:
        super().__init__(theme, "Library")
        self._session, self._open = session, open_path
        folder = button("Open folder…", commands["file.open_folder"].trigger)
        self.body.addWidget(folder)
        self.body.addWidget(label("Or drop a file or a folder on the window. A folder opens as a series.", "help",
                                  wrap=True))
        self.recent = QListWidget()
        self.recent.setObjectName("flat")
        self.recent.setAccessibleName("Opened lately")
        self.recent.itemActivated.connect(self._open_item)
        self.recent.itemClicked.connect(self._open_item)
        self._no_recent = label("Nothing yet. What you open appears here by pseudonym.", "help", wrap=True)
        self.series = QListWidget()
        self.series.setObjectName("flat")
        self.series.setAccessibleName("Series in this folder")
        self.series.itemActivated.connect(self._open_series)
        self.series.itemClicked.connect(self._open_series)
        self._series_group = Group(theme, "Series in this folder").add(self.series)
        self._series_group.hide()
        self._folder: Path | None = None
        self._pool = QThreadPool(self)
        self._tasks: list[Background] = []
        self._facts = column(spacing=look.XS)
        self._place = column(spacing=look.XS)
        self._image = Group(theme, "This image")
        self._image.add(self._facts, row(button("Export…", commands["file.export"].trigger),
                                         button("Remove study…", commands["file.remove_study"].trigger, "danger"),
                                         None))
        lately = Group(theme, "Opened lately").add(self.recent, self._no_recent)
        workspace = Group(theme, "Workspace").add(self._place)
        for group in (self._image, self._series_group, lately, workspace):
            self.body.addWidget(group)
        self.body.addStretch(1)
        self.pin("Open file…", commands["file.open"].trigger)
        self.hint.setText("DICOM, NIfTI, PNG, JPEG, TIFF")
        for signal in (session.documents.current_changed, session.view.index_changed, session.people.changed,
                       session.place_changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self, *_news: object) -> None:
        if self._session.place != "library":
            return
        self._show_recent()
        self._show_image()
        self._show_workspace()

    def _show_recent(self) -> None:
        self.recent.clear()
        for found in self._session.documents.recent(RECENT):
            opened = found.opened if isinstance(found.opened, datetime) else datetime.fromisoformat(str(found.opened))
            where = words.ago(opened) if found.exists else "its file is gone"
            about = ", ".join(part for part in (found.series or found.modality or "image", where) if part)
            item = QListWidgetItem(f"{found.pseudonym}\n{about}")
            item.setSizeHint(QSize(0, LINE))
            item.setData(Qt.ItemDataRole.UserRole, found)
            if not found.exists:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
                item.setForeground(QColor(self.theme.tokens.faint))
            self.recent.addItem(item)
        count = self.recent.count()
        self.recent.setVisible(count > 0)
        self.recent.setFixedHeight(min(count, 6) * LINE + 8)
        self._no_recent.setVisible(count == 0)

    def _open_item(self, item: QListWidgetItem) -> None:
        found = item.data(Qt.ItemDataRole.UserRole)
        if found is not None and item.flags() & Qt.ItemFlag.ItemIsEnabled:
            self._open(found.path, series=found.identity.series)

    def look_for_series(self, path: Path) -> None:
        """Something was opened: list the series of a folder, on another thread."""
        if path == self._folder:
            return
        self._folder = path
        self._series_group.hide()
        if path.is_dir():
            workspace = self._session.workspace
            task = Background(lambda task: list_series(workspace, path, cancelled=task.stopped), self._show_series,
                              lambda _error: None)
            self._tasks = [task]
            self._pool.start(task)

    def finish(self) -> None:
        """Stop reading, when the window closes."""
        for task in self._tasks:
            task.stop()
        self._pool.waitForDone(3000)

    def _show_series(self, found: Sequence[SeriesListing]) -> None:
        self.series.clear()
        for number, listing in enumerate(found, 1):
            item = QListWidgetItem(f"{listing.description or f'Series {number}'}\n"
                                   f"{listing.modality or 'unknown'}, "
                                   f"{listing.frames} slice{'' if listing.frames == 1 else 's'}")
            item.setSizeHint(QSize(0, LINE))
            item.setData(Qt.ItemDataRole.UserRole, listing.identity.series)
            self.series.addItem(item)
        self.series.setFixedHeight(min(len(found), 5) * LINE + 8)
        self._series_group.setVisible(len(found) > 1)

    def _open_series(self, item: QListWidgetItem) -> None:
        if self._folder is not None:
            self._open(self._folder, series=item.data(Qt.ItemDataRole.UserRole))

    def _show_image(self) -> None:
        document = self._session.documents.current
        self._image.setVisible(document is not None)
        clear(self._facts)
        if document is None:
            return
        info = document.info
        about = info.frames[self._session.view.index]
        g = about.geometry
        spacing = words.by(f"{g.column_spacing:.3g}", f"{g.row_spacing:.3g}") + " mm" if g else "not in the file"
        if g is not None and g.slice_spacing is not None and len(info.frames) > 1:
            spacing += f", slices {g.slice_spacing:.3g} mm"
        depth = "colour, 8 bit" if info.colour == "rgb" else \
            f"grey, {words.number(about.stored_range[0])} to {words.number(about.stored_range[1])}"
        for name, value in (("Pseudonym", info.pseudonym), ("Series", info.series),
                            ("Size", f"{words.by(about.columns, about.rows)} px"),
                            ("Slices", str(len(info.frames)) if len(info.frames) > 1 else ""),
                            ("Spacing", spacing), ("Values", depth)):
            if value:
                self._facts.addWidget(fact(name, value))
        if info.synthetic:
            self._facts.addWidget(fact("Origin", "SYNTHETIC: the file says that it holds generated pixels",
                                       "synthetic"))
        for text in info.notices:
            self._facts.addWidget(label(text, "warning", wrap=True))

    def _show_workspace(self) -> None:
        clear(self._place)
        workspace = self._session.workspace
        people = workspace.people.all()
        names = ", ".join(person.name for person in people) or "nobody yet"
        for name, value in (("State", "read-only" if workspace.read_only else "every stroke is saved at once"),
                            ("People", names), ("Kept in", "a folder that only you can read")):
            self._place.addWidget(fact(name, value))
