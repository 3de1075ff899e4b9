"""The report of a fill in words."""

from __future__ import annotations

from typing import Any

from medsynth_app.core.fill_report import Figures, FillReport, Remark
from medsynth_app.core.words import _
from medsynth_app.ui.widgets import words
from medsynth_app.workspace.candidates import Candidate

REMARKS = {Remark.BRIGHTER: _("Brighter than all that surrounds it."),
           Remark.DARKER: _("Darker than all that surrounds it."),
           Remark.SMOOTHER: _("Smoother than what surrounds it."),
           Remark.GRAINIER: _("Grainier than what surrounds it."),
           Remark.EDGE: _("The edge may be visible.")}


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
    lines += [_("Inside {inside}, around it {around}").format(
                  inside=_values(report.inside, report.unit), around=_values(report.around, report.unit)),
              _("Noise {inside} (around {around}), edge {edge} (around {usual})").format(
                  inside=_figure(report.inside.noise), around=_figure(report.around.noise),
                  edge=_figure(report.inside.edge), usual=_figure(report.around.edge))]
    return lines, bool(set(report.remarks) - wanted)


def _seam_words(seam: float | None, unit: str) -> list[str]:
    return [] if seam is None else [_("Step at the seam: {step}").format(step=f"{seam:.3g} {unit}".rstrip())]


def _values(figures: Figures, unit: str) -> str:
    """ "39 ± 9 HU (12 to 60)"."""
    text = _("{mean} ± {spread} {unit} ({low} to {high})").format(
        mean=_figure(figures.mean), spread=_figure(figures.spread), unit=unit, low=_figure(figures.low),
        high=_figure(figures.high))
    return text.replace("  ", " ")


def _figure(value: float) -> str:
    """Whole numbers from 10 on, else two digits."""
    return words.minus(f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.2g}")
