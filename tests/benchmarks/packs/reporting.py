"""What all studies share: their options, the table on the screen, the figures in the pack's card."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from medsynth_app.core.errors import UserError
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.pack_files import read_manifest
from medsynth_app.engine.train.card import Figure, record_figures, weights_key
from medsynth_app.engine.train.pack import seal
from tests.benchmarks.packs.data import ROOT

PACKS = ROOT / "resources" / "packs"


@dataclass
class Findings:
    """What a study found.

    Attributes
    ----------
    figures
        Rows for the card.
    notes
        What was done and what was left out; they stand under the figures in the card.
    pictures
        Files for the eye. They hold real pictures, so they stay on this machine and never go into a pack.
    """

    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)

    def add(self, name: str, measured: Callable[[], tuple[Any, Any]] | Any, floor: Any = "", target: str = "",
            n: str = "") -> None:
        """One figure; `measured` may be a function for value and floor: its ValueError then says why there is none."""
        if callable(measured):
            try:
                measured, floor = measured()
            except ValueError as error:
                measured, floor = f"not measured: {error}", ""
        self.figures.append(Figure(name, str(measured), str(floor), target, n))


def parser_of(study: str, text: str | None, default_n: str = "as many as the test part allows, at most 800",
              pack: bool = True) -> argparse.ArgumentParser:
    """The options that all studies have."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.benchmarks.packs.{study}", description=text)
    if pack:
        parser.add_argument("--pack", type=Path, default=PACKS / "blood-cells", help="folder of the pack")
        parser.add_argument("--recipe", type=Path, help="its recipe (default: resources/recipes/NAME.toml)")
        parser.add_argument("--n", type=int, default=0, help=f"how many (default: {default_n})")
        parser.add_argument("--seed", type=int, default=0, help="of all that is chosen or drawn by chance")
        parser.add_argument("--judge-minutes", type=float, default=8.0,
                            help="the longest that a judge is trained, before it is cached (default: 8)")
    parser.add_argument("--record", action="store_true", help="write the figures into the card of the pack")
    return parser


def run(study: str, parser: argparse.ArgumentParser, work: Callable[[argparse.Namespace], Findings],
        arguments: list[str] | None = None) -> int:
    """Parse, measure, print, record; 2 with a sentence when something is missing that the person can mend."""
    options = parser.parse_args(arguments)
    try:
        found = work(options)
        show(study, found)
        if options.record:
            record(options.pack, study, command_of(study, parser, options), found)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def show(study: str, found: Findings) -> None:
    """The table on stdout."""
    table = Table(title=study, title_justify="left", show_lines=False)
    for heading in ("figure", "measured", "floor", "target", "n"):
        table.add_column(heading, overflow="fold")
    for row in found.figures:
        table.add_row(row.name, row.measured, row.floor, row.target, row.n)
    console = Console(width=None if sys.stdout.isatty() else 150, highlight=False)
    console.print(table, markup=False)
    for note in found.notes:
        console.print(f"- {note}", markup=False)
    for path in found.pictures:
        console.print(f"- to look at (real pictures in it: keep it on this machine): {path}", markup=False,
                      soft_wrap=True)


def command_of(study: str, parser: argparse.ArgumentParser, options: argparse.Namespace) -> str:
    """The line that repeats a study: all options that differ from their defaults, paths as in the repository."""
    words = [f"python -m tests.benchmarks.packs.{study}"]
    for action in parser._actions:
        value = getattr(options, action.dest, None)
        if action.dest in ("help", "record") or (value == action.default and action.dest != "pack"):
            continue
        flag = action.option_strings[-1]
        if isinstance(value, Path):
            whole = value.resolve()
            value = whole.relative_to(ROOT) if whole.is_relative_to(ROOT) else whole.name
        if isinstance(value, tuple):
            value = ",".join(map(str, value))
        words.append(flag if value is True else f"{flag} {value}")
    return " ".join(words)


def record(pack: Path, study: str, command: str, found: Findings) -> PackManifest:
    """Write figures and notes into the pack, with the weights that they were measured on, and seal it."""
    manifest = read_manifest(pack)
    record_figures(pack, study, command, weights_key(manifest), found.figures, found.notes)
    return seal(manifest, pack)
