"""The session: what is open, chosen and running, and signals that tell when it changes.

All but `load` and `deliver` belongs to one thread (the window's). `deliver` is called by the queue's
thread: it writes results to the workspace and then hands the news to `post`.
"""

from __future__ import annotations

from medsynth_app.session.documents import DocumentView
from medsynth_app.session.runs import Runs
from medsynth_app.session.state import Post, call_directly

__all__ = ["Post", "Session", "call_directly"]


class Session(DocumentView, Runs):
    """Observable state of one window.

    `SessionState` says what it holds, `DocumentView` and `Runs` what it does.
    """
