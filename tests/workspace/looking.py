"""What can be seen of a workspace, as plain values: made once by an earlier version, compared with what there is now.

The making script of a fixture and the test of it both look through here, at public names alone; it imports no more of
the program than the error that a refused undo raises.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError

NOTES = ("window", "frame", "pack", "schema")
STATES = ("staged", "accepted", "discarded")
STEPS_BACK = 100  # more than anybody made


def digest(array: npt.NDArray[Any] | None) -> str | None:
    """sha256 of an array, its type and shape included."""
    if array is None:
        return None
    whole = np.ascontiguousarray(array)
    return hashlib.sha256(f"{whole.dtype.str}{whole.shape}".encode() + whole.tobytes()).hexdigest()


def people(workspace: Any) -> dict[str, Any]:
    current = workspace.people.current
    return {"all": [[person.id, person.name] for person in workspace.people.all()],
            "current": current.id if current is not None else ""}


def recent(workspace: Any) -> list[dict[str, Any]]:
    """Documents opened lately; look before any is opened again."""
    return [{"id": item.id, "pseudonym": item.pseudonym, "series": item.series, "modality": item.modality,
             "opened": item.opened.isoformat(), "path": item.path.as_posix()}
            for item in workspace.documents.recent()]


def document(workspace: Any, opened: Any) -> dict[str, Any]:
    """A document and all that is bound to its frames, but for the masks themselves (see `masks`)."""
    frames = range(len(opened.info.frames))
    persons = ["", *(person.id for person in workspace.people.all())]
    return {
        "id": opened.id, "pseudonym": opened.info.pseudonym, "modality": opened.info.modality,
        "series": opened.info.series, "colour": opened.info.colour, "saved": opened.saved_at.isoformat(),
        "frames": [{
            "size": [opened.info.frames[k].rows, opened.info.frames[k].columns], "mask": digest(opened.mask(k)),
            "pixels": digest(opened.pixels(k)), "synthetic": digest(opened.synthetic_mask(k)),
            "provenance": [record.to_dict() for record in opened.provenance(k)]} for k in frames],
        "painted": opened.painted_frames(),
        "undo": {person: [opened.can_undo(person), opened.can_redo(person)] for person in persons},
        "notes": {key: workspace.documents.recall(opened.id, key) for key in NOTES},
        "results": [result(item, opened) for item in workspace.candidates.of_document(opened.id, *STATES)]}


def masks(opened: Any) -> dict[str, npt.NDArray[np.uint8]]:
    """Every mask of a document by its frame's number."""
    return {str(k): np.array(opened.mask(k)) for k in range(len(opened.info.frames))}


def result(item: Any, opened: Any) -> dict[str, Any]:
    """A candidate; its frame by its place in the document."""
    keys = [str(frame.key) for frame in opened.info.frames]
    bounds = item.bounds
    return {"id": item.id, "job": item.job_id, "document": item.document_id, "frame": keys.index(str(item.frame_key)),
            "bounds": [bounds.top, bounds.left, bounds.bottom, bounds.right], "candidate": item.candidate,
            "seed": item.seed, "state": item.state, "seam": item.seam, "notices": list(item.notices),
            "created": item.created, "provenance": item.provenance.to_dict(), "pixels": digest(item.pixels()),
            "effective": digest(item.effective()), "alpha": digest(item.alpha())}


def pictures(workspace: Any) -> list[dict[str, Any]]:
    """Generated pictures, newest first; the version of the fixture kept them among the results."""
    listed = workspace.pictures.page() if hasattr(workspace, "pictures") else workspace.results.pictures()
    return [{"id": item.id, "job": item.job_id, "candidate": item.candidate, "seed": item.seed,
             "created": item.created, "document": item.document_id, "provenance": item.provenance.to_dict(),
             "pixels": digest(item.pixels()), "mask": digest(item.mask())} for item in listed]


def jobs(workspace: Any) -> dict[str, dict[str, Any]]:
    """Every job by its id, with both parts of its request; None where that is no longer kept."""
    found = {}
    for item in workspace.jobs.records():
        try:
            plain, arrays = workspace.jobs.load(item.id)
            request = {"plain": dict(plain), "arrays": {name: digest(array) for name, array in arrays.items()}}
        except KeyError:
            request = None
        found[item.id] = {
            "kind": item.kind, "lane": item.lane.value, "title": item.title, "state": item.state.value,
            "place": item.place, "created": item.created, "document": item.document_id,
            "message": item.message or getattr(item, "interruption", ""),
            "person": item.person, "request": request}
    return found


def walk(opened: Any, person: str) -> list[list[str | None]]:
    """Undo and redo a person's steps, as far as others allow it: what each said, and all masks and pixels after it."""
    told: list[list[str | None]] = []
    for turn in (opened.undo, opened.redo):
        for _ in range(STEPS_BACK):
            try:
                changes = turn(person)
            except UserError as error:
                told.append([error.happened, None])
                break
            if not changes:
                break
            frames = range(len(opened.info.frames))
            state = "".join(f"{digest(opened.mask(k))}{digest(opened.pixels(k))}" for k in frames)
            told.append([changes.documents[0].description, hashlib.sha256(state.encode()).hexdigest()])
    return told


def lost(expected: Any, found: Any, where: str = "") -> Iterator[str]:
    """Places where `found` lacks or changes something of `expected`; what it has beyond that is no loss."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for key, value in expected.items():
            if key not in found:
                yield f"{where}/{key} is gone"
            else:
                yield from lost(value, found[key], f"{where}/{key}")
    elif isinstance(expected, (list, tuple)) and isinstance(found, (list, tuple)):
        if len(expected) != len(found):
            yield f"{where} holds {len(found)}, not {len(expected)}"
        for k, (one, other) in enumerate(zip(expected, found, strict=False)):
            yield from lost(one, other, f"{where}/{k}")
    elif expected != found:
        yield f"{where} is {found!r}, not {expected!r}"
