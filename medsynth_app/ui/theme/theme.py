"""Light or dark: the style, the font and the icons of the window, painted with the tokens of the choice."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import qtawesome
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QGuiApplication,
    QIcon,
    QImage,
    QPainter,
    QPainterPath,
    QPalette,
    QPixmap,
)
from PySide6.QtWidgets import QApplication, QWidget
from qtawesome.iconic_font import IconicFont

from medsynth_app.ui.theme.style import style_sheet
from medsynth_app.ui.theme.tokens import CHOICES, DARK, LIGHT, RADIUS, TEXT_PX, Tokens

# Linux desktops without a configured font answer with a generic name; these are better where they are installed.
_FAMILIES = ("Inter", "Noto Sans", "Ubuntu", "Cantarell", "Liberation Sans")
_MARKS = Path(__file__).with_name("marks")  # what a Qt style sheet can only take from files: THEME-NAME.svg


class Theme(QObject):
    """Light, dark or the system's choice; paints the application and tells whoever draws by hand."""

    changed = Signal(object)  # Tokens

    def __init__(self, choice: str = "system", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._choice = choice if choice in CHOICES else "system"
        self._window: QWidget | None = None
        self.tokens = self._resolve()
        hints = QGuiApplication.styleHints()
        if hints is not None:
            hints.colorSchemeChanged.connect(self._follow)

    @property
    def choice(self) -> str:
        return self._choice

    def choose(self, choice: str) -> None:
        """Set "system", "light" or "dark"."""
        self._choice = choice if choice in CHOICES else "system"
        self.apply()

    def _follow(self) -> None:
        if self._choice == "system" and self._resolve() != self.tokens:
            self.apply()

    def _resolve(self) -> Tokens:
        if self._choice != "system":
            return LIGHT if self._choice == "light" else DARK
        hints = QGuiApplication.styleHints()
        return DARK if hints is not None and hints.colorScheme() == Qt.ColorScheme.Dark else LIGHT

    def prepare(self) -> None:
        """Style, font and palette; before the widgets are made, for those that measure text."""
        app = _application()
        if not app.property("fusion"):  # a style sheet hides the name of the style below it
            app.setStyle("Fusion")
            app.setProperty("fusion", True)
        app.setFont(ui_font())
        app.setPalette(_palette(self.tokens))

    def dress(self, window: QWidget) -> None:
        """Paint this window, with its dialogs and menus, from now on.

        Fastest once all its widgets are made, which have painted themselves with the present tokens.
        """
        self._window = window
        if self._resolve() == self.tokens:
            self.prepare()
            self._dress()
        else:  # the system's choice is another one by now
            self.apply()

    def apply(self) -> None:
        """Paint with the tokens of the present choice."""
        self.tokens = self._resolve()
        self.prepare()
        self._dress()
        self.changed.emit(self.tokens)

    def _dress(self) -> None:
        if self._window is not None:  # a sheet on the application would be six times slower to change
            self._window.setStyleSheet(style_sheet(self.tokens, marks(self.tokens)))

    def icon(self, name: str, colour: str | None = None, chosen: str | None = None) -> QIcon:
        """An icon of the Material set in the theme's colours, e.g. ``icon("brush")``."""
        t = self.tokens
        icon: QIcon = _icons()(f"mdi6.{name}", color=colour or t.text, color_disabled=t.faint,
                               color_on=chosen or colour or t.accent)
        return icon


def marks(tokens: Tokens) -> dict[str, str]:
    """The paths of the small marks in a theme's colours, by name."""
    start = f"{tokens.name}-"
    return {path.stem.removeprefix(start): path.as_posix() for path in sorted(_MARKS.glob(f"{start}*.svg"))}


@functools.cache
def _icons() -> Callable[..., QIcon]:
    """qtawesome with the one font that is used: all eight would cost 10 MB and a tenth of a second."""
    fonts = [font for font in getattr(qtawesome, "_BUNDLED_FONTS", ()) if font[0] == "mdi6"]
    maker: Callable[..., QIcon] = IconicFont(*fonts).icon if fonts else qtawesome.icon
    return maker


def _application() -> QApplication:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    return app


def ui_font() -> QFont:
    """The system's font at 13 px; a better one where the system only answers with a generic name."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    if font.family().lower() in ("", "sans serif", "sans", "dejavu sans", "sans-serif"):
        installed = set(QFontDatabase.families())
        font.setFamily(next((name for name in _FAMILIES if name in installed), font.family()))
    font.setPixelSize(TEXT_PX)
    return font


def _palette(t: Tokens) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for key, colour in ((role.Window, t.ground), (role.Base, t.surface), (role.AlternateBase, t.ground),
                        (role.Button, t.surface), (role.Text, t.text), (role.WindowText, t.text),
                        (role.ButtonText, t.text), (role.BrightText, t.error), (role.Highlight, t.accent),
                        (role.HighlightedText, t.on_accent), (role.ToolTipBase, t.surface),
                        (role.ToolTipText, t.text), (role.PlaceholderText, t.muted), (role.Link, t.accent),
                        (role.Accent, t.accent), (role.Light, t.hover), (role.Midlight, t.hover),
                        (role.Mid, t.border), (role.Dark, t.border), (role.Shadow, t.border)):
        palette.setColor(key, QColor(colour))
    for key in (role.Text, role.WindowText, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, key, QColor(t.faint))
    return palette


def swatch(colour: str, edge: int, radius: int, ratio: float = 2.0) -> QPixmap:
    """A square of a class's colour with rounded corners, `edge` px."""
    picture = QPixmap(round(edge * ratio), round(edge * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(0, 0, edge, edge, radius, radius)
    painter.end()
    return picture


def square_icon(image: QImage, edge: int) -> QIcon:
    """The middle square of a picture as an icon with rounded corners."""
    side = min(image.width(), image.height())
    cut = image.copy((image.width() - side) // 2, (image.height() - side) // 2, side, side)
    picture = QPixmap(edge, edge)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    outline = QPainterPath()
    outline.addRoundedRect(0, 0, edge, edge, RADIUS - 2, RADIUS - 2)
    painter.setClipPath(outline)
    painter.drawImage(picture.rect(), cut)
    painter.end()
    return QIcon(picture)
