"""The command line: every job without the window, through the same actions. ``medsynth`` alone opens the window."""

from __future__ import annotations

import functools
import json
import logging
import math
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Column, Table
from typer.core import TyperGroup

from medsynth_app import __version__
from medsynth_app.actions.doctor import doctor as run_doctor
from medsynth_app.actions.export import export_picture
from medsynth_app.actions.export_result import export_result
from medsynth_app.actions.generate import generate as queue_pictures
from medsynth_app.actions.info import info as read_info
from medsynth_app.actions.inpaint import inpaint as queue_inpainting
from medsynth_app.actions.inpaint import inpaint_request
from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.out_folder import out_folder
from medsynth_app.actions.packs import find_pack, list_packs, suited_pack, verify_packs
from medsynth_app.actions.train import train_base as queue_training
from medsynth_app.actions.virtual_screen import has_display
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameInfo
from medsynth_app.core.job import Lane
from medsynth_app.core.parameters import GenerateParameters, InpaintParameters
from medsynth_app.core.requests import MODES
from medsynth_app.demo import run_demo
from medsynth_app.formats.common import ALLOWED_BYTES
from medsynth_app.formats.pack import InstalledPack, open_pack
from medsynth_app.formats.registry import TooLarge, read_mask
from medsynth_app.headless import Headless, Interrupted, headless
from medsynth_app.jobs.failures import describe
from medsynth_app.session.windows import starting_window
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace


class OneLineErrors(TyperGroup):
    """Wrong arguments are told as every other mistake of the person: one line, JSON where asked, exit status 2."""

    def main(self, *arguments: Any, **options: Any) -> NoReturn:
        given = options.get("args", arguments[0] if arguments else None)
        as_json = "--json" in (sys.argv[1:] if given is None else given)
        try:
            status = super().main(*arguments, **{**options, "standalone_mode": False})
        except Exception as error:
            message = getattr(error, "format_message", None)  # typer 0.16 and later have classes of their own for these
            if message is None:
                raise
            context = getattr(error, "ctx", None)
            command_line = context.command_path if context is not None else "medsynth"
            text = " ".join(message().split()).rstrip(".")
            _tell(UserError(f"{text}.", f"See `{command_line} --help`."), as_json)
            sys.exit(2)
        sys.exit(status if isinstance(status, int) else 0)


app = typer.Typer(name="medsynth", cls=OneLineErrors, add_completion=False, pretty_exceptions_enable=False,
                  help="MedSynth: an offline workbench for synthetic medical images.", rich_markup_mode=None)
train = typer.Typer(help="Train a model pack.")
packs = typer.Typer(help="The model packs that are installed.")
app.add_typer(train, name="train")
app.add_typer(packs, name="packs")

WorkspaceOption = Annotated[Path | None, typer.Option(
    "--workspace", file_okay=False, help="Folder that keeps the work; without it a temporary one.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
OutOption = Annotated[Path, typer.Option("--out", file_okay=False, help="Folder for what is made.")]
PackOption = Annotated[str | None, typer.Option("--pack", help="Name or folder of the model pack.")]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Candidate k uses seed + k; random when not given.")]
StepsOption = Annotated[int, typer.Option("--steps", help="Denoising steps.")]
CountOption = Annotated[int, typer.Option("--count", help="How many candidates or pictures.")]
MarkOption = Annotated[bool, typer.Option(
    "--mark/--no-mark", help="Draw the small visible mark into PNG and TIFF (DICOM never carries it in its pixels).")]
GuidanceOption = Annotated[float, typer.Option("--guidance", help="How closely the prompt is followed.")]
NegativeOption = Annotated[str, typer.Option("--negative", help="What shall not appear.")]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
AllowOption = Annotated[float, typer.Option(
    "--allow-gb", min=0, help="Open images of up to so many gigabytes once decoded.")]
GB = 2**30


@dataclass(frozen=True)
class Answer:
    """What a command found: `data` for ``--json``, `show` (text or table) for people; `failed` makes exit status 2."""

    data: Any
    show: object = ""
    failed: bool = False


def command(group: typer.Typer, name: str) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """Register a command whose `Answer` is printed, and whose errors are one line.

    Exit status 2 for what the person can mend, 130 for Ctrl+C, 1 for a bug.
    """

    def register(function: Callable[..., Answer]) -> Callable[..., Answer]:
        @functools.wraps(function)
        def run(**values: Any) -> None:
            as_json = bool(values.get("as_json"))
            try:
                answer = function(**values)
            except UserError as error:
                _tell(error, as_json)
                raise typer.Exit(2) from error
            except (Interrupted, KeyboardInterrupt):
                typer.echo("Stopped.", err=True)
                raise typer.Exit(130) from None
            except Exception as error:  # its text may hold a path or a name: only the type and the place are told
                _tell(UserError(f"A fault in MedSynth has stopped this command ({describe(error)}).",
                                "Please report this line."), as_json)
                raise typer.Exit(1) from error
            if as_json:
                typer.echo(json.dumps(answer.data, indent=1))
            elif answer.show:
                Console(soft_wrap=True, highlight=False).print(answer.show, markup=False)
            if answer.failed:
                raise typer.Exit(2)

        group.command(name)(run)
        return function

    return register


def _tell(error: UserError, as_json: bool) -> None:
    typer.echo(" ".join(str(error).split()), err=True)
    if as_json:
        typer.echo(json.dumps({"error": {"happened": error.happened, "remedy": error.remedy}}))


@app.callback(invoke_without_command=True)
def window(context: typer.Context, workspace: WorkspaceOption = None,
           version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Open the window; or, with a command, do one job without it."""
    if version:
        typer.echo(f"medsynth {__version__}")
    elif context.invoked_subcommand is None:
        raise typer.Exit(_open_window(workspace))


def _open_window(workspace: Path | None) -> int:
    try:
        if not has_display():
            raise UserError("There is no display to open the window on.",
                            "`medsynth demo --out demo-output --headless` needs none, and every job has a command.")
        from medsynth_app.app import run  # Qt and napari are loaded only now

        return run(workspace)
    except UserError as error:
        typer.echo(str(error), err=True)
        return 2


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


@command(app, "doctor")
def doctor(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Check packs, model libraries, graphics, memory, disk and that nothing talks to the network."""
    checks = run_doctor(workspace)
    table = Table("check", "", "finding", box=None)
    for check in checks:
        table.add_row(check.name, "ok" if check.ok else "PROBLEM", check.text)
    return Answer({"ok": all(check.ok for check in checks), "checks": [asdict(check) for check in checks]}, table,
                  failed=not all(check.ok for check in checks))


@command(app, "inpaint")
def inpaint(image: Annotated[Path, typer.Argument(help="Image file or folder of slices.")],
            mask: Annotated[Path, typer.Option("--mask", help="PNG, TIFF or NIfTI; what is not 0 is filled.")],
            out: OutOption, prompt: Annotated[str, typer.Option("--prompt", help="What to draw.")] = "",
            pack: PackOption = None, mode: Annotated[str, typer.Option(help=f"One of {', '.join(MODES)}.")] = "replace",
            frame: Annotated[int | None, typer.Option(help="Slice of a series, from 0.")] = None,
            seed: SeedOption = None, steps: StepsOption = 25,
            strength: Annotated[float, typer.Option(help="0 to 1; 1 ignores what was there.")] = 1.0,
            count: CountOption = 1, guidance: GuidanceOption = 2.5, negative: NegativeOption = "",
            context: Annotated[float, typer.Option(help="Surroundings that the model sees, as a share.")] = 0.5,
            feather: Annotated[int, typer.Option(help="Soft edge inside the mask, in pixels.")] = 4,
            match_seam: Annotated[bool, typer.Option("--match-seam", help="Match tone at the seam.")] = False,
            mark: MarkOption = True, device: DeviceOption = "auto", allow_gb: AllowOption = ALLOWED_BYTES / GB,
            workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Fill the masked region of an image. DICOM is written back as DICOM, at the source's own depth."""
    parameters = InpaintParameters(
        prompt=prompt, negative_prompt=negative, mode=mode, strength=strength, count=count, seed=seed, steps=steps,
        guidance=guidance, context=context, feather=feather, match_seam=match_seam, preview_every=0,
        device=device).checked()
    with headless(workspace, quiet=as_json) as here:
        with _told_how_to_allow():
            document = open_image(here.workspace, image, allow_bytes=int(allow_gb * GB))
        chosen = _pack(pack, lambda found: suited_pack(found, document.info))
        with out_folder(out):
            made = _inpaint(here, document, mask, frame, parameters, chosen, out, mark)
    return Answer(made, "\n".join(f"{item['file']}  seed {item['seed']}" for item in made["results"]))


def _inpaint(here: Headless, document: Document, mask: Path, wanted: int | None, parameters: InpaintParameters,
             pack: InstalledPack, out: Path, mark: bool) -> dict[str, Any]:
    """Run and export. The candidates are kept in the workspace; its masks and images stay as they are."""
    frame = _frame(len(document.info.frames), wanted)
    about = document.info.frames[frame]
    painted = read_mask(mask, wanted, like=about)
    if painted.shape != (about.rows, about.columns):
        raise UserError(f"The mask is {painted.shape[1]} x {painted.shape[0]} pixels, the image "
                        f"{about.columns} x {about.rows}.", "Give a mask of the image's own size.")
    window = starting_window(document.info, frame, document.pixels(frame))
    request = inpaint_request(document, frame, parameters, pack, window, painted=painted > 0)
    notices = _Notices((*document.info.notices, *request.notices))
    written = []
    results = here.run(queue_inpainting(here.queue, request, person=here.person_id))
    kind, suffix = _kind(about)
    for result in sorted(results, key=lambda item: item.candidate):
        target, record = out / f"candidate-{result.candidate + 1}.{suffix}", result.provenance
        exported = export_result(here.workspace, document, result, target, kind, mark=mark, window=window)
        notices.add((*record.notices, *exported.notices))
        written.append({"file": str(target), "candidate": result.candidate, "seed": record.seed, "seam": record.seam,
                        "largest_change_outside_mask": record.largest_change_outside_mask})
    return {"pack": pack.manifest.name, "results": written, "notices": notices.texts}


class _Notices:
    """What the person should know: each sentence once, on stderr as soon as it is known."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.texts: list[str] = []
        self.add(texts)

    def add(self, texts: Iterable[str]) -> None:
        for text in texts:
            if text not in self.texts:
                self.texts.append(text)
                typer.echo(text, err=True)


def _kind(about: FrameInfo) -> tuple[str, str]:
    """Format and ending of what is written: the source's own depth is kept."""
    if about.key.source.startswith("uid:"):
        return "dicom", "dcm"
    return ("tiff", "tiff") if about.stored_range != (0, 255) else ("png", "png")


@contextmanager
def _told_how_to_allow() -> Iterator[None]:
    try:
        yield
    except TooLarge as error:
        raise UserError(error.happened, f"If this computer has enough memory, add --allow-gb "
                        f"{math.ceil(error.bytes / GB)}; else choose a smaller image.") from error


@command(app, "generate")
def generate(out: OutOption, prompt: Annotated[str, typer.Option("--prompt", help="What to draw.")] = "",
             pack: PackOption = None, count: CountOption = 4, seed: SeedOption = None, steps: StepsOption = 25,
             guidance: GuidanceOption = 2.5, negative: NegativeOption = "",
             width: Annotated[int, typer.Option(help="Pixels, a multiple of 8; 0: the model's own.")] = 0,
             height: Annotated[int, typer.Option(help="Pixels, a multiple of 8; 0: the model's own.")] = 0,
             mark: MarkOption = True, device: DeviceOption = "auto", workspace: WorkspaceOption = None,
             as_json: JsonOption = False) -> Answer:
    """Make whole pictures from a prompt."""
    parameters = GenerateParameters(prompt=prompt, negative_prompt=negative, width=width, height=height, count=count,
                                    seed=seed, steps=steps, guidance=guidance, preview_every=0,
                                    device=device).checked()
    chosen = _pack(pack, lambda all_packs: all_packs[0] if len(all_packs) == 1 else None)
    written, notices = [], _Notices()
    with headless(workspace, quiet=as_json) as here, out_folder(out):
        job = queue_pictures(here.queue, chosen, parameters, person=here.person_id)
        here.run(job)
        made = [picture for picture in here.workspace.results.pictures() if picture.job_id == job]
        for picture in sorted(made, key=lambda item: item.candidate):
            target = out / f"picture-{picture.candidate + 1}.png"
            exported = export_picture(picture.pixels(), picture.provenance, target, "png", mark=mark)
            notices.add((*picture.provenance.notices, *exported.notices))
            written.append({"file": str(target), "candidate": picture.candidate, "seed": picture.provenance.seed})
    return Answer({"pack": chosen.manifest.name, "pictures": written, "notices": notices.texts},
                  "\n".join(f"{item['file']}  seed {item['seed']}" for item in written))


@command(train, "base")
def train_base(recipe: Annotated[Path, typer.Argument(help="A TOML file such as those in resources/recipes.")],
               out: OutOption,
               data: Annotated[Path | None, typer.Option("--data", help="The data folder of the recipe.")] = None,
               resume: Annotated[bool, typer.Option("--resume", help="Go on from an earlier run.")] = False,
               max_minutes: Annotated[float, typer.Option(help="End after so many minutes; 0: never.")] = 0.0,
               workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Train a base pack by a recipe. Ctrl+C keeps a checkpoint; --resume goes on from it."""
    with headless(workspace, lane=Lane.BACKGROUND, quiet=as_json) as here:
        here.run(queue_training(here.queue, recipe, data, out, resume=resume, max_minutes=max_minutes,
                                person=here.person_id))
    found = open_pack(out)
    return Answer({"pack": found.manifest.name, "folder": str(out), "sha256": found.manifest.sha256},
                  f"{out}  {found.manifest.sha256}")


@command(packs, "list")
def packs_list(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """The packs that are found, with domain, licence and hash."""
    table = Table("name", "version", "domain", "native size", "licence", "sha256", box=None)
    data = []
    for pack in list_packs():
        about = pack.manifest
        data.append({"name": about.name, "version": about.version, "domain": about.domain, "title": about.title,
                     "modalities": list(about.modalities), "native_size": about.native_size,
                     "licence": about.licence, "sha256": about.sha256, "folder": str(pack.folder)})
        table.add_row(about.name, about.version, about.domain, str(about.native_size), about.licence,
                      about.sha256[:12])
    return Answer(data, table if data else "No model pack is installed.")


@command(packs, "verify")
def packs_verify(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Compare every file of every pack with its recorded hash; exit status 2 when one differs."""
    checks = verify_packs()
    data = [{"name": check.pack.manifest.name, "whole": check.whole, "problems": list(check.problems)}
            for check in checks]
    lines = [f"{check.pack.manifest.name}: {'; '.join(check.problems) or 'every file has its recorded hash'}"
             for check in checks]
    return Answer(data, "\n".join(lines) or "No model pack is installed.",
                  failed=not all(check.whole for check in checks))


@command(app, "demo")
def demo(out: OutOption, headless: Annotated[bool, typer.Option(
             "--headless", help="On a virtual screen, even where there is a display.")] = False,
         workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """A guided tour of the window: screenshots and results, each with its provenance, in a folder."""
    summary = run_demo(out, headless=headless, workspace=workspace)
    return Answer(summary, "\n".join([*summary["steps"], f"See {out / 'index.md'}"]))


def _pack(named: str | None, choose: Callable[[list[InstalledPack]], InstalledPack | None]) -> InstalledPack:
    if named is not None:
        return find_pack(named)
    found = list_packs()
    chosen = choose(found)
    if chosen is None:
        names = ", ".join(pack.manifest.name for pack in found)
        raise UserError("No model pack was chosen." if found else "No model pack is installed.",
                        f"Name one with --pack: {names}." if found else "Train one with `medsynth train base`.")
    return chosen


def _frame(frames: int, wanted: int | None) -> int:
    if wanted is None and frames > 1:
        raise UserError(f"The series has {frames} slices.",
                        f"Say which one the mask is for: --frame 0 to {frames - 1}.")
    if not 0 <= (wanted or 0) < frames:
        raise UserError(f"There is no slice {wanted}.", f"Choose one from 0 to {frames - 1}.")
    return wanted or 0


def _plain(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (dict, list, tuple)) else str(value)


def main() -> None:
    """Entry point of ``medsynth``: offline from the first moment, logs on stderr."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        os.environ[name] = "1"
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s: %(message)s")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app()


if __name__ == "__main__":
    main()
