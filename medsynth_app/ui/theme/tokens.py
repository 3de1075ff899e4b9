"""Colours and sizes of the window: the one place where they are written down."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QColor

XS, S, M, L = 4, 8, 12, 16  # spacing, px
RADIUS = 6
TEXT_PX = 13
ICON_PX = 18
INSPECTOR_PX = 320
SCROLL_PX = 10  # width of a scroll bar
HEADER_PX = 44
# The strip below the image has one height whatever it shows, and one when folded: its head line alone. Of 768 px both
# leave more than 60 % to the image, with two lines of messages over it.
STRIP_PX, STRIP_FOLDED_PX = 128, 36
MESSAGE_PX = 36
SMALLEST = (900, 560)  # px in which all has room; on a smaller screen the window scrolls
CHOICES = ("system", "light", "dark")
CANVAS_RADIOLOGY = "#0B0D10"
NAMELESS = "#9AA3AD"  # a mask's value that the schema in use does not name: plain grey
CANVAS_BRIGHT_FIELD = "#E9EAEC"


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
