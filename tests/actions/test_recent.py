"""What was opened lately is opened again, not what lies beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsynth_app.actions.open_image import list_series, open_image
from medsynth_app.actions.recent import recent_documents
from medsynth_app.actions.remove_study import remove_study
from medsynth_app.core.errors import UserError
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import paint
from tests.actions.test_export import fill
from tests.formats.making import save_series


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two patients in one folder; the second has the smaller series."""
    save_series(tmp_path / "study" / "large", [(0, 0, z) for z in (0.0, 2.5, 5.0, 7.5)], series="1.2.3")
    save_series(tmp_path / "study" / "small", [(0, 0, z) for z in (0.0, 2.5)], series="1.2.4",
                PatientID="MRN-1", StudyInstanceUID="1.2.8")
    return tmp_path / "study"


def test_the_smaller_series_of_a_folder_is_opened_again(workspace: Workspace, folder: Path) -> None:
    small = min(list_series(workspace, folder), key=lambda listing: listing.frames).identity.series
    document = open_image(workspace, folder, series=small)
    paint(document)
    document.close()
    (found,) = recent_documents(workspace)
    assert found.identity == document.info.identity and found.path == folder.resolve()
    again = open_image(workspace, found.path, series=found.identity.series)
    assert again.id == document.id == found.id and again.mask(0).any() and len(again.info.frames) == 2
    assert open_image(workspace, folder).id != again.id
    assert {len(item.identity.series) > 0 for item in recent_documents(workspace)} == {True}


def test_a_series_that_is_no_longer_there_is_told_in_words(workspace: Workspace, folder: Path) -> None:
    open_image(workspace, folder)
    (found,) = recent_documents(workspace)
    for path in (folder / "large").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="no longer in the folder"):
        open_image(workspace, found.path, series=found.identity.series)


def test_two_series_of_one_study_go_together_and_the_other_patient_stays(workspace: Workspace, folder: Path) -> None:
    save_series(folder / "more", [(0, 0, z) for z in (0.0, 2.5, 5.0)], series="1.2.5")     # the first one's study
    documents = [open_image(workspace, folder, series=listing.identity.series)
                 for listing in list_series(workspace, folder)]
    assert [len(document.info.frames) for document in documents] == [4, 3, 2]
    assert set(remove_study(workspace, documents[1]).removed) == {documents[0].id, documents[1].id}
    assert [item.id for item in recent_documents(workspace)] == [documents[2].id]


def test_slices_and_changed_ones_are_counted(workspace: Workspace, queue: JobQueue, pack: InstalledPack, folder: Path
                                             ) -> None:
    document = open_image(workspace, folder)
    for k in (0, 2, 2):
        fill(workspace, queue, pack, document, k)
    (found,) = recent_documents(workspace)
    assert (found.slices, found.changed) == (4, 2) and document.changed_frames() == [0, 2]
    document.undo()
    assert recent_documents(workspace)[0].changed == 2  # the second result of slice 3 went, the first stands
    document.undo()
    assert recent_documents(workspace)[0].changed == 1 and document.changed_frames() == [0]
