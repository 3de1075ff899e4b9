"""How fast a pack is ready to draw, how much memory it takes, and whether it keeps to the limits of size."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from medsynth_app.core.errors import UserError
from medsynth_app.core.pack_files import read_manifest
from tests.benchmarks.packs import reporting
from tests.benchmarks.packs.data import ROOT
from tests.benchmarks.packs.memory import peak_memory
from tests.benchmarks.packs.reporting import PACKS, Findings

LINE = "load: seconds and memory to load each shipped pack; sizes of packs and shards against the limits"
SECONDS, PACK_MB, SHARD_MB, ALL_MB = 3.0, 60, 15, 120
MB = 1e6


def load_once(folder: Path) -> dict[str, float]:
    """Load a pack with all its parts in this process; seconds without the imports, and what memory grew by, in MB."""
    from medsynth_app.engine.device import choose_device

    policy, manifest = choose_device("auto"), read_manifest(folder)
    if manifest.kind == "encoder":
        from medsynth_app.engine.embed import load_encoder

        before, begun = peak_memory(), time.perf_counter()
        load_encoder(folder, policy)
    else:
        from medsynth_app.engine.diffusion.mask_model import MaskModel
        from medsynth_app.engine.diffusion.pipelines import load_pack

        before, begun = peak_memory(), time.perf_counter()
        pack = load_pack(folder, "", policy)
        if manifest.draws_from_masks:
            _ = pack.control
        if manifest.draws_masks:
            MaskModel.load(folder, policy.torch_device)
    return {"seconds": time.perf_counter() - begun, "grown": peak_memory() - before, "peak": peak_memory()}


def measured(folder: Path, repeats: int) -> list[dict[str, float]]:
    """Each time in a process of its own."""
    line = [sys.executable, "-m", "tests.benchmarks.packs.load", "--once", str(folder.resolve())]
    found = []
    for _ in range(repeats):
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UserError(f"The pack {folder.name} cannot be loaded: {done.stderr.strip().splitlines()[-1:]}.",
                            "Check it with `medsynth packs verify`.")
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return found


def figures_of(folder: Path, repeats: int) -> Findings:
    """What the limits say of one pack."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size / MB for path in files}
    runs = measured(folder, repeats)
    seconds = [run["seconds"] for run in runs]
    largest = max(sizes, key=lambda name: sizes[name])
    findings = Findings()
    findings.add(f"{folder.name}: seconds to load, median (fastest to slowest), imports left out",
                 f"{statistics.median(seconds):.2f} ({min(seconds):.2f}-{max(seconds):.2f})", "",
                 f"under {SECONDS:.0f}", f"{repeats} processes")
    findings.add(f"{folder.name}: memory that loading adds, MB (peak of the process)",
                 f"{max(run['grown'] for run in runs):.0f} ({max(run['peak'] for run in runs):.0f})")
    findings.add(f"{folder.name}: size, MB", f"{sum(sizes.values()):.1f}", "", f"under {PACK_MB}",
                 f"{len(files)} files")
    findings.add(f"{folder.name}: largest file, MB", f"{sizes[largest]:.1f} ({largest})", "", f"at most {SHARD_MB}")
    return findings


def main(arguments: list[str] | None = None) -> int:
    parser = reporting.parser_of("load", __doc__, pack=False)
    parser.add_argument("--pack", type=Path, help="one pack (default: all in resources/packs)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        if options.once:
            print(json.dumps(load_once(options.once)))
            return 0
        folders = [options.pack] if options.pack else sorted(path.parent for path in PACKS.glob("*/pack.json"))
        if not folders:
            raise UserError("No packs are shipped here.", "Name one with --pack.")
        joined = Findings()
        for folder in folders:
            found = figures_of(folder, options.repeats)
            joined.figures += found.figures
            if options.record:
                one = argparse.Namespace(**{**vars(options), "pack": folder})
                reporting.record(folder, "load", reporting.command_of("load", parser, one), found)
        every = sum(path.stat().st_size for path in PACKS.rglob("*") if path.is_file()) / MB
        joined.add("all of resources/packs, MB", f"{every:.1f}", "", f"under {ALL_MB}")
        reporting.show("load", joined)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
