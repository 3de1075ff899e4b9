"""``train``: packs and parts of packs."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from medsynth_app.actions.data import REPORT, look_at_data, preview_request, read_report, time_request
from medsynth_app.actions.data_recipe import add_time, write_recipe
from medsynth_app.actions.data_words import time_of
from medsynth_app.actions.packs import find_pack
from medsynth_app.actions.train import begun_part, branching, has_learned, train_request
from medsynth_app.actions.train import branch as branch_run
from medsynth_app.actions.train import train as queue_training
from medsynth_app.cli.common import Answer, JsonOption, OutOption, WorkspaceOption, command
from medsynth_app.cli.data import told
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.train import TrainRequest
from medsynth_app.core.pack_files import open_pack
from medsynth_app.headless import Headless, Interrupted, headless

train = typer.Typer(help="Train a model pack, or a part of one.")

RecipeArgument = Annotated[Path, typer.Argument(help="A TOML file such as those in resources/recipes.")]
DataOption = Annotated[Path | None, typer.Option("--data", help="The data folder of the recipe.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on from an earlier run.")]
MinutesOption = Annotated[float, typer.Option("--max-minutes", min=0, help="End after so many minutes; 0: never.")]
BranchOption = Annotated[Path | None, typer.Option(
    "--branch", file_okay=False, help="Go on from a copy of another run, that of this --out; that one stays.")]
DryOption = Annotated[bool, typer.Option(
    "--dry-run", help="Split and freeze the data, tell what would be learned, and train nothing.")]
JoinedOption = Annotated[str, typer.Option("--pack", help="Name or folder of the base pack that the part joins.")]


def _train(part: str, recipe: Path, data: Path | None, out: Path, resume: bool, max_minutes: float,
           workspace: Path | None, as_json: bool, dry: bool, branch: Path | None, joins: str | None = None) -> Answer:
    """Train and wait. Ctrl+C keeps a checkpoint."""
    pack = find_pack(joins) if joins is not None else None
    if branch is not None and (data is not None or dry):
        raise UserError(f"With --branch, {'--dry-run tells' if dry else '--data is'} nothing new: a branch learns from "
                        "the frozen data of the run that it is copied from.", "Leave it away.")
    with headless(workspace, lane=Lane.BACKGROUND, quiet=as_json) as here:
        if branch is not None:
            request = branch_run(branch, out, recipe, part=part, pack=pack, max_minutes=max_minutes)
        else:
            request = train_request(recipe, data, out, part=part, pack=pack, resume=resume, max_minutes=max_minutes)
        if dry:
            return _previewed(here, request)
        try:
            with branching(out) if branch is not None else nullcontext():
                here.run(queue_training(here.queue, request, here.person_id))
        except Interrupted:
            if begun_part(out):
                typer.echo(f"{'What was learned is kept' if has_learned(out) else 'Nothing was learned yet'}: the same "
                           "command with --resume goes on from there.", err=True)
            raise
    found = open_pack(out)
    return Answer({"pack": found.manifest.name, "part": part, "folder": str(out), "sha256": found.manifest.sha256},
                  f"{out}  {found.manifest.sha256}")


@command(train, "new")
def train_new(name: Annotated[str, typer.Argument(help="What the pack will be called.")],
              data: Annotated[Path, typer.Option("--data", help="The data that it will learn from.")],
              out: Annotated[Path | None, typer.Option(
                  "--out", dir_okay=False, help="The file to write; without it NAME.toml here.")] = None,
              workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Write a commented recipe for data of your own, with the time that it takes on this machine."""
    path = out or Path(f"{name}.toml")
    write_recipe(name, data, path)
    with tempfile.TemporaryDirectory() as temporary, headless(workspace, quiet=as_json) as here:
        request = time_request(path, Path(temporary) / REPORT)
        try:
            here.run(look_at_data(here.queue, request, here.person_id, Lane.INTERACTIVE))
            add_time(path, time_of(read_report(Path(request.report))))
        except UserError as error:  # the recipe is good without it
            typer.echo(f"How long it will take could not be told. {error}", err=True)
    return Answer({"recipe": str(path)}, f"{path}\nRead it, then: medsynth train base {path} --data {data} "
                                         "--out PACK --dry-run")


def _previewed(here: Headless, request: TrainRequest) -> Answer:
    asked = preview_request(request)
    here.run(look_at_data(here.queue, asked, here.person_id))
    found = read_report(Path(asked.report))
    return Answer({**found, "contact_sheet": asked.sheet}, f"{told(found)}\nSee {asked.sheet}")


@command(train, "base")
def train_base(recipe: RecipeArgument, out: OutOption, data: DataOption = None, resume: ResumeOption = False,
               start: Annotated[str | None, typer.Option("--start", help="Name or folder of a pack to start from.")]
               = None, max_minutes: MinutesOption = 0.0, dry_run: DryOption = False,
               branch: BranchOption = None, workspace: WorkspaceOption = None,
               as_json: JsonOption = False) -> Answer:
    """Train a base pack by a recipe. Ctrl+C keeps a checkpoint; --resume goes on from it."""
    return _train("base", recipe, data, out, resume, max_minutes, workspace, as_json, dry_run, branch, start)


@command(train, "control")
def train_control(recipe: RecipeArgument, out: OutOption, pack: JoinedOption, data: DataOption = None,
                  resume: ResumeOption = False, max_minutes: MinutesOption = 0.0, dry_run: DryOption = False,
                  branch: BranchOption = None, workspace: WorkspaceOption = None,
                  as_json: JsonOption = False) -> Answer:
    """Train a ControlNet for masks; OUT becomes a copy of the base pack with it."""
    return _train("control", recipe, data, out, resume, max_minutes, workspace, as_json, dry_run, branch, pack)


@command(train, "masks")
def train_masks(recipe: RecipeArgument, out: OutOption, pack: JoinedOption, data: DataOption = None,
                resume: ResumeOption = False, max_minutes: MinutesOption = 0.0, dry_run: DryOption = False,
                branch: BranchOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Train a model of masks themselves; OUT becomes a copy of the base pack with it."""
    return _train("masks", recipe, data, out, resume, max_minutes, workspace, as_json, dry_run, branch, pack)


@command(train, "encoder")
def train_encoder(recipe: RecipeArgument, out: OutOption, data: DataOption = None, resume: ResumeOption = False,
                  max_minutes: MinutesOption = 0.0, dry_run: DryOption = False,
                  branch: BranchOption = None, workspace: WorkspaceOption = None,
                  as_json: JsonOption = False) -> Answer:
    """Train an encoder of cells: a picture becomes a vector."""
    return _train("encoder", recipe, data, out, resume, max_minutes, workspace, as_json, dry_run, branch)


@command(train, "detector")
def train_detector(recipe: RecipeArgument, out: OutOption, data: DataOption = None, resume: ResumeOption = False,
                   max_minutes: MinutesOption = 0.0, dry_run: DryOption = False,
                   branch: BranchOption = None, workspace: WorkspaceOption = None,
                   as_json: JsonOption = False) -> Answer:
    """Train a detector of cells: it finds them in fields, as `detect --engine OUT`."""
    return _train("detector", recipe, data, out, resume, max_minutes, workspace, as_json, dry_run, branch)
