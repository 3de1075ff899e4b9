"""The command line: every job without the window, through the same actions. ``medsynth`` alone opens the window."""

from __future__ import annotations

import logging
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from medsynth_app import __version__
from medsynth_app.actions.doctor import doctor as run_doctor
from medsynth_app.actions.virtual_screen import has_display
from medsynth_app.cli import detect, embed, export, images, make, rank, records
from medsynth_app.cli.common import Answer, JsonOption, OneLineErrors, OutOption, WorkspaceOption, command
from medsynth_app.cli.data import data
from medsynth_app.cli.generate import generate
from medsynth_app.cli.label import label
from medsynth_app.cli.packs import packs
from medsynth_app.cli.study import study
from medsynth_app.cli.train import train
from medsynth_app.core.errors import UserError
from medsynth_app.demo import run_demo
from medsynth_app.startup import hold_garbage, release_garbage

OPEN = "open"


class Program(OneLineErrors):
    """``medsynth FILE`` is short for ``medsynth open FILE``; what is neither a command nor a path is a typo."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        named = args[0] if args else ""
        if named and named not in self.commands and (Path(named).exists() or Path(named).name != named
                                                     or Path(named).suffix):
            args = [OPEN, *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(name="medsynth", cls=Program, add_completion=False, pretty_exceptions_enable=False,
                  help="MedSynth: an offline workbench for synthetic medical images.", rich_markup_mode=None)
app.add_typer(images.app)
app.add_typer(export.app)
app.add_typer(generate, name="generate")
app.add_typer(make.app)
app.add_typer(records.app)
app.add_typer(detect.app)
app.add_typer(embed.app)
app.add_typer(rank.app)
app.add_typer(label, name="label")
app.add_typer(data, name="data")
app.add_typer(train, name="train")
app.add_typer(study, name="study")
app.add_typer(packs, name="packs")


@app.callback(invoke_without_command=True)
def window(context: typer.Context, workspace: WorkspaceOption = None,
           version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Open the window, with FILE where one is named; or, with a command, do one job without it."""
    if version:
        typer.echo(f"medsynth {__version__}")
    elif context.invoked_subcommand is None:
        raise typer.Exit(_open_window(workspace))


@app.command(OPEN)
def open_in_window(context: typer.Context,
                   path: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="An image, or a folder of DICOM.")],
                   workspace: WorkspaceOption = None) -> None:
    """Open the window with an image or a folder of slices; `medsynth FILE` does the same."""
    before = context.parent.params.get("workspace") if context.parent is not None else None
    raise typer.Exit(_open_window(workspace or before, path))


def _open_window(workspace: Path | None, path: Path | None = None) -> int:
    try:
        if path is not None and not path.exists():
            raise UserError(f"There is no file or folder {path.name}.", "`medsynth --help` lists the commands.")
        if not has_display():
            raise UserError("There is no display to open the window on.",
                            "`medsynth demo --out demo-output --headless` needs none, and every job has a command.")
        hold_garbage()
        from medsynth_app.app import run  # Qt and napari are loaded only now

        return run(workspace, path.resolve() if path is not None else None)
    except UserError as error:
        typer.echo(str(error), err=True)
        return 2
    finally:
        release_garbage()


@command(app, "doctor")
def doctor(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Check packs, model libraries, graphics, memory, disk and that nothing talks to the network."""
    checks = run_doctor(workspace)
    table = Table("check", "", "finding", box=None)
    for check in checks:
        table.add_row(check.name, "ok" if check.ok else "PROBLEM", check.text)
    return Answer({"ok": all(check.ok for check in checks), "checks": [asdict(check) for check in checks]}, table,
                  failed=not all(check.ok for check in checks))


@command(app, "demo")
def demo(out: OutOption, headless: Annotated[bool, typer.Option(
             "--headless", help="On a virtual screen, even where there is a display.")] = False,
         workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """A guided tour of the window: screenshots and results, each with its provenance, in a folder."""
    summary = run_demo(out, headless=headless, workspace=workspace)
    return Answer(summary, "\n".join([*summary["steps"], f"See {out / 'index.md'}"]))


def main() -> None:
    """Entry point of ``medsynth``: offline from the first moment, logs on stderr."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        os.environ[name] = "1"
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s: %(message)s")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app()
