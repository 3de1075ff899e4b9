"""Packs that are added and removed: copied on another thread, shown among the jobs."""

from __future__ import annotations

from pathlib import Path

from medsynth_app.core.changes import Changes
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.words import _
from medsynth_app.ui.places.models.panel import ModelsPanel
from medsynth_app.ui.shell.chores import Chores
from medsynth_app.ui.shell.frame import Frame


class Shelf:
    """Adds packs one after the other, and removes the chosen one."""

    def __init__(self, frame: Frame, panel: ModelsPanel) -> None:
        self._frame, self._panel, self._models = frame, panel, frame.session.models
        self._chores = Chores(frame.session.jobs, frame.toasts, frame.banners, frame.report_bug)

    def ask(self) -> None:
        """Ask for the folder of a pack, and add it."""
        folder = self._frame.dialogs.open_folder(_("The folder of a model pack"))
        if folder is not None:
            self.add(folder)

    def add(self, folder: Path) -> None:
        """Copy a pack to the others; returns at once."""
        self._chores.start("add model", _("Add a model"),
                           lambda task: self._models.add(folder, task.tell, task.stopped),
                           lambda found: self._added(*found), lambda: self.add(folder),
                           fault=_("Adding the model ended in a fault."))

    def refusal(self) -> str | None:
        """Why the chosen pack cannot be removed, in a few words; None where it can."""
        pack = self._panel.chosen
        if pack is None:
            return _("No model is installed")
        return _("Only models that were added can be removed") if self._models.removal_refusal(pack) else None

    def ask_removal(self) -> None:
        """Ask in a banner whether the chosen pack shall go."""
        pack = self._panel.chosen
        if pack is None:
            return
        self._frame.banners.say(
            "warning", _("Delete the model {title}, version {version}?").format(title=pack.manifest.title,
                                                                               version=pack.manifest.version),
            _("What was drawn with it stays."), key="remove-pack",
            choices=((_("Delete model"), lambda: self._remove(pack)),))

    def finish(self) -> None:
        """Stop and wait, when the window closes; nothing is left of what is not complete."""
        self._chores.finish()

    # -- inner

    def _remove(self, pack: InstalledPack) -> None:
        if self._frame.run(lambda: self._models.remove(pack)):
            self._frame.toasts.say("done", _("The model {title} was deleted.").format(title=pack.manifest.title))

    def _added(self, pack: InstalledPack, changes: Changes) -> None:
        self._models.added(changes)
        self._panel.choose(pack)
        self._frame.toasts.say("done", _("The model {title} is installed.").format(title=pack.manifest.title))
