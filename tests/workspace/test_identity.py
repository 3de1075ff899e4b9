"""Patient > study > series: where a document belongs, and what goes with a study or a patient."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.image import Identity
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import NOBODY, PATH, FakeSource, FileSource, paint

BOX = Bounds(3, 4, 9, 12)
ANN, BEN = "hash-of-ann", "hash-of-ben"


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "workspace.db")) as connection:
        return connection.execute(query).fetchall()


def shape(folder: Path) -> list[tuple[object, ...]]:
    """How many patients, studies, series and documents there are."""
    return rows(folder, "SELECT (SELECT COUNT(*) FROM patients), (SELECT COUNT(*) FROM studies), "
                        "(SELECT COUNT(*) FROM series), (SELECT COUNT(*) FROM documents)")


def opened(workspace: Workspace, uid: str, patient: str, study: str, series: str,
           frames: tuple[int, ...] = (0, 1)) -> Document:
    return workspace.documents.open(FakeSource(frames, uid=uid, pseudonym=f"Subject-{patient}",
                                               identity=Identity(patient, study, series)), PATH / uid)


def test_documents_stand_under_their_series(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        first = opened(workspace, "1.2.1", ANN, "one", "a")
        opened(workspace, "1.2.2", ANN, "one", "b")
        opened(workspace, "1.2.3", ANN, "two", "c")
        opened(workspace, "1.2.4", BEN, "three", "d")
        opened(workspace, "1.2.1", ANN, "one", "a")     # again
        opened(workspace, "1.2.5", ANN, "one", "a", frames=(7,))    # another slice of the series, by itself
        assert shape(folder) == [(2, 3, 4, 5)]
        found = {item.id: item for item in workspace.documents.recent()}
        assert found[first.id].identity == Identity(ANN, "one", "a")
        assert (found[first.id].pseudonym, found[first.id].series) == (f"Subject-{ANN}", "CT, series 3")


def test_what_a_file_does_not_say_is_its_own_and_never_merged(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        for digest in ("aa" * 32, "bb" * 32):
            workspace.documents.open(FileSource(digest), PATH)
        assert shape(folder) == [(2, 2, 2, 2)]
        assert {item.identity for item in workspace.documents.recent()} == {NOBODY}
        opened(workspace, "1.2.1", "", "one", "a")      # an anonymiser left the patient out
        opened(workspace, "1.2.2", "", "one", "b")
        assert shape(folder) == [(3, 3, 4, 4)]
        opened(workspace, "1.2.3", "", "", "c")
        opened(workspace, "1.2.4", "", "", "d")
        assert shape(folder) == [(5, 5, 6, 6)]


def test_an_identity_that_was_corrected_moves_its_document_and_leaves_nothing(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        opened(workspace, "1.2.1", ANN, "one", "a")
        again = opened(workspace, "1.2.1", BEN, "one", "a")
        assert shape(folder) == [(1, 1, 1, 1)]
        assert workspace.documents.recent()[0].identity.patient == BEN
        workspace.documents.open(FakeSource(uid="1.2.1"), PATH)     # a reader that says nothing takes nothing away
        assert workspace.documents.recent()[0].identity == Identity(BEN, "one", "a")
        assert workspace.documents.recent()[0].id == again.id


def test_slices_of_one_series_that_become_one_document_leave_no_empty_rows(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        for k in range(3):
            workspace.documents.open(FakeSource((k,)), PATH / f"{k}.dcm")
        assert shape(folder) == [(3, 3, 3, 3)]
        workspace.documents.open(FakeSource((0, 1, 2)), PATH)
        assert shape(folder) == [(1, 1, 1, 1)]


def test_a_study_goes_with_all_its_series_and_a_patient_with_all_studies(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        first = opened(workspace, "1.2.1", ANN, "one", "a")
        second = opened(workspace, "1.2.2", ANN, "one", "b")
        third = opened(workspace, "1.2.3", ANN, "two", "c")
        other = opened(workspace, "1.2.4", BEN, "three", "d")
        for document in (first, second, third, other):
            paint(document, BOX)
        scope = workspace.removal.of_study(first.id)
        assert set(scope.documents) == {first.id, second.id} and scope.unassigned == 0
        counts = workspace.removal.remove(scope)
        assert (counts["documents"], counts["frames"], counts["edits"]) == (2, 4, 2)
        assert first.read_only and second.read_only and not third.read_only
        assert shape(folder) == [(2, 2, 2, 2)]
        again = opened(workspace, "1.2.2", ANN, "one", "b")
        assert not again.mask(0).any()
        scope = workspace.removal.of_patient(third.id)
        assert set(scope.documents) == {third.id, again.id}
        workspace.removal.remove(scope)
        assert [item.id for item in workspace.documents.recent()] == [other.id] and other.mask(0).any()
        assert shape(folder) == [(1, 1, 1, 1)]
        assert ANN.encode() not in (folder / "workspace.db").read_bytes()


def test_nothing_is_removed_of_what_is_not_there(workspace: Workspace) -> None:
    opened(workspace, "1.2.1", ANN, "one", "a")
    for scope in (workspace.removal.of_study("nobody"), workspace.removal.of_patient("nobody")):
        assert scope.documents == () and workspace.removal.remove(scope)["documents"] == 0
    assert len(workspace.documents.recent()) == 1


@pytest.fixture
def old(nowhere: Path) -> Path:
    """A workspace of version 1 with one DICOM image of Subject-QXZ7WK, and a second one, and a PNG."""
    nowhere.mkdir()
    with closing(sqlite3.connect(nowhere / "workspace.db")) as connection, connection:
        connection.executescript((Path(__file__).parent / "data" / "version1.sql").read_text())
        (pseudonym,) = connection.execute("SELECT pseudonym FROM documents").fetchone()
        for name, source in (("second", "uid:1.9.9.0"), ("picture", "sha256:" + "ab" * 32)):
            shown = pseudonym if name == "second" else "Image-ABCDEF"
            connection.execute("INSERT INTO documents (id, pseudonym, modality, series, colour, opened, saved) "
                               "VALUES (?, ?, 'CT', 'CT, series 9', 'grey', '2025-01-01T00:00:00+00:00', "
                               "'2025-01-01T00:00:00+00:00')", (name, shown))
            number = connection.execute("INSERT INTO sources (source) VALUES (?)", (source,)).lastrowid
            connection.execute("INSERT INTO frames (document_id, source_id, frame, rows, columns) "
                               "VALUES (?, ?, 0, 40, 50)", (name, number))
            connection.execute("INSERT INTO paths (document_id, path, opened) VALUES (?, ?, '')", (name, f"/{name}"))
        connection.execute("PRAGMA user_version=1")
    return nowhere


def test_documents_of_an_old_workspace_learn_whose_they_are_when_they_are_opened(old: Path) -> None:
    with Workspace.open(old) as workspace:
        assert rows(old, "PRAGMA foreign_key_check") == [] and shape(old) == [(3, 3, 3, 3)]
        assert [key for (key,) in rows(old, "SELECT key FROM studies ORDER BY key")] == [None, None, "own:picture"]
        before = {item.id: item for item in workspace.documents.recent()}
        assert before["second"].series == "CT, series 9" and before["second"].identity == NOBODY
        pseudonym = before["second"].pseudonym
        whose = Identity(ANN, "one", "a")
        document = workspace.documents.open(FakeSource((1, 0), pseudonym=pseudonym, identity=whose), PATH)
        assert document.id in before and document.mask(1).any()
        assert {item.id: item.identity for item in workspace.documents.recent()}[document.id] == whose
        scope = workspace.removal.of_study(document.id)
        assert scope.documents == (document.id,) and scope.unassigned == 1      # the other one could be of it
        assert workspace.removal.of_study("picture").unassigned == 0
        assert set(workspace.removal.of_patient(document.id).documents) == {document.id, "second"}
        workspace.documents.open(FakeSource((0,), uid="1.9.9", pseudonym=pseudonym,
                                            identity=Identity(ANN, "two", "b")), Path("/second"))
        assert workspace.removal.of_study(document.id).unassigned == 0
