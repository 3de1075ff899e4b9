"""Errors that a user can mend, apart from bugs."""

from __future__ import annotations


class UserError(Exception):
    """Something went wrong that the person at work can mend.

    Parameters
    ----------
    happened
        One sentence: what happened.
    remedy
        One sentence: what to do now.
    safe
        One sentence, where it matters: what is safe ("Your painting is saved.").
    details
        Technical text that the window folds away. Must hold neither paths nor patient names.
    """

    def __init__(self, happened: str, remedy: str, safe: str = "", details: str = "") -> None:
        super().__init__(happened, remedy, safe, details)
        self.happened = happened
        self.remedy = remedy
        self.safe = safe
        self.details = details

    def __str__(self) -> str:
        return " ".join(part for part in (self.happened, self.safe, self.remedy) if part)


class Fault(Exception):
    """A bug of ours in a worker; its text says where, as `core.failure.in_one_line` does, and nothing of the data."""


class Cancelled(Exception):
    """The person at work asked a running job to stop."""
