"""The tool bar over the canvas: tools, brush size, undo, window/level, view, compare; what the place needs of them."""

from __future__ import annotations

import math

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QMenu, QSizePolicy, QToolButton, QWidget

from medsynth_app.core.image import Pixels
from medsynth_app.core.window_level import WindowLevel, auto_window, presets
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.jobs_drawer import JobRing
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.viewer.canvas import Canvas
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.basic import Slider, label, line, row

TOOLS = ("pan", "brush", "eraser", "fill", "polygon", "pick")
VIEWS = ("view.fit", "view.actual", "view.flip_h", "view.flip_v", "view.rotate", "view.mask", "view.synthetic")
COMPARES = ("off", "slider", "side", "difference")
LARGEST = 400  # px at the right end of the slider; larger brushes by key
STEPS = 100


class ToolBar(QFrame):
    """One row of icon buttons; hides what the place does not need."""

    def __init__(self, theme: Theme, session: Session, canvas: Canvas, commands: Commands) -> None:
        super().__init__()
        self.setObjectName("header")
        self.setAccessibleName("Tools")
        self.setFixedHeight(look.HEADER_PX)
        self._theme, self._session, self._canvas, self._commands = theme, session, canvas, commands
        self.ring = JobRing(theme)
        self.window_menu, self.view_menu, self.compare_menu = QMenu(self), QMenu(self), QMenu(self)
        self._paint = self._paint_tools()
        self._look = self._image_tools()
        self._steps = self._history()
        row(self._steps, self._paint, self._look, None, self.ring, parent=self, spacing=look.XS,
            margins=(look.S, 0, look.M, 0))
        self._connect()
        self.refresh()

    def _connect(self) -> None:
        s, c = self._session, self._canvas
        for signal in (s.documents.current_changed, s.view.window_level_changed, s.place_changed, s.view.index_changed):
            signal.connect(self.refresh)
        c.tools.changed.connect(lambda _tool: self.refresh())
        c.tools.size_changed.connect(lambda _size: self._show_brush())
        self._theme.changed.connect(lambda _tokens: self.refresh())

    def _tool(self, name: str) -> QToolButton:
        found = QToolButton()
        found.setDefaultAction(self._commands[name])
        found.setIconSize(QSize(look.ICON_PX, look.ICON_PX))
        found.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        found.setAccessibleName(self._commands[name].text())
        return found

    def _divider(self) -> QWidget:
        divider = line("divider")
        divider.setFixedHeight(24)
        return divider

    def _history(self) -> QWidget:
        holder = QWidget()
        row(self._tool("edit.undo"), self._tool("edit.redo"), parent=holder, spacing=2)
        return holder

    def _paint_tools(self) -> QWidget:
        holder = QWidget()
        self.brush = Slider(0, STEPS, "Brush size")
        self.brush.setFixedWidth(112)
        self.brush.valueChanged.connect(lambda value: self._canvas.tools.set_size(size_at(value)))
        self.brush_text = label("", "muted")
        self.brush_text.setMinimumWidth(56)
        row(self._divider(), *(self._tool(f"tool.{name}") for name in TOOLS), self._divider(), self.brush,
            self.brush_text, parent=holder, spacing=2)
        layout = holder.layout()
        assert layout is not None
        layout.setSpacing(look.XS)
        return holder

    def _image_tools(self) -> QWidget:
        holder = QWidget()
        self._window_tool = self._tool("tool.window")
        self.window_button = self._menu_button(self.window_menu, "Window", "Window / level presets")
        self.window_button.setFixedWidth(124)
        self.window_menu.aboutToShow.connect(self._fill_windows)
        self.view_button = self._menu_button(self.view_menu, "View", "How the image is shown")
        for name in VIEWS:
            self.view_menu.addAction(self._commands[name])
        self.compare_button = self._menu_button(self.compare_menu, "Compare", "Hold the candidate against the original")
        for name in COMPARES:
            self.compare_menu.addAction(self._commands[f"compare.{name}"])
        row(self._divider(), self._window_tool, self.window_button, self._tool("view.fit"), self.view_button,
            self.compare_button, parent=holder, spacing=look.XS)
        return holder

    def _menu_button(self, menu: QMenu, text: str, tip: str) -> QToolButton:
        found = QToolButton()
        found.setText(text)
        found.setToolTip(tip)
        found.setAccessibleName(tip)
        found.setMenu(menu)
        found.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        found.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        found.setIconSize(QSize(14, 14))
        found.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow stands after the text
        found.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        found.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        return found

    def refresh(self, *_news: object) -> None:
        """Show what the place, the image and the tool are."""
        s = self._session
        document = s.documents.current
        self._paint.setVisible(s.place == "paint")
        self._look.setVisible(s.place not in ("generate", "models"))
        self._steps.setVisible(s.place not in ("generate", "models"))
        self._look.setEnabled(document is not None)
        self._paint.setEnabled(document is not None and not s.documents.read_only)
        grey = document is not None and document.info.colour == "grey"
        self._window_tool.setVisible(grey)
        self.window_button.setVisible(grey)
        self.compare_button.setVisible(s.place == "paint")
        for button in (self.window_button, self.view_button, self.compare_button):
            button.setIcon(self._theme.icon("chevron-down", self._theme.tokens.muted))
        if s.view.window_level is not None:
            self.window_button.setText(s.view.window_level.name or f"W {words.number(s.view.window_level.width)} "
                                                        f"L {words.number(s.view.window_level.center)}")
        self._show_brush()

    def _show_brush(self) -> None:
        size, width = self._canvas.tools.size, self._canvas.tools.width_mm
        self.brush.blockSignals(True)
        self.brush.setValue(place_of(size))
        self.brush.blockSignals(False)
        text = f"{width:.1f} mm" if width is not None else f"{size} px"
        self.brush_text.setText(text)
        smaller, larger = self._commands.key_text("brush.shrink"), self._commands.key_text("brush.grow")
        self.brush.setToolTip(f"Brush size: {text}\nSmaller {smaller}   Larger {larger}")

    # -- window presets

    def _fill_windows(self) -> None:
        self.window_menu.clear()
        for window in self.windows():
            action = self.window_menu.addAction(f"{window.name}\tW {words.number(window.width)}  "
                                                f"L {words.number(window.center)}")
            action.setCheckable(True)
            action.setChecked(self._session.view.window_level == window)
            action.triggered.connect(lambda _=False, window=window: self._session.view.set_window_level(window))

    def windows(self) -> list[WindowLevel]:
        """Auto, what the file suggests, and the presets of its modality."""
        document = self._session.documents.current
        if document is None or document.info.colour != "grey":
            return []
        about = document.info.frames[self._session.view.index]
        pixels: Pixels = document.pixels(self._session.view.index)
        own = [WindowLevel(w.center, w.width, w.name or "From the file") for w in about.windows]
        return [auto_window(about.rescale.to_modality(pixels)), *own, *presets(document.info.modality)]


def size_at(value: int) -> int:
    """Brush size in px of a slider place, finer at the small end."""
    return max(1, round(math.exp(value / STEPS * math.log(LARGEST))))


def place_of(size: int) -> int:
    return min(STEPS, round(math.log(max(1, size)) / math.log(LARGEST) * STEPS))
