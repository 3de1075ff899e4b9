"""Painting: classes, strokes and their history."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from medsynth_app.actions import history
from medsynth_app.actions.frames import frame_of
from medsynth_app.actions.paint_mask import paint_mask
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Changes
from medsynth_app.core.labels import SCHEMAS, LabelSchema, schema_for, schema_of
from medsynth_app.session.documents import Documents
from medsynth_app.session.hook import AFTER_VIEWS, BEFORE_VIEWS, Hook
from medsynth_app.session.models import Models
from medsynth_app.session.people import People
from medsynth_app.session.view import View


class Painting:
    """The mask of the document at work.

    Attributes
    ----------
    schema
        Classes of the mask.
    label_value
        The value that the brush paints.
    fills_one_class
        Whether a run fills the class of the brush alone, and not all that is painted.
    undo_name, redo_name
        "Undo: paint polyp", or None when there is nothing of one's own to undo or to make again.
    """

    label_changed = Signal()
    schema_changed = Signal()
    mask_value_changed = Signal()
    history_changed = Signal()

    def __init__(self, documents: Documents, view: View, models: Models, people: People, hook: Hook) -> None:
        self._documents, self._view, self._models = documents, view, models
        self._people, self._hook = people, hook
        self.schema: LabelSchema = SCHEMAS["region"]
        self._schema_kept = False  # whether it is remembered with the document
        self.label_value = 1
        self.fills_one_class = False
        self.undo_name: str | None = None
        self.redo_name: str | None = None
        self._stroke = Changes()  # the latest; what undo and redo are called after it, nobody needs to ask the journal
        self._choose_schema()
        documents.follow(self._choose_schema)
        documents.follow(self._name_steps)
        documents.current_changed.connect(self._tell_all, priority=AFTER_VIEWS)
        models.pack_changed.connect(self._follow_pack, priority=BEFORE_VIEWS)
        people.changed.connect(self._name_steps, priority=BEFORE_VIEWS)
        people.changed.connect(self.history_changed.emit, priority=AFTER_VIEWS)
        hook.changed.connect(self._take, priority=BEFORE_VIEWS)
        hook.changed.connect(self._follow, priority=AFTER_VIEWS)

    # --- classes

    @property
    def schemas(self) -> tuple[LabelSchema, ...]:
        """The sets of classes to paint with: the built-in ones, those of the packs, and the one in use."""
        manifests = [pack.manifest for pack in self._models.packs]
        return tuple(dict.fromkeys((*SCHEMAS.values(), *(schema_of(found.domain, found.mask_labels)
                                                         for found in manifests), self.schema)))

    @property
    def mask_value(self) -> int | None:
        """The class that a run fills; None: all that is painted."""
        return self.label_value if self.fills_one_class else None

    def set_label(self, value: int) -> None:
        """Paint with another class; one that the schema does not know is passed over."""
        if self.schema.of(value) is not None:
            self._set_label(value)

    def set_schema(self, schema: LabelSchema) -> None:
        """Use another set of classes for this document; mask values stay."""
        self._take_schema(schema)
        self._documents.remember("schema", schema.to_plain())
        self._schema_kept = True
        self.schema_changed.emit()

    def set_fills_one_class(self, on: bool) -> None:
        if on != self.fills_one_class:
            self.fills_one_class = on
            self.mask_value_changed.emit()

    # --- strokes and history

    def paint(self, bounds: Bounds, before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8],
              name: str = "") -> Changes:
        """Journal one stroke on the slice in view; `name` empty makes "paint polyp" or "erase"."""
        changes = paint_mask(self._view.seen(), self._view.index, bounds, before, after,
                             name or self._stroke_name(after), self._people.id)
        if not self._schema_kept:
            self._documents.remember("schema", self.schema.to_plain())
            self._schema_kept = True
        self._stroke = changes
        return self._hook.tell(changes)

    def undo(self) -> Changes:
        """Take back one's own last step, and go to where it was; nothing changes where there is none."""
        self._documents.settle()
        return self._step(history.undo(self._documents.opened(), self._people.id))

    def redo(self) -> Changes:
        self._documents.settle()
        return self._step(history.redo(self._documents.opened(), self._people.id))

    @property
    def saved_at(self) -> datetime | None:
        """When the last change was written, or None."""
        return self._documents.current.saved_at if self._documents.current else None

    # --- inner

    def _step(self, changes: Changes) -> Changes:
        """Tell of an undo or redo, and go to the slice where it happened."""
        self._hook.tell(changes)
        if changes.documents:
            self._view.set_index(frame_of(self._documents.opened(), changes.documents[0].frame))
        return changes

    def _stroke_name(self, after: npt.NDArray[np.uint8]) -> str:
        values = np.unique(after[after > 0])
        if not len(values):
            return "erase"
        label = self.schema.of(int(values[0])) if len(values) == 1 else self.schema.of(self.label_value)
        return f"paint {label.name}" if label is not None else "paint"

    def _choose_schema(self) -> None:
        """The classes for the document at work: as they were last seen, else those of a pack that fits."""
        document, pack = self._documents.current, self._models.pack
        info = document.info if document is not None else None
        manifest = pack.manifest if pack is not None else None
        named = self._documents.recall("schema")
        fits = manifest is not None and (info is None or (info.colour == manifest.colour
                                                          and info.modality in (None, *manifest.modalities)))
        domain, labels = (manifest.domain, manifest.mask_labels) if manifest is not None and fits else ("", ())
        self._schema_kept = named is not None
        self._take_schema(LabelSchema.from_plain(named) or schema_for(
            domain, labels, lambda: named is None and document is not None and bool(document.painted_frames())))

    def _take_schema(self, schema: LabelSchema) -> None:
        self.schema = schema
        if schema.of(self.label_value) is None:
            self._set_label(schema.classes[0].value)

    def _set_label(self, value: int) -> None:
        if value != self.label_value:
            self.label_value = value
            self.label_changed.emit()
            if self.fills_one_class:
                self.mask_value_changed.emit()

    def _follow_pack(self) -> None:
        if not self._schema_kept:
            self._choose_schema()
            self.schema_changed.emit()

    def _name_steps(self) -> None:
        """Ask the journal; not at every look at the commands."""
        document, person = self._documents.current, self._people.id
        self.undo_name = document.can_undo(person) if document is not None else None
        self.redo_name = document.can_redo(person) if document is not None else None

    def _take(self, changes: Changes) -> None:
        if changes.documents and changes is self._stroke:
            self.undo_name, self.redo_name = f"Undo: {changes.documents[0].description}", None
        elif changes.documents:
            self._name_steps()

    def _follow(self, changes: Changes) -> None:
        if changes.documents:
            self.history_changed.emit()

    def _tell_all(self) -> None:
        self.schema_changed.emit()
        self.label_changed.emit()
        self.history_changed.emit()
