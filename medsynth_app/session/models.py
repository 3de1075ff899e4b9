"""The model packs: those that are installed and the one that draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from psygnal import Signal

from medsynth_app.actions.install_pack import import_pack, not_removable, remove_pack
from medsynth_app.actions.packs import list_packs, suited_pack
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.formats.pack import default_pack_folders
from medsynth_app.session.documents import Documents
from medsynth_app.session.hook import BEFORE_VIEWS, Hook
from medsynth_app.session.people import People
from medsynth_app.session.view import View
from medsynth_app.workspace.workspace import Workspace


class Models:
    """Model packs.

    Attributes
    ----------
    installed, packs
        All packs, and of them those that draw.
    pack
        The chosen one of `packs`; None where there is none.
    changed, pack_changed
        Signals: of any of these; of the choice alone.
    """

    changed = Signal()
    pack_changed = Signal()

    def __init__(self, workspace: Workspace, folders: Sequence[Path] | None, documents: Documents, view: View,
                 people: People, hook: Hook) -> None:
        self._workspace, self._people = workspace, people
        self._folders, self._documents, self._view, self._hook = folders, documents, view, hook
        self.installed: tuple[InstalledPack, ...] = ()
        self.packs: tuple[InstalledPack, ...] = ()
        self.pack: InstalledPack | None = None
        self._look()
        documents.follow(self._choose)
        hook.changed.connect(self._follow, priority=BEFORE_VIEWS)

    def chosen(self) -> InstalledPack:
        """The chosen pack; raises `UserError` where there is none."""
        if self.pack is None:
            raise UserError("There is no model pack to draw with.", "Install one in the Models place.")
        return self.pack

    def set_pack(self, pack: InstalledPack) -> None:
        """Choose the pack to draw with; remembered with the document at work."""
        self._documents.remember("pack", pack.manifest.name)
        self._take(pack)

    def refresh(self) -> Changes:
        """Look for packs again."""
        before = self.installed
        self._look()
        return self._hook.tell(Changes(packs=tuple(
            pack.manifest.sha256 for one, other in ((before, self.installed), (self.installed, before))
            for pack in one if pack not in other)))

    @property
    def shelf(self) -> Path:
        """Where packs that are added go."""
        return (self._folders or default_pack_folders())[-1]

    def add(self, folder: Path, progress: Callable[[int, int], None], cancelled: Callable[[], bool]
            ) -> tuple[InstalledPack, Changes]:
        """Copy a pack to the others; may run on any thread, emits nothing. Give the changes to `added`."""
        return import_pack(self._workspace, folder, self._people.id, into=self.shelf, progress=progress,
                           cancelled=cancelled)

    def added(self, changes: Changes) -> Changes:
        """A pack was copied."""
        self._look()
        return self._hook.tell(changes)

    def removal_refusal(self, pack: InstalledPack) -> UserError | None:
        """What speaks against deleting a pack; None where nothing does."""
        return not_removable(pack, self.shelf)

    def remove(self, pack: InstalledPack) -> Changes:
        """Delete a pack that was added."""
        changes = remove_pack(self._workspace, pack, self._people.id, shelf=self.shelf)
        self._look()
        return self._hook.tell(changes)

    def _follow(self, changes: Changes) -> None:
        """A worker may have written a pack."""
        known = {pack.manifest.sha256 for pack in self.installed}
        if not known.issuperset(changes.packs):
            self._look()

    def _look(self) -> None:
        chosen = self.pack.manifest.sha256 if self.pack else ""
        self.installed = tuple(list_packs(self._folders, kind=None))
        self.packs = tuple(pack for pack in self.installed if pack.manifest.kind == "base")
        self.pack = next((pack for pack in self.packs if pack.manifest.sha256 == chosen), None)
        self._choose()
        self.changed.emit()

    def _choose(self) -> None:
        """The pack for the document at work: the one that it was last seen with, else what suits it."""
        document, named = self._documents.current, self._documents.recall("pack")
        pack = next((pack for pack in self.packs if pack.manifest.name == named), None)
        if pack is None and document is not None:
            pack = suited_pack(self.packs, document.info, self.pack, self._view.pixels)
        pack = pack or self.pack or (self.packs[0] if self.packs else None)
        if pack is not None and pack is not self.pack:
            self._take(pack)

    def _take(self, pack: InstalledPack) -> None:
        self.pack = pack
        self.pack_changed.emit()
        self.changed.emit()
