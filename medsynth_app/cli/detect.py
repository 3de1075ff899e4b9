"""``detect``: the cells of stained smears."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from medsynth_app.actions.detect import DEFAULT_DETECTOR, detect_request
from medsynth_app.actions.detect import detect as queue_detection
from medsynth_app.actions.out_folder import out_file, require_room
from medsynth_app.cli.common import CLASSICAL, Answer, DeviceOption, JsonOption, WorkspaceOption, command
from medsynth_app.core.job import Lane
from medsynth_app.formats.cell_tables import read_cells
from medsynth_app.headless import headless

app = typer.Typer()


@command(app, "detect")
def detect(images: Annotated[list[Path], typer.Argument(metavar="IMAGES...", help="Pictures, or folders of them.")],
           out: Annotated[Path, typer.Option("--out", dir_okay=False, help="The file to write, cells.csv.")],
           engine: Annotated[str | None, typer.Option("--engine", help=(
               f"{CLASSICAL}, which goes by colour, size and shape; name or folder of a detector's pack; or a detector "
               f"of a plug-in. Without it {DEFAULT_DETECTOR}, which found more red cells and platelets, and where that "
               f"is not installed {CLASSICAL}."))] = None,
           device: DeviceOption = "auto", workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Find white cells, red cells and platelets in stained smears."""
    request = detect_request(images, out, engine, device)
    with out_file(out), headless(workspace, lane=Lane.BACKGROUND, quiet=as_json) as here:
        require_room((out.parent, 0), (here.workspace.folder, 0))
        here.run(queue_detection(here.queue, request, here.person_id))
    kinds = Counter(row["class"] for row in read_cells(out).rows.values())
    return Answer({"out": str(out), "fields": len(request.fields), "cells": dict(kinds)},
                  f"{out}  " + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()))
