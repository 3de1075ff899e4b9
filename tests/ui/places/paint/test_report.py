"""The report of a fill in words; what earlier versions measured is still said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from medsynth_app.core.fill_report import Figures, FillReport, Remark
from medsynth_app.core.provenance import Provenance
from medsynth_app.ui.places.paint.report import report_words

BALL = FillReport(Figures(38.6, 9.23, 8.06, 12, 60.4, 10.2), Figures(18, 8, 7.94, -0.4, 36, 9.21), "HU",
                  (Remark.BRIGHTER,))


def candidate(report: FillReport | None, seam: float | None = None, mode: str = "remove") -> Any:
    record = Provenance("inpaint", "p", "ab", 1, "2030", parameters={"mode": mode}, seam=seam,
                        report=None if report is None else report.to_dict())
    return SimpleNamespace(provenance=record, seam=seam)


def test_a_bright_ball_is_called_out_with_its_figures() -> None:
    assert report_words(candidate(BALL), "HU") == (
        ["Brighter than all that surrounds it.",
         "Inside 39 ± 9.2, around 18 ± 8 HU", "From 12 to 60 (around \N{MINUS SIGN}0.4 to 36) HU",
         "Noise 8.1 (around 7.9), edge 10 (around 9.2)"], True)


@pytest.mark.parametrize(("remarks", "warns"), [((), False), ((Remark.BRIGHTER,), False), ((Remark.EDGE,), True),
                                                ((Remark.DARKER, Remark.SMOOTHER), True)])
def test_who_replaces_something_wants_it_to_differ(remarks: tuple[Remark, ...], warns: bool) -> None:
    report = FillReport(BALL.inside, BALL.around, "", remarks)
    lines, warn = report_words(candidate(report, mode="replace"), "")
    assert warn is warns and len(lines) == 3 + bool(remarks)
    assert lines[-3] == "Inside 39 ± 9.2, around 18 ± 8"


def test_an_old_candidate_has_its_seam() -> None:
    assert report_words(candidate(None, 12.345), "HU") == (["Step at the seam: 12.3 HU"], False)
    assert report_words(candidate(None), "HU") == ([], False)
