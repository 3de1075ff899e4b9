"""Names that are asked for: their endings, and the folder where one was asked last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QFileDialog, QWidget

from medsynth_app.ui.shell.dialogs import Dialogs
from medsynth_app.ui.shell.files import CAPTURE, DICOM, MASK_NIFTI, MASK_PNG, MASK_STACK, PNG, TIFF, Kind, named_kind

pytestmark = pytest.mark.gui
IMAGES, MASKS = (DICOM, CAPTURE, PNG, TIFF), (MASK_PNG, MASK_NIFTI, MASK_STACK)


@pytest.mark.parametrize(("name", "chosen", "kinds", "written", "kind"), [
    ("a", PNG, IMAGES, "a.png", PNG),
    ("a.png", DICOM, IMAGES, "a.png", PNG),
    ("a.TIFF", DICOM, IMAGES, "a.TIFF", TIFF),
    ("a.dcm", CAPTURE, IMAGES, "a.dcm", CAPTURE),
    ("a.dcm", PNG, IMAGES, "a.dcm", DICOM),
    ("1.2.3", DICOM, IMAGES, "1.2.3.dcm", DICOM),
    ("m.nii.gz", MASK_STACK, MASKS, "m.nii.gz", MASK_STACK),
    ("m.nii.gz", MASK_PNG, MASKS, "m.nii.gz", MASK_NIFTI),
])
def test_an_ending_that_was_written_says_which_kind_is_meant(name: str, chosen: Kind, kinds: tuple[Kind, ...],
                                                             written: str, kind: Kind) -> None:
    assert named_kind(Path("folder", name), chosen[0], kinds) == (Path("folder", written), kind)


def test_dialogs_begin_where_one_was_asked_for_last(qapp: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(name: str) -> Any:
        def ask(_window: QWidget, _title: str, start: str = "", *_more: object) -> tuple[str, str]:
            asked.append(start)
            return name, ""
        return ask

    opened, saved = str(tmp_path / "in" / "a.png"), str(tmp_path / "out" / "b.png")
    dialogs = Dialogs(QWidget())
    for name, found in (("getOpenFileName", opened), ("getSaveFileName", saved)):
        monkeypatch.setattr(QFileDialog, name, staticmethod(answer(found)))
    for _ in range(2):
        dialogs.open_file("Open", "*")
        dialogs.save_file("Save", "b", ["*"])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", staticmethod(answer("")))  # thought better of it
    dialogs.open_file("Open", "*")
    dialogs.open_file("Open", "*")
    assert asked == ["", "b", str(tmp_path / "in"), str(tmp_path / "out" / "b"), *[str(tmp_path / "in")] * 2]
