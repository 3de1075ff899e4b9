"""Receive what a worker sends: results are written losslessly before anybody sees them."""

from __future__ import annotations

from medsynth_app.actions.audited import audited
from medsynth_app.core.changes import Changes
from medsynth_app.core.job import JobEvent, JobRecord
from medsynth_app.core.jobs.table import KINDS
from medsynth_app.workspace.workspace import Workspace


def receive(workspace: Workspace, record: JobRecord, event: JobEvent) -> Changes:
    """Write what an event brings, as its kind of job does; says what is new.

    Raises
    ------
    UserError
        When the study was removed meanwhile, or the disk is full.
    """
    kind = KINDS.get(record.kind)  # None for one that another version has queued
    changes = kind.receive(workspace, record, event) if kind is not None else Changes()
    return audited(workspace, "receive", changes, record.person, record.id)
