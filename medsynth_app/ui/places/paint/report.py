"""The report of a fill in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QEvent
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QToolTip

from medsynth_app.core.fill_report import Figures, FillReport, Remark
from medsynth_app.core.image import ImageInfo
from medsynth_app.core.words import _
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.basic import ElidedLabel, set_role
from medsynth_app.workspace.candidates import Candidate

REMARKS = {Remark.BRIGHTER: _("Brighter than all that surrounds it."),
           Remark.DARKER: _("Darker than all that surrounds it."),
           Remark.SMOOTHER: _("Smoother than what surrounds it."),
           Remark.GRAINIER: _("Grainier than what surrounds it."),
           Remark.EDGE: _("The edge may be visible.")}


class ReportLine(ElidedLabel):
    """A report in one line, the most telling first; the pointer over it shows all of it, line by line."""

    def __init__(self) -> None:
        super().__init__(role="help")
        self.lines: tuple[str, ...] = ()

    def show_lines(self, lines: Sequence[str], role: str) -> None:
        self.lines = tuple(lines)
        self.setText("  ·  ".join(lines))
        set_role(self, role)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), "\n".join(self.lines), self)
            return True
        return super().event(event)


def told_of(candidate: Candidate, image: ImageInfo) -> tuple[str, ...]:
    """The notices of a candidate; what is said of the image itself stands beside the image."""
    return tuple(text for text in candidate.notices if text not in image.notices)


def report_words(candidate: Candidate, unit: str) -> tuple[list[str], bool]:
    """What a fill is like, and whether that is a warning: whoever replaces something wants it to differ.

    `unit` is that of the image, for candidates of earlier versions that know their seam alone.
    """
    record = candidate.provenance
    if record.report is None:
        return _seam_words(candidate.seam, unit), False
    report = FillReport.from_dict(record.report)
    wanted: set[Any] = {Remark.BRIGHTER, Remark.DARKER} if record.parameters.get("mode") == "replace" else set()
    lines = [" ".join(REMARKS[remark] for remark in report.remarks)] if report.remarks else []
    lines += [_("Inside {inside}, around {around} {unit}").format(
                  inside=_mean(report.inside), around=_mean(report.around), unit=report.unit).rstrip(),
              _("From {inside} (around {around}) {unit}").format(
                  inside=_range(report.inside), around=_range(report.around), unit=report.unit).rstrip(),
              _("Noise {inside} (around {around}), edge {edge} (around {usual})").format(
                  inside=_figure(report.inside.noise), around=_figure(report.around.noise),
                  edge=_figure(report.inside.edge), usual=_figure(report.around.edge))]
    return lines, bool(set(report.remarks) - wanted)


def _seam_words(seam: float | None, unit: str) -> list[str]:
    return [] if seam is None else [_("Step at the seam: {step}").format(step=f"{seam:.3g} {unit}".rstrip())]


def _mean(figures: Figures) -> str:
    """ "39 ± 9"."""
    return _("{mean} ± {spread}").format(mean=_figure(figures.mean), spread=_figure(figures.spread))


def _range(figures: Figures) -> str:
    """ "12 to 60"."""
    return _("{low} to {high}").format(low=_figure(figures.low), high=_figure(figures.high))


def _figure(value: float) -> str:
    """Whole numbers from 10 on, else two digits."""
    return words.minus(f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.2g}")
