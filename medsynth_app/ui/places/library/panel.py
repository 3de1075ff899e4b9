"""Library: open, what was opened lately, what is open now, and the workspace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QModelIndex, QThreadPool
from PySide6.QtGui import QShowEvent

from medsynth_app.actions.open_image import list_series
from medsynth_app.core.changes import Changes
from medsynth_app.core.intensity import VolumeSample
from medsynth_app.core.modality import in_words
from medsynth_app.core.words import _, ngettext
from medsynth_app.formats.common import SeriesListing
from medsynth_app.session.session import Session
from medsynth_app.ui.places.library.recent import RecentList
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.background import Background
from medsynth_app.ui.widgets.basic import Group, button, clear, column, label, row
from medsynth_app.ui.widgets.lists import Line, LineList
from medsynth_app.ui.widgets.panel import Panel, fact

RECENT, SERIES, SHOWN = 50, 5, 4  # rows at most, and before they scroll


class LibraryPanel(Panel):
    """Recent images are shown by pseudonym, never by path."""

    def __init__(self, theme: Theme, session: Session, commands: Commands, open_path: Callable[..., None]) -> None:
        super().__init__(theme, _("Library"))
        self._session, self._open = session, open_path
        folder, export, series = button(_("Open folder…")), button(_("Export image…")), button(_("Export series…"))
        remove = button(_("Remove study…"), role="danger")
        for part, name in ((folder, "file.open_folder"), (export, "file.export"), (series, "file.export_series"),
                           (remove, "file.remove_study")):
            commands.follow(part, name)
        self.body.addWidget(folder)
        self.body.addWidget(label(_("Or drop a file or a folder on the window. A folder opens as a series."), "help",
                                  wrap=True))
        self.recent = RecentList(theme, session.documents.thumbnail, SHOWN)
        self.series = LineList(theme, _("Series in this folder"), most=SERIES)
        for found, opened in ((self.recent, self._open_recent), (self.series, self._open_series)):
            found.activated.connect(opened)
            found.clicked.connect(opened)
        self._no_recent = label(_("Nothing yet. What you open appears here by pseudonym."), "help", wrap=True)
        self.series_group = Group(theme, _("Series in this folder")).add(self.series)
        self.series_group.hide()
        self._folder: Path | None = None
        self._pool = QThreadPool(self)
        self._tasks: list[Background] = []
        self._facts = column(spacing=look.XS)
        self._place = column(spacing=look.XS)
        self._image = Group(theme, _("This image"))
        self._image.add(self._facts, row(export, series, None), row(remove, None))
        lately = Group(theme, _("Opened lately")).add(self.recent, self._no_recent)
        workspace = Group(theme, _("Workspace")).add(self._place)
        for group in (self._image, self.series_group, lately, workspace):
            self.body.addWidget(group)
        self.body.addStretch(1)
        self.pin(_("Open file…"))
        commands.follow(self.primary, "file.open")
        self.hint.setText(_("DICOM, NIfTI, PNG, JPEG, TIFF"))
        for signal in (session.documents.current_changed, session.people.changed):
            signal.connect(self.refresh)
        session.view.index_changed.connect(lambda _index: self._show_image() if self.isVisible() else None)
        session.changed.connect(self._follow)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def refresh(self, *_news: object) -> None:
        """Show what is open and what was, where somebody looks."""
        if self.isVisible():
            self._show_recent()
            self._show_image()
            self._show_workspace()

    def _follow(self, changes: Changes) -> None:
        """Something was accepted or undone: the rows count it."""
        if self.isVisible() and any(change.kind == "pixels" for change in changes.documents):
            self._show_recent()

    def _show_recent(self) -> None:
        found = self._session.documents.recent(RECENT)
        self.recent.show_documents(found)
        self.recent.setVisible(bool(found))
        self._no_recent.setVisible(not found)

    def _open_recent(self, index: QModelIndex) -> None:
        line = self.recent.rows.row(index.row())
        if line is not None and line.enabled:
            self._open(line.value.path, series=line.value.identity.series)

    def look_for_series(self, path: Path) -> None:
        """Something was opened: list the series of a folder, on another thread."""
        if path == self._folder:
            return
        self._folder = path
        self.series_group.hide()
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
        self.series.show_lines(_series_line(number, listing) for number, listing in enumerate(found, 1))
        self.series_group.setVisible(len(found) > 1)

    def _open_series(self, index: QModelIndex) -> None:
        line = self.series.rows.row(index.row())
        if self._folder is not None and line is not None:
            self._open(self._folder, series=line.value)

    def _show_image(self) -> None:
        document = self._session.documents.current
        self._image.setVisible(document is not None)
        clear(self._facts)
        if document is None:
            return
        info = document.info
        about = info.frames[self._session.view.index]
        g = about.geometry
        spacing = words.by(f"{g.column_spacing:.3g}", f"{g.row_spacing:.3g}") + " mm" if g else _("not in the file")
        if g is not None and g.slice_spacing is not None and len(info.frames) > 1:
            spacing += _(", slices {distance} mm").format(distance=f"{g.slice_spacing:.3g}")
        for name, value in ((_("Pseudonym"), info.pseudonym), (_("Series"), info.series),
                            (_("Size"), f"{words.by(about.columns, about.rows)} px"),
                            (_("Slices"), str(len(info.frames)) if len(info.frames) > 1 else ""),
                            (_("Spacing"), spacing), (_("Values"), self._values())):
            if value:
                self._facts.addWidget(fact(name, value))
        if info.synthetic:
            self._facts.addWidget(fact(_("Origin"), _("SYNTHETIC: the file says that it holds generated pixels"),
                                       "synthetic"))
        for text in info.notices:
            self._facts.addWidget(label(text, "warning", wrap=True))

    def _values(self) -> str:
        """Which values the slice in view holds, without padding."""
        view, document = self._session.view, self._session.documents.opened()
        if document.info.colour == "rgb" or view.state.unreadable is not None:
            return _("colour, 8 bit") if document.info.colour == "rgb" else ""
        about = document.info.frames[view.index]
        held = VolumeSample.of([(document.pixels(view.index), about)]).values
        bits = _("{count} bit").format(count=(about.stored_range[1] - about.stored_range[0]).bit_length())
        unit = f" {about.rescale.unit}".rstrip()
        if not len(held):
            return bits
        return _("{low} to {high}{unit}, {bits}").format(
            low=words.number(held[0]), high=words.number(held[-1]), unit=unit, bits=bits)

    def _show_workspace(self) -> None:
        clear(self._place)
        workspace = self._session.workspace
        people = workspace.people.all()
        names = ", ".join(person.name for person in people) or _("nobody yet")
        for name, value in ((_("State"), _("read-only") if workspace.read_only else _("every stroke is saved at once")),
                            (_("People"), names), (_("Kept in"), _("a folder that only you can read"))):
            self._place.addWidget(fact(name, value))


def _series_line(number: int, listing: SeriesListing) -> Line:
    count = ngettext("{count} slice", "{count} slices", listing.frames).format(count=listing.frames)
    return Line(listing.identity.series, listing.description or _("Series {number}").format(number=number),
                f"{in_words(listing.modality) or _('unknown')}, {count}", value=listing.identity.series)
