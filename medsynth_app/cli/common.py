"""What every command shares: options, answers, errors in one line."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from typer.core import TyperGroup

from medsynth_app.actions.packs import find_pack, list_packs
from medsynth_app.core.errors import Fault, UserError
from medsynth_app.core.failure import in_one_line
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.headless import Interrupted

CLASSICAL = "classical"
WorkspaceOption = Annotated[Path | None, typer.Option(
    "--workspace", file_okay=False, help="Folder that keeps the work; without it a temporary one.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
OutOption = Annotated[Path, typer.Option("--out", file_okay=False, help="Folder for what is made.")]
PackOption = Annotated[str | None, typer.Option("--pack", help="Name or folder of the model pack.")]
EngineOption = Annotated[str | None, typer.Option(
    "--engine", "--pack", help=f"{CLASSICAL}, which removes without a model, or name or folder of a model pack.")]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Candidate k uses seed + k; random when not given.")]
CountOption = Annotated[int, typer.Option("--count", help="How many candidates or pictures.")]
MarkOption = Annotated[bool, typer.Option(
    "--mark/--no-mark", help="Draw the small visible mark into PNG and TIFF (DICOM never carries it in its pixels).")]
InvisibleOption = Annotated[bool, typer.Option(
    "--invisible-mark", help="Hide a mark in every picture by which `medsynth trace` finds it again.")]
GuidanceOption = Annotated[float, typer.Option("--guidance", help="How closely the prompt is followed.")]
ScaleOption = Annotated[float, typer.Option("--control-scale",
                                            help="How firmly a mask is followed; 0 ignores it, 2 is the most.")]
NegativeOption = Annotated[str, typer.Option("--negative", help="What shall not appear.")]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
AllowOption = Annotated[float, typer.Option(
    "--allow-gb", min=0, help="Open images of up to so many gigabytes once decoded.")]
GB = 2**30


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
            _tell(UserError(text if text.endswith("?") else f"{text}.", f"See `{command_line} --help`."), as_json)
            sys.exit(2)
        sys.exit(status if isinstance(status, int) else 0)


@dataclass(frozen=True)
class Answer:
    """What a command found: `data` for ``--json``, `show` (text or table) for people; `failed` makes exit status 2."""

    data: Any
    show: object = ""
    failed: bool = False


Function = TypeVar("Function", bound=Callable[..., Answer | None])


def command(group: typer.Typer, name: str) -> Callable[[Function], Function]:
    """Register a command; see `answering`."""

    def register(function: Function) -> Function:
        group.command(name)(answering(function))
        return function

    return register


def group_command(group: typer.Typer) -> Callable[[Function], Function]:
    """Register what a group does by itself; it returns None where one of its commands was named."""

    def register(function: Function) -> Function:
        group.callback(invoke_without_command=True)(answering(function))
        return function

    return register


def answering(function: Callable[..., Answer | None]) -> Callable[..., None]:
    """`function` with its `Answer` printed, and its errors as one line.

    Exit status 2 for what the person can mend, 130 for Ctrl+C, 1 for a bug.
    """

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
            where = str(error) if isinstance(error, Fault) else in_one_line(error)
            _tell(UserError(f"A fault in MedSynth has stopped this command ({where}).",
                            "Please report this line."), as_json)
            raise typer.Exit(1) from error
        if answer is None:
            return
        if as_json:
            typer.echo(json.dumps(answer.data, indent=1))
        elif answer.show:
            Console(soft_wrap=True, highlight=False).print(answer.show, markup=False)
        if answer.failed:
            raise typer.Exit(2)

    return run


def _tell(error: UserError, as_json: bool) -> None:
    typer.echo(" ".join(str(error).split()), err=True)
    if as_json:
        typer.echo(json.dumps({"error": {"happened": error.happened, "remedy": error.remedy}}))


class Notices:
    """What the person should know: each sentence once, on stderr as soon as it is known.

    Attributes
    ----------
    texts
        All of them; those that were told already (`Headless.told`) are not told again.
    """

    def __init__(self, texts: Iterable[str] = (), told: Collection[str] = ()) -> None:
        self.texts: list[str] = []
        self._told = told
        self.add(texts)

    def add(self, texts: Iterable[str]) -> None:
        for text in texts:
            if text not in self.texts:
                self.texts.append(text)
                if text not in self._told:
                    typer.echo(text, err=True)


def chosen_pack(named: str | None, choose: Callable[[list[InstalledPack]], InstalledPack | None]) -> InstalledPack:
    if named is not None:
        return find_pack(named)
    found = list_packs()
    chosen = choose(found)
    if chosen is None:
        names = ", ".join(pack.manifest.name for pack in found)
        raise UserError("No model pack was chosen." if found else "No model pack is installed.",
                        f"Name one with --pack: {names}." if found else "Train one with `medsynth train base`.")
    return chosen
