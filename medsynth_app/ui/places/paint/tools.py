"""What Paint adds to the tool bar: painting tools, the size of the brush, and how a candidate is compared."""

from __future__ import annotations

import math

from PySide6.QtWidgets import QToolButton, QWidget

from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.places.paint.commands import COMPARES
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.toolbar import divider, menu_button, tool_button
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.viewer.canvas import Canvas
from medsynth_app.ui.widgets.basic import Slider, label, row

SHOWN = ("pan", "brush", "eraser", "fill", "polygon", "pick")
LARGEST = 400  # px at the right end of the slider; larger brushes by key
STEPS = 100


class PaintTools(QWidget):
    """The tools."""

    def __init__(self, commands: Commands) -> None:
        super().__init__()
        row(divider(), *(tool_button(commands, f"tool.{name}") for name in SHOWN), parent=self, spacing=look.XS)


class BrushSize(QWidget):
    """The slider of the brush, and how wide it paints."""

    def __init__(self, session: Session, canvas: Canvas, commands: Commands) -> None:
        super().__init__()
        self.addActions([commands["brush.grow"], commands["brush.shrink"]])  # what stands for it where it has no room
        self._session, self._tools, self._commands = session, canvas.tools, commands
        self.brush = Slider(0, STEPS, _("Brush size"))
        self.brush.setMinimumWidth(40)  # it gives way where the window is narrow, the figure beside it does not
        self.brush.setMaximumWidth(112)
        self.brush.valueChanged.connect(lambda value: self._tools.set_size(size_at(value)))
        self.brush_text = label("", "muted")
        self.brush_text.setMinimumWidth(self.brush_text.fontMetrics().horizontalAdvance("000.0 mm") + look.XS)
        row(divider(), self.brush, self.brush_text, parent=self, spacing=look.XS)
        session.documents.current_changed.connect(self.refresh)
        session.view.index_changed.connect(lambda _index: self.refresh())
        canvas.tools.size_changed.connect(lambda _size: self.refresh())
        commands.keys_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the size of the brush, and whether it can paint."""
        documents = self._session.documents
        self.brush.setEnabled(documents.current is not None and not documents.read_only)
        width = self._tools.width_mm
        self.brush.blockSignals(True)
        self.brush.setValue(place_of(self._tools.size))
        self.brush.blockSignals(False)
        text = f"{width:.1f} mm" if width is not None else f"{self._tools.width} px"
        self.brush_text.setText(text)
        keys = [self._commands.key_text(name) for name in ("brush.shrink", "brush.grow")]
        self.brush.setToolTip(_("Brush size: {size}").format(size=text) + "\n"
                              + _("Smaller {smaller}   Larger {larger}").format(smaller=keys[0], larger=keys[1]))


def compare_button(theme: Theme, commands: Commands) -> QToolButton:
    """Opens the ways to hold a candidate against the original."""
    found = menu_button(theme, _("Compare"), _("Hold the candidate against the original"))
    for mode, *_rest in COMPARES:
        found.menu().addAction(commands[f"compare.{mode}"])
    return found


def size_at(value: int) -> int:
    """Brush size in px of a slider place, finer at the small end."""
    return max(1, round(math.exp(value / STEPS * math.log(LARGEST))))


def place_of(size: int) -> int:
    return min(STEPS, round(math.log(max(1, size)) / math.log(LARGEST) * STEPS))
