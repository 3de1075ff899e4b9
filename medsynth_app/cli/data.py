"""``data``: what a folder of pictures holds, and freezing it as a training set."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from medsynth_app.actions.data import REPORT, SHEET, freeze_request, inspect_request, look_at_data, read_report
from medsynth_app.actions.out_folder import made_folder, out_folder
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
BY = {"own": "as the data themselves state it", "case": "by case", "patient": "by patient",
      "near-duplicates": "by image, those that are nearly the same together (no patients are named)",
      "image": "by image (no patients are named)"}


@command(data, "inspect")
def inspect(path: DataArgument, layout: LayoutOption = "", out: ReportsOption = None,
            workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Tell what a data set holds: classes, sizes, patients, files that cannot be used, copies, pictures of MedSynth."""
    with tempfile.TemporaryDirectory() as temporary, headless(workspace, lane=Lane.BACKGROUND, quiet=as_json) as here:
        place = out or Path(temporary)
        request = inspect_request(path, place / REPORT, out / SHEET if out is not None else None, layout)
        with made_folder(place):
            found = _looked(here, request)
    lines = list(frozen_lines(found) if "counts" not in found else report_lines(found))
    return Answer(found, "\n".join([*lines, *([f"See {out / SHEET}"] if out is not None else [])]))


@command(data, "freeze")
def freeze(path: DataArgument, out: OutOption, layout: LayoutOption = "", recipe: FrozenByOption = None,
           include_synthetic: SyntheticOption = False, workspace: WorkspaceOption = None,
           as_json: JsonOption = False) -> Answer:
    """Split a data set and freeze it, so that `train` learns from exactly that. Ctrl+C leaves nothing that counts."""
    request = freeze_request(path, out, recipe=recipe, layout=layout, include_synthetic=include_synthetic)
    with headless(workspace, lane=Lane.BACKGROUND, quiet=as_json) as here, out_folder(out):
        found = _looked(here, request)
    return Answer({"out": str(out), **found}, "\n".join([*frozen_lines(found), f"{out}  {found['sha256']}"]))


def _looked(here: Headless, request: DataRequest) -> dict[str, Any]:
    here.run(look_at_data(here.queue, request, here.person_id))
    return read_report(Path(request.report))


def report_lines(found: dict[str, Any]) -> Iterator[str]:
    """What an inspection found, for people."""
    yield f"{found['form']}: {found['pictures']} pictures in {found['files']} files"
    yield f"name       {found['name']}; licence {found['licence']}"
    if found["not_as_described"]:
        yield f"           its dataset.toml states other counts: {_counts(found['not_as_described'])}"
    yield f"counts     {_counts(found['counts'])}"
    yield f"sizes      {' to '.join(found['sizes'])}; {_counts(found['depths'])}"
    if found["modalities"]:
        yield f"modality   {_counts(found['modalities'])}"
    if "split_problem" in found:
        yield f"split      {found['split_problem']}"
    else:
        yield f"patients   {found['patients'] or 'not named'}"
        yield f"split      {BY[found['split_by']]}: {_counts(found['parts'])}"
        yield from _named("left out of training, because a held-out picture is nearly the same", found["left_out"])
        yield from _named("drawn by MedSynth, and left out", found["synthetic"])
        yield from _named("equal files", [" = ".join(group) for group in found["duplicates"]])
        yield from _named("nearly the same", [" ~ ".join(group) for group in found["near_duplicates"]])
        yield from _named("the same picture in two classes", [" ~ ".join(group) for group in found["in_two_classes"]])
    yield from _named("of a few values only, as masks are", found["like_masks"])
    broken = [f"{each['file']}: {each['problem']}" for each in found["broken"]]
    yield from _named("cannot be used", broken, len(broken))


def frozen_lines(found: dict[str, Any]) -> Iterator[str]:
    """What will be learned from a frozen set, for people."""
    yield f"name       {found['name']}; licence {found['licence']}"
    if "split_by" in found:
        yield f"split      {BY[found['split_by']]}"
    for name, about in found["classes"].items():
        yield f"{name or 'all'}: train {about['train']}, val {about['val']}, test {about['test']}"
        yield f"           “{'”, “'.join(about['captions'][:4])}”"
    left_out = found.get("left_out", {})
    yield from _named("left out, because a held-out picture is nearly the same", left_out.get("near_duplicates", ()))
    yield from _named("drawn by MedSynth, and left out", left_out.get("synthetic", ()))
    if found.get("synthetic"):
        yield f"{found['synthetic']} pictures were drawn by MedSynth, and are in"


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in found.items()) or "none"


def _named(what: str, names: Sequence[str], shown: int = SHOWN) -> Iterator[str]:
    if names:
        yield f"{len(names)} {what}:"
        yield from (f"           {name}" for name in names[:shown])
        if len(names) > shown:
            yield f"           and {len(names) - shown} more (--json names all)"
