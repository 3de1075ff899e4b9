"""How well removal without a model restores regions whose truth is known, beside other ways to do it.

``python -m tests.benchmarks.bench_fill [--data DIR] [--peers DIR] [--packs DIR] [--pictures DIR]``. The feature
distance wants `--peers`, a folder with ``MobileNetV2`` in it as `medsynth study` takes one; OpenCV takes part where
it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage.restoration import inpaint_biharmonic

from medsynth_app.core.bounds import Bounds
from medsynth_app.engine.evaluate.outside import closeness
from medsynth_app.segmentation.fill import fill
from medsynth_app.studies.restored import grain_of, square
from tests.benchmarks.fill_cases import SOURCES, Case

ROOT = Path(__file__).resolve().parents[2]
CT_LIMITS = {"wins": 0.7, "bias": 5.0, "grain": (0.8, 1.2)}
Method = Callable[[Case, int], npt.NDArray[np.float64]]
Judge = Callable[[Case, npt.NDArray[np.float64]], float]


def classical(case: Case, seed: int) -> npt.NDArray[np.float64]:
    return fill(case.pixels, case.mask, seed)


def biharmonic(case: Case, seed: int) -> npt.NDArray[np.float64]:
    low, high = float(case.pixels.min()), float(case.pixels.max())
    box = _box(case, 32)
    filled = case.pixels.astype(np.float64)
    unit = (filled[box] - low) / (high - low)
    channels = -1 if case.pixels.ndim == 3 else None
    filled[box] = inpaint_biharmonic(unit, case.mask[box], channel_axis=channels) * (high - low) + low
    return filled


def telea(case: Case, seed: int) -> npt.NDArray[np.float64]:
    cv2: Any = importlib.import_module("cv2")
    mask = case.mask.astype(np.uint8)
    if case.pixels.ndim == 3:
        return np.asarray(cv2.inpaint(case.pixels, mask, 3, cv2.INPAINT_TELEA), np.float64)
    low = case.pixels.min()
    found = cv2.inpaint((case.pixels - low).astype(np.uint16), mask, 3, cv2.INPAINT_TELEA)
    return found.astype(np.float64) + low


def pack_method(folder: Path, steps: int) -> Method:
    """Removal with a model pack, seen through the case's window; a soft edge would hold the truth."""
    from medsynth_app.core.crop import context_bounds
    from medsynth_app.core.job import EventKind, JobEvent
    from medsynth_app.core.pack_files import open_pack
    from medsynth_app.engine.diffusion.inpaint import run_inpaint
    from tests.asking import inpaint_of

    manifest = open_pack(folder).manifest

    def draw(case: Case, seed: int) -> npt.NDArray[np.float64]:
        painted = Bounds.of_mask(case.mask)
        assert painted is not None
        bounds = context_bounds(painted, *case.mask.shape, manifest.native_size, 0.5)
        grey = case.pixels.ndim == 2
        crop = case.pixels[bounds.slices].astype(np.int16 if grey else np.uint8)
        events: list[JobEvent] = []
        run_inpaint(inpaint_of(
            crop=crop, mask=case.mask[bounds.slices], bounds=bounds.as_tuple(), document_id="", frame_key="",
            revision="", source="", pack=str(folder), mode="remove", seed=seed, count=1, steps=steps,
            preview_every=0, feather=0, window=case.window if grey else None, match_seam=True,
            stored_range=(-32768, 32767) if grey else (0, 255)), events.append, lambda: False, "bench")
        filled = case.pixels.astype(np.float64)
        filled[bounds.slices] = next(e for e in events if e.kind is EventKind.RESULT).arrays["patch"]
        return filled

    return draw


def judge_of(peers: Path) -> Judge:
    """The studies' distance of features (`engine.evaluate.outside.closeness`), of what a person sees."""
    apart = closeness(peers)

    def distance(case: Case, filled: npt.NDArray[np.float64]) -> float:
        box = square(case.mask)
        return apart(seen(case.pixels[box], case.window), seen(filled[box], case.window), case.mask[box])

    return distance


def seen(values: npt.NDArray[Any], window: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """What a person sees, uint8 RGB."""
    low, high = window
    unit = np.clip((values.astype(np.float64) - low) / (high - low), 0, 1)
    grey = unit if unit.ndim == 3 else np.repeat(unit[..., None], 3, axis=2)
    return np.rint(grey * 255).astype(np.uint8)


def figures(case: Case, filled: npt.NDArray[np.float64]) -> dict[str, float]:
    """Peak signal to noise, mean absolute and signed error, and how much grain there is for that of the truth."""
    true = case.pixels.astype(np.float64)
    error = (filled - true)[case.mask]
    width = case.window[1] - case.window[0]
    grains = [grain_of(values, case.mask) for values in (filled, true)]
    return {"psnr": float(10 * np.log10(width ** 2 / max(float((error ** 2).mean()), 1e-9))),
            "mae": float(np.abs(error).mean()), "bias": float(error.mean()), "grain": grains[0] / max(grains[1], 1e-9)}


def _box(case: Case, margin: int) -> tuple[slice, slice]:
    bounds = Bounds.of_mask(case.mask)
    assert bounds is not None
    return bounds.padded(margin).clipped(*case.mask.shape).slices


def measure(cases: list[Case], methods: dict[str, tuple[Method, int]], judge: Judge | None,
            pictures: Path | None = None) -> dict[str, dict[str, Any]]:
    """Rows of figures by method; each fills the first cases up to its own number."""
    kept: dict[str, list[dict[str, float]]] = {name: [] for name in methods}
    for number, case in enumerate(cases):
        shown = [case.pixels.astype(np.float64)]
        for name, (method, most) in methods.items():
            if number >= most:
                continue
            begun = time.perf_counter()
            filled = method(case, number)
            row = {"seconds": time.perf_counter() - begun, **figures(case, filled)}
            if judge is not None:
                row["feature"] = judge(case, filled)
            kept[name].append(row)
            shown.append(filled)
        if pictures is not None:
            strip = [seen(values[square(case.mask)], case.window) for values in shown]
            outlined = strip[0].copy()
            edge = scipy.ndimage.binary_dilation(case.mask[square(case.mask)]) & ~case.mask[square(case.mask)]
            outlined[edge] = (255, 160, 0)
            large = [np.asarray(Image.fromarray(each).resize((256, 256), Image.Resampling.BICUBIC))
                     for each in (outlined, *strip)]
            Image.fromarray(np.concatenate(large, axis=1)).save(pictures / f"{number:03d}.png")
    return {name: _summary(rows, kept["classical"]) for name, rows in kept.items() if rows}


def _summary(rows: list[dict[str, float]], ours: list[dict[str, float]]) -> dict[str, Any]:
    found: dict[str, Any] = {"n": len(rows)}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        found[name] = float(np.median(values) if name == "grain" else values.mean())
        if name == "grain":
            found["grain_in_limits"] = float(((values >= 0.8) & (values <= 1.2)).mean())
        if name == "bias":
            found["bias_largest"] = float(np.abs(values).max())
            found["bias_below_5"] = float((np.abs(values) < 5).mean())
    if "feature" in rows[0] and rows is not ours:
        found["lost_to_classical"] = float(np.mean([mine["feature"] < other["feature"]
                                                    for mine, other in zip(ours, rows, strict=False)]))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--peers", type=Path, help="folder that holds MobileNetV2")
    parser.add_argument("--packs", type=Path, help="folder of model packs")
    parser.add_argument("--pack-count", type=int, default=8, help="regions that each pack fills")
    parser.add_argument("--steps", type=int, default=25, help="of packs")
    parser.add_argument("--sets", nargs="*", default=[source.name for source in SOURCES])
    parser.add_argument("--count", type=int, default=30, help="regions of each set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", type=Path, help="write outline, truth and fills side by side here")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not options.data.is_dir():
        parser.error(f"no data in {options.data}: name its folder with --data")
    torch.set_num_threads(1)
    console = Console(highlight=False, width=150)
    judge = judge_of(options.peers) if options.peers else None
    tables, passed = {}, True
    for source in SOURCES:
        if source.name not in options.sets:
            continue
        cases = list(source.cases(options.data, options.count, options.seed))
        methods: dict[str, tuple[Method, int]] = {"classical": (classical, options.count),
                                                  "biharmonic": (biharmonic, options.count)}
        if importlib.util.find_spec("cv2") is not None:
            methods["telea"] = telea, options.count
        for folder in sorted(options.packs.iterdir()) if options.packs else ():
            if (folder / "unet").is_dir():
                manifest = json.loads((folder / "pack.json").read_text())
                if (manifest["colour"] == "grey") == (cases[0].pixels.ndim == 2):
                    methods[folder.name] = pack_method(folder, options.steps), options.pack_count
        pictures = options.pictures / source.name if options.pictures else None
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
        tables[source.name] = rows = measure(cases, methods, judge, pictures)
        table = Table("method", *next(iter(rows.values())), "lost_to_classical", title=f"{source.name} {source.unit}")
        for name, row in rows.items():
            table.add_row(name, *(f"{row.get(column.header, ''):.3g}" if column.header in row else ""
                                  for column in table.columns[1:]))
        console.print(table)
        if source.modality == "CT":
            passed &= _within_limits(rows)
    if options.json:
        options.json.write_text(json.dumps(tables, indent=1))
    return 0 if passed else 2


def _within_limits(rows: dict[str, dict[str, Any]]) -> bool:
    ours = rows["classical"]
    low, high = CT_LIMITS["grain"]
    return bool(abs(ours["bias"]) < CT_LIMITS["bias"] and low <= ours["grain"] <= high and all(
        row["lost_to_classical"] >= CT_LIMITS["wins"] for row in rows.values() if "lost_to_classical" in row))


if __name__ == "__main__":
    sys.exit(main())
