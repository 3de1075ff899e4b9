"""``embed``: the pictures of a data set as vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medsynth_app.actions.embed import embed as queue_embedding
from medsynth_app.actions.embed import embed_request, list_pictures, passed_over
from medsynth_app.actions.out_folder import out_file, require_room
from medsynth_app.actions.packs import find_pack
from medsynth_app.cli.common import Answer, DeviceOption, JsonOption, Notices, WorkspaceOption, command
from medsynth_app.core.job import Lane
from medsynth_app.headless import headless

app = typer.Typer()


@command(app, "embed")
def embed(data: Annotated[Path, typer.Argument(metavar="DIR|CSV", help="Folder of a data set, or its CSV file.")],
          encoder: Annotated[str, typer.Option("--encoder", help="Name or folder of an encoder's pack.")],
          out: Annotated[Path, typer.Option("--out", dir_okay=False, help="The file to write: E.npz, for `rank` and "
                                        "NumPy; or .csv, .parquet.")],
          crop: Annotated[float, typer.Option(
              "--crop", help="Share of a picture's edge that is seen, about its middle; 0: the encoder's own.")] = 0.0,
          device: DeviceOption = "auto", workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Turn every picture of a data set into a vector, with its class where the data name it."""
    notices = Notices()
    request = embed_request(find_pack(encoder, kind="encoder"), list_pictures(data), out, crop=crop, device=device)
    notices.add(passed_over(data))
    with out_file(out), headless(workspace, lane=Lane.BACKGROUND, quiet=as_json) as here:
        require_room((out.parent, 0), (here.workspace.folder, 0))
        here.run(queue_embedding(here.queue, request, here.person_id))
    found = {name: here.found[name] for name in ("encoder", "sha256", "pictures", "dimensions")}
    return Answer({"out": str(out), **found, "notices": notices.texts},
                  f"{out}  {found['pictures']} pictures, {found['dimensions']} numbers each")
