"""``medsynth detect``, in a real worker; what it finds is what ``embed`` takes."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image
from typer.testing import CliRunner

from medsynth_app import cli
from medsynth_app.actions.embed import list_pictures
from tests.segmentation.test_smear import field


def test_from_fields_to_cells_that_can_be_embedded(tmp_path: Path) -> None:
    pixels, known = field()
    (tmp_path / "fields").mkdir()
    Image.fromarray(pixels).save(tmp_path / "fields" / "a.png")
    out = tmp_path / "fields" / "cells.csv"
    answer = CliRunner().invoke(cli.app, ["detect", str(tmp_path / "fields"), "--out", str(out),
                                          "--engine", "classical", "--json"])
    assert answer.exit_code == 0, answer.stderr
    assert json.loads(answer.stdout)["cells"] == {kind.value: len(those) for kind, those in known.items()}
    pictures = list_pictures(out)
    assert len(pictures) == sum(len(those) for those in known.values())
    assert pictures.boxes is not None and set(pictures.paths()) == {str(tmp_path / "fields" / "a.png")}
    for engine, complaint in (("nobody", "no detector 'nobody'"), ("cell-encoder", "'detector' is needed")):
        wrong = CliRunner().invoke(cli.app, ["detect", str(tmp_path / "fields"), "--out", str(out), "--engine", engine])
        assert wrong.exit_code == 2 and complaint in wrong.stderr and "classical" in wrong.stderr
    missing = CliRunner().invoke(cli.app, ["detect", str(tmp_path / "no.png"), "--out", str(out)])
    assert missing.exit_code == 2 and missing.stderr.count("\n") == 1
