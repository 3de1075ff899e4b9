"""The window: rail, tool bar, canvas, strip, inspector, status bar, and what floats over them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QByteArray, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication, QShowEvent
from PySide6.QtWidgets import QFrame, QMainWindow, QStackedWidget, QWidget

from medsynth_app.core.errors import UserError
from medsynth_app.session.session import Session
from medsynth_app.ui.places.generate.gallery import PictureGrid
from medsynth_app.ui.places.generate.panel import GeneratePanel
from medsynth_app.ui.places.library.panel import LibraryPanel
from medsynth_app.ui.places.models.card import ModelCard
from medsynth_app.ui.places.models.panel import ModelsPanel
from medsynth_app.ui.places.models.train import TrainDialog
from medsynth_app.ui.places.paint.candidates import StagingStrip
from medsynth_app.ui.places.paint.panel import InpaintPanel
from medsynth_app.ui.places.planned import PlannedPanel
from medsynth_app.ui.shell.banners import Banners
from medsynth_app.ui.shell.bindings import Bindings
from medsynth_app.ui.shell.command_palette import CommandPalette
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.files import Files, dropped_path
from medsynth_app.ui.shell.first_run import NameBar, Welcome
from medsynth_app.ui.shell.job_news import JobNews
from medsynth_app.ui.shell.jobs_drawer import JobsDrawer
from medsynth_app.ui.shell.opening import Opening
from medsynth_app.ui.shell.rail import PLACES, Rail
from medsynth_app.ui.shell.reports import report
from medsynth_app.ui.shell.settings_dialog import SettingsDialog
from medsynth_app.ui.shell.shortcuts import KeyEditor, Keys, KeySheet
from medsynth_app.ui.shell.status_bar import StatusBar
from medsynth_app.ui.shell.toasts import Toasts
from medsynth_app.ui.shell.toolbar import ToolBar
from medsynth_app.ui.shell.veil import Veil
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.viewer.canvas import Canvas
from medsynth_app.ui.widgets.basic import column, row

T = TypeVar("T")
READ_ONLY = "stays.read-only"
BUG = "stays.bug"


class MainWindow(QMainWindow):
    """One window on one session.

    Signals
    -------
    painted
        Once, after the first frame was shown: what is slow to start may start now.
    """

    painted = Signal()

    def __init__(self, session: Session, theme: Theme) -> None:
        super().__init__()
        self.session, self.theme = session, theme
        self.setObjectName("window")
        self.setWindowTitle("MedSynth")
        self.setAcceptDrops(True)
        self.commands = Commands(self, theme)
        self.files = Files(self)
        self._paint_tool = ""  # what Paint was left with
        self._first = True
        self._build()
        self.bindings = Bindings(self)
        self._keys = Keys(self, self._choose_class, self._go_to_place, self._flicker)
        settings = session.settings.current
        self.commands.apply_keys(settings.left_handed, settings.shortcuts)
        self._brush_timer = QTimer(self)
        self._brush_timer.setSingleShot(True)
        self._brush_timer.setInterval(1000)
        self._brush_timer.timeout.connect(self._keep_brush)
        self._connect()
        self._take_theme(theme.tokens)
        self._restore()
        self._show_document()
        self.show_place(session.place)

    # -- building

    def _build(self) -> None:
        s, theme = self.session, self.theme
        self.canvas = Canvas(s)
        self.rail = Rail(theme, self.commands)
        self.toolbar = ToolBar(theme, s, self.canvas, self.commands)
        self.banners, self.name_bar = Banners(theme), NameBar(theme, s)
        self.opening = Opening(theme, s, self.banners, self.report_bug, self.files.open_file)
        self.strip = StagingStrip(s, self.canvas)
        self.welcome = Welcome(theme, self.commands, self.open_path)
        self.panels = self._make_panels()
        self.pictures = PictureGrid(theme, s, self.commands, self.files.save_picture)
        self.models_card = ModelCard(s, self.models_panel)
        self.view = QStackedWidget()
        for page in (self.welcome, self.canvas, self.pictures, self.models_card):
            self.view.addWidget(page)
        self.inspector = QFrame()
        self.inspector.setObjectName("inspector")
        self.inspector.setFixedWidth(look.INSPECTOR_PX)
        self._inspectors = QStackedWidget()
        for place in PLACES:
            self._inspectors.addWidget(self.panels[place])
        column(self._inspectors, parent=self.inspector, spacing=0)
        self.status = StatusBar(theme, s, self.canvas, self.name_bar.ask)
        self._compose()

    def _make_panels(self) -> dict[str, QWidget]:
        s, theme, commands = self.session, self.theme, self.commands
        self.library_panel = LibraryPanel(theme, s, commands, self.open_path)
        self.inpaint_panel = InpaintPanel(theme, s, commands)
        self.generate_panel = GeneratePanel(theme, s, commands)
        self.models_panel = ModelsPanel(theme, s, commands, self.report_bug)
        return {"library": self.library_panel, "paint": self.inpaint_panel, "generate": self.generate_panel,
                "label": PlannedPanel(theme, "label"), "evaluate": PlannedPanel(theme, "evaluate"),
                "models": self.models_panel}

    def _compose(self) -> None:
        middle = QWidget()
        body = column(self.toolbar, self.name_bar, self.banners, self.opening, self.view, self.strip, parent=middle,
                      spacing=0)
        body.setStretch(4, 1)
        upper = QWidget()
        row(self.rail, middle, self.inspector, parent=upper, spacing=0).setStretch(1, 1)
        central = QWidget()
        central.setObjectName("central")
        column(upper, self.status, parent=central, spacing=0).setStretch(0, 1)
        self.setCentralWidget(central)
        self.toasts = Toasts(self.theme, self.view)
        self.drawer = JobsDrawer(self.theme, self.session, self.toolbar.ring, upper)
        self.palette_widget = CommandPalette(self.commands, central)
        person = self.session.people.current
        self.veil = Veil(self.theme, upper, self.session.settings.current.veil_minutes,
                         lambda: self.session.people.current.name if self.session.people.current else "")
        self._wants_name = (person is None and not self.session.workspace.read_only
                            and not self.session.settings.current.first_run_done)
        self.setMinimumSize(900, 560)

    def _connect(self) -> None:
        s = self.session
        self.rail.chosen.connect(s.set_place)
        s.place_changed.connect(self.show_place)
        s.documents.current_changed.connect(self._show_document)
        s.notice.connect(self._notice)
        self.news = JobNews(self)
        self.opening.opened.connect(self.library_panel.look_for_series)
        self.theme.changed.connect(self._take_theme)
        self.canvas.tools.size_changed.connect(lambda _size: self._brush_timer.start())

    def _take_theme(self, tokens: look.Tokens) -> None:
        self.canvas.set_theme(tokens)
        self.strip.set_theme(tokens)
        for choice in look.CHOICES:
            self.commands[f"theme.{choice}"].setChecked(self.theme.choice == choice)

    def _restore(self) -> None:
        settings = self.session.settings.current
        screen = QGuiApplication.primaryScreen().availableGeometry()
        self.resize(min(1440, screen.width()), min(900, screen.height()))
        if settings.window_geometry:
            self.restoreGeometry(QByteArray(base64.b64decode(settings.window_geometry)))
        elif screen.width() <= 1440:
            self.setGeometry(screen)
        self.canvas.tools.set_size(settings.brush_pixels)
        self.canvas.set_synthetic_edges(settings.show_synthetic_edge)
        self.canvas.set_effective_visible(settings.show_effective_mask)
        self.canvas.set_mask_opacity(settings.mask_opacity)
        self.commands["keys.left_handed"].setChecked(settings.left_handed)

    # -- what is shown

    def show_place(self, place: str) -> None:
        """Show a place: its inspector, its tools, and what stands in the middle."""
        self.rail.show_place(place)
        self._take_tool(place)
        self._inspectors.setCurrentWidget(self.panels[place])
        middle = {"generate": self.pictures, "models": self.models_card}.get(place)
        opened = self.session.documents.current is not None
        self.view.setCurrentWidget(middle or (self.canvas if opened else self.welcome))
        self.strip.setVisible(place == "paint" and opened
                              and self.commands["view.strip"].isChecked())

    def _take_tool(self, place: str) -> None:
        """Painting belongs to Paint: elsewhere the pointer moves the view, and the brush is there again later."""
        if place == "paint":
            if self._paint_tool:
                self.canvas.tools.choose(self._paint_tool)
            self._paint_tool = ""
        elif not self._paint_tool:
            self._paint_tool = self.canvas.tools.tool
            self.canvas.tools.choose("pan")

    def _show_document(self) -> None:
        document = self.session.documents.current
        self.setWindowTitle(f"{document.info.pseudonym} · MedSynth" if document else "MedSynth")
        for banner in self.banners.all():
            if banner.key.startswith("image."):
                self.banners.drop(banner.key)
        if document is not None:
            self._restore_brush()
            if self.session.place not in ("library", "paint"):
                self.session.set_place("paint")
        self.show_place(self.session.place)

    def _restore_brush(self) -> None:
        settings = self.session.settings.current
        if self.canvas.tools.width_mm is not None:
            self.canvas.tools.set_width_mm(settings.brush_mm)
        else:
            self.canvas.tools.set_size(settings.brush_pixels)

    def _keep_brush(self) -> None:
        width = self.canvas.tools.width_mm
        if width is not None:
            self.session.settings.change(brush_mm=min(max(width, 0.01), 500))
        elif self.session.documents.current is not None:
            self.session.settings.change(brush_pixels=self.canvas.tools.size)

    # -- what the person does

    def open_path(self, path: Path, **options: Any) -> None:
        """Open a file or folder in the background; `options` as of `Opening.open`."""
        self.opening.open(path, **options)

    def guarded(self, run: Callable[[], T]) -> T | None:
        """Run something that may fail in a way that the person can mend; the banner says how."""
        try:
            return run()
        except UserError as error:
            self.banners.error(error)
            return None

    def inpaint(self) -> None:
        if self.guarded(self.session.inpaint.run) is not None:
            self.session.set_place("paint")

    def generate(self) -> None:
        if self.guarded(self.session.generate.run) is not None:
            self.session.set_place("generate")

    def verify_packs(self) -> None:
        self.session.set_place("models")
        self.models_panel.verify()

    def write_prompt(self) -> None:
        place = "generate" if self.session.place == "generate" else "paint"
        self.session.set_place(place)
        (self.generate_panel if place == "generate" else self.inpaint_panel).prompt.setFocus()

    def choose_theme(self, choice: str) -> None:
        self.session.settings.change(theme=choice)
        self.theme.choose(choice)

    def set_veil(self, minutes: int) -> None:
        self.session.settings.change(veil_minutes=minutes)
        self.veil.set_minutes(minutes)

    def toggle_left_handed(self) -> None:
        left = self.commands["keys.left_handed"].isChecked()
        settings = self.session.settings.change(left_handed=left)
        self.commands.apply_keys(left, settings.shortcuts)
        self.toasts.say("info", "Keys for the left hand on the mouse." if left else "Keys for the right hand on the "
                                                                                    "mouse.")

    def show_keys(self) -> None:
        KeySheet(self.commands, self.session.place, self).open()

    def edit_keys(self) -> None:
        KeyEditor(self.commands, self.session.settings, self).open()

    def show_settings(self) -> None:
        SettingsDialog(self.session, self.choose_theme, self.set_veil, self.edit_keys, self).open()

    def show_training(self) -> None:
        self.session.set_place("models")
        TrainDialog(self.session, lambda _job: self.toasts.say("info", "Training waits its turn: see the jobs"),
                    self).open()

    def _choose_class(self, digit: int) -> bool:
        classes = self.session.painting.schema.classes
        if self.session.place != "paint" or not 1 <= digit <= len(classes):
            return False
        self.session.painting.set_label(classes[digit - 1].value)
        return True

    def _go_to_place(self, digit: int) -> bool:
        if not 1 <= digit <= len(PLACES):
            return False
        self.session.set_place(PLACES[digit - 1])
        return True

    def _flicker(self, held: bool) -> None:
        self.canvas.candidate.flicker(held)

    # -- what is said

    def _notice(self, level: str, text: str) -> None:
        """What the session says: errors and warnings stay, the rest passes."""
        if level in ("error", "warning"):
            self.banners.say(level, text, key=f"image.{text}")
        else:
            self.toasts.say(level, text)

    def report_bug(self, error: BaseException) -> None:
        """An error that nobody can mend but us: say so, and offer a report without patient data."""
        text = report(error)
        self.banners.say("error", "Something went wrong inside MedSynth.",
                         "What you painted and accepted is saved. Go on, and if it happens again, restart.",
                         details=text, key=BUG, choices=(("Save a report…", lambda: self.files.save_report(text)),))

    # -- Qt's own events

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        handle = self.windowHandle()
        if handle is not None:
            for watcher in (self._keys, self.veil):
                handle.removeEventFilter(watcher)
                handle.installEventFilter(watcher)
        if self._first:
            self._first = False
            QTimer.singleShot(0, self._after_first_frame)

    def _after_first_frame(self) -> None:
        """Once the first frame is on the screen: what can wait until then."""
        workspace, settings = self.session.workspace, self.session.settings
        if workspace.read_only:
            self.banners.say("warning", workspace.notice or "This workspace is open read-only.",
                             "You can look and export. Close the other window and start again to work.",
                             key=READ_ONLY, closable=False)
        if settings.notice:
            self.banners.say("info", settings.notice)
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
        self._brush_timer.stop()
        geometry = base64.b64encode(bytes(self.saveGeometry().data())).decode()
        self.session.settings.change(window_geometry=geometry)
        self.opening.finish()
        self.welcome.finish()
        self.models_panel.finish()
        self.library_panel.finish()
        self.strip.release()
        self.canvas.close()
        super().closeEvent(event)
