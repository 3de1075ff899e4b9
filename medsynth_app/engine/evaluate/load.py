"""How fast a pack is ready to draw, how much memory it takes, and whether it keeps to the limits of size."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

from medsynth_app.core.pack_files import read_manifest
from medsynth_app.engine.evaluate.memory import peak_memory
from medsynth_app.engine.evaluate.processes import measured_apart
from medsynth_app.engine.evaluate.progress import Progress
from medsynth_app.studies.findings import Findings

SECONDS, PACK_MB, SHARD_MB = 3.0, 60, 15
MB = 1e6
STAGE = "loading"


def load(folder: Path, repeats: int, progress: Progress) -> Findings:
    """What the limits say of the pack in `folder`, loaded `repeats` times, each in a process of its own."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size / MB for path in files}
    told, runs = progress.stage(STAGE), []
    for k in range(repeats):
        told(k, repeats)
        runs.append(measured_apart(__name__, [str(folder.resolve())], f"How the pack {folder.name} loads", progress))
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


if __name__ == "__main__":
    sys.stdout.write(json.dumps(load_once(Path(sys.argv[1]))) + "\n")
