"""``rerun``: draw a result again from its record; ``trace``: find where a picture comes from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from medsynth_app.actions.out_folder import out_folder
from medsynth_app.actions.records import find_record, record_in
from medsynth_app.actions.rerun import rerun as draw_again
from medsynth_app.actions.trace import pixels_in, trace_among, unknown_mark
from medsynth_app.actions.trace import trace as find_origins
from medsynth_app.cli.common import Answer, JsonOption, PackOption, command
from medsynth_app.core.errors import UserError
from medsynth_app.core.files import writing
from medsynth_app.formats.provenance import to_text
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
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The picture: PNG, JPEG, TIFF, DICOM or NIfTI.")]
AmongOption = Annotated[Path | None, typer.Option(
    "--among", help="Look among the files of this folder, a set for example, and not in the workspace.")]
FrameOption = Annotated[int, typer.Option("--frame", help="Slice of a file that holds several, from 0.")]
SavedOption = Annotated[Path | None, typer.Option(
    "--record", dir_okay=False, help="Write the record of the nearest to this file, for `medsynth rerun`.")]
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
                   "fills": {"drawn": made.fills[0], "of": made.fills[1], "compared": made.compared}
                   if made.fills is not None else None,
                   "seed": made.record.seed, "pack": made.record.pack,
                   "written": str(made.written.path) if made.written is not None else None, "words": made.words},
                  told, failed=not made.holds)


@command(app, "trace")
def trace(file: FileArgument, among: AmongOption = None, frame: FrameOption = 0, record: SavedOption = None,
          workspace: KeptOption = None, as_json: JsonOption = False) -> Answer:
    """Find where a picture comes from after it lost its record: by its pixels, its invisible mark, or its looks.

    It is looked for among what the workspace has drawn or exported, or among the files of a folder that hold their
    records. Cropped or turned pictures are not found. Exit status 0 where one is found, 2 where none is.
    """
    pixels, inside = pixels_in(file, frame), record_in(file)
    if among is not None:
        found, where = trace_among(pixels, among), "this folder"
    else:
        with _kept(workspace) as kept:
            if kept is None:
                raise UserError("There is no workspace to look in.",
                                "Name one with --workspace, or a folder of generated pictures with --among.")
            found, where = find_origins(pixels, kept), "the workspace"
    if record is not None and found:
        with writing(record) as part:
            part.write_text(to_text(found[0].record, indent=1) + "\n", encoding="utf-8")
    lines = [each.words for each in found] or [f"Nothing in {where} looks like this picture."]
    if marked := unknown_mark(pixels, found):
        lines.append(marked)
    if inside is not None:
        lines.append("The file holds its record, or has it beside it: see `medsynth info FILE`.")
    data = {"found": [{"same": each.same, "distance": each.distance, "wrong_bits": each.wrong,
                       "seed": each.record.seed, "pack": each.record.pack, "pack_sha256": each.record.pack_sha256,
                       "file": each.file, "words": each.words, "record": each.record.to_dict()} for each in found],
            "unknown_mark": bool(marked), "holds_record": inside is not None}
    return Answer(data, "\n".join(lines), failed=not found)


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
