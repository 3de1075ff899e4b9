"""``label``: sets of cells, their classes, labels out and in, and how far people agree."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from medsynth_app.actions.agreement import (
    agreement_request,
    agreement_words,
    annotators,
    count_agreement,
    disagreements,
    read_agreement,
)
from medsynth_app.actions.embed import passed_over
from medsynth_app.actions.export_labels import export_labels
from medsynth_app.actions.import_labels import import_labels, plan_import
from medsynth_app.actions.label import add_cells, gather
from medsynth_app.actions.label_words import SHOWN, import_words, said, some
from medsynth_app.actions.out_folder import out_file
from medsynth_app.actions.packs import find_pack, list_packs
from medsynth_app.actions.pseudonyms import names_of, shown_name
from medsynth_app.cli.common import Answer, JsonOption, Notices, WorkspaceOption, command
from medsynth_app.core.cell_label import SKIPPED
from medsynth_app.core.cell_schema import CellSchema
from medsynth_app.core.errors import UserError
from medsynth_app.core.label_options import RANDOM, USEFUL, LabelOptions
from medsynth_app.core.label_rows import short_names
from medsynth_app.formats.cell_schemas import read_schema, shipped_schemas, write_schema
from medsynth_app.formats.label_files.table import FORMATS
from medsynth_app.headless import headless
from medsynth_app.workspace.database import FILE
from medsynth_app.workspace.label_sets import LabelSet
from medsynth_app.workspace.workspace import Workspace

label = typer.Typer(help="Sets of cells to label: cells in, labels out and in, and how far people agree.")
schema = typer.Typer(help="The classes that cells are labelled with.")
label.add_typer(schema, name="schema")

SetArgument = Annotated[str, typer.Argument(
    metavar="SET|WORKSPACE", help="Name or id of the set; or the folder of a workspace that has one set alone.")]
CellsOption = Annotated[Path, typer.Option(
    "--cells", metavar="DIR|CSV", help="Folder of pictures with one cell each, labels.csv, or cells.csv of `detect`.")]
_FORMATS = ", ".join(each.name for each in FORMATS)


@command(label, "new")
def new(name: Annotated[str, typer.Argument(help="What the set is called.")],
        classes: Annotated[str, typer.Option("--schema", metavar="NAME|FILE", help="Classes: a name that `label schema "
                                                                                 "list` gives, or a TOML file.")],
        cells: CellsOption,
        order: Annotated[str, typer.Option("--order", help="useful or random: which cells are asked first.")] = USEFUL,
        control: Annotated[float, typer.Option(
            "--control", help="Share of the cells that come by chance, to everybody.")] = LabelOptions.control,
        repeats: Annotated[float, typer.Option(
            "--repeats", help="Share of the cells that are asked again.")] = LabelOptions.repeats,
        blind: Annotated[bool, typer.Option("--blind", help="Show neither predictions nor origins.")] = False,
        encoder: Annotated[str | None, typer.Option(
            "--encoder", help="Name of the installed encoder that compares cells; by default one that saw no label, "
                              "where most classes are new to the first.")] = None,
        workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Make a set of cells to label in the window."""
    if order not in (USEFUL, RANDOM):
        raise UserError(f"There is no order {order!r}.", f"Use {USEFUL} or {RANDOM}.")
    chosen = _schema(classes)
    options = LabelOptions(strategy=order, control=control, repeats=repeats, blind=blind,
                           encoder=_encoder(encoder) if encoder is not None else "")
    notices = Notices()
    with _writable(workspace) as here:
        if name.strip() in [each.name for each in here.label_sets.all()]:
            raise UserError(f"There is a set {name.strip()} already.", "Give another name, or use `label add`.")
        found = gather(cells, chosen)
        notices.add(passed_over(cells))
        made = here.label_sets.add(name, chosen, options, here.people.current_id)
        add_cells(here, made, found, person=here.people.current_id)
        made.refresh()
    return Answer({"id": made.id, "name": made.name, "schema": chosen.id, "cells": len(made.cells),
                   "notices": notices.texts},
                  f"{made.name}: {len(made.cells)} cells, {chosen.name} ({made.id})")


@command(label, "add")
def add(label_set: SetArgument, cells: CellsOption, workspace: WorkspaceOption = None,
        as_json: JsonOption = False) -> Answer:
    """Add cells to a set; those that it holds already are passed over."""
    notices = Notices()
    with _writable(_there(_folder(label_set, workspace))) as here:
        opened = _find(here, label_set)
        before = len(opened.cells)
        add_cells(here, opened, gather(cells, opened.schema), person=here.people.current_id)
        notices.add(passed_over(cells))
        opened.refresh()
    return Answer({"id": opened.id, "name": opened.name, "cells": len(opened.cells),
                   "added": len(opened.cells) - before, "notices": notices.texts},
                  f"{opened.name}: {len(opened.cells) - before} cells added, {len(opened.cells)} in all")


@command(label, "list")
def list_sets(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """The sets of a workspace, newest work first."""
    table = Table("name", "id", "classes", "cells", "labelled", "people", "last saved", box=None)
    data: list[dict[str, Any]] = []
    with _open(workspace) as here:
        for info in here.label_sets.all():
            opened = here.label_sets.open(info.id)
            given = [each for each in opened.labels.values() if each.answer != SKIPPED]
            labelled, people = len({each.cell for each in given}), len({each.person for each in given})
            data.append({"id": info.id, "name": info.name, "schema": opened.schema.id, "cells": info.count,
                         "labelled": labelled, "labels": len(given), "people": people, "saved": info.saved})
            table.add_row(info.name, info.id, opened.schema.id, str(info.count), str(labelled), str(people),
                          info.saved[:16])
    return Answer(data, table if data else "There are no sets of cells in this workspace.")


@command(label, "export")
def export(label_set: SetArgument,
           out: Annotated[Path, typer.Option("--out", help="The file (csv, coco) or new folder (geojson, folders).")],
           format: Annotated[str, typer.Option("--format", help=f"One of: {_FORMATS}.")] = "csv",
           consensus: Annotated[bool, typer.Option(
               "--consensus", help="CSV with one row for each cell: what most call it, votes, agreement.")] = False,
           names: Annotated[bool, typer.Option(
               "--names", help="Write names of annotators, too; without it pseudonyms alone.")] = False,
           workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Write labels: csv holds every answer, the other formats what most call each cell."""
    with _open(_folder(label_set, workspace)) as here:
        opened = _find(here, label_set)
        done = export_labels(here, opened, out, format, consensus=consensus, names=names, person=here.people.current_id)
    lines = [f"{out}  {done.answers} answers of {done.cells} cells ({done.synthetic} synthetic)", *done.notices]
    if format != "csv" and done.undecided + done.unclassed:
        lines.append(f"{done.undecided} cells without a majority and {done.unclassed} that are called no class are in "
                     "CSV alone.")
    return Answer({"out": str(out), "format": format, "answers": done.answers, "cells": done.cells,
                   "synthetic": done.synthetic, "undecided": done.undecided, "unclassed": done.unclassed,
                   "notices": list(done.notices)}, "\n".join(lines))


@command(label, "import")
def import_file(label_set: SetArgument,
                path: Annotated[Path, typer.Argument(
                    metavar="FILE|DIR", help="CSV, COCO, GeoJSON of QuPath, or a folder of pictures for each class.")],
                annotator: Annotated[str, typer.Option(
                    "--annotator", help="Whose labels these are, where the file does not say.")] = "",
                classes: Annotated[list[str] | None, typer.Option(
                    "--map", metavar="THEIRS=OURS", help="What a class of the file is called here.")] = None,
                dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell, and change nothing.")] = False,
                workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Take labels in: cells are matched by hash and box, else by file name; undone in one step."""
    given: dict[str, str] = {}
    for text in classes or ():
        theirs, mark, ours = text.rpartition("=")
        if not mark or not theirs.strip() or not ours.strip():
            raise UserError(f"{text!r} does not say which class is which.", "Write --map THEIRS=OURS.")
        given[theirs.strip()] = ours.strip()
    with _writable(_there(_folder(label_set, workspace))) as here:
        opened = _find(here, label_set)
        plan = plan_import(here, opened, path, annotator=annotator, classes=given)
        images = short_names(list(dict.fromkeys(cell.file for cell in opened.cells)))
        known = {cell.id: images[cell.file] for cell in opened.cells}
        names = names_of(here) | dict(plan.new_people)
        if not dry_run:
            import_labels(here, opened, plan, here.people.current_id)
    return Answer({"set": opened.id, "dry_run": dry_run, **plan.to_plain()},
                  import_words(plan, known, names, dry_run, command=True))


@command(label, "agreement")
def agreement(label_set: SetArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Kappa, the same answer when asked again, the pull of shown predictions, and where people disagree."""
    place = _there(_folder(label_set, workspace))
    with headless(place, quiet=as_json) as here, tempfile.TemporaryDirectory() as folder:
        opened = _find(here.workspace, label_set)
        request = agreement_request(opened, Path(folder) / "agreement.json")
        here.run(count_agreement(here.queue, request, here.person_id))
        report = read_agreement(Path(request.out))
        people, names = annotators(opened), names_of(here.workspace)
        differ = disagreements(opened)
        images = short_names(list(dict.fromkeys(cell.file for cell in opened.cells)))
        shown = {each.cell: images[cell.file] for each in differ if (cell := opened.cell(each.cell)) is not None}
    called = {k: shown_name(names, each) for k, each in enumerate(people)}
    lines = agreement_words(report, called)
    if differ:
        lines.append(f"Cells on which people disagree: {len(differ)}")
        lines += some([f"{shown.get(each.cell, '')} {each.cell}: {said(each.answers, names)}" for each in differ])
    return Answer({"set": opened.id, "people": people, "report": report.to_plain(), "disagreements": [
        {"cell_id": each.cell, "image": shown.get(each.cell, ""), "answers": dict(each.answers)} for each in differ]},
                  "\n".join(lines))


@command(schema, "list")
def schema_list(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """The sets of classes that come with MedSynth."""
    table = Table("id", "name", "classes", box=None)
    for each in shipped_schemas():
        table.add_row(each.id, each.name, ", ".join(each.ids))
    return Answer([each.to_plain() for each in shipped_schemas()], table)


@command(schema, "export")
def schema_export(classes: Annotated[str, typer.Argument(metavar="NAME|SET", help="One that comes with MedSynth, or a "
                                                                                 "set of cells.")],
                  out: Annotated[Path, typer.Option("--out", dir_okay=False, help="The TOML file to write.")],
                  workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Write classes as a file, to change them and give them to `label new`."""
    found = next((each for each in shipped_schemas() if each.id == classes), None)
    if found is None and workspace is None:
        raise _no_classes(classes, "give the workspace of a set of cells with --workspace")
    if found is None:
        with _open(workspace) as here:
            found = _find(here, classes).schema
    with out_file(out):
        write_schema(out, found)
    return Answer({"out": str(out), "classes": len(found.classes)}, f"{out}  {len(found.classes)} classes")


@command(schema, "check")
def schema_check(path: Annotated[Path, typer.Argument(metavar="FILE", help="A TOML file of classes.")],
                 workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Say whether a file of classes can be used; exit status 2 where it cannot."""
    found = read_schema(path)
    table = Table("key", "id", "name", "belongs to", "code", box=None)
    for each in found.classes:
        table.add_row(each.key, each.id, each.name, each.parent, each.code)
    return Answer(found.to_plain(), table)


def _schema(text: str) -> CellSchema:
    shipped = {each.id: each for each in shipped_schemas()}
    if text in shipped:
        return shipped[text]
    if Path(text).suffix.lower() == ".toml" or Path(text).is_file():
        return read_schema(Path(text))
    raise _no_classes(text, "give a TOML file")


def _no_classes(text: str, other: str) -> UserError:
    known = ", ".join(each.id for each in shipped_schemas())
    return UserError(f"There are no classes {text!r}.", f"Name one of {known}, or {other}.")


def _encoder(named: str) -> str:
    """Hash of an encoder that the window will find again."""
    found = find_pack(named, kind="encoder").manifest
    if found.sha256 not in {pack.manifest.sha256 for pack in list_packs(kind="encoder")}:
        raise UserError(f"The encoder {found.name} is not installed, so the window would take another one.",
                        "Install it first with `medsynth packs import`.")
    return found.sha256


def _folder(text: str, workspace: Path | None) -> Path | None:
    """The workspace that is meant: the one given, or the folder that stands for its only set."""
    return Path(text) if workspace is None and (Path(text) / FILE).is_file() else workspace


def _there(folder: Path | None) -> Path | None:
    """A workspace that must be there already: a mistyped one shall not be made."""
    if folder is not None and not (folder.expanduser() / FILE).is_file():
        raise UserError(f"There is no workspace in {folder.name}.", "Name the folder of one with --workspace.")
    return folder


@contextmanager
def _open(folder: Path | None) -> Iterator[Workspace]:
    """A workspace to read, also one that a window works in."""
    _there(folder)
    with Workspace.open(folder) if folder is not None else Workspace.temporary() as opened:
        yield opened


@contextmanager
def _writable(folder: Path | None) -> Iterator[Workspace]:
    with headless(folder, quiet=True) as here:
        yield here.workspace


def _find(workspace: Workspace, text: str) -> LabelSet:
    """The set of this name or id, or the only one of a workspace that is named by its folder."""
    sets = workspace.label_sets.all()
    found = [each for each in sets if each.id == text] or [each for each in sets if each.name == text]
    if not found and Path(text).resolve() == workspace.folder:
        found = sets
    if len(found) == 1:
        return workspace.label_sets.open(found[0].id)
    names = ", ".join(f"{each.name} ({each.id})" for each in sets[:SHOWN])
    if not names:
        raise UserError("There are no sets of cells in this workspace.",
                        "Name the folder of one with --workspace, or make one with `medsynth label new`.")
    raise UserError(f"{'Several sets are' if found else 'There is no set'} called {text!r}.", f"Name one of: {names}.")
