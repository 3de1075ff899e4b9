"""``rerun``: draw a result again from its record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from medsynth_app.actions.out_folder import out_folder
from medsynth_app.actions.records import find_record
from medsynth_app.actions.rerun import rerun as draw_again
from medsynth_app.cli.common import Answer, JsonOption, PackOption, command
from medsynth_app.core.errors import UserError
from medsynth_app.headless import headless
from medsynth_app.workspace.workspace import Workspace, usual_folder

app = typer.Typer()

RecordArgument = Annotated[Path, typer.Argument(
    metavar="RECORD", help="A PNG, TIFF or DICOM with its record inside, or the .provenance.json beside it.")]
ImageOption = Annotated[Path | None, typer.Option(
    "--image", help="What an inpainting was drawn into: an image, or a folder of slices, wherever it lies by now.")]
OldMaskOption = Annotated[Path | None, typer.Option(
    "--mask", help="What was painted, for records of earlier versions, which do not hold it.")]
KeptOption = Annotated[Path | None, typer.Option(
    "--workspace", file_okay=False, help="Where the work is kept; without it the workspace of the window. Nothing is "
                                         "changed in it.")]
DrawnOption = Annotated[Path | None, typer.Option("--out", file_okay=False, help="Folder for what is drawn.")]


@command(app, "rerun")
def rerun(record: RecordArgument, image: ImageOption = None, mask: OldMaskOption = None, pack: PackOption = None,
          out: DrawnOption = None, workspace: KeptOption = None, as_json: JsonOption = False) -> Answer:
    """Draw a result again from its record, and say whether it is the same to the bit, or what differs and why.

    Exit status 0 where it is the same, 2 where it is not.
    """
    found = find_record(record)
    with _kept(workspace) as kept, out_folder(out) if out is not None else nullcontext(), \
            headless(None, quiet=as_json) as here:
        made = draw_again(found, here.workspace, here.queue, here.run, image=image, mask=mask, pack=pack, kept=kept,
                          out=out)
    told = f"{made.words}\n{made.written.path}" if made.written is not None else made.words
    return Answer({"identical": made.identical, "file": made.in_file.value, "holds": made.holds,
                   "differences": [asdict(each) for each in made.differences], "lacking": list(made.lacking),
                   "values": {"differing": made.differing, "of": made.of, "largest": made.largest},
                   "seed": made.record.seed, "pack": made.record.pack,
                   "written": str(made.written.path) if made.written is not None else None, "words": made.words},
                  told, failed=not made.holds)


@contextmanager
def _kept(folder: Path | None) -> Iterator[Workspace | None]:
    """The person's workspace, to look things up; None where there is none."""
    place = folder or usual_folder()
    if not place.is_dir():
        if folder is not None:
            raise UserError("There is no workspace in this folder.", "Name the folder of another one.")
        yield None
        return
    with Workspace.open(place, writable=False) as opened:
        yield opened
