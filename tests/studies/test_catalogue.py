from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import medsynth_app
from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.studies.catalogue import STUDIES, entry_of
from medsynth_app.studies.command import command_line

NAMES = ["quality", "control", "inpaint", "steps", "masks", "utility", "encoders", "load", "cell-parts"]


def request(study: str, **changes: object) -> StudyRequest:
    defaults = dict(entry_of(study).defaults)
    return StudyRequest(**{"study": study, "pack": "/packs/blood-cells", "pack_sha256": "", "out": "/out",
                           "cache": "/cache", **defaults, **changes})  # type: ignore[arg-type]


def test_every_study_is_explained_and_takes_what_a_request_has() -> None:
    assert [entry.name for entry in STUDIES] == NAMES
    known = {field.name for field in fields(StudyRequest)}
    for entry in STUDIES:
        assert set(entry.takes) <= known and {name for name, _ in entry.defaults} <= set(entry.takes)
        assert 0 < len(entry.title) <= 30 and entry.help.endswith("?") and 30 < len(entry.help) < 200


def test_the_command_repeats_what_was_asked_and_names_no_place() -> None:
    assert command_line(request("load")) == "medsynth study load --pack blood-cells --out DIR"
    asked = request("quality", data="/home/me/pbc-cells", recipe="/r/blood-cells.toml", n=90, judge_minutes=15.0,
                    encoder="/packs/cell-encoder")
    assert command_line(asked) == ("medsynth study quality --pack blood-cells --data pbc-cells --n 90 "
                                   "--judge-minutes 15 --out DIR")
    other = request("quality", data="/d", recipe="/r/mine.toml", encoder="/e/another", seed=3)
    assert command_line(other) == ("medsynth study quality --pack blood-cells --data d --recipe mine.toml --seed 3 "
                                   "--encoder another --out DIR")
    assert "--limits 25,0 --minutes 2" in command_line(request("masks", limits=(25, 0), minutes=2.0))
    assert "--minutes" not in command_line(request("masks")), "ten minutes are its own default"
    assert "judge-minutes" not in command_line(request("masks", judge_minutes=15.0)), "it asks no judge"


def test_the_catalogue_may_be_imported_without_anything_heavy() -> None:
    code = ("import sys, medsynth_app.studies.catalogue\n"
            "print(sorted({name.partition('.')[0] for name in sys.modules}))")
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(medsynth_app.__file__).parents[1], capture_output=True,
                          text=True, check=True)
    for library in ("numpy", "scipy", "skimage", "sklearn", "torch", "PySide6"):
        assert f"'{library}'" not in done.stdout
