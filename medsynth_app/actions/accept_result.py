"""Accept a staged result: write it into the document as one undoable edit."""

from __future__ import annotations

from medsynth_app.actions.audited import audited
from medsynth_app.actions.frames import frame_of, replaced
from medsynth_app.actions.guard import require_writable
from medsynth_app.core.changes import Changes
from medsynth_app.core.edit import Edit, PixelPart
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.kind import shortened
from medsynth_app.workspace.candidates import Candidate, CandidateState
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace


def accept_result(workspace: Workspace, document: Document, result: Candidate, person: str = "") -> Changes:
    """Write `result` into `document`; only pixels of its effective mask change.

    Raises
    ------
    UserError
        When pixels that it replaces have changed since the run began, when the result has been accepted already, when
        it belongs to another image, or when the workspace is read-only.
    """
    require_writable(document)
    if result.document_id != document.id:
        raise UserError("This result belongs to another image.", "Open the image that it was made for.")
    frame = frame_of(document, result.frame_key)
    if result.state is CandidateState.ACCEPTED:
        raise UserError("This result is in the image already.", "Undo it if you want the original back.")
    before, after = replaced(document, frame, result)
    part = PixelPart(document.info.frames[frame].key, result.bounds, before, after, result.id)
    changes = document.apply(Edit(name_of(result), (part,)), person)  # in one transaction with the result's state
    return audited(workspace, "accept_result", changes, person, result.id)


def name_of(result: Candidate) -> str:
    """What undo calls it: "inpaint: a polyp"."""
    parameters = result.provenance.parameters
    subject = "remove" if parameters.get("mode") == "remove" else shortened(str(parameters.get("prompt", "")))
    return f"inpaint: {subject}" if subject else "inpaint"
