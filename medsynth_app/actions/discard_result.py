"""Discard a staged result."""

from __future__ import annotations

from medsynth_app.actions.audited import audited
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.workspace.candidates import Candidate, CandidateState
from medsynth_app.workspace.workspace import Workspace


def discard_result(workspace: Workspace, result: Candidate, person: str = "") -> Changes:
    """Take a result out of the strip; raises `UserError` when it is in the image or the workspace is read-only."""
    if workspace.read_only:
        raise UserError("This workspace is open in another window, so nothing can be changed here.",
                        "Go on in the other window.")
    if result.state is CandidateState.ACCEPTED:
        raise UserError("This result is in the image.", "Undo it first, then discard it.")
    workspace.candidates.set_state(result.id, CandidateState.DISCARDED)
    workspace.jobs.release(result.job_id)  # its request was kept for "more like this"
    return audited(workspace, "discard_result", Changes(candidates=(result.document_id,)), person, result.id)
