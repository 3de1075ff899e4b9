"""The report of a study: one JSON document, one Markdown text, the sheets of pictures, in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import writing
from medsynth_app.core.pack import PackManifest
from medsynth_app.studies.catalogue import StudyEntry
from medsynth_app.studies.findings import Findings

FORMAT = "medsynth-study/1"
HEADINGS = ("figure", "measured", "floor", "target", "n")


def write_report(out: Path, entry: StudyEntry, manifest: PackManifest, command: str, weights: str,
                 found: Findings) -> dict[str, Any]:
    """Write ``STUDY.json``, ``STUDY.md`` and the sheets to `out`; an older report of this study is replaced.

    Parameters
    ----------
    command
        The line that repeats the study.
    weights
        A short hash of the weights that were measured.

    Returns
    -------
    The paths of what was written, as texts: ``json``, ``report`` and ``pictures``.

    Raises
    ------
    UserError
        When the folder cannot be written.
    """
    about = {"format": FORMAT, "study": entry.name, "title": entry.title, "asks": entry.help, "command": command,
             "pack": {"name": manifest.name, "version": manifest.version, "sha256": manifest.sha256},
             "weights": weights, "figures": [asdict(figure) for figure in found.figures], "notes": found.notes,
             "pictures": [sheet.name for sheet in found.sheets]}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for sheet in found.sheets:
            with writing(out / sheet.name) as part:
                Image.fromarray(sheet.pixels).save(part, quality=90)
        for name, text in ((f"{entry.name}.json", json.dumps(about, indent=1) + "\n"),
                           (f"{entry.name}.md", _markdown(about))):
            with writing(out / name) as part:
                part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"The report cannot be written to the folder {out.name}.", "Choose another folder.",
                        details=type(error).__name__) from error
    return {"json": str(out / f"{entry.name}.json"), "report": str(out / f"{entry.name}.md"),
            "pictures": [str(out / sheet.name) for sheet in found.sheets]}


def _markdown(about: Mapping[str, Any]) -> str:
    pack = about["pack"]
    lines = [f"# {about['title']}", "", about["asks"], "",
             f"Pack {pack['name']} {pack['version']}, weights {about['weights']}.", "", f"`{about['command']}`", "",
             f"| {' | '.join(HEADINGS)} |", "|" + "---|" * len(HEADINGS)]
    lines += [f"| {row['name']} | {row['measured']} | {row['floor']} | {row['target']} | {row['n']} |"
              for row in about["figures"]]
    lines += ["", *(f"- {note}" for note in about["notes"])]
    if about["pictures"]:
        lines += ["", "To look at. They show real pictures: keep them where the real data may lie.", ""]
        lines += [f"![{name}]({name})" for name in about["pictures"]]
    return "\n".join(lines) + "\n"
