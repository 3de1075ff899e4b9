"""What is said when a job fails outside its worker's own words: never a path, never a name."""

from __future__ import annotations

import signal

from medsynth_app.core.errors import UserError
from medsynth_app.core.failure import in_one_line
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.table import kind_of
from medsynth_app.jobs.running import Running


def gone() -> UserError:
    """A job of which the request was thrown away cannot be tried again."""
    return UserError("What this job was to do is no longer stored.", "Start it again from its image.")


def failed(job_id: str, happened: str, remedy: str, details: str = "") -> JobEvent:
    return JobEvent(job_id, EventKind.FAILED, message=happened, data={"remedy": remedy, "details": details})


def interrupted(job_id: str) -> JobEvent:
    """The application ended every time that the job ran."""
    return failed(job_id, "The application ended three times while this job ran, so it was not started again.",
                  "Try again with smaller settings, or on another device.")


def unreadable(job_id: str, error: Exception) -> JobEvent:
    """The stored request cannot be read."""
    return failed(job_id, "What this job was to do could not be read from the workspace.",
                  "Start it again from its image.", in_one_line(error))


def unreceived(job_id: str, error: Exception) -> JobEvent:
    """What the worker sent could not be taken in, for example because the disk is full."""
    if isinstance(error, UserError):
        return failed(job_id, error.happened, error.remedy, error.details)
    return failed(job_id, "What the worker sent could not be stored.",
                  "Check the free space of the disk, then try again.", in_one_line(error))


def died(running: Running, exit_code: int | None) -> JobEvent:
    """The worker process ended during a job."""
    if running.cancelled_at is not None:
        message = "The worker did not answer and was started anew." if running.killed else ""
        return JobEvent(running.job_id, EventKind.CANCELLED, message=message)
    if exit_code is None:
        return failed(running.job_id, "The worker process could not be started.",
                      "Try again; if it fails again, close other programs first.")
    if exit_code == -getattr(signal, "SIGKILL", 9):
        return failed(running.job_id, "The worker was ended by the system, most often because memory ran out.",
                      f"Try again with {kind_of(running.request).smaller}, or close other programs first.",
                      f"exit code {exit_code}")
    return failed(running.job_id, "The worker ended unexpectedly.", "Try again.", f"exit code {exit_code}")
