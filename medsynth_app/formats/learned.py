"""``learned.npz``: what was learned from labels (`core.learned`); arrays for NumPy alone, and a report in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import replacing
from medsynth_app.core.learned import CurvePoint, Learned, Report, Saved, Scores, Share

FORMAT = "medsynth-learned/1"
TYPES = {"order": np.int32, "scores": np.float32, "reason_classes": np.int32, "probabilities": np.float16,
         "groups": np.int32, "positions": np.int32, "neighbours": np.int32, "map": np.float32, "suspects": np.int32,
         "suspect_classes": np.int32}


def write_learned(path: Path, learned: Learned) -> None:
    """Write `path` in one go: a run that is killed leaves what was there before; raises `UserError`."""
    try:
        with replacing(path, mode=0o600) as part, part.open("wb") as stream:
            np.savez(stream, format=np.array(FORMAT), classes=np.array(learned.classes, np.str_),
                     reasons=np.array(learned.reasons, np.str_), report=np.array(json.dumps(asdict(learned.report))),
                     **{name: getattr(learned, name).astype(kind, copy=False) for name, kind in TYPES.items()})
    except OSError as error:
        raise UserError(f"The file {path.name} cannot be written ({error.strerror or 'disk error'}).",
                        "Choose another place, or make room on the disk.") from error


def read_learned(path: Path) -> Learned:
    """Read what `write_learned` wrote; nothing in the file is ever run.

    Raises
    ------
    UserError
        When there is no such file, or it holds something else.
    """
    try:
        # NumPy leaves a file open that it cannot read
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
            if str(held["format"]) != FORMAT:
                raise ValueError("another format")
            arrays: dict[str, Any] = {name: held[name] for name in TYPES}
            classes, reasons = (tuple(held[name].tolist()) for name in ("classes", "reasons"))
            report = _report(json.loads(str(held["report"])))
        if any(arrays[name].dtype != kind for name, kind in TYPES.items()):
            raise ValueError("arrays of another type")
        return Learned(classes=classes, reasons=reasons, report=report, **arrays)
    except Exception as error:  # whatever zipfile, NumPy and JSON throw at damaged bytes
        raise UserError("What was learned from the labels cannot be read.", "Learn again.",
                        safe="Every label is kept.", details=type(error).__name__) from error


def _report(plain: Mapping[str, Any]) -> Report:
    made = dict(plain)
    for name in ("scores", "control"):
        made[name] = None if plain[name] is None else _scores(plain[name])
    made["labels"] = tuple(plain["labels"])
    made["curve"] = tuple(CurvePoint(**each) for each in plain["curve"])
    for name in ("unseen", "gain"):
        made[name] = None if plain[name] is None else Share(**plain[name])
    made["saved"] = None if plain["saved"] is None else Saved(**plain["saved"])
    return Report(**made)


def _scores(plain: Mapping[str, Any]) -> Scores:
    return Scores(Share(**plain["macro_f1"]), Share(**plain["balanced_accuracy"]),
                  tuple(None if each is None else Share(**each) for each in plain["recall"]),
                  tuple(tuple(row) for row in plain["confusion"]))
