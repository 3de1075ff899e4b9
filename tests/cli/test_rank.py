"""``medsynth rank``, in a real worker, and ``simulate-labelling``, with the worker on a thread."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from medsynth_app import cli
from medsynth_app.formats.embeddings import Embeddings, write_embeddings
from tests.actions.bench import make_pack
from tests.cli.conftest import Run
from tests.engine.tiny_encoder import make_tiny_encoder

CLASSES = ("basophil", "blast", "monocyte")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(item) for item in arguments])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """90 cells of three classes as embeddings, with labels of some, and of all."""
    folder = tmp_path_factory.mktemp("cells")
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), 30)
    ids = tuple(f"cell-{k:03d}" for k in range(90))
    values = (3 * np.eye(6)[truth] + rng.normal(size=(90, 6))).astype(np.float32)
    write_embeddings(folder / "E.npz", Embeddings(ids, values, "tiny", "ab" * 32))
    for name, rows in (("some", range(0, 90, 5)), ("all", range(90))):
        with (folder / f"{name}.csv").open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(("cell_id", "class", "image", "confidence"))
            writer.writerows((ids[k], CLASSES[truth[k]], f"field-{k % 4}.png", 0.9) for k in rows)
    return folder


def test_ranked_cells_keep_what_is_known_of_them_and_say_why(cells: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "ranked.csv"
    answer = run("rank", cells / "E.npz", "--labels", cells / "some.csv", "--cells", cells / "all.csv", "--strategy",
                 "balanced-boundary", "--budget", 12, "--out", out, "--json")
    assert answer.exit_code == 0, answer.stderr
    assert json.loads(answer.stdout)["ranked"] == 12
    rows = rows_of(out)
    assert list(rows[0]) == ["cell_id", "class", "image", "confidence", "rank", "score", "strategy", "reason"]
    assert [row["rank"] for row in rows] == [str(k) for k in range(1, 13)]
    labelled = {row["cell_id"] for row in rows_of(cells / "some.csv")}
    assert not labelled & {row["cell_id"] for row in rows}
    assert all(row["image"].startswith("field-") and row["strategy"] == "balanced-boundary" for row in rows)
    assert any(name in rows[0]["reason"] for name in CLASSES)
    again = tmp_path / "again.csv"
    assert run("rank", cells / "E.npz", "--budget", 500, "--out", again).exit_code == 0  # without any label
    assert len(rows_of(again)) == 90


def test_cells_like_an_example_and_pages_of_look_alikes(cells: Path, same_process: Run, tmp_path: Path) -> None:
    answer = run("rank", cells / "E.npz", "--like", "cell-031", "--budget", 9, "--labels", cells / "some.csv", "--out",
                 tmp_path / "like.csv", "--json")
    assert answer.exit_code == 0 and json.loads(answer.stdout)["strategy"] == "like", answer.stderr
    rows, labelled = rows_of(tmp_path / "like.csv"), {row["cell_id"] for row in rows_of(cells / "some.csv")}
    found = [int(row["cell_id"][-3:]) for row in rows]
    assert len(found) == 9 and 31 not in found and all(30 <= each < 60 for each in found[:5])
    assert not labelled & {row["cell_id"] for row in rows}
    assert [float(row["score"]) for row in rows] == sorted((float(row["score"]) for row in rows), reverse=True)

    answer = run("rank", cells / "E.npz", "--groups", 2, "--labels", cells / "some.csv", "--out", tmp_path / "p.csv",
                 "--json")
    assert answer.exit_code == 0, answer.stderr
    pages, rows = json.loads(answer.stdout)["pages"], rows_of(tmp_path / "p.csv")
    assert len(set(pages)) == 2 and set(pages) <= set(CLASSES)
    assert [row["page"] for row in rows] == sorted(row["page"] for row in rows)
    assert not labelled & {row["cell_id"] for row in rows} and len({row["cell_id"] for row in rows}) == len(rows)
    right = [CLASSES[int(row["cell_id"][-3:]) // 30] == row["taken_for"] for row in rows]
    assert sum(right) > 0.85 * len(right)
    for number, kind in enumerate(pages, 1):
        page = [row for row in rows if row["page"] == str(number)]
        assert {row["taken_for"] for row in page} == {kind}
        assert sum(row["look_first"] == "yes" for row in page) == 8


def test_a_simulation_writes_summary_curves_and_plot(cells: Path, same_process: Run, tmp_path: Path) -> None:
    out = tmp_path / "simulated"
    answer = run("simulate-labelling", cells / "E.npz", "--labels", cells / "all.csv", "--strategy", "useful",
                 "--strategy", "margin", "--budget", 40, "--batch", 8, "--seeds", 2, "--imbalance", 4, "--out", out,
                 "--json")
    assert answer.exit_code == 0, answer.stderr
    summary = json.loads((out / "summary.json").read_text())
    assert set(summary["strategies"]) == {"random", "useful", "margin"}
    assert summary["classes"] == list(CLASSES) and summary["pool"] + summary["held_out"] == 90
    for found in summary["strategies"].values():
        assert 0 < found["aulc"]["low"] <= found["aulc"]["mean"] <= found["aulc"]["high"]
        assert found["seeds"] == 2 and len(found["labels_to_90_of_seeds"]) == 2
        assert 0 <= found["rare_recall_at_160"]["mean"] <= 1
    rows = rows_of(out / "curves.csv")
    assert {row["strategy"] for row in rows} == set(summary["strategies"])
    assert [int(row["labels"]) for row in rows[:2]] == [8, 16]
    with Image.open(out / "curves.png") as picture:
        assert picture.width > 600 and len(picture.convert("RGB").getcolors(1 << 20) or ()) > 50


def test_groups_are_simulated_and_the_rare_classes_named(cells: Path, same_process: Run, tmp_path: Path) -> None:
    out = tmp_path / "grouped"
    answer = run("simulate-labelling", cells / "E.npz", "--labels", cells / "all.csv", "--budget", 60, "--batch", 8,
                 "--seeds", 2, "--imbalance", 3, "--rare", "blast", "--groups", "--out", out)
    assert answer.exit_code == 0, answer.stderr
    assert "labels per decision" in answer.stdout
    summary = json.loads((out / "summary.json").read_text())
    pages = rows_of(out / "pages.csv")
    assert summary["rare"] == ["blast"] and summary["groups"]["pages"] == len(pages) > 0
    for page in pages:
        assert 0 <= float(page["low"]) <= float(page["estimate"]) <= float(page["high"]) <= 1
        assert int(page["labels"]) >= 1 and int(page["decisions"]) >= 1
    assert run("simulate-labelling", cells / "E.npz", "--labels", cells / "all.csv", "--imbalance", 3, "--rare",
               "nobody", "--out", tmp_path / "none").exit_code == 2


def test_an_encoder_that_saw_the_labels_is_told(same_process: Run, cells: Path, tmp_path: Path) -> None:
    asked = ("simulate-labelling", cells / "E.npz", "--labels", cells / "all.csv", "--budget", 6, "--batch", 3,
             "--seeds", 1, "--json")
    told: list[str] = []
    for about in (None, {"classes": "Blast, neutrophil"}, {"classes": None, "supervision": "none: no label was seen"},
                  {"classes": "BL, NE"}):
        if about is not None:
            make_pack(tmp_path / str(len(told)), "tiny", kind="encoder", training={"encoder": about})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("medsynth_app.actions.packs.default_pack_folders", lambda: [tmp_path / str(len(told))])
            answer = run(*asked, "--out", tmp_path / f"out{len(told)}")
        assert answer.exit_code == 0, answer.stderr
        told.append(json.loads(answer.stdout)["warning"])
    assert "Whether tiny was taught these classes is not known" in told[0]
    assert "tiny was taught blast by labels" in told[1]
    assert told[2] == ""
    assert "If cells of these classes have other names here" in told[3]


def test_a_folder_of_classes_is_embedded_and_simulated(same_process: Run, tmp_path: Path) -> None:
    make_tiny_encoder(tmp_path)
    rng = np.random.default_rng(1)
    for k, name in enumerate(CLASSES[:2]):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(24):
            pixels = (90 * k + rng.integers(0, 80, (32, 32, 3))).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "set" / name / f"{number}.png")
    out = tmp_path / "out"
    asked = ("simulate-labelling", tmp_path / "set", "--budget", 12, "--batch", 4, "--seeds", 1, "--out", out)
    refused = run(*asked)
    assert refused.exit_code == 2 and "--encoder" in refused.stderr and not out.exists()
    answer = run(*asked, "--encoder", tmp_path / "tiny-encoder", "--json")
    assert answer.exit_code == 0, answer.stderr
    said = json.loads(answer.stdout)
    assert said["classes"] == sorted(CLASSES[:2]) and said["pool"] + said["held_out"] == 48


def test_mistakes_are_one_line_and_exit_status_2(cells: Path, tmp_path: Path) -> None:
    out = tmp_path / "ranked.csv"
    for arguments, complaint in ((("rank", cells / "missing.npz"), "no file missing.npz"),
                                 (("rank", cells / "E.npz", "--strategy", "best"), "no strategy 'best'"),
                                 (("rank", cells / "E.npz", "--budget", 0), "budget of 0"),
                                 (("rank", cells / "E.npz", "--seed", -1), "out of range"),
                                 (("rank", cells / "E.npz", "--labels", tmp_path / "no.csv"), "no file no.csv"),
                                 (("rank", cells / "E.npz", "--out", tmp_path / "ranked.txt"), "ends in .csv"),
                                 (("rank", cells / "E.npz", "--groups", 2, "--like", "cell-001"), "--like alone"),
                                 (("rank", cells / "E.npz", "--groups", 2, "--strategy", "useful"),
                                  "Leave out --strategy, or --groups"),
                                 (("rank", cells / "E.npz", "--like", "cell-001", "--strategy", "useful"),
                                  "Leave out --strategy, or --like"),
                                 (("rank", cells / "E.npz", "--groups", 2, "--budget", 100), "leave out --budget"),
                                 (("simulate-labelling", cells / "E.npz", "--out", tmp_path / "s", "--seeds", 0),
                                  "--seeds 0"),
                                 (("simulate-labelling", cells / "E.npz", "--out", tmp_path / "s", "--rare", "blast"),
                                  "--rare would be ignored"),
                                 (("simulate-labelling", cells / "E.npz", "--out", tmp_path / "s", "--encoder", "x"),
                                  "--encoder would be ignored"),
                                 (("simulate-labelling", cells / "E.npz", "--out", tmp_path / "s", "--strategy", "b"),
                                  "no strategy 'b'")):
        answer = run(*(arguments if "--out" in arguments else (*arguments, "--out", out)))
        assert answer.exit_code == 2 and answer.stdout == "", answer.output
        assert complaint in answer.stderr and answer.stderr.count("\n") == 1
    answer = run("rank", cells / "E.npz", "--like", "who", "--out", out)  # found out by the worker
    assert answer.exit_code == 2 and "The example who is none" in answer.stderr.splitlines()[-1]
    assert "as cell-000 is" in answer.stderr.splitlines()[-1]
    answer = run("rank", cells / "E.npz", "--labels", cells / "all.csv", "--out", out)
    assert answer.exit_code == 2 and "has a label already" in answer.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())
