"""``generate``: whole pictures from a prompt or from masks, and pairs of picture and mask."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from medsynth_app.actions.export import export_pair, export_picture
from medsynth_app.actions.generate import generate as queue_pictures
from medsynth_app.actions.generate import generate_request, in_runs, masks_in
from medsynth_app.actions.out_folder import out_folder, require_room
from medsynth_app.cli.common import (
    Answer,
    CountOption,
    InvisibleOption,
    JsonOption,
    MarkOption,
    Notices,
    OutOption,
    PackOption,
    WorkspaceOption,
    chosen_pack,
    command,
    group_command,
)
from medsynth_app.cli.options import asking
from medsynth_app.core.errors import UserError
from medsynth_app.core.hidden_mark import require_room_for_mark
from medsynth_app.core.options import changed
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.parameters import GenerateParameters
from medsynth_app.formats.registry import read_mask
from medsynth_app.headless import Headless, headless
from medsynth_app.workspace.pictures import Picture

generate = typer.Typer()
Runs = list[GenerateParameters]

PromptOption = Annotated[str, typer.Option("--prompt", help="What to draw.")]
EdgeOption = Annotated[int, typer.Option(help="Pixels, a multiple of 8; 0: the model's own.")]
MaskOption = Annotated[Path | None, typer.Option(
    "--mask", help="Draw from this mask: PNG, TIFF or NIfTI that holds the model's labels.")]
MasksOption = Annotated[Path | None, typer.Option(
    "--masks", file_okay=False, help="Draw from every mask in this folder; pictures are named as their masks.")]
HowManyOption = Annotated[int | None, typer.Option(
    "--count", help="How many pictures (4 when not given); with --masks how many from each (1).")]
NeededOption = Annotated[Path | None, typer.Option("--out", file_okay=False,
                                                   help="Folder for what is made.  [required]")]

PairMarkOption = Annotated[bool, typer.Option("--mark/--no-mark", help="Draw the small visible mark.")]


@group_command(generate)
@asking(GenerateParameters, without=("count", "strength"), preview_every=0)
def pictures(context: typer.Context, given: GenerateParameters, mask: MaskOption = None, masks: MasksOption = None,
             out: NeededOption = None, pack: PackOption = None, count: HowManyOption = None, mark: MarkOption = True,
             invisible_mark: InvisibleOption = False, workspace: WorkspaceOption = None,
             as_json: JsonOption = False) -> Answer | None:
    """Make whole pictures from a prompt, or from masks. `generate pairs` draws the masks as well."""
    if context.invoked_subcommand is not None:
        _refuse_misplaced(context)
        return None
    if out is None:
        raise UserError("Missing option '--out'.", "See `medsynth generate --help`.")
    if mask is not None and masks is not None:
        raise UserError("Both --mask and --masks were given.", "Give one mask, or a folder of masks.")
    plan = _plan(given, mask, masks, count)
    chosen = _checked_pack(pack, [run for runs in plan.values() for run in runs], invisible_mark)
    written: list[dict[str, Any]] = []

    def keep(name: str, number: int, picture: Picture) -> None:
        target = out / f"{name}.png"
        exported = export_picture(here.workspace, picture.pixels(), picture.provenance, target, "png", mark=mark,
                                  invisible=invisible_mark)
        notices.add((*picture.provenance.notices, *exported.notices))
        written.append({"file": str(target), "candidate": number - 1, "seed": picture.provenance.seed})

    with out_folder(out), headless(workspace, quiet=as_json) as here:
        notices = Notices(told=here.told)
        _require_room(here, out, chosen, [run for runs in plan.values() for run in runs])
        for name, runs in plan.items():
            alone = masks is not None and sum(run.sampling.count for run in runs) == 1
            _draw(here, chosen, runs, partial(_name, name, alone), keep)
    return _answer(chosen, "pictures", written, notices)


@command(generate, "pairs")
@asking(GenerateParameters, without=("count", "strength", "width", "height"), preview_every=0, pairs=True)
def pairs(out: OutOption, given: GenerateParameters, pack: PackOption = None, count: CountOption = 4,
          mark: PairMarkOption = False, invisible_mark: InvisibleOption = False, workspace: WorkspaceOption = None,
          as_json: JsonOption = False) -> Answer:
    """Make pictures together with their masks: OUT/images and OUT/masks hold files of equal names.

    The pack's model of masks draws each mask, then the picture is drawn from it. Masks hold the pack's labels. The
    pictures of a data set carry no visible mark unless asked; their embedded record stays.
    """
    runs = in_runs(given, count)
    chosen = _checked_pack(pack, runs, invisible_mark)
    written: list[dict[str, Any]] = []

    def keep(name: str, number: int, picture: Picture) -> None:
        labels = picture.mask()
        assert labels is not None  # the worker sends one with every picture of a pair
        image, mask = export_pair(here.workspace, picture.pixels(), labels, picture.provenance, out, name, mark=mark,
                                  invisible=invisible_mark)
        notices.add(picture.provenance.notices)
        written.append({"file": str(image), "mask": str(mask), "candidate": number - 1,
                        "seed": picture.provenance.seed})

    with out_folder(out), headless(workspace, quiet=as_json) as here:
        notices = Notices(told=here.told)
        _require_room(here, out, chosen, runs)
        _draw(here, chosen, runs, "pair-{:04d}".format, keep)
    return _answer(chosen, "pairs", written, notices)


def _plan(given: GenerateParameters, mask: Path | None, masks: Path | None, count: int | None) -> dict[str, Runs]:
    """The runs by the name of what they draw. Every mask is read before anything starts."""
    if masks is None:
        labels = None if mask is None else read_mask(mask)
        return {"picture": in_runs(changed(given, labels=labels), 4 if count is None else count)}
    found = masks_in(masks)
    each = 1 if count is None else count
    every = in_runs(given, each * len(found))  # checks that there is room for all seeds
    return {name: in_runs(changed(given, labels=labels, seed=every[0].sampling.seed_of(place * each)), each)
            for place, (name, labels) in enumerate(found.items())}


def _checked_pack(named: str | None, runs: Runs, invisible: bool) -> InstalledPack:
    """The pack, once every run is known to be possible with it."""
    chosen = chosen_pack(named, lambda found: found[0] if len(found) == 1 else None)
    for run in runs:
        request = generate_request(chosen, run)
        if invisible:
            require_room_for_mark(request.height, request.width)
    return chosen


def _require_room(here: Headless, out: Path, pack: InstalledPack, runs: Runs) -> None:
    native = pack.manifest.native_size
    size = sum(run.sampling.count * (run.height or native) * (run.width or native) * 4 for run in runs)  # RGB and mask
    require_room((out, size), (here.workspace.folder, size))


def _name(of: str, alone: bool, number: int) -> str:
    return of if alone else f"{of}-{number}"


def _draw(here: Headless, pack: InstalledPack, runs: Runs, name: Callable[[int], str],
          keep: Callable[[str, int, Picture], None]) -> None:
    """Run one after the other; what a run that fails has finished is kept too. Pictures are numbered from 1."""
    before = 0
    for run in runs:
        changes = queue_pictures(here.queue, pack, run, person=here.person_id)
        try:
            here.run(changes)
        finally:
            made = list(here.workspace.pictures.of_job(changes.jobs[0]))
            for picture in sorted(made, key=lambda item: item.candidate):
                number = before + picture.candidate + 1
                keep(name(number), number, picture)
        before += run.sampling.count


def _answer(pack: InstalledPack, kind: str, written: list[dict[str, Any]], notices: Notices) -> Answer:
    return Answer({"pack": pack.manifest.name, kind: written, "notices": notices.texts},
                  "\n".join(f"{item['file']}  seed {item['seed']}" for item in written))


def _refuse_misplaced(context: typer.Context) -> None:
    """Options before ``pairs`` would be lost."""
    for each in context.command.params:
        source = context.get_parameter_source(each.name or "")
        if source is not None and source.name == "COMMANDLINE":
            raise UserError(f"The option {each.opts[0]} stands before "
                            f"'{context.invoked_subcommand}'.",
                            f"Put it behind: medsynth generate {context.invoked_subcommand} ...")
