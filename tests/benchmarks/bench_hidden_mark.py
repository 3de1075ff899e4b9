"""What the invisible mark of generated pictures survives, how far it changes them, and what it takes for a mark.

Run: ``python -m tests.benchmarks.bench_hidden_mark [--count N] [--unmarked FOLDER]``. Pictures are drawn by every pack
that is installed and draws; FOLDER holds real pictures, of which none carries a mark.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich.console import Console
from rich.table import Table

from medsynth_app.actions.packs import list_packs
from medsynth_app.api import Pack
from medsynth_app.core.hidden_mark import BITS, MOST_WRONG, code_of, hide, read_mark
from medsynth_app.core.image import pixels_sha256
from medsynth_app.formats.mark import draw_mark

Picture = npt.NDArray[np.uint8]
LEAST_PSNR, LEAST_FOUND = 42.0, 1.0  # decibels, mean of a pack; share found by every change in HELD
HELD = ("PNG", "JPEG 90", "JPEG 75", "JPEG 50", "half the size", "half and back", "10 % brighter", "visible mark")


def jpeg(picture: Picture, quality: int) -> Picture:
    kept = io.BytesIO()
    Image.fromarray(picture).save(kept, "JPEG", quality=quality)
    return np.asarray(Image.open(kept))


def sized(picture: Picture, share: float, back: bool = False) -> Picture:
    rows, columns = picture.shape[:2]
    found = Image.fromarray(picture).resize((round(columns * share), round(rows * share)))
    return np.asarray(found.resize((columns, rows)) if back else found)


CHANGES: dict[str, Callable[[Picture], Picture]] = {
    "PNG": lambda p: p, "JPEG 90": lambda p: jpeg(p, 90), "JPEG 75": lambda p: jpeg(p, 75),
    "JPEG 50": lambda p: jpeg(p, 50), "three quarters of the size": lambda p: sized(p, 0.75),
    "half the size": lambda p: sized(p, 0.5), "half and back": lambda p: sized(p, 0.5, back=True),
    "0.4 of the size": lambda p: sized(p, 0.4), "twice the size": lambda p: sized(p, 2),
    "half, then JPEG 90": lambda p: jpeg(sized(p, 0.5), 90), "half, then JPEG 75": lambda p: jpeg(sized(p, 0.5), 75),
    "10 % brighter": lambda p: np.clip(np.rint(p * 1.1), 0, 255).astype(np.uint8), "visible mark": draw_mark,
    "cropped by a twentieth": lambda p: p[len(p) // 20:, p.shape[1] // 20:]}


def drawn(name: str, count: int) -> list[Picture]:
    """Pictures of a pack, in turn of all its example prompts."""
    with Pack(name) as pack:
        prompts = pack.manifest.example_prompts[:4]
        return [picture.pixels for at, prompt in enumerate(prompts)
                for picture in pack.generate(prompt, count=-(-count // len(prompts)), seed=1000 * at)]


def real(folder: Path, most: int) -> Iterator[Picture]:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".tif"))
    for path in files[::max(1, len(files) // most)]:
        with suppress(OSError, ValueError):
            yield np.asarray(Image.open(path).convert("RGB"))


def psnr(one: Picture, other: Picture) -> float:
    return float(10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=32, help="pictures of each pack")
    parser.add_argument("--unmarked", type=Path, default=Path("../shared/data"), help="real pictures")
    parser.add_argument("--most", type=int, default=20_000, help="of these, at most")
    options = parser.parse_args()
    failed, codes, names = False, list[str](), list[str]()
    cells: dict[str, list[str]] = {what: [] for what in CHANGES}
    for installed in list_packs():
        name = installed.manifest.name
        pictures = drawn(name, options.count)
        own = [code_of(pixels_sha256(each)) for each in pictures]
        marked = [hide(each, code) for each, code in zip(pictures, own, strict=True)]
        codes, names = codes + own, [*names, name]
        loss = [psnr(one, other) for one, other in zip(pictures, marked, strict=True)]
        Console().print(f"{name}: {len(pictures)} pictures; PSNR {np.mean(loss):.1f} dB, at least {min(loss):.1f} dB")
        for what, change in CHANGES.items():
            wrong = [int(mark.wrong([code])[0]) if (mark := read_mark(change(each))) is not None else BITS
                     for each, code in zip(marked, own, strict=True)]
            found = float(np.mean([each <= MOST_WRONG for each in wrong]))
            cells[what].append(f"{np.mean(wrong):.2f} ({found:.0%})")
            failed |= what in HELD and found < LEAST_FOUND
        failed |= bool(np.mean(loss) < LEAST_PSNR)
    table = Table("wrong bits of 64: mean (share found)", *names)
    for what, row in cells.items():
        table.add_row(what, *row)
    Console().print(table)
    seen = there = taken = 0
    for picture in real(options.unmarked, options.most):
        if (mark := read_mark(picture)) is not None:
            seen, there = seen + 1, there + mark.is_there
            taken += int((mark.wrong(codes) <= MOST_WRONG).any())
    Console().print(f"{seen} real pictures without a mark: {there} said to carry one, {taken} taken for one of "
                    f"{len(codes)}")
    return int(failed or there + taken > 1)


if __name__ == "__main__":
    sys.exit(main())
