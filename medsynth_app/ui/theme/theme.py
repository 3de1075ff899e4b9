"""Colours, spacing and icons of the window: the one place where they are written down."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
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

XS, S, M, L = 4, 8, 12, 16  # spacing, px
RADIUS = 6
TEXT_PX = 13
ICON_PX = 18
INSPECTOR_PX = 320
HEADER_PX = 44
CHOICES = ("system", "light", "dark")
CANVAS_RADIOLOGY = "#0B0D10"
NAMELESS = "#9AA3AD"  # a mask's value that the schema in use does not name: plain grey
CANVAS_BRIGHT_FIELD = "#E9EAEC"
# Linux desktops without a configured font answer with a generic name; these are better where they are installed.
_FAMILIES = ("Inter", "Noto Sans", "Ubuntu", "Cantarell", "Liberation Sans")


def mix(first: str, second: str, share: float) -> str:
    """`first` with `share` (0..1) of `second` mixed in, as #RRGGBB."""
    a, b = QColor(first), QColor(second)
    parts = (round(x + (y - x) * share) for x, y in zip((a.red(), a.green(), a.blue()),
                                                        (b.red(), b.green(), b.blue()), strict=True))
    return "#" + "".join(f"{part:02X}" for part in parts)


def contrast(first: str, second: str) -> float:
    """Contrast of two colours after WCAG 2, 1..21."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    c = QColor(colour)
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c.redF(), c.greenF(), c.blueF())]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@dataclass(frozen=True)
class Tokens:
    """Named colours (#RRGGBB) of one theme."""

    name: str
    ground: str
    surface: str
    border: str
    text: str
    muted: str
    accent: str
    on_accent: str
    synthetic: str
    warning: str
    error: str
    done: str
    canvas_radiology: str = CANVAS_RADIOLOGY
    canvas_bright_field: str = CANVAS_BRIGHT_FIELD

    @property
    def hover(self) -> str:
        return mix(self.surface, self.text, 0.07)

    @property
    def pressed(self) -> str:
        return mix(self.surface, self.text, 0.14)

    @property
    def selected(self) -> str:
        """Ground of what is chosen: a tint of the accent that leaves text legible."""
        return mix(self.surface, self.accent, 0.16)

    @property
    def faint(self) -> str:
        """Text of what cannot be used now."""
        return mix(self.surface, self.muted, 0.62)

    @property
    def outline(self) -> str:
        """Edge of fields and buttons, stronger than a dividing line."""
        return mix(self.border, self.muted, 0.45)

    @property
    def accent_hover(self) -> str:
        return mix(self.accent, self.text, 0.16)

    def tint(self, colour: str) -> str:
        """A ground for a banner of this colour."""
        return mix(self.surface, colour, 0.12)


LIGHT = Tokens("light", "#F6F7F9", "#FFFFFF", "#DCE1E8", "#18212C", "#566272", "#0B7A83", "#FFFFFF", "#6D43C9",
               "#9A6700", "#B42318", "#1A7F4B")
DARK = Tokens("dark", "#13171C", "#1B2027", "#2C343E", "#E7ECF2", "#98A5B3", "#35B6B4", "#0C1416", "#AB90FF",
              "#E3B341", "#F97066", "#4CC38A")

_SHAPES = {  # the few marks that a Qt style sheet can only take from files
    "down": '<path d="M3 6l5 5 5-5"/>', "up": '<path d="M3 10l5-5 5 5"/>', "right": '<path d="M6 3l5 5-5 5"/>',
    "tick": '<path d="M3 8.5l3.2 3.2L13 5"/>',
}


class Theme(QObject):
    """Light, dark or the system's choice; paints the application and tells whoever draws by hand."""

    changed = Signal(object)  # Tokens

    def __init__(self, choice: str = "system", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._choice = choice if choice in CHOICES else "system"
        self._folder = tempfile.TemporaryDirectory(prefix="medsynth-theme-")
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
        """Paint this window, with its dialogs and menus, from now on. Fastest once all its widgets are made."""
        self._window = window
        self.apply()

    def apply(self) -> None:
        """Paint with the tokens of the present choice."""
        self.tokens = self._resolve()
        self.prepare()
        if self._window is not None:  # a sheet on the application would be six times slower to change
            self._window.setStyleSheet(style_sheet(self.tokens, self._marks()))
        self.changed.emit(self.tokens)

    def _marks(self) -> dict[str, str]:
        """Write the small marks in this theme's colours; their paths by name."""
        paths = {}
        for kind, colour in (("text", self.tokens.muted), ("on", self.tokens.on_accent)):
            for name, shape in _SHAPES.items():
                path = Path(self._folder.name) / f"{self.tokens.name}-{kind}-{name}.svg"
                if not path.exists():
                    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" width="16" '
                                    f'height="16" fill="none" stroke="{colour}" stroke-width="1.8" '
                                    f'stroke-linecap="round" stroke-linejoin="round">{shape}</svg>')
                paths[f"{name}-{kind}"] = path.as_posix()
        return paths

    def icon(self, name: str, colour: str | None = None, chosen: str | None = None) -> QIcon:
        """An icon of the Material set in the theme's colours, e.g. ``icon("brush")``."""
        t = self.tokens
        icon: QIcon = _icons()(f"mdi6.{name}", color=colour or t.text, color_disabled=t.faint,
                               color_on=chosen or colour or t.accent)
        return icon


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
