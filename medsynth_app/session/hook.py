"""The one hook that everything refreshes from: what an action changed, told once."""

from __future__ import annotations

from psygnal import Signal

from medsynth_app.core.changes import Changes

# Priorities of the session's own slots: what it derives is fresh before a view asks for it (a view has 0), and what a
# part of it has to say follows when the views have seen the whole.
BEFORE_VIEWS, AFTER_VIEWS = 1, -1


class Hook:
    """What happened, for all who listen.

    Attributes
    ----------
    changed
        Signal(Changes): an action, or what a worker sent, changed these.
    notice
        Signal(str, str): level ("info", "done", "warning" or "error") and a sentence for the person.
    """

    changed = Signal(Changes)
    notice = Signal(str, str)

    def tell(self, changes: Changes) -> Changes:
        """Tell what an action changed; nothing where nothing did. Returns it."""
        if changes:
            self.changed.emit(changes)
        return changes
