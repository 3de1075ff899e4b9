"""The job "detect" in this process: what it writes, tells and refuses."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind
from medsynth_app.core.jobs.detect import COLUMNS, DetectRequest
from medsynth_app.core.jobs.embed import PictureList
from medsynth_app.engine import detect
from medsynth_app.engine.job import Job
from medsynth_app.formats.raster import write_png
from tests.formats.making import record
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
