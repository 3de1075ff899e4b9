"""What the record beside a result says of the picture that it was made from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsynth_app.actions.info import info
from medsynth_app.formats.raster import write_mask_png
from tests.cli.conftest import Run


@pytest.mark.parametrize("mode, suffix, word", [("CMYK", "jpg", "printer"), ("P", "png", "table"),
                                                ("RGBA", "png", "transparen")])
def test_what_a_reader_changed_stands_in_the_record(
        same_process: Run, tmp_path: Path, mode: str, suffix: str, word: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 4), np.uint8)
    picture = Image.fromarray(pixels)
    (picture if mode == "RGBA" else picture.convert("RGB").convert(mode)).save(tmp_path / f"a.{suffix}")
    mask = np.zeros((60, 80), np.uint8)
    mask[20:30, 30:40] = 1
    write_mask_png(tmp_path / "mask.png", mask)
    answer = same_process("inpaint", tmp_path / f"a.{suffix}", "--mask", tmp_path / "mask.png", "--engine", "classical",
                          "--out", tmp_path / "out")
    record = json.loads((tmp_path / "out" / "candidate-1.png.provenance.json").read_text())
    inside = info(tmp_path / "out" / "candidate-1.png")["provenance"]
    for notices in (record["notices"], inside["notices"], answer["notices"]):
        assert len([text for text in notices if word in text]) == 1, notices
