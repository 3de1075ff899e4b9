"""Rows of numbers and sliders that several panels share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QAbstractSpinBox, QCheckBox, QDoubleSpinBox, QSpinBox, QWidget

from medsynth_app.core.jobs.request import Conditioning, Sampling
from medsynth_app.core.options import Option, option_of
from medsynth_app.core.pack import USUAL_STEPS
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.words import _
from medsynth_app.ui.widgets.basic import column, label, row
from medsynth_app.ui.widgets.panel import SliderRow


def indent(spin: QAbstractSpinBox) -> None:
    """Room before the number: Qt's style sheets forget it for spin boxes."""
    spin.lineEdit().setTextMargins(6, 0, 0, 0)


def _limit(spin: QSpinBox, known: Option) -> None:
    low, high = known.offered
    spin.setRange(round(low), round(high))


def percents(known: Option) -> tuple[int, int]:
    """What a panel offers of an option that is a share."""
    low, high = known.offered
    return round(100 * low), round(100 * high)


class SeedRow(QWidget):
    """A random seed each time, or one that is typed."""

    def __init__(self, changed: Any) -> None:
        super().__init__()
        self.random = QCheckBox(_("New seed each time"))
        self.field = QSpinBox()
        _limit(self.field, option_of(Sampling, "seed"))
        self.field.setAccessibleName(_("Seed"))
        self.field.setMinimumWidth(124)
        indent(self.field)
        self.random.toggled.connect(lambda on: changed(None if on else self.field.value()))
        self.field.valueChanged.connect(lambda value: None if self.random.isChecked() else changed(value))
        column(row(self.random, None, self.field),
               label(_("The same seed and settings draw the same picture again."), "help", wrap=True), parent=self,
               spacing=2)

    def show_seed(self, seed: int | None) -> None:
        for widget in (self.random, self.field):
            widget.blockSignals(True)
        self.random.setChecked(seed is None)
        self.field.setEnabled(seed is not None)
        if seed is not None:
            self.field.setValue(seed)
        for widget in (self.random, self.field):
            widget.blockSignals(False)


class QuietSpin(QDoubleSpinBox):
    """Decimal numbers, always with a point."""

    def __init__(self, known: Option, step: float) -> None:
        super().__init__()
        self.setRange(*known.offered)
        self.setSingleStep(step)
        self.setDecimals(1)
        self.setMinimumWidth(84)
        indent(self)


def whole(known: Option, suffix: str = "") -> QSpinBox:
    """Whole numbers, of which as many as a panel offers of an option."""
    spin = QSpinBox()
    _limit(spin, known)
    spin.setSuffix(suffix)
    spin.setMinimumWidth(84)
    indent(spin)
    return spin


class Steps(QSpinBox):
    """Denoising steps; the lowest value stands for the number that the model recommends, and shows it."""

    def __init__(self) -> None:
        super().__init__()
        _limit(self, option_of(Sampling, "steps"))
        self.setMinimumWidth(124)
        indent(self)

    def show_steps(self, steps: int, pack: InstalledPack | None) -> None:
        recommended = pack.manifest.recommended_steps if pack is not None else USUAL_STEPS
        self.blockSignals(True)
        self.setSpecialValueText(_("{steps}, the model's").format(steps=recommended))
        self.setValue(steps)
        self.blockSignals(False)


class Closeness(SliderRow):
    """How closely what is drawn keeps to a mask (`control_scale`); only where it can."""

    def __init__(self, changed: Callable[..., Any]) -> None:
        super().__init__(_("How closely"), *percents(option_of(Conditioning, "control_scale")),
                         lambda percent: changed(control_scale=percent / 100),
                         _("How firmly a mask is kept to. 100 %: as the model learned it; 0 % ignores the mask."))

    def show_scale(self, scale: float, is_used: bool) -> None:
        percent = round(scale * 100)
        self.show_value(percent, f"{percent} %")
        self.setVisible(is_used)
