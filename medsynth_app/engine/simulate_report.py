"""What a simulation of labelling is told in: figures, tables and a plot."""

from __future__ import annotations

import csv
import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.cell_page import LEVEL
from medsynth_app.core.errors import UserError
from medsynth_app.core.files import writing
from medsynth_app.evaluation.intervals import over_seeds, wilson
from medsynth_app.ranking.catalogue import strategy_of
from medsynth_app.ranking.simulate import EARLY, Curve
from medsynth_app.ranking.simulate_groups import FIRST, TOO_MANY, GroupRun


def write_report(out: Path, summary: Mapping[str, Any], curves: Sequence[Curve], groups: Sequence[GroupRun]) -> None:
    """Write ``summary.json``, ``curves.csv`` and ``curves.png``, and of groups ``pages.csv``; raises `UserError`."""
    try:
        with writing(out / "summary.json") as part:
            part.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        _write_rows(out / "curves.csv", ("strategy", "seed", "labels", "macro_f1"), (
            (each.strategy, each.seed, labels, f"{score:.4f}") for each in curves
            for labels, score in zip(each.labels, each.macro_f1, strict=True)))
        if groups:
            _write_rows(out / "pages.csv", ("seed", "page", "labels", "decisions", "estimate", "low", "high",
                                            "strangers", "mistaken"), (
                (run.seed, number, page.labels, page.decisions, f"{page.estimate.value:.4f}",
                 f"{page.estimate.low:.4f}", f"{page.estimate.high:.4f}", f"{page.strangers:.4f}", page.mistaken)
                for run in groups for number, page in enumerate(run.pages, 1)))
        with writing(out / "curves.png") as part:
            plot(curves, groups, part, str(summary["warning"]))
    except OSError as error:
        raise UserError(f"The report cannot be written to the folder {out.name}.", "Choose another folder.",
                        details=type(error).__name__) from error


def _write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with writing(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(rows)


def summarised(curves: Sequence[Curve]) -> dict[str, Any]:
    """Figures of one strategy over its seeds.

    ``labels_to_90`` and ``labels_to_95`` are read off the mean curve (None: not within the budget); each has beside it
    what single seeds reached. Areas, recall and full scores are means with Student's interval.
    """
    title = strategy_of(curves[0].strategy).title
    labels = curves[0].labels[:min(len(each.labels) for each in curves)]
    scores = np.array([each.macro_f1[:len(labels)] for each in curves])
    full = float(np.mean([each.full for each in curves]))
    found: dict[str, Any] = {"title": title, "seeds": len(curves), "full": full,
                             "aulc": _interval([each.area for each in curves])}
    for share in (90, 95):
        reached = np.flatnonzero(scores.mean(axis=0) >= share / 100 * full)
        found[f"labels_to_{share}"] = int(labels[reached[0]]) if len(reached) else None
        found[f"labels_to_{share}_of_seeds"] = [each.labels_to(share / 100) for each in curves]
    if all(each.rare_found is not None for each in curves):
        found[f"rare_recall_at_{EARLY}"] = _interval([(each.rare_found or 0) / max(each.rare, 1) for each in curves])
        found[f"rare_found_at_{EARLY}"] = float(np.mean([each.rare_found or 0 for each in curves]))
    return found


def summarised_groups(runs: Sequence[GroupRun]) -> dict[str, Any]:
    """Figures of labelling in groups over its seeds.

    ``held`` is the share of pages whose interval, of the level ``level``, held what was true; ``labels_per_decision``
    counts the pages alone, not the labels one by one before them.
    """
    pages = [page for run in runs for page in run.pages]
    found: dict[str, Any] = {"first": FIRST, "too_many": TOO_MANY, "level": LEVEL, "seeds": len(runs),
                             "pages": len(pages)}
    if not pages:
        return found
    asked = [page for page in pages if page.estimate.n]
    held = wilson(sum(page.held for page in asked), len(asked)) if asked else None
    found["labels_per_decision"] = _interval([sum(page.labels for page in run.pages)
                                              / sum(page.decisions for page in run.pages)
                                              for run in runs if run.pages])
    found["held"] = None if held is None else {"mean": held.mean, "low": held.low, "high": held.high}
    found["strangers"] = float(np.mean([page.strangers for page in pages]))
    found["estimate"] = float(np.mean([page.estimate.value for page in pages]))
    found["width"] = float(np.mean([page.estimate.high - page.estimate.low for page in pages]))
    for share in (90, 95):
        found[f"decisions_to_{share}_of_seeds"] = [
            next((spent for spent, score in zip(run.decisions, run.macro_f1, strict=True)
                  if score >= share / 100 * run.full), None) for run in runs]
    return found


def _interval(values: Sequence[float]) -> dict[str, float]:
    if len(values) < 2:
        return {"mean": float(values[0])}
    spread = over_seeds(values)
    return {"mean": spread.mean, "low": spread.low, "high": spread.high}


def plot(curves: Sequence[Curve], groups: Sequence[GroupRun], path: Path, warning: str = "") -> None:
    """Mean curves with the standard error as a band, random in grey and dashed, the default in front."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(each.strategy for each in curves))
    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for k, name in enumerate(names):
        ours = [each for each in curves if each.strategy == name]
        labels = np.array(ours[0].labels[:min(len(each.labels) for each in ours)])
        scores: npt.NDArray[np.float64] = np.array([each.macro_f1[:len(labels)] for each in ours])
        mean = scores.mean(axis=0)
        look: dict[str, Any] = ({"color": "0.45", "linestyle": "--"} if name == "random" else
                                {"color": "#0B7A83", "linewidth": 2.6} if name == "useful" else
                                {"color": f"C{k % 10}", "linewidth": 1.1, "linestyle": "-" if k < 10 else "-."})
        line, = axes.plot(labels, mean, label=strategy_of(name).title, **look)
        if len(ours) > 1:
            error = scores.std(axis=0, ddof=1) / np.sqrt(len(ours))
            axes.fill_between(labels, mean - error, mean + error, color=line.get_color(), alpha=0.12, linewidth=0)
    if groups:
        spent = np.arange(max(run.decisions[0] for run in groups), min(run.decisions[-1] for run in groups) + 1)
        if len(spent):
            axes.plot(spent, np.mean([np.interp(spent, run.decisions, run.macro_f1) for run in groups], axis=0),
                      label="In groups", color="#B4540A", linewidth=2, linestyle="-.")
    axes.axhline(float(np.mean([each.full for each in curves])), color="0.2", linewidth=0.8, linestyle=":")
    axes.set_xlabel("decisions: labels given one by one" + ("; in groups checks, clicks and keys" if groups else ""))
    axes.set_ylabel("macro-F1 on held-out cells (dotted: all labelled)")
    axes.set_title(textwrap.fill(warning, 110), fontsize=8, color="#B4540A")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    figure.savefig(path, dpi=150, format="png")
    pyplot.close(figure)
