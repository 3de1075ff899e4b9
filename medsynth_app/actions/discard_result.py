"""Discard staged results: one undoable step, however many they are."""

from __future__ import annotations

from collections.abc import Sequence

from medsynth_app.actions.guard import require_writable
from medsynth_app.core.changes import Changes
from medsynth_app.core.edit import CandidatePart, Edit
from medsynth_app.core.errors import UserError
from medsynth_app.workspace.candidates import Candidate, CandidateState
from medsynth_app.workspace.documents import Document


def discard_result(document: Document, results: Sequence[Candidate], person: str = "") -> Changes:
    """Take results out of the strip; undo brings exactly these back.

    Raises
    ------
    UserError
        When one of them is in the image or belongs to another one, or the workspace is read-only.
    """
    require_writable(document)
    if any(result.document_id != document.id for result in results):
        raise UserError("This result belongs to another image.", "Open the image that it was made for.")
    if any(result.state is CandidateState.ACCEPTED for result in results):
        raise UserError("This result is in the image.", "Undo it first, then discard it.")
    count = len(results)
    name = "discard a candidate" if count == 1 else f"discard {count} candidates"
    parts = tuple(CandidatePart(result.frame_key, result.bounds, result.id, CandidateState.STAGED,
                                CandidateState.DISCARDED) for result in results)
    return document.apply(Edit(name, parts, "discard_result"), person)
