"""What a session holds, its signals, and the small steps that its other parts share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from psygnal import Signal

from medsynth_app.actions import people as persons
from medsynth_app.actions.generate import cannot_follow
from medsynth_app.actions.packs import list_packs, suited_pack
from medsynth_app.core.changes import Change
from medsynth_app.core.errors import UserError
from medsynth_app.core.labels import SCHEMAS, LabelSchema, schema_for, schema_of
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.jobs import JobList, device_text
from medsynth_app.session.pace import Pace
from medsynth_app.session.parameters import ParameterState
from medsynth_app.session.staging import Staging
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.people import Person
from medsynth_app.workspace.pictures import Picture
from medsynth_app.workspace.workspace import Workspace

Post = Callable[[Callable[[], None]], None]


def call_directly(news: Callable[[], None]) -> None:
    """The `post` of tests and of the command line."""
    news()


class SessionState:
    """Observable state of one window.

    Parameters
    ----------
    queue
        Its `on_event` must be this session's `deliver`.
    pack_folders
        Where packs lie; None looks in the usual places.
    post
        Runs a function on the thread that the session belongs to.

    Attributes
    ----------
    document, frame, window
        What is in view; `window` is None for colour images.
    schema, label_value
        Classes of the mask, and the value that the brush paints.
    mask_value
        The class that is filled; None fills all that is painted.
    pack, packs
        The chosen model pack and all that are installed.
    staging, jobs, pictures
        Candidates of this frame, the queue, and generated whole pictures (newest first).
    place
        "library", "paint", "generate", "label", "evaluate" or "models".
    device_text
        Where the model runs, e.g. "CPU, bfloat16"; "" until it is known.
    """

    document_changed = Signal()
    frame_changed = Signal(int)
    changed = Signal(Change)
    history_changed = Signal()
    window_changed = Signal()
    label_changed = Signal()
    staging_changed = Signal()
    pictures_changed = Signal()
    jobs_changed = Signal()
    job_event = Signal(object, object)  # JobRecord, JobEvent
    parameters_changed = Signal()
    packs_changed = Signal()
    person_changed = Signal()
    device_changed = Signal()
    place_changed = Signal(str)
    notice = Signal(str, str)  # level: "info", "done", "warning" or "error"; text

    def __init__(self, workspace: Workspace, queue: JobQueue, settings: SettingsStore, *,
                 pack_folders: Sequence[Path] | None = None, post: Post = call_directly) -> None:
        self.workspace, self.queue, self.settings = workspace, queue, settings
        self._post, self._pack_folders = post, pack_folders
        self.document: Document | None = None
        self.frame = 0
        self.window: WindowLevel | None = None
        self.schema: LabelSchema = SCHEMAS["region"]
        self._schema_kept = False  # whether it is remembered with the document
        self.label_value = 1
        self.mask_value: int | None = None
        self.installed: tuple[InstalledPack, ...] = ()
        self.packs: tuple[InstalledPack, ...] = ()  # of them, those that draw
        self.pack: InstalledPack | None = None
        self.staging, self.jobs = Staging(), JobList()
        self.pictures: tuple[Picture, ...] = ()
        self.place: str = settings.current.place
        self.device_text = ""
        self._pace = Pace()
        self._frame_of_job: dict[str, str] = {}  # key of the frame that a job draws into
        self._removed_jobs: set[str] = set()  # of removed studies: news of them may still be on their way
        self._parameters = ParameterState(settings.current.device, settings.current.preview_every)
        self.refresh_packs()
        self.jobs.refresh(queue.records())
        self._refresh_pictures()
        if queue.info:
            self.device_text = device_text(queue.info)

    @property
    def read_only(self) -> bool:
        return self.workspace.read_only or (self.document is not None and self.document.read_only)

    @property
    def opening_notices(self) -> tuple[str, ...]:
        """What the person should read when the window opens: a second window, damaged settings."""
        return tuple(text for text in (self.workspace.notice, self.settings.notice) if text)

    # --- people and packs

    @property
    def person(self) -> Person | None:
        return self.workspace.people.current

    @property
    def person_id(self) -> str:
        return str(self.person.id) if self.person is not None else ""

    def switch_person(self, name: str) -> Person:
        """Make this person the one at work; a new name is added. Undo then acts on their own strokes."""
        person = persons.switch_person(self.workspace, name)
        self.person_changed.emit()
        self.history_changed.emit()
        return person

    def refresh_packs(self) -> None:
        """Look for packs again."""
        chosen = self.pack.manifest.sha256 if self.pack else ""
        self.installed = tuple(list_packs(self._pack_folders, kind=None))
        self.packs = tuple(pack for pack in self.installed if pack.manifest.kind == "base")
        self.pack = next((pack for pack in self.packs if pack.manifest.sha256 == chosen), None)
        self._choose_pack()
        self.packs_changed.emit()

    def set_pack(self, pack: InstalledPack) -> None:
        """Choose the pack to draw with; remembered with the document in view."""
        self._remember("pack", pack.manifest.name)
        self._take_pack(pack)
        if not self._schema_kept:
            self._choose_schema()
            self.label_changed.emit()

    @property
    def schemas(self) -> tuple[LabelSchema, ...]:
        """The sets of classes to paint with: the built-in ones, those of the packs, and the one in use."""
        manifests = [pack.manifest for pack in self.packs]
        return tuple(dict.fromkeys((*SCHEMAS.values(), *(schema_of(found.domain, found.mask_labels)
                                                         for found in manifests), self.schema)))

    # --- shared steps

    def _opened(self) -> Document:
        if self.document is None:
            raise UserError("No image is open.", "Open an image first.")
        return self.document

    def _chosen_pack(self) -> InstalledPack:
        if self.pack is None:
            raise UserError("There is no model pack to draw with.", "Install one in the Models place.")
        return self.pack

    def _recall(self, key: str) -> Any:
        return self.workspace.documents.recall(self._opened().id, key)

    def _remember(self, key: str, value: Any) -> None:
        if self.document is not None and not self.read_only:
            self.workspace.documents.remember(self.document.id, key, value)

    def _choose_pack(self) -> None:
        """The pack and the classes for the document in view: as it was last seen, else what suits it."""
        info = self.document.info if self.document else None
        named = self._recall("pack") if self.document else None
        pack = next((pack for pack in self.packs if pack.manifest.name == named), None)
        if pack is None and info is not None:
            pack = suited_pack(self.packs, info, self.pack, self._opened().pixels(self.frame))
        pack = pack or self.pack or (self.packs[0] if self.packs else None)
        if pack is not None and pack is not self.pack:
            self._take_pack(pack)
        self._choose_schema()

    def _choose_schema(self) -> None:
        """The classes for the document in view: as they were last seen, else those of a pack that fits."""
        document, manifest = self.document, self.pack.manifest if self.pack is not None else None
        info = document.info if document is not None else None
        named = self._recall("schema") if document is not None else None
        fits = manifest is not None and (info is None or (info.colour == manifest.colour
                                                          and info.modality in (None, *manifest.modalities)))
        domain, labels = (manifest.domain, manifest.mask_labels) if manifest is not None and fits else ("", ())
        self.schema = LabelSchema.from_plain(named) or schema_for(
            domain, labels, lambda: named is None and document is not None and bool(document.painted_frames()))
        self._schema_kept = named is not None
        if self.schema.of(self.label_value) is None:
            self.label_value = self.schema.classes[0].value

    def _take_pack(self, pack: InstalledPack) -> None:
        shape = self._parameters.shape
        self.pack = pack
        self._parameters.follow(pack.manifest)
        self.packs_changed.emit()
        self.parameters_changed.emit()
        if self._parameters.shape != shape:
            self.notice.emit("info", f"{cannot_follow(pack.manifest, shape)} The shape is free again.")

    def _refresh_staging(self) -> None:
        if self.document is None:
            self.staging.fill(())
            return
        key = self.document.info.frames[self.frame].key
        found = self.workspace.results.of_document(self.document.id, "staged", "accepted")
        self.staging.fill([result for result in found if result.frame_key == key], str(key))

    def _restage(self) -> None:
        self._refresh_staging()
        self.staging_changed.emit()

    def _refresh_pictures(self) -> None:
        self.pictures = self.workspace.pictures.page(0, self.workspace.pictures.count)

    def _tell(self, change: Change) -> None:
        self.changed.emit(change)
        self.history_changed.emit()
