"""What is said of a bug: where in the program it happened, nothing of the data it happened on."""

from __future__ import annotations

import platform
import sys

import PySide6

import medsynth_app
from medsynth_app.core.failure import traced
from medsynth_app.core.words import _
from medsynth_app.ui.shell.banners import Banners
from medsynth_app.ui.shell.dialogs import Dialogs

BUG = "stays.bug"


def report(error: BaseException) -> str:
    """Versions, and the places in the code that led to the error; no values, no paths, no messages."""
    versions = (f"MedSynth {medsynth_app.__version__}, Python {sys.version.split()[0]}, Qt {PySide6.__version__}, "
                f"{platform.system()} {platform.release()}")
    return f"{versions}\n{traced(error)}"


class Reports:
    """Says that something went wrong inside, and writes a report of it."""

    def __init__(self, dialogs: Dialogs, banners: Banners) -> None:
        self._dialogs, self._banners = dialogs, banners

    def bug(self, error: BaseException) -> None:
        """An error that nobody can mend but us: say so, and offer a report without patient data."""
        text = report(error)
        self._banners.say("error", _("Something went wrong inside MedSynth."),
                          _("What you painted and accepted is saved. Go on, and if it happens again, restart."),
                          details=text, key=BUG, choices=((_("Save a report…"), lambda: self._save(text)),))

    def _save(self, text: str) -> None:
        chosen = self._dialogs.save_file(_("Save the report"), "medsynth-report.txt", (_("Text (*.txt)"),))
        if chosen is None:
            return
        try:
            chosen[0].write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            self._banners.say("error", _("The report could not be written ({reason}).").format(reason=error.strerror),
                              _("Choose another folder, or copy the details."))
