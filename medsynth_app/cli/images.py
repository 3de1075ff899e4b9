"""Commands on images: ``info``, ``inpaint``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from medsynth_app.actions.export_result import export_result
from medsynth_app.actions.info import info as read_info
from medsynth_app.actions.inpaint import given_labels, inpaint_request, require_following
from medsynth_app.actions.inpaint import inpaint as queue_inpainting
from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.out_folder import out_folder, require_room
from medsynth_app.actions.packs import list_packs, removes, suited_pack, unknown_kind
from medsynth_app.cli.common import (
    CLASSICAL,
    GB,
    AllowOption,
    Answer,
    EngineOption,
    JsonOption,
    MarkOption,
    Notices,
    OutOption,
    WorkspaceOption,
    chosen_pack,
    command,
)
from medsynth_app.cli.options import asking
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameInfo
from medsynth_app.core.options import changed
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.parameters import InpaintParameters
from medsynth_app.formats.common import ALLOWED_BYTES, TooLarge
from medsynth_app.formats.registry import is_dicom, read_mask
from medsynth_app.headless import Headless, headless
from medsynth_app.session.window_level import starting_window
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace

app = typer.Typer()


@command(app, "info")
def info(path: Path, allow_gb: AllowOption = ALLOWED_BYTES / GB, workspace: WorkspaceOption = None,
         as_json: JsonOption = False) -> Answer:
    """Neutral facts of an image, a folder of slices or a model pack; never a patient's name.

    The pseudonym is that of the --workspace; without one it is another at every call.
    """
    salt = b""
    if workspace is not None:
        with Workspace.open(workspace) as opened:
            salt = opened.salt
    with _told_how_to_allow():
        facts = read_info(path, salt=salt, allow_bytes=int(allow_gb * GB))
    table = Table("what", Column("value", overflow="fold"), show_header=False, box=None)
    for key, value in facts.items():
        if value not in (None, [], "", ()):
            table.add_row(key.replace("_", " "), _plain(value))
    return Answer(facts, table)


@command(app, "inpaint")
@asking(InpaintParameters, count=1, preview_every=0, mode="")
def inpaint(image: Annotated[Path, typer.Argument(help="Image file or folder of slices.")],
            mask: Annotated[Path, typer.Option("--mask", help="PNG, TIFF or NIfTI; what is not 0 is filled.")],
            out: OutOption, given: InpaintParameters, engine: EngineOption = None,
            frame: Annotated[int | None, typer.Option(help="Slice of a series, from 0.")] = None,
            mark: MarkOption = True, allow_gb: AllowOption = ALLOWED_BYTES / GB, workspace: WorkspaceOption = None,
            as_json: JsonOption = False) -> Answer:
    """Fill the masked region of an image. DICOM is written back as DICOM, at the source's own depth.

    Without --mode something is replaced, or removed where the engine is classical. To remove needs no model: without
    --engine it takes one only where an installed pack knows the image and says what is drawn then.
    """
    usual = "remove" if engine == CLASSICAL else "replace"
    parameters = changed(given, mode=given.mode or usual, classical=engine == CLASSICAL if engine else None).checked()
    with out_folder(out), headless(workspace, quiet=as_json) as here:
        with _told_how_to_allow():
            document = open_image(here.workspace, image, allow_bytes=int(allow_gb * GB))
        chosen = _engine(engine, parameters, document)
        made = _inpaint(here, document, mask, frame, parameters, chosen, out, mark)
    return Answer(made, "\n".join(f"{item['file']}  seed {item['seed']}" for item in made["results"]))


def _inpaint(here: Headless, document: Document, mask: Path, wanted: int | None, parameters: InpaintParameters,
             pack: InstalledPack | None, out: Path, mark: bool) -> dict[str, Any]:
    """Run and export. The candidates are kept in the workspace; its masks and images stay as they are."""
    frame = _frame(len(document.info.frames), wanted)
    about = document.info.frames[frame]
    painted = read_mask(mask, wanted, like=about)
    if painted.shape != (about.rows, about.columns):
        raise UserError(f"The mask is {painted.shape[1]} x {painted.shape[0]} pixels, the image "
                        f"{about.columns} x {about.rows}.", "Give a mask of the image's own size.")
    if not painted.any():
        raise UserError("The mask is empty: all of it is 0.", "Give one that is not 0 where the image shall be filled.")
    meant = given_labels(painted, pack.manifest) if pack is not None else None
    if parameters.follow:
        require_following(meant or {}, parameters, pack)
    request = inpaint_request(document, frame, parameters, pack, painted=painted, meant=meant)
    count, crop = request.sampling.count, request.image.crop
    require_room((out, count * document.pixels(frame).nbytes), (here.workspace.folder, (count + 1) * 2 * crop.nbytes))
    notices = Notices(request.notices, here.told)
    window = starting_window(document.info, frame, lambda: document.sample(frame))
    written = []
    results = here.run(queue_inpainting(here.queue, request, here.person_id))
    kind, suffix = _kind(document, about)
    for result in sorted(results, key=lambda item: item.candidate):
        target, record = out / f"candidate-{result.candidate + 1}.{suffix}", result.provenance
        exported = export_result(here.workspace, document, result, target, kind, mark=mark, window=window)
        notices.add((*record.notices, *exported.notices))
        written.append({"file": str(target), "mask": str(exported.mask) if exported.mask is not None else None,
                        "candidate": result.candidate, "seed": record.seed,
                        "report": record.report,
                        "largest_change_outside_mask": record.largest_change_outside_mask})
    shared = results[0].provenance.parameters if results else {}
    name = pack.manifest.name if pack is not None else None
    return {"engine": name or CLASSICAL, "pack": name, "results": written,
            "followed": list(shared.get("followed", {}).values()), "notices": notices.texts}


def _engine(named: str | None, parameters: InpaintParameters, document: Document) -> InstalledPack | None:
    """The pack that draws; None for the classical fill."""
    if named == CLASSICAL:
        return None
    info, pixels = document.info, document.pixels(0)
    if named is None:
        found = list_packs()
        if parameters.without_model(removes(suited_pack(found, info, None, pixels), info, pixels)):
            return None
        reason = unknown_kind(found, info)
        if reason is not None:
            raise UserError(f"{reason}.", "Use --mode remove, which needs no model, or name a pack with --engine.")
    return chosen_pack(named, lambda packs: suited_pack(packs, info, None, pixels))


def _kind(document: Document, about: FrameInfo) -> tuple[str, str]:
    """Format and ending of what is written: the source's own depth is kept."""
    if is_dicom(document.source):
        return "dicom", "dcm"
    return ("tiff", "tiff") if about.stored_range != (0, 255) else ("png", "png")


@contextmanager
def _told_how_to_allow() -> Iterator[None]:
    try:
        yield
    except TooLarge as error:
        raise UserError(error.happened, f"If this computer has enough memory, add --allow-gb "
                        f"{math.ceil(error.bytes / GB)}; else choose a smaller image.") from error


def _frame(frames: int, wanted: int | None) -> int:
    if wanted is None and frames > 1:
        raise UserError(f"The series has {frames} slices.",
                        f"Say which one the mask is for: --frame 0 to {frames - 1}.")
    if not 0 <= (wanted or 0) < frames:
        raise UserError(f"There is no slice {wanted}.", f"Choose one from 0 to {frames - 1}." if frames > 1 else
                        "The image has one alone: leave out --frame.")
    return wanted or 0


def _plain(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (dict, list, tuple)) else str(value)
