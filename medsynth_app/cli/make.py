"""``make``: a set of pictures by an order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from medsynth_app.actions.make import Outlook, Plan, begun_in, make_request, outlook, plan_of
from medsynth_app.actions.make import make as queue_set
from medsynth_app.cli.common import (
    Answer,
    DeviceOption,
    InvisibleOption,
    JsonOption,
    OutOption,
    WorkspaceOption,
    command,
)
from medsynth_app.core.job import Lane
from medsynth_app.core.order import counted
from medsynth_app.core.order_file import read_order
from medsynth_app.core.words import duration, size
from medsynth_app.headless import Headless, Interrupted, headless

app = typer.Typer()

OrderArgument = Annotated[Path, typer.Argument(metavar="ORDER.toml",
                                               help="What to make: see the examples in resources/orders.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Tell what would be made, and how long that takes.")]


@command(app, "make")
def make(order: OrderArgument, out: OutOption, dry_run: DryOption = False, device: DeviceOption = "auto",
         invisible_mark: InvisibleOption = False, workspace: WorkspaceOption = None,
         as_json: JsonOption = False) -> Answer:
    """Make a set of pictures by an order: class folders or pairs, tables for loaders, a data card.

    The same command goes on where a run ended or was killed. No visible mark is drawn into a set; records and card
    say that it is synthetic.
    """
    begun = begun_in(out)
    plan = plan_of(replace(read_order(order), invisible_mark=invisible_mark),
                   seed=begun.seed if begun is not None else None)
    before = outlook(plan, out)
    with headless(workspace, lane=Lane.BACKGROUND, quiet=as_json) as here:
        seconds = _measured(here, plan, before, device)
        told = _told(plan, before, seconds)
        typer.echo(told, err=True)
        if dry_run:
            return Answer({"out": str(out), "pictures": before.pictures, "there": before.there, "bytes": before.bytes,
                           "seconds": seconds, "classes": counted(plan.order.pictures())}, "Nothing was made.")
        try:
            here.run(queue_set(here.queue, make_request(plan, out, device), here.person_id))
        except Interrupted:
            kept = outlook(plan, out)
            typer.echo(f"{kept.there} of {kept.pictures} pictures are there; the same command goes on.", err=True)
            raise
    return Answer({"out": str(out), "pictures": plan.order.count, "drawn": here.found["drawn"],
                   "classes": counted(plan.order.pictures()), "seed": plan.order.seed},
                  f"{out}  {plan.order.count} pictures, seed {plan.order.seed}\nSee {out / 'README.md'}")


def _measured(here: Headless, plan: Plan, before: Outlook, device: str) -> float:
    """Seconds that what is left will take."""
    if not before.left:
        return 0.0
    here.run(queue_set(here.queue, make_request(plan, device=device), here.person_id))
    return float(here.found["seconds"]) * before.left / before.pictures


def _told(plan: Plan, before: Outlook, seconds: float) -> str:
    parts = [f"{before.pictures} pictures of {len(plan.order.classes)} "
             f"class{'' if len(plan.order.classes) == 1 else 'es'}",
             f"at most {size(before.bytes)}"]
    if before.there:
        parts.append("all are there" if not before.left else f"{before.there} are there")
    return f"{', '.join(parts)}{f', about {duration(seconds)}' if before.left else ''}."
