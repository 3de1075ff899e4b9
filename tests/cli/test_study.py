"""``medsynth study`` on two drawn cells."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from medsynth_app import cli
from medsynth_app.actions.packs import list_packs
from medsynth_app.core.job import JobState
from medsynth_app.core.pack_files import open_pack, verify_pack
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack
from tests.cli.conftest import Run
from tests.studies.fake import make_cells


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, ["study", *(str(item) for item in arguments)])


def test_a_study_is_a_job_with_a_report_and_figures_in_the_card(same_process: Run, tmp_path: Path) -> None:
    pack, cells, out = make_pack(tmp_path, "painter").folder, make_cells(tmp_path), tmp_path / "new" / "report"
    said = same_process("study", "cell-parts", "--pack", pack, "--data", cells, "--out", out, "--record", "--workspace",
                        tmp_path / "work")
    assert said["study"] == "cell-parts" and said["out"] == str(out) and len(said["figures"]) == 4
    assert said == {**json.loads((out / "cell-parts.json").read_text()), "out": str(out)}
    assert (out / "cell-parts.md").read_text().startswith("# Parts of cells")
    assert f"`{said['command']}`" in (pack / "README.md").read_text()
    assert said["command"] == f"medsynth study cell-parts --pack {pack.name} --data {cells.name} --out DIR"
    assert verify_pack(open_pack(pack)) == []
    workspace = Workspace.open(tmp_path / "work")
    try:
        [job] = [record for record in workspace.jobs.records() if record.kind == "study"]
        assert job.state is JobState.DONE and job.title == f"Study: cell-parts of {pack.name}"
    finally:
        workspace.close()


def test_studies_are_listed() -> None:
    answer = run("--json")
    assert [entry["name"] for entry in json.loads(answer.stdout)][:2] == ["quality", "control"]
    assert "cell-parts" in run().stdout


def test_mistakes_are_one_line_and_exit_status_2(tmp_path: Path) -> None:
    pack = make_pack(tmp_path, "painter").folder
    (tmp_path / "empty").mkdir()
    common = ("--data", tmp_path / "empty", "--out", tmp_path / "out")
    for arguments, complaint in (
            (("quality", "--pack", "nobody", *common), "no model pack 'nobody'"),
            (("control", "--pack", pack, *common), "no ControlNet"),
            (("quality", "--pack", pack, *common, "--n", 12), "at least 50"),
            (("utility", "--pack", pack, *common, "--per-class", "ten"), "no list of whole numbers"),
            (("quality", "--pack", pack, "--out", tmp_path / "out"), "--data")):
        answer = run(*arguments)
        assert answer.exit_code == 2 and answer.stdout == "", (arguments, answer.stdout)
        assert complaint in answer.stderr.splitlines()[-1], arguments


def test_commands_in_the_shipped_cards_are_commands_of_this_program() -> None:
    told = [line.strip("`") for pack in list_packs(None, None)
            for line in (pack.folder / "README.md").read_text().splitlines() if line.startswith("`medsynth study")]
    assert len(told) > 15
    for line in told:
        words = line.split("`")[0].split()[2:]
        answer = run(words[0], "--help")
        assert answer.exit_code == 0
        options = [word for word in words if word.startswith("--")]
        assert options and all(option in answer.stdout for option in options), line
