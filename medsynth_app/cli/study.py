"""``study``: how good a pack is, measured on real data that it has not seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from medsynth_app.actions.study import study as queue_study
from medsynth_app.actions.study import study_request
from medsynth_app.cli.common import Answer, JsonOption, OutOption, WorkspaceOption, command, group_command
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import Lane
from medsynth_app.headless import headless
from medsynth_app.studies.catalogue import STUDIES, entry_of

study = typer.Typer(help="Measure a model pack on real data that it has not seen; each study is a report.")

PackOption = Annotated[str, typer.Option("--pack", help="Name or folder of the pack that is measured.")]
DataOption = Annotated[Path, typer.Option("--data", help="Folder of the real data, or of a frozen training set.")]
RecipeOption = Annotated[Path | None, typer.Option("--recipe", help="The pack's recipe; by default the shipped one.")]
NumberOption = Annotated[int, typer.Option("--n", help="How many pictures or masks; 0: as the study has it.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Of all that is chosen or drawn by chance.")]
DrawingOption = Annotated[int, typer.Option("--drawing-steps", help="Denoising steps of what is drawn; 0: as many as "
                                            "the pack recommends.")]
PeersOption = Annotated[Path | None, typer.Option("--peers", help="Folder with encoders of others; the report says how "
                                                  "to get them.")]
JudgeOption = Annotated[float, typer.Option("--judge-minutes", help="The longest that a judge is trained.")]
RecordOption = Annotated[bool, typer.Option("--record", help="Write the figures into the pack's card.")]


@group_command(study)
def studies(context: typer.Context, as_json: JsonOption = False) -> Answer | None:
    """Without a name: what there is."""
    if context.invoked_subcommand is not None:
        return None
    table = Table("study", "asks", box=None)
    for entry in STUDIES:
        table.add_row(entry.name, entry.help)
    return Answer([{"name": entry.name, "title": entry.title, "asks": entry.help} for entry in STUDIES], table)


@command(study, "quality")
def quality(pack: PackOption, data: DataOption, out: OutOption, recipe: RecipeOption = None, n: NumberOption = 0,
            seed: SeedOption = 0, judge_minutes: JudgeOption = 8.0,
            encoder: Annotated[str | None, typer.Option("--encoder", help="Encoder that compares pictures.")] = None,
            peers: PeersOption = None, drawing_steps: DrawingOption = 0,
            record: RecordOption = False, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Do whole pictures look real and varied, and do they repeat training pictures?"""
    return _study("quality", pack, out, workspace, as_json, data=data, recipe=recipe, n=n, seed=seed,
                  judge_minutes=judge_minutes, encoder=encoder, peers=peers, drawing_steps=drawing_steps,
                  record=record)


@command(study, "control")
def control(pack: PackOption, data: DataOption, out: OutOption, recipe: RecipeOption = None, n: NumberOption = 0,
            seed: SeedOption = 0, judge_minutes: JudgeOption = 8.0, drawing_steps: DrawingOption = 0,
            record: RecordOption = False, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Is the mask that a picture was drawn after found in it again?"""
    return _study("control", pack, out, workspace, as_json, data=data, recipe=recipe, n=n, seed=seed,
                  judge_minutes=judge_minutes, drawing_steps=drawing_steps, record=record)


@command(study, "inpaint")
def inpaint(pack: PackOption, data: DataOption, out: OutOption, recipe: RecipeOption = None, n: NumberOption = 0,
            seed: SeedOption = 0, judge_minutes: JudgeOption = 8.0, peers: PeersOption = None,
            drawing_steps: DrawingOption = 0, record: RecordOption = False, workspace: WorkspaceOption = None,
            as_json: JsonOption = False) -> Answer:
    """Is what was painted over gone, replaced or redrawn, and does the edge show?"""
    return _study("inpaint", pack, out, workspace, as_json, data=data, recipe=recipe, n=n, seed=seed,
                  judge_minutes=judge_minutes, peers=peers, drawing_steps=drawing_steps, record=record)


@command(study, "steps")
def steps(pack: PackOption, data: DataOption, out: OutOption, recipe: RecipeOption = None, n: NumberOption = 0,
          seed: SeedOption = 0, judge_minutes: JudgeOption = 8.0,
          counts: Annotated[str, typer.Option("--counts", metavar="N,N,...", help="Numbers of denoising steps; the "
                                              "largest is what the others are held against.")] = "6,8,12,16,25",
          peers: PeersOption = None, record: RecordOption = False, workspace: WorkspaceOption = None,
          as_json: JsonOption = False) -> Answer:
    """How few denoising steps suffice?"""
    return _study("steps", pack, out, workspace, as_json, data=data, recipe=recipe, n=n, seed=seed,
                  judge_minutes=judge_minutes, counts=_numbers("--counts", counts), peers=peers, record=record)


@command(study, "masks")
def masks(pack: PackOption, data: DataOption, out: OutOption, recipe: RecipeOption = None, n: NumberOption = 0,
          seed: SeedOption = 0,
          limits: Annotated[str, typer.Option("--limits", metavar="N,N,...", help="Masks to learn from; 0: "
                                              "all, or the pack's own model.")] = "25,100,0",
          minutes: Annotated[float, typer.Option("--minutes", help="The longest that one training takes.")] = 10.0,
          record: RecordOption = False, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Have drawn masks the sizes and forms of real ones, and are they new?"""
    return _study("masks", pack, out, workspace, as_json, data=data, recipe=recipe, n=n, seed=seed,
                  limits=_numbers("--limits", limits), minutes=minutes, record=record)


@command(study, "utility")
def utility(pack: PackOption, data: DataOption, out: OutOption, recipe: RecipeOption = None, n: NumberOption = 0,
            seed: SeedOption = 0, seeds: Annotated[int, typer.Option("--seeds", help="Trainings of each arm.")] = 5,
            per_class: Annotated[str, typer.Option("--per-class", metavar="N,N,...",
                                                   help="Real cells of each class.")] = "10,25,100",
            real: Annotated[int, typer.Option("--real", help="Real pairs of picture and mask; 0: all.")] = 0,
            minutes: Annotated[float, typer.Option("--minutes", help="The longest that one training takes.")] = 2.0,
            steps: Annotated[int, typer.Option("--steps", help="Of every training; 0: what the minutes allow.")] = 0,
            drawing_steps: DrawingOption = 0,
            record: RecordOption = False, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Do drawn pictures help a model that learns from real ones, more than copies do?"""
    return _study("utility", pack, out, workspace, as_json, data=data, recipe=recipe, n=n, seed=seed, seeds=seeds,
                  per_class=_numbers("--per-class", per_class), real=real, minutes=minutes, steps=steps,
                  drawing_steps=drawing_steps, record=record)


@command(study, "encoders")
def encoders(pack: PackOption, data: DataOption, out: OutOption, n: NumberOption = 0,
             other: Annotated[Path | None, typer.Option("--other", help="Cells of another stain: labels.csv and "
                                                        "images.")] = None,
             peers: PeersOption = None, record: RecordOption = False, workspace: WorkspaceOption = None,
             as_json: JsonOption = False) -> Answer:
    """Are like cells near each other for an encoder, and how fast is it?"""
    return _study("encoders", pack, out, workspace, as_json, data=data, n=n, other=other, peers=peers, record=record)


@command(study, "load")
def load(pack: PackOption, out: OutOption, repeats: Annotated[int, typer.Option("--repeats", help="Processes.")] = 3,
         record: RecordOption = False, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """How fast is a pack ready, and does it keep to the limits of size?"""
    return _study("load", pack, out, workspace, as_json, repeats=repeats, record=record)


@command(study, "cell-parts")
def cell_parts(pack: PackOption, data: DataOption, out: OutOption, record: RecordOption = False,
               workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """How well do our nucleus and cytoplasm agree with masks that experts drew?"""
    return _study("cell-parts", pack, out, workspace, as_json, data=data, record=record)


def _study(name: str, pack: str, out: Path, workspace: Path | None, as_json: bool, **options: Any) -> Answer:
    request = study_request(name, pack, out, **options)
    with headless(workspace, lane=Lane.BACKGROUND, quiet=as_json) as here:
        here.run(queue_study(here.queue, request, here.person_id))
    about = json.loads((out / f"{name}.json").read_text(encoding="utf-8"))
    table = Table("figure", "measured", "floor", "target", "n", title=entry_of(name).title, title_justify="left")
    for row in about["figures"]:
        table.add_row(row["name"], row["measured"], row["floor"], row["target"], row["n"])
    notes = [Text(f"- {note}") for note in about["notes"]]
    return Answer({**about, "out": str(out)}, Group(table, *notes, Text(f"{out / f'{name}.md'}")))


def _numbers(option: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UserError(f"{option} {text} is no list of whole numbers.", "Write them as 10,25,100.") from error
