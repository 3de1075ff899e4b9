"""``python -m tests.benchmarks [NAME...] [--pack FOLDER]``: run benchmarks, each in a process of its own."""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from medsynth_app.actions.packs import list_packs
from medsynth_app.actions.virtual_screen import has_display, virtual_screen

FOLDER = Path(__file__).parent


def run(name: str, pack: Path | None, environment: dict[str, str]) -> int:
    """Run ``bench_<name>.py`` with a private home; returns its exit status."""
    takes_pack = '"--pack"' in (FOLDER / f"bench_{name}.py").read_text()
    if takes_pack and pack is None:
        Console().print("No model pack is installed: name one with --pack.", markup=False)
        return 1
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        private = {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": f"{home}/data",
                   "XDG_CACHE_HOME": f"{home}/cache", "NAPARI_CONFIG": f"{home}/napari.yaml",
                   "MEDSYNTH_CONFIG": f"{home}/medsynth", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
        line = [sys.executable, "-m", f"tests.benchmarks.bench_{name}", *(["--pack", str(pack)] if takes_pack else [])]
        return subprocess.run(line, cwd=FOLDER.parents[1], env={**environment, **private}, check=False).returncode


def main() -> int:
    known = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of: {', '.join(known)}")
    parser.add_argument("--pack", type=Path, help="folder of the model pack (default: the first that is installed)")
    options = parser.parse_args()
    if unknown := set(options.names) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    packs = list_packs()
    pack = options.pack or (packs[0].folder if packs else None)
    console, ended = Console(highlight=False), {}
    with contextlib.nullcontext(dict(os.environ)) if has_display() else virtual_screen() as environment:
        for name in options.names or known:
            console.rule(name, align="left")
            ended[name] = run(name, pack.resolve() if pack else None, environment)
    failed = [name for name, status in ended.items() if status]
    if failed:
        console.print(f"Past a limit, or not finished: {', '.join(failed)}", markup=False)
    return 2 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
