"""Small pictures of documents: made when one is opened, kept in the workspace, gone with the document."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsynth_app.session.session import Session
from medsynth_app.session.thumbnail import EDGE, Thumbnail, from_plain, to_plain
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import volume
from tests.formats.making import save_series, slice_dataset
from tests.session.conftest import MakeSession


def picture(small: Thumbnail | None) -> np.ndarray:
    assert small is not None
    return np.asarray(Image.open(io.BytesIO(small.png)))


def test_a_picture_is_kept_in_the_proportions_of_the_patient(session: Session, tmp_path: Path) -> None:
    document = session.documents.open(volume(tmp_path / "v.nii.gz", rows=50, columns=40))  # of 0.75 x 0.5 mm
    seen = picture(session.documents.thumbnail(document.id))
    assert seen.shape == (EDGE, round(EDGE * 40 * 0.5 / (50 * 0.75)), 3) and seen.std() > 20
    assert session.documents.thumbnail("nothing") is None


def test_it_shows_the_middle_slice_through_the_first_window(session: Session, tmp_path: Path) -> None:
    def pixels(value: int) -> bytes:
        return np.full((40, 56), value, "<i2").tobytes()

    folder = save_series(tmp_path, [(0, 0, k) for k in range(3)], PixelData=pixels(0))
    middle = slice_dataset(2, (0, 0, 1), PixelData=pixels(2000))  # far above its window
    middle.save_as(folder / "02.dcm", enforce_file_format=True)
    document = session.documents.open(folder)
    assert picture(session.documents.thumbnail(document.id)).min() == 255


def test_it_goes_with_the_study(session: Session, tmp_path: Path) -> None:
    document = session.documents.open(save_series(tmp_path, [(0, 0, k) for k in range(3)]))
    assert session.documents.thumbnail(document.id) is not None
    session.documents.remove_study()
    assert session.documents.thumbnail(document.id) is None


def test_a_read_only_workspace_keeps_none(make_session: MakeSession, tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "work"), Workspace.open(tmp_path / "work") as second:
        assert second.read_only
        document = make_session(second).documents.open(save_series(tmp_path / "in", [(0, 0, k) for k in range(3)]))
        assert document.read_only and second.documents.recent() == []


@pytest.mark.parametrize("raw", [None, 7, {}, {"png": 3, "synthetic": True}, {"png": "§", "synthetic": False}])
def test_what_is_no_picture_is_none(raw: object) -> None:
    assert from_plain(raw) is None
    small = Thumbnail(b"abc", True)
    assert from_plain(to_plain(small)) == small


def test_the_last_image_and_slice_are_known(session: Session, tmp_path: Path) -> None:
    assert session.documents.last() is None and not session.documents.can_go_on
    folder = save_series(tmp_path / "in", [(0, 0, k) for k in range(5)])
    session.documents.open(folder)
    session.view.set_index(4)
    session.documents.close()
    last = session.documents.last()
    assert session.documents.can_go_on
    assert last is not None and (last[0].path, last[0].slices, last[1]) == (folder.resolve(), 5, 4)
    session.documents.open(last[0].path)
    assert session.view.index == 4
    (folder).rename(tmp_path / "moved")
    assert session.documents.last() is None and not session.documents.can_go_on
