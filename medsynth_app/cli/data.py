"""``data``: what a folder of pictures holds, and freezing it as a training set."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from medsynth_app.actions.data import REPORT, SHEET, freeze_request, inspect_request, look_at_data, read_report
from medsynth_app.actions.data_words import facts_of, names_of
from medsynth_app.actions.out_folder import out_folder
from medsynth_app.cli.common import Answer, JsonOption, OutOption, WorkspaceOption, command
from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.data import DataRequest
from medsynth_app.headless import Headless, headless

data = typer.Typer(help="Look at a data set, or freeze it as a training set.")

DataArgument = Annotated[Path, typer.Argument(metavar="DIR|CSV", help="Folder of a data set, or a CSV file of one.")]
LayoutOption = Annotated[str, typer.Option(
    "--layout", help="labelled-cells, image-mask-pairs, volume-slices or pictures; without it recognised.")]
ReportsOption = Annotated[Path | None, typer.Option(
    "--out", file_okay=False, help=f"Folder for {REPORT} and {SHEET}; without it nothing is written.")]
FrozenByOption = Annotated[Path | None, typer.Option(
    "--recipe", help="Freeze by the section [data] of a recipe; without it whole pictures, by class.")]
SyntheticOption = Annotated[bool, typer.Option(
    "--include-synthetic", help="Take pictures that MedSynth drew, too.")]
SHOWN = 12  # names of a list for people; --json has all


@command(data, "inspect")
def inspect(path: DataArgument, layout: LayoutOption = "", out: ReportsOption = None,
            workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Tell what a data set holds: classes, sizes, patients, files that cannot be used, copies, pictures of MedSynth."""
    with tempfile.TemporaryDirectory() as temporary, headless(workspace, lane=Lane.BACKGROUND, quiet=as_json) as here:
        place = out or Path(temporary)
        request = inspect_request(path, place / REPORT, out / SHEET if out is not None else None, layout)
        with out_folder(place):
            found = _looked(here, request)
    return Answer(found, told(found) + (f"\nSee {out / SHEET}" if out is not None else ""))


@command(data, "freeze")
def freeze(path: DataArgument, out: OutOption, layout: LayoutOption = "", recipe: FrozenByOption = None,
           include_synthetic: SyntheticOption = False, workspace: WorkspaceOption = None,
           as_json: JsonOption = False) -> Answer:
    """Split a data set and freeze it, so that `train` learns from exactly that. Ctrl+C leaves nothing that counts."""
    request = freeze_request(path, out, recipe=recipe, layout=layout, include_synthetic=include_synthetic)
    with headless(workspace, lane=Lane.BACKGROUND, quiet=as_json) as here, out_folder(out):
        found = _looked(here, request)
    return Answer({"out": str(out), **found}, f"{told(found)}\n{out}  {found['sha256']}")


def _looked(here: Headless, request: DataRequest) -> dict[str, Any]:
    here.run(look_at_data(here.queue, request, here.person_id))
    return read_report(Path(request.report))


def told(found: Mapping[str, Any]) -> str:
    """A report for people."""
    facts = facts_of(found)
    width = max(len(name) for name, _value in facts) + 2
    lines = [f"{name:{width}}{value}" for name, value in facts]
    for each in names_of(found):
        shown = each.names if each.wrong else each.names[:SHOWN]
        lines += [f"{each.heading} ({len(each.names)}):", *(f"{'':{width}}{name}" for name in shown)]
        if len(shown) < len(each.names):
            lines.append(f"{'':{width}}and {len(each.names) - len(shown)} more (--json names all)")
    return "\n".join(lines)
