"""Studies as jobs at miniature scale: figures are finite, the card is written, what is wrong is said in words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.core.pack_files import hash_files, open_pack, read_manifest, verify_pack
from medsynth_app.engine.evaluate import networks
from medsynth_app.engine.evaluate.job import plan_of, run_study
from medsynth_app.engine.evaluate.networks import Plan
from medsynth_app.engine.train.card import FIGURES, weights_key
from medsynth_app.studies.catalogue import STUDIES
from medsynth_app.studies.utility import ARMS
from tests.engine.tiny import make_tiny_pack
from tests.studies.fake import make_cells

Asked = Callable[..., StudyRequest]


def events_of(request: StudyRequest, cancelled: Callable[[], bool] = lambda: False) -> list[JobEvent]:
    events: list[JobEvent] = []
    run_study(request, events.append, cancelled, "job")
    return events


def rows_of(request: StudyRequest) -> dict[str, dict[str, str]]:
    [result] = [event for event in events_of(request) if event.kind is EventKind.RESULT]
    return {row["name"]: row for row in json.loads(Path(result.data["json"]).read_text())["figures"]}


def test_quality_measures_a_pack_and_writes_report_and_card(asked: Asked, tmp_path: Path) -> None:
    pack = make_tiny_pack(tmp_path / "pack", name="blood-cells", domain="cells")
    before = weights_key(read_manifest(pack))
    events = events_of(asked("quality", pack=pack, n=50, record=True))
    steps = [event.step for event in events]
    assert steps == sorted(steps) and steps[-1] == events[-1].steps == 1000
    assert any(event.seconds_left is not None for event in events)
    data = events[-1].data
    assert (data["study"], data["pack"], data["recorded"]) == ("quality", "blood-cells", True)
    report = json.loads(Path(data["json"]).read_text())
    assert report["command"] == "medsynth study quality --pack pack --data data --recipe cells.toml --n 50 " \
        "--judge-minutes 0.02 --out DIR"
    rows = {row["name"]: row for row in report["figures"]}
    assert len(rows) >= 9 and not any("not measured" in row["measured"] for row in rows.values())
    for row in rows.values():
        numbers = [float(text) for text in re.findall(r"(?<![\w-])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", row["measured"])]
        assert numbers and np.isfinite(numbers).all(), row
    ratio = rows["Frechet distance over the real-vs-real floor"]
    assert float(ratio["measured"].split()[0]) > 2.5, "random weights do not draw cells"
    named = next(row for name, row in rows.items() if name.startswith("asked class"))
    assert "n=50" in named["measured"] and "n=100" in named["floor"]
    copies = next(row for name, row in rows.items() if name.startswith("copies"))
    assert copies["n"] == "32 copies" and copies["measured"].endswith("n=32)")
    text = Path(data["report"]).read_text()
    assert "judge (trained for" in text and "closest-pairs.jpg" in text
    assert [Path(path).name for path in data["pictures"]] == ["closest-pairs.jpg"]
    assert all(Path(path).exists() for path in data["pictures"])
    assert json.loads((pack / FIGURES).read_text())["quality"]["figures"] == report["figures"]
    card = (pack / "README.md").read_text()
    assert "| at least 0.85 |" in card and "\n- judge (trained for" in card and "other weights" not in card
    manifest = read_manifest(pack)
    assert manifest.files == hash_files(pack), "sealed again"
    assert weights_key(manifest) == before, "a new card does not throw the pictures away"
    assert not list(pack.glob("*.jpg")), "real pictures never go into a pack"


def test_inpainting_cells_is_measured_end_to_end(asked: Asked) -> None:
    request = asked("inpaint", n=3)
    rows = rows_of(request)
    named = next(row for name, row in rows.items() if name.startswith("a cell replaced"))
    assert named["target"] == "at least 0.7" and "n=3" in named["measured"] and named["n"] == "3 cells"
    seams = next(row for name, row in rows.items() if "seams" in name)
    assert "n=3" in seams["measured"] and "100 untouched" in seams["n"]
    assert (Path(request.out) / "inpaint-replace-a-cell.jpg").exists()
    assert rows_of(request) == rows, "the same seed gives the same figures"


def test_masks_and_control_of_a_pack_that_draws_from_masks(asked: Asked, tmp_path: Path) -> None:
    pack = make_tiny_pack(tmp_path / "pack", name="blood-cells", domain="cells", with_control=True)
    rows = rows_of(asked("control", pack=pack, n=4))
    assert {"drawn over real", "Dice of nucleus"} <= set(rows) and rows["drawn over real"]["n"] == "4 masks"


def test_utility_compares_three_arms_with_equal_steps(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []

    def untrained(network: object, pictures: np.ndarray, truth: np.ndarray, plan: Plan, *rest: object) -> int:
        seen.append((len(pictures), plan.steps))
        return plan.steps

    monkeypatch.setattr(networks, "fit_classifier", untrained)
    request = asked("utility", n=8, seeds=2, per_class=(3,), steps=2, minutes=0.1)
    rows = list(rows_of(request).values())
    assert seen == [(6, 2), (14, 2), (14, 2)] * 2, "real, real + drawn, real + as many copies; two seeds"
    assert [row["name"].split(": ")[1] for row in rows[:3]] == list(ARMS)
    assert "gain" in rows[3]["name"] and all("n=2" in row["measured"] for row in rows)


def test_steps_that_the_minutes_allowed_stand_in_the_command(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "fit_classifier", lambda *_: 1)
    request = asked("utility", n=8, seeds=2, per_class=(2,), minutes=0.001)
    rows_of(request)
    said = json.loads((Path(request.out) / "utility.json").read_text())["command"]
    assert re.search(r"--minutes 0\.001 --steps \d+ --out DIR$", said) and "--per-class 2 " in said


@pytest.mark.usefixtures("in_one_process")
def test_load_reports_seconds_and_the_largest_file(asked: Asked) -> None:
    rows = rows_of(asked("load", repeats=1))
    seconds, memory, size, largest = rows.values()
    assert float(seconds["measured"].split()[0]) >= 0 and seconds["n"] == "1 processes"
    assert float(memory["measured"].split("(")[1].rstrip(")")) > 50
    assert size["target"] == "under 60" and ".safetensors" in largest["measured"]


def test_what_does_not_fit_is_refused_before_anything_is_drawn(asked: Asked, world: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least 50"):
        events_of(asked("quality", n=49))
    with pytest.raises(UserError, match="no ControlNet"):
        events_of(asked("control"))
    with pytest.raises(UserError, match="was changed since"):
        events_of(asked("quality", pack_sha256="0" * 64))
    (tmp_path / "skin.toml").write_text((world / "cells.toml").read_text().replace("blood-cells", "skin").replace(
        'domain = "cells"', 'domain = "skin"'))
    with pytest.raises(UserError, match="is for skin, the pack for cells"):
        events_of(asked("quality", recipe=str(tmp_path / "skin.toml")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="does not have the layout"):
        events_of(asked("quality", data=str(tmp_path / "empty")))
    with pytest.raises(UserError, match=r"holds no images/\*\.png"):
        events_of(asked("cell-parts", data=str(tmp_path / "empty")))
    with pytest.raises(UserError, match="is no encoder"):
        events_of(asked("encoders"))


def test_a_pack_that_cannot_be_written_keeps_its_card(asked: Asked, world: Path, monkeypatch: pytest.MonkeyPatch,
                                                      tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr("medsynth_app.engine.evaluate.job.record_figures", refuse)
    cells = make_cells(tmp_path)
    with pytest.raises(UserError, match="card of the pack"):
        events_of(asked("cell-parts", data=str(cells), record=True))
    assert verify_pack(open_pack(world / "pack")) == []


def test_a_cancelled_study_stops_and_goes_on_from_there(asked: Asked, world: Path) -> None:
    request = asked("inpaint", n=3, seed=7)
    before = set((world / "cache" / "inpainted").rglob("*.npz"))
    said: list[JobEvent] = []
    with pytest.raises(Cancelled):
        run_study(request, said.append, lambda: any(event.message.startswith("inpainting: 2") for event in said), "job")
    drawn = sorted(set((world / "cache" / "inpainted").rglob("*.npz")) - before)
    assert len(drawn) == 2 and not Path(request.out).exists()
    times = [path.stat().st_mtime_ns for path in drawn]
    events_of(request)
    assert [path.stat().st_mtime_ns for path in drawn] == times, "what was drawn is not drawn again"


def test_every_study_of_the_catalogue_has_a_plan(asked: Asked) -> None:
    for entry in STUDIES:
        plan = plan_of(replace(asked("quality"), study=entry.name))
        assert plan and all(share > 0 for _, share in plan) and len(dict(plan)) == len(plan)
