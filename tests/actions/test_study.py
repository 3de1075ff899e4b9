from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medsynth_app.actions.study import study_request
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.stored import from_parts, to_parts
from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.core.jobs.table import kind_of
from tests.actions.bench import make_pack, png, two_cells

Ask = Callable[..., StudyRequest]
CELLS = '[pack]\nname = "painter"\n[data]\nlayout = "labelled-cells"\ncaptions = ["{a} {class}"]\n'
PAIRS = ('[pack]\nname = "painter"\n[data]\nlayout = "image-mask-pairs"\ncaptions = ["a polyp"]\n'
         'background_captions = ["mucosa"]\n')


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Makes requests for the pack "painter", with a data folder and a recipe that are only looked at."""
    pack = make_pack(tmp_path, "painter").folder
    two_cells(tmp_path / "data")
    (tmp_path / "cells.toml").write_text(f'{CELLS}masks = "cell-parts"\n')

    def make(study: str = "quality", **changes: Any) -> StudyRequest:
        values: dict[str, Any] = {"pack": str(pack), "out": tmp_path / "out", "data": tmp_path / "data",
                                  "recipe": tmp_path / "cells.toml", "cache": tmp_path / "cache", **changes}
        return study_request(study, **values)

    return make


def test_a_request_names_folders_and_keeps_only_what_the_study_heeds(ask: Ask, tmp_path: Path) -> None:
    request = ask("masks", n=30, judge_minutes=3.0, limits=(25, 0))
    assert (request.n, request.limits, request.minutes) == (30, (25, 0), 10.0)
    assert request.judge_minutes == StudyRequest.judge_minutes, "masks ask no judge"
    assert request.data == str((tmp_path / "data").resolve()) and not request.record
    assert Path(request.out).is_dir() and Path(request.cache).is_dir()
    load = ask("load")
    assert load.data == load.recipe == "" and load.repeats == 3
    kind = kind_of(request)
    assert kind.title(request) == "Study: masks of painter" and kind.name == "study"
    again = from_parts(*to_parts(request))
    assert (again.study, again.limits, again.data) == (request.study, request.limits, request.data)


def test_cells_are_compared_by_the_shipped_encoder_where_no_other_is_named(ask: Ask, tmp_path: Path) -> None:
    assert Path(ask().encoder).name == "cell-encoder"
    for kind in ("images", "masks"):
        (tmp_path / "pairs" / kind).mkdir(parents=True)
        png(tmp_path / "pairs" / kind / "a.png", 32, 32)
    for recipe, data in ((PAIRS, "pairs"), (CELLS, "data")):  # classes of what are no cells
        (tmp_path / "others.toml").write_text(recipe)
        assert ask(recipe=tmp_path / "others.toml", data=tmp_path / data).encoder == ""
    with pytest.raises(UserError, match="'base', and 'encoder' is needed"):
        ask(encoder=ask().pack)


@pytest.mark.parametrize(("study", "changes", "complaint"), [
    ("beauty", {}, "no study 'beauty'"),
    ("quality", {"pack": "nobody"}, "no model pack 'nobody'"),
    ("load", {"pack": "nobody"}, "no pack 'nobody'"),
    ("encoders", {}, "'encoder' is needed"),
    ("control", {}, "no ControlNet"),
    ("quality", {"data": None}, "against real data"),
    ("quality", {"data": Path("nowhere")}, "no folder nowhere"),
    ("encoders", {"pack": "cell-encoder", "other": Path("nowhere")}, "no folder nowhere"),
    ("quality", {"recipe": None}, "No recipe of the pack"),
    ("quality", {"recipe": Path("nowhere.toml")}, "cannot be read"),
    ("masks", {"recipe": Path("nowhere.toml")}, "cannot be read"),
    ("quality", {"n": 49}, "at least 50"),
    ("quality", {"n": -1}, "--n is out of range"),
    ("quality", {"seed": 2**63}, "--seed is out of range"),
    ("masks", {"minutes": float("nan")}, "--minutes is out of range"),
    ("quality", {"judge_minutes": 0.0}, "--judge-minutes is out of range"),
    ("utility", {"seeds": 1}, "--seeds is out of range"),
    ("utility", {"per_class": (10, 0)}, "--per-class is out of range"),
    ("masks", {"limits": ()}, "--limits is out of range"),
    ("load", {"repeats": 0}, "--repeats is out of range"),
])
def test_what_cannot_be_measured_is_said_before_a_job_is_queued(ask: Ask, study: str, changes: dict[str, Any],
                                                                complaint: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=complaint):
        ask(study, **changes)
    assert not (tmp_path / "out").exists()


def test_data_or_a_recipe_of_something_else_are_told_before_a_job_is_queued(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other.toml").write_text('[pack]\nname = "other"\ndomain = "hearts"\n[data]\n')
    (tmp_path / "pairs.toml").write_text(PAIRS)
    for changes, complaint in (({"data": tmp_path / "empty"}, "does not have the layout 'labelled-cells'"),
                               ({"recipe": tmp_path / "pairs.toml"}, "does not have the layout 'image-mask-pairs'"),
                               ({"recipe": tmp_path / "other.toml"}, r"other\.toml is for hearts, the pack for"),
                               ({"data": tmp_path / "cells.toml"}, "is a file, no folder")):
        with pytest.raises(UserError, match=complaint):
            ask(**changes)
    assert not (tmp_path / "out").exists()


def test_a_pack_that_cannot_be_written_is_told_before_hours_of_measuring(
        ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, pack = tempfile.TemporaryFile, Path(ask("load").pack)

    def sealed(*, dir: Path) -> Any:
        if Path(dir) == pack:
            raise OSError(errno.EROFS, "Read-only file system")
        return made(dir=dir)

    monkeypatch.setattr(tempfile, "TemporaryFile", sealed)
    with pytest.raises(UserError, match="cannot be recorded in the pack painter: its folder is read-only"):
        ask("load", record=True, out=tmp_path / "new")
    assert not (tmp_path / "new").exists() and ask("load", out=tmp_path / "new").out


def test_a_report_does_not_go_into_a_pack(ask: Ask) -> None:
    pack = Path(ask("load").pack)
    for out in (pack, pack / "reports"):
        with pytest.raises(UserError, match="lies inside a pack"):
            ask("load", out=out)
    shutil.rmtree(pack)
