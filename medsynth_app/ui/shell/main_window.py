"""The window: rail, tool bar, canvas, strip, inspector, status bar, and what floats over them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QMainWindow, QStackedWidget, QWidget

from medsynth_app.core.changes import Changes
from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.banners import Banners
from medsynth_app.ui.shell.calm import Calm
from medsynth_app.ui.shell.command import Command
from medsynth_app.ui.shell.command_palette import CommandPalette
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.dialogs import Dialogs
from medsynth_app.ui.shell.exporting import Exporting
from medsynth_app.ui.shell.files import Files, dropped_path
from medsynth_app.ui.shell.first_run import NameBar, Welcome
from medsynth_app.ui.shell.focus import FocusGuard
from medsynth_app.ui.shell.frame import Frame, MakePlace
from medsynth_app.ui.shell.job_news import JobNews
from medsynth_app.ui.shell.jobs_drawer import JobRing, JobsDrawer
from medsynth_app.ui.shell.messages import Messages
from medsynth_app.ui.shell.navigator import Navigator
from medsynth_app.ui.shell.opening import Opening
from medsynth_app.ui.shell.place import Place
from medsynth_app.ui.shell.rail import Rail
from medsynth_app.ui.shell.reports import Reports
from medsynth_app.ui.shell.runner import Runner
from medsynth_app.ui.shell.settings_dialog import SettingsDialog
from medsynth_app.ui.shell.shortcuts import KeyEditor, Keys, KeySheet
from medsynth_app.ui.shell.status_bar import StatusBar
from medsynth_app.ui.shell.toasts import Toasts
from medsynth_app.ui.shell.toolbar import ImageTools, ToolBar, steps
from medsynth_app.ui.shell.tracing import Tracing
from medsynth_app.ui.shell.veil import Veil
from medsynth_app.ui.shell.view_commands import edit_commands, tool_commands, view_commands
from medsynth_app.ui.shell.window_commands import place_commands, switch, theme_commands
from medsynth_app.ui.shell.window_levels import window_commands
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.viewer.canvas import Canvas
from medsynth_app.ui.widgets.basic import column, row
from medsynth_app.ui.widgets.reach import Reach
from medsynth_app.ui.widgets.wheel import Guard


class MainWindow(QMainWindow):
    """One window on one session.

    Parameters
    ----------
    places
        Who build the places, in the order of the rail.

    Signals
    -------
    painted
        Once, after the first frame was shown: what is slow to start may start now.
    """

    painted = Signal()

    def __init__(self, session: Session, theme: Theme, places: Sequence[MakePlace]) -> None:
        super().__init__()
        self.session, self.theme = session, theme
        self.setObjectName("window")
        self.setWindowTitle("MedSynth")
        self.setAcceptDrops(True)
        self._first = True
        self._build_frame()
        self._build_places(places)
        self._compose()
        self._add_commands()
        self._keys = Keys(self, self._digit, self._go_to_place, lambda held: self.canvas.candidate.flicker(held),
                          self._press)
        self._focus = FocusGuard(self, self.commands, self._resting)
        self._connect()
        Guard(self).guard(self)
        self._restore()
        self._show_document()
        self.navigator.open(self._places)

    # -- building

    def _build_frame(self) -> None:
        """All that a place is given."""
        s, theme = self.session, self.theme
        self.commands, self.navigator = Commands(self, theme), Navigator(s.settings)
        self.canvas, self.view = Canvas(s), QStackedWidget()
        self.calm = Calm(lambda: self.canvas.held, self)
        self.dialogs, self.banners = Dialogs(self), Banners(theme, self.view)
        self.toasts = Toasts(theme, self.view, self.calm)
        self.run = Runner(self.banners)
        self.reports = Reports(self.dialogs, self.banners)
        self.opening = Opening(theme, s, self.banners, self.reports.bug,
                               lambda: self.commands["file.open"].trigger(), self.view, self.calm)
        self.exporting = Exporting(s, self.toasts, self.banners, self.reports.bug)
        self.tracing = Tracing(s, self.toasts, self.banners, self.reports.bug)
        self.files = Files(s, self.dialogs, self.run, self.toasts, self.banners, self.open_path, self.exporting,
                           self.tracing)
        self._frame = Frame(s, theme, self.canvas, self.commands, self.navigator, self.run, self.toasts, self.banners,
                            self.dialogs, self.opening, self.reports.bug, steps(self.commands),
                            ImageTools(theme, s, self.commands))

    def _build_places(self, places: Sequence[MakePlace]) -> None:
        self._places = tuple(make(self._frame) for make in places)
        self.welcome = Welcome(self.theme, self.session, self.commands, self.open_path)
        self.inspector, self._inspectors = QFrame(), QStackedWidget()
        for page in (self.welcome, self.canvas):
            self.view.addWidget(page)
        for place in self._places:
            self._inspectors.addWidget(place.panel)
            if place.centre is not None:
                self.view.addWidget(place.centre)

    def _compose(self) -> None:
        s, theme = self.session, self.theme
        screen = QGuiApplication.primaryScreen().availableGeometry()
        self.ring, self.name_bar = JobRing(theme), NameBar(theme, s)
        self.toolbar, self.rail = ToolBar(theme, self.ring), Rail(theme, self.commands, self.navigator, self._places)
        self.status = StatusBar(theme, s, self.canvas, self.navigator, self.name_bar.ask)
        self.inspector.setObjectName("inspector")
        self.inspector.setFixedWidth(look.INSPECTOR_PX)
        column(self._inspectors, parent=self.inspector, spacing=0)
        strips = [place.strip for place in self._places if place.strip is not None]
        middle = QWidget()
        column(self.toolbar, self.view, *strips, parent=middle, spacing=0).setStretch(1, 1)
        self.messages = Messages(self.view, self.calm, self.banners, self.opening, self.name_bar)
        self.messages.covered.connect(self._leave_above)
        self.name_bar.left.connect(lambda: self._resting().setFocus(Qt.FocusReason.OtherFocusReason))
        upper = QWidget()
        row(self.rail, middle, self.inspector, parent=upper, spacing=0).setStretch(1, 1)
        central = QWidget()
        central.setObjectName("central")
        column(upper, self.status, parent=central, spacing=0).setStretch(0, 1)
        area = Reach(central, QSize(*look.SMALLEST))  # for a screen that is smaller than that
        self.setCentralWidget(area)
        self.drawer = JobsDrawer(theme, s, self.run, self.commands, self.ring, upper)
        self.palette_widget = CommandPalette(theme, self.commands, self.navigator, area)
        self.veil = Veil(theme, upper, s.settings.current.veil_minutes,
                         lambda: s.people.current.name if s.people.current else "")
        self._wants_name = (s.people.current is None and not s.workspace.read_only
                            and not s.settings.current.first_run_done)
        self.setMinimumSize(min(look.SMALLEST[0], screen.width()), min(look.SMALLEST[1], screen.height()))

    def _add_commands(self) -> None:
        """Take up all commands; the palette keeps their order among equally likely ones, Quit last."""
        s, navigator = self.session, self.navigator
        add = self.commands.add
        add(self.files.commands())
        add(edit_commands(s, navigator, self.run))
        add(tool_commands(s, self.canvas))
        for place in self._places:
            add(place.commands)
        add(place_commands(self._places, navigator))
        add(window_commands(s))
        add(view_commands(s, self.canvas))
        add((switch("view.inspector", _("Show the inspector"), "Ctrl+I", "dock-right",
                    lambda: not self.inspector.isHidden(), self.inspector.setVisible),
             switch("view.strip", _("Unfold the strip"), "Ctrl+B", "dock-bottom",
                    lambda: s.settings.current.strip_open, self._fold_strip),
             switch("view.jobs", _("Show the jobs"), "Ctrl+J", "progress-clock",
                    lambda: not self.drawer.isHidden(), self.drawer.set_open)))
        add(self.drawer.commands())
        add(theme_commands(lambda: self.theme.choice, self.choose_theme))
        add(self._own_commands())
        settings = s.settings.current
        self.commands.apply_keys(settings.left_handed, settings.shortcuts)

    def _own_commands(self) -> tuple[Command, ...]:
        window, help_ = _("Window"), _("Help")
        return (
            Command("keys.left_handed", _("Keys for the left hand on the mouse"), window, self.toggle_left_handed,
                    checked_when=lambda: self.session.settings.current.left_handed),
            Command("veil.now", _("Cover the images now"), window, self.veil.cover, "Ctrl+L", icon="eye-off-outline"),
            Command("person.switch", _("Switch the person at work"), window, self.name_bar.ask,
                    icon="account-outline"),
            Command("help.palette", _("Find an action…"), help_, self.palette_widget.open, "Ctrl+K", icon="magnify"),
            Command("help.keys", _("Keys of this place"), help_, self.show_keys, "?", icon="keyboard-outline"),
            Command("help.edit_keys", _("Change the keys…"), help_, self.edit_keys, icon="keyboard-settings-outline"),
            Command("help.settings", _("Settings…"), help_, self.show_settings, "Ctrl+,", icon="cog-outline"),
            Command("file.quit", _("Quit"), _("File"), lambda: self.close(), "Ctrl+Q"))

    def _connect(self) -> None:
        s, refresh = self.session, self.commands.refresh
        self.navigator.changed.connect(self.show_place)
        self.navigator.changed.connect(lambda _place: refresh())
        self.theme.changed.connect(self.canvas.set_theme)
        self.canvas.set_theme(self.theme.tokens)
        self.canvas.tools.changed.connect(lambda _tool: refresh())
        self.canvas.candidate.mode_changed.connect(lambda _mode: refresh())
        s.notice.connect(self._notice)
        s.documents.current_changed.connect(self._show_document)
        s.changed.connect(self._follow)
        for signal in (s.documents.current_changed, s.painting.history_changed, s.painting.schema_changed,
                       s.candidates.changed, s.candidates.selected_changed, s.people.changed, s.models.changed,
                       s.generate.pictures.changed, s.generate.shape_changed):
            signal.connect(lambda: refresh())
        s.inpaint.parameters_changed.connect(lambda _names: refresh())
        self._news = JobNews(s, self.navigator, self.run, self.toasts, self.banners)

    def _restore(self) -> None:
        settings = self.session.settings.current
        screen = QGuiApplication.primaryScreen().availableGeometry()
        self.resize(min(1440, screen.width()), min(900, screen.height()))
        if settings.window_geometry:
            self.restoreGeometry(QByteArray(base64.b64decode(settings.window_geometry)))
        elif screen.width() <= 1440:
            self.setGeometry(screen)
        self.canvas.edges.show_generated(settings.show_synthetic_edge)
        self.canvas.edges.show_effective(settings.show_effective_mask)
        self.canvas.paint_look.set_opacity(settings.mask_opacity)

    # -- what is shown

    def place(self, place_id: str) -> Place:
        return next(place for place in self._places if place.id == place_id)

    def show_place(self, place: Place) -> None:
        """Show a place: its inspector, its tools, and what stands in the middle and below."""
        opened = self.session.documents.current is not None
        self._inspectors.setCurrentWidget(place.panel)
        self.toolbar.show_parts(place.tools)
        self.view.setCurrentWidget(place.centre or (self.canvas if opened else self.welcome))
        height = look.STRIP_PX if self.session.settings.current.strip_open else look.STRIP_FOLDED_PX
        wanted = place.strip if opened else None
        self.canvas.view.leave_below(0 if wanted is not None else height)
        for strip in (each.strip for each in self._places):
            if strip is not None:
                strip.setFixedHeight(height)
                strip.setVisible(strip is wanted)

    def _fold_strip(self, is_open: bool) -> None:
        self.session.settings.change(strip_open=is_open)
        self.show_place(self.navigator.current)

    def _leave_above(self, height: int) -> None:
        """Messages lie over the image, whose texts make room for them; other pages begin below them."""
        self.canvas.stage.leave_above(height)
        for page in (self.welcome, *(place.centre for place in self._places)):
            if page is not None:
                page.setContentsMargins(0, height, 0, 0)

    def _follow(self, changes: Changes) -> None:
        """What can be done may be something else now; labels alone come many a minute, and their place follows them."""
        if changes != Changes(labels=changes.labels):
            self.commands.refresh()

    def _show_document(self) -> None:
        document = self.session.documents.current
        self.setWindowTitle(f"{document.info.pseudonym} · MedSynth" if document else "MedSynth")
        for banner in self.banners.all():
            if banner.key.startswith("image."):
                self.banners.drop(banner.key)
        if self.navigator.places:
            self.show_place(self.navigator.current)

    # -- what the person does

    def open_path(self, path: Path, **options: Any) -> None:
        """Open a file or folder in the background; `options` as of `Opening.open`."""
        self.opening.open(path, **options)

    def choose_theme(self, choice: str) -> None:
        self.session.settings.change(theme=choice)
        self.theme.choose(choice)
        self.commands.refresh()

    def set_veil(self, minutes: int) -> None:
        self.session.settings.change(veil_minutes=minutes)
        self.veil.set_minutes(minutes)

    def toggle_left_handed(self) -> None:
        left = not self.session.settings.current.left_handed
        settings = self.session.settings.change(left_handed=left)
        self.commands.apply_keys(left, settings.shortcuts)
        self.toasts.say("info", _("Keys for the left hand on the mouse.") if left
                        else _("Keys for the right hand on the mouse."))

    def show_keys(self) -> None:
        self.dialogs.show(KeySheet(self.commands, self.navigator, self))

    def edit_keys(self) -> None:
        self.dialogs.show(KeyEditor(self.commands, self.session.settings, self))

    def show_settings(self) -> None:
        self.dialogs.show(SettingsDialog(self.session, self.choose_theme, self.set_veil, self.edit_keys, self))

    def _resting(self) -> QWidget:
        """Where the focus is when nobody has put it anywhere: on the image, or what stands in the middle instead."""
        return self.view.currentWidget() or self

    def _digit(self, digit: int) -> bool:
        choose = self.navigator.current.keys.digit
        return choose is not None and choose(digit)

    def _press(self, event: QKeyEvent) -> bool:
        press = self.navigator.current.keys.press
        return press is not None and press(event)

    def _go_to_place(self, digit: int) -> bool:
        if not 1 <= digit <= len(self._places):
            return False
        self.navigator.go(self._places[digit - 1].id)
        return True

    def _notice(self, level: str, text: str) -> None:
        """What the session says: errors stay, the rest passes; standing facts of the image are chips on it."""
        if level == "error":
            self.banners.say(level, text, key=f"image.{text}")
        else:
            self.toasts.say(level, text)

    # -- Qt's own events

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        handle = self.windowHandle()
        if handle is not None:
            for watcher in (self._keys, self._focus, self.veil):
                handle.removeEventFilter(watcher)
                handle.installEventFilter(watcher)
        if self._first:
            self._first = False
            QTimer.singleShot(0, self._after_first_frame)

    def _after_first_frame(self) -> None:
        """Once the first frame is on the screen: what can wait until then."""
        workspace, settings = self.session.workspace, self.session.settings
        if workspace.read_only:
            self.toasts.say("warning", workspace.notice or _("This workspace is open read-only."))
        if settings.notice:
            self.banners.say("warning", settings.notice)
        if self._wants_name:
            settings.change(first_run_done=True)
            if self.session.people.current is None:
                self.name_bar.ask()
        self.painted.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_path(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = dropped_path(event.mimeData())
        if path is not None:
            event.acceptProposedAction()
            self.open_path(path)

    def closeEvent(self, event: QCloseEvent) -> None:
        """No questions: every stroke is saved, and jobs go on with the next start."""
        geometry = base64.b64encode(bytes(self.saveGeometry().data())).decode()
        self.session.settings.change(window_geometry=geometry)
        self.calm.stop()
        self.opening.finish()
        self.exporting.finish()
        self.tracing.finish()
        self.welcome.finish()
        self.status.finish()
        for place in self._places:
            place.finish()
        self.canvas.close()
        super().closeEvent(event)
