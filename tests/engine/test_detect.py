"""The job "detect" in this process: what it writes, tells and refuses."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind
from medsynth_app.core.jobs.detect import COLUMNS, DetectRequest
from medsynth_app.core.jobs.embed import PictureList
from medsynth_app.core.jobs.request import ModelRef
from medsynth_app.core.jobs.stored import from_parts, to_parts
from medsynth_app.engine import detect
from medsynth_app.engine.job import Job
from medsynth_app.formats.raster import write_png
from tests.engine.tiny_detector import drawn_field
from tests.formats.making import record
from tests.plugin_api.installed import install
from tests.segmentation.test_smear import field


def request(folder: Path, *names: str) -> DetectRequest:
    return DetectRequest(PictureList.of(names, [str(folder / name) for name in names]), str(folder / "cells.csv"))


def test_cells_are_written_with_where_they_are_and_where_they_came_from(tmp_path: Path) -> None:
    pixels, known = field()
    Image.fromarray(pixels).save(tmp_path / "real.png")
    write_png(tmp_path / "drawn.png", pixels, record(), mark=False)
    Image.fromarray(np.full((64, 64, 3), 220, np.uint8)).save(tmp_path / "bare.png")
    said: list = []
    detect.run(request(tmp_path, "real.png", "bare.png", "drawn.png"), Job("job", said.append))
    with (tmp_path / "cells.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS
    count = sum(len(those) for those in known.values())
    assert [row["origin"] for row in rows] == ["real"] * count + ["synthetic"] * count
    assert len({row["cell_id"] for row in rows}) == 2 * count
    assert rows[0]["image_sha256"] == hashlib.sha256((tmp_path / "real.png").read_bytes()).hexdigest()
    assert sorted({row["class"] for row in rows}) == ["platelet", "rbc", "wbc"]
    assert all(int(row["x"]) >= 0 and int(row["x"]) + int(row["width"]) <= 480 for row in rows)
    notices = [event.message for event in said if event.kind is EventKind.NOTICE]
    assert notices == ["No cells were found in bare.png."]


def test_nothing_found_a_small_picture_and_one_that_is_gone_are_told(tmp_path: Path) -> None:
    Image.fromarray(np.full((64, 64, 3), 220, np.uint8)).save(tmp_path / "bare.png")
    Image.fromarray(np.full((20, 64, 3), 220, np.uint8)).save(tmp_path / "small.png")
    for name, complaint in (("bare.png", "No cells were found in any"), ("small.png", "too small to hold"),
                            ("gone.png", "gone.png")):
        with pytest.raises(UserError, match=complaint):
            detect.run(request(tmp_path, name), Job("job", lambda message: None))
    assert not (tmp_path / "cells.csv").exists()


def test_a_cancelled_search_writes_nothing(tmp_path: Path) -> None:
    Image.fromarray(field()[0]).save(tmp_path / "a.png")
    job = Job("job", lambda message: None)
    job.cancel()
    with pytest.raises(Cancelled):
        detect.run(request(tmp_path, "a.png"), job)
    assert not (tmp_path / "cells.csv").exists()


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "cells.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_detector_finds_cells_and_tells_its_progress(detector_pack: Path, tmp_path: Path) -> None:
    pixels, known = drawn_field(7, 192, 12)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    asked = replace(request(tmp_path, "a.png"), model=ModelRef(str(detector_pack)), device="cpu")
    stored = from_parts(*to_parts(asked))
    said: list = []
    detect.run(stored, Job("job", said.append))
    rows = rows_of(tmp_path)
    assert {row["class"] for row in rows} == {"rbc", "wbc"} and abs(len(rows) - len(known)) <= 2
    result = said[-1]
    assert result.kind is EventKind.RESULT and sum(result.data["cells"].values()) == len(rows)
    steps = [(event.step, event.steps) for event in said if event.kind is EventKind.PROGRESS]
    assert steps == sorted(steps) and steps[-1][0] == steps[-1][1]


def test_a_search_is_left_between_two_tiles(detector_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                            ) -> None:
    Image.fromarray(drawn_field(7, 300, 20)[0]).save(tmp_path / "a.png")
    monkeypatch.setattr("medsynth_app.engine.find_cells.TILE", 96)
    monkeypatch.setattr("medsynth_app.engine.find_cells.ROOM", 32)
    said: list = []

    def tell(event: object) -> None:
        said.append(event)
        if len(said) == 3:
            job.cancel()

    job = Job("job", tell)
    monkeypatch.setattr("medsynth_app.engine.job.PROGRESS_EVERY", 0)
    with pytest.raises(Cancelled):
        detect.run(replace(request(tmp_path, "a.png"), model=ModelRef(str(detector_pack))), job)
    assert 0 < said[-1].step < said[-1].steps and not (tmp_path / "cells.csv").exists()


def test_a_pack_that_is_no_detector_is_refused(tiny_pack: Path, tmp_path: Path) -> None:
    Image.fromarray(field()[0]).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="'detector' is needed"):
        detect.run(replace(request(tmp_path, "a.png"), model=ModelRef(str(tiny_pack))), Job("job", lambda event: None))


def test_a_plugin_finds_cells_of_its_own_class_and_its_faults_are_told_as_its_own(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(field()[0]).save(tmp_path / "a.png")
    Image.fromarray(np.full((64, 64, 3), 255, np.uint8)).save(tmp_path / "bright.png")
    (tmp_path / "plugin").mkdir()
    name = install(tmp_path / "plugin", monkeypatch)
    detect.run(replace(request(tmp_path, "a.png"), plugin=name), Job("job", lambda event: None))
    row, = rows_of(tmp_path)
    assert (row["class"], row["x"], row["y"], row["width"], row["height"]) == ("yeast", "2", "0", "10", "9")
    assert (row["confidence"], row["edge"]) == ("1.000", "1")
    with pytest.raises(UserError, match="'dummy' has failed"):
        detect.run(replace(request(tmp_path, "bright.png"), plugin=name), Job("job", lambda event: None))
    job = Job("job", lambda event: None)
    job.cancel()
    with pytest.raises(Cancelled):
        detect.run(replace(request(tmp_path, "a.png"), plugin=name), job)
