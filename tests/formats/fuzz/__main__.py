"""The long run: ``nice python -m tests.formats.fuzz dicom --count 20000``; exits 1 where a bug was found."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.formats.fuzz.campaign import Report, run
from tests.formats.fuzz.seeds import FAMILIES


def _told(done: int, report: Report) -> None:
    if done % 500 == 0:
        print(f"{done}: {report}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.formats.fuzz", description=__doc__)
    parser.add_argument("family", choices=FAMILIES)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", type=Path, help="a folder of further files to mutate")
    parser.add_argument("--out", type=Path, default=Path("fuzz-found"), help="where files that show a bug are left")
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        seeds = FAMILIES[asked.family](Path(folder))
        if asked.files is not None:
            seeds += sorted(path for path in asked.files.rglob("*") if path.is_file() and path.stat().st_size < 2**20)
        report = run(seeds, asked.count, asked.out, asked.seed, _told)
    print(f"{asked.count} mutations of {len(seeds)} files: {report}")
    for found, path in report.bugs:
        print(f"{path}: {found}")
    for seconds, path in report.slow:
        print(f"{path}: {seconds:.1f} s; try it alone")
    return 1 if report.bugs else 0


if __name__ == "__main__":
    sys.exit(main())
