"""Accept a staged result: write it into the document as one undoable edit, in the place of one of the same region."""

from __future__ import annotations

from medsynth_app.actions.frames import Fit, fit
from medsynth_app.actions.guard import require_writable
from medsynth_app.core.changes import Changes
from medsynth_app.core.edit import CandidatePart, Edit, Part, PixelPart
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.kind import shortened
from medsynth_app.workspace.candidates import Candidate, CandidateState
from medsynth_app.workspace.documents import Document


def accept_result(document: Document, result: Candidate, person: str = "", *,
                  found: Fit | None = None) -> Changes:
    """Write `result` into `document`; only pixels of its effective mask change.

    Where another candidate of the same region stands there, this one takes its place: what the other one had changed
    is as it was before, and that one is staged again. Undo takes back both.

    Parameters
    ----------
    found
        How it fits (`frames.fit`), where that is known.

    Raises
    ------
    UserError
        When pixels that it replaces have changed since the run began, when the result has been accepted already, when
        it belongs to another image, or when the workspace is read-only.
    """
    require_writable(document)
    if result.document_id != document.id:
        raise UserError("This result belongs to another image.", "Open the image that it was made for.")
    if result.state is CandidateState.ACCEPTED:
        raise UserError("This result is in the image already.", "Undo it if you want the original back.")
    found = found or fit(document, result)
    key = document.info.frames[found.frame].key
    parts: tuple[Part, ...] = (
        PixelPart(key, found.bounds, found.before, found.after, result.id),
        *(CandidatePart(key, fill.bounds, fill.candidate_id, CandidateState.ACCEPTED, CandidateState.STAGED)
          for fill in found.replaced))
    return document.apply(Edit(name_of(result), parts, "accept_result"), person)


def name_of(result: Candidate) -> str:
    """What undo calls it: "inpaint: a polyp"."""
    parameters = result.provenance.parameters
    subject = "remove" if parameters.get("mode") == "remove" else shortened(str(parameters.get("prompt", "")))
    return f"inpaint: {subject}" if subject else "inpaint"
