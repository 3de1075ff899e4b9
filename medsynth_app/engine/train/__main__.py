"""``python -m medsynth_app.engine.train RECIPE --data F --out D``: training on a machine without the application."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.engine.train.parts import PARTS, train_part
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.engine.train.supervision import Run, Supervisor


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m medsynth_app.engine.train", description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="a frozen training set")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the pack to write")
    parser.add_argument("--part", choices=tuple(PARTS), default="base", help="what to train")
    parser.add_argument("--pack", type=Path, help="the pack that control or masks joins, or that base starts from")
    parser.add_argument("--checkpoints", type=Path, help="where checkpoints are kept (default: OUT.checkpoints)")
    parser.add_argument("--max-minutes", type=float, help="end after so many minutes, with a decayed learning rate")
    options = parser.parse_args()
    stopping = False
    begun = time.monotonic()

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    def report(stage: str, step: int, steps: int, message: str) -> None:
        print(f"{time.monotonic() - begun:8.0f} s  {stage} {step}/{steps}  {message}", file=sys.stderr, flush=True)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    supervisor = Supervisor(report=report, cancelled=lambda: stopping,
                            max_seconds=options.max_minutes * 60 if options.max_minutes else None)
    try:
        checkpoints = options.checkpoints or options.out.with_name(f"{options.out.name}.checkpoints")
        manifest = train_part(options.part, Run(Recipe.load(options.recipe), options.data, options.out, checkpoints,
                                                supervisor, options.pack))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except Cancelled:
        print("Stopped; the checkpoint is saved. The same command goes on from there.", file=sys.stderr)
        return 2
    print(manifest.sha256)
    return 0


if __name__ == "__main__":
    sys.exit(main())
