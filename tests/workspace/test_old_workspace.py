"""A workspace of the version at commit 3566271 opens here, and nothing of it is lost.

What that version saw of it stands in ``expected.json`` and ``masks.npz`` (see `make_fixture.py` beside them). More than
that may be there now: fields that were added are no loss.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medsynth_app.actions.open_image import open_image
from medsynth_app.core.jobs.embed import PictureList
from medsynth_app.core.jobs.request import ImageContext, ModelRef
from medsynth_app.core.jobs.stored import from_parts
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace
from tests.workspace import looking

FIXTURE = Path(__file__).resolve().parent / "data" / "version3566271"
EXPECTED: dict[str, Any] = json.loads((FIXTURE / "expected.json").read_text(encoding="utf-8"))
MASKS: dict[str, Any] = dict(np.load(FIXTURE / "masks.npz"))
# Where the images lie now; the workspace knows them at /data/images.
FILES = {"head": "head", "neck": "neck", "knee": "knee", "cell": "cell.png", "volume": "volume.nii"}
READERS = [person for person, _ in EXPECTED["people"]["all"]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the old workspace and, at new paths, its images."""
    with zipfile.ZipFile(FIXTURE / "workspace.zip") as archive:
        archive.extractall(tmp_path)
    return tmp_path


@pytest.fixture
def workspace(place: Path) -> Iterator[Workspace]:
    with Workspace.open(place / "workspace") as opened:
        yield opened


def open_known(workspace: Workspace, place: Path, name: str) -> Document:
    return open_image(workspace, place / "images" / FILES[name])


def losses(expected: object, found: object) -> list[str]:
    return list(looking.lost(expected, found))


def rebuilt(workspace: Workspace, job_id: str) -> Any:
    """The request of a job as its worker gets it."""
    return from_parts(*workspace.jobs.load(job_id))


def leaves(request: Any) -> dict[str, Any]:
    """The values of a request by their own names, however deep they stand in it; tuples as JSON's lists."""
    found: dict[str, Any] = {}
    for item in fields(request):
        value = getattr(request, item.name)
        found |= {item.name: list(value) if isinstance(value, tuple) else value}
        if is_dataclass(value):
            found |= leaves(value)
    return found


def as_then(request: Any) -> dict[str, Any]:
    """The values of a request by the names that they had in that version."""
    found = leaves(request)
    if isinstance(model := found.get("model"), ModelRef):
        found |= {"pack": model.folder, "pack_sha256": model.sha256}
    if isinstance(pictures := found.get("pictures"), PictureList):
        found |= {"images": pictures.paths(), "ids": list(pictures.ids())}
    if isinstance(image := getattr(request, "image", None), ImageContext):
        seen = image.intensity_range
        found["window"] = None if seen is None else [seen.low, seen.high]
    return found if "image" in found else {"mask": found.get("labels"), **found}


def test_people_jobs_and_pictures_are_there_before_any_image_is_opened(workspace: Workspace) -> None:
    assert not workspace.read_only and workspace.notice == ""
    assert losses(EXPECTED["people"], looking.people(workspace)) == []
    assert losses(EXPECTED["recent"], looking.recent(workspace)) == []
    assert losses(EXPECTED["pictures"], looking.pictures(workspace)) == []
    found = looking.jobs(workspace)
    assert losses(EXPECTED["jobs"], found) == [] and len(found) == len(EXPECTED["jobs"])


def test_the_fixture_holds_what_it_is_for() -> None:
    """Guards the other tests against a fixture that says nothing."""
    jobs = EXPECTED["jobs"].values()
    for kind in ("inpaint", "generate", "train", "embed"):
        assert {"waiting", "running", "failed", "done"} <= {job["state"] for job in jobs if job["kind"] == kind}
    results = [item for about in EXPECTED["documents"].values() for item in about["results"]]
    assert {item["state"] for item in results} == {"accepted", "staged", "discarded"}
    assert {bool(item["mask"]) for item in EXPECTED["pictures"]} == {True, False}
    assert EXPECTED["documents"]["head"]["pseudonym"] == EXPECTED["documents"]["neck"]["pseudonym"]
    assert sum(mask.any() for mask in MASKS.values()) == 8


@pytest.mark.parametrize("name", FILES)
def test_a_document_is_found_at_a_new_path_with_all_that_is_bound_to_it(workspace: Workspace, place: Path,
                                                                        name: str) -> None:
    document = open_known(workspace, place, name)
    masks = looking.masks(document)
    for frame, mask in masks.items():
        expected = MASKS[f"{name}-{frame}"]
        assert mask.dtype == expected.dtype and mask.tobytes() == expected.tobytes()
    assert len(masks) == sum(key.startswith(f"{name}-") for key in MASKS)
    assert losses(EXPECTED["documents"][name], looking.document(workspace, document)) == []
    newest = workspace.documents.recent()[0]
    assert newest.id == document.id and newest.path == (place / "images" / FILES[name]).resolve()
    assert len(workspace.documents.recent()) == len(FILES)


def test_all_documents_at_once_and_again_after_closing(place: Path) -> None:
    for _ in range(2):
        with Workspace.open(place / "workspace") as workspace, ExitStack() as stack:
            for name in FILES:
                document = open_known(workspace, place, name)
                stack.callback(document.close)
                assert losses(EXPECTED["documents"][name], looking.document(workspace, document)) == []
            assert losses(EXPECTED["pictures"], looking.pictures(workspace)) == []
            assert losses(EXPECTED["jobs"], looking.jobs(workspace)) == []


def test_a_study_of_an_old_workspace_goes_as_a_whole_or_it_is_said_what_stays(workspace: Workspace,
                                                                              place: Path) -> None:
    head = open_known(workspace, place, "head")
    scope = workspace.removal.of_study(head.id)
    assert scope.documents == (head.id,) and scope.unassigned == 1      # of the neck nobody knows yet
    neck = open_known(workspace, place, "neck")
    scope = workspace.removal.of_study(head.id)
    assert set(scope.documents) == {head.id, neck.id} and scope.unassigned == 0
    workspace.removal.remove(scope)
    assert {item.id for item in workspace.documents.recent()} == {
        EXPECTED["documents"][name]["id"] for name in ("knee", "cell", "volume")}


def test_a_slice_alone_finds_its_mask(workspace: Workspace, place: Path) -> None:
    number = 2
    alone = open_image(workspace, place / "images" / "head" / f"{number}.dcm")
    series = open_known(workspace, place, "head")
    assert alone.id == series.id == EXPECTED["documents"]["head"]["id"]
    places = [str(frame.key) for frame in series.info.frames]
    frame = places.index(str(alone.info.frames[0].key))
    assert looking.masks(alone)["0"].tobytes() == MASKS[f"head-{frame}"].tobytes()


@pytest.mark.parametrize("name", FILES)
def test_undo_and_redo_go_the_same_way(workspace: Workspace, place: Path, name: str) -> None:
    document = open_known(workspace, place, name)
    for person in ("", *READERS):
        assert losses(EXPECTED["walks"][name][person], looking.walk(document, person)) == []


def test_what_a_worker_gets_of_a_stored_request_is_what_was_asked(workspace: Workspace) -> None:
    kept = {job_id: about for job_id, about in EXPECTED["jobs"].items() if about["request"] is not None}
    assert {about["kind"] for about in kept.values()} == {"inpaint", "generate", "train", "embed"}
    for job_id, about in kept.items():
        request = rebuilt(workspace, job_id)
        assert type(request).__name__.lower().startswith(about["kind"])
        values = as_then(request)
        asked = {key: value for key, value in about["request"]["plain"].items() if key != "kind"}
        assert losses(asked, values) == [], about["title"]
        arrays = {key: looking.digest(values.get(key)) for key in about["request"]["arrays"]}
        assert arrays == about["request"]["arrays"], about["title"]
