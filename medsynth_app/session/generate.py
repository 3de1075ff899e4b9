"""Generating whole pictures: what is set, what they follow, and the run."""

from __future__ import annotations

from typing import Any

from psygnal import Signal

from medsynth_app.actions.generate import (
    DRAWN,
    FREE,
    PAINTED,
    Painted,
    cannot_follow,
    generate,
    look_at_painted,
    told_of_prompt,
)
from medsynth_app.actions.inpaint import in_labels
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.generate import GENERATE
from medsynth_app.core.labels import LabelSchema
from medsynth_app.core.options import changed
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.parameters import GenerateParameters
from medsynth_app.core.prompt import Told
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.documents import Documents
from medsynth_app.session.hook import BEFORE_VIEWS, Hook
from medsynth_app.session.jobs import Jobs
from medsynth_app.session.models import Models
from medsynth_app.session.pace import Work
from medsynth_app.session.painting import Painting
from medsynth_app.session.parameters import Chosen
from medsynth_app.session.people import People
from medsynth_app.session.pictures import Pictures
from medsynth_app.session.view import View
from medsynth_app.workspace.pictures import Picture


class Generate:
    """Drawing whole pictures.

    Attributes
    ----------
    pictures
        Those that there are.
    shape
        What new ones follow: "free" (the prompt alone), "painted" or "drawn" masks.
    parameters_changed
        Signal(frozenset[str]): the names of the parameters that have another value now.
    """

    shape_changed = Signal()

    def __init__(self, queue: JobQueue, parameters: GenerateParameters, pictures: Pictures, *, documents: Documents,
                 view: View, painting: Painting, models: Models, people: People, jobs: Jobs, hook: Hook) -> None:
        self._queue, self._chosen, self.pictures = queue, Chosen(parameters), pictures
        self._documents, self._view, self._painting, self._models = documents, view, painting, models
        self._people, self._jobs, self._hook = people, jobs, hook
        self.shape = FREE
        self.parameters_changed = self._chosen.changed
        self._follow_pack()
        models.pack_changed.connect(self._follow_pack, priority=BEFORE_VIEWS)

    @property
    def parameters(self) -> GenerateParameters:
        return self._chosen.value

    def set(self, **changes: Any) -> GenerateParameters:
        """Change some parameters."""
        return self._chosen.set(**changes)

    def set_shape(self, shape: str) -> None:
        """Choose what generated pictures follow; a pack that cannot is a `UserError`."""
        self._pack_for(shape)
        self._take_shape(shape)

    def shape_refusal(self, shape: str) -> UserError | None:
        """What speaks against pictures of this shape now; None when nothing does."""
        try:
            if shape == PAINTED:
                self.painted()
            else:
                self._pack_for(shape)
        except UserError as error:
            return error
        return None

    def painted(self) -> Painted:
        """What is painted on the slice in view as pictures would follow it; what speaks against it is a `UserError`."""
        pack = self._pack_for(PAINTED)
        return look_at_painted(self._documents.opened(), self._view.index, self._painting.schema, pack,
                               self.parameters)

    @property
    def told_of_prompt(self) -> tuple[Told, ...]:
        """What a person should know of the prompts of a run with this pack."""
        pack = self._models.pack
        return told_of_prompt(self.parameters, pack) if pack is not None else ()

    @property
    def expected_seconds(self) -> float | None:
        """How long a run with these parameters will take; None before the first one like it has ended."""
        return None if self._models.pack is None else self._jobs.seconds(self._work())

    def run(self) -> Changes:
        """Queue whole pictures with `parameters` and `shape`.

        A painted mask is copied now: what is painted later does not change the run.
        """
        pack, parameters, owner, source = self._models.chosen(), self.parameters, "", ""
        if self.shape == PAINTED:
            labels, document, index = self.painted().labels, self._documents.opened(), self._view.index
            parameters = changed(parameters, labels=in_labels(document.mask(index), labels))
            owner, source = document.id, str(document.info.frames[index].key)
        elif self.shape == DRAWN:
            parameters = changed(parameters, pairs=True)
        return self._jobs.submitted(generate(self._queue, pack, parameters, document_id=owner, source=source,
                                             person=self._people.id), self._work())

    def labels_of(self, picture: Picture) -> LabelSchema:
        """Names and colours of the classes in a picture's mask: as recorded with it, else from its pack if there."""
        recorded = picture.provenance.parameters.get("mask_labels")
        if isinstance(recorded, dict):
            return LabelSchema.from_names("", [recorded[value] for value in sorted(recorded, key=int)])
        manifest = next((pack.manifest for pack in self._models.packs
                         if pack.manifest.sha256 == picture.provenance.pack_sha256), None)
        return LabelSchema.from_names("", manifest.mask_labels if manifest is not None else ())

    def use(self, picture: Picture) -> GenerateParameters:
        """Take the settings that a picture was drawn with: prompt, seed, steps, guidance, size, model and shape.

        Raises
        ------
        UserError
            When its model is not installed; nothing is taken then.
        """
        about = picture.provenance
        pack = next((pack for pack in self._models.packs if pack.manifest.sha256 == about.pack_sha256), None)
        if pack is None:
            raise UserError(f"The model of this picture, {about.pack}, is not installed in the version that drew it.",
                            "Install it in Models, or choose another one and type the prompt.")
        self._models.set_pack(pack)
        native, said = pack.manifest.native_size, about.parameters
        values = {name: said[name] for name in ("prompt", "negative_prompt", "steps", "guidance", "control_scale")
                  if name in said}
        sizes = {name: 0 if said.get(name, native) == native else said[name] for name in ("width", "height")}
        self._take_shape(DRAWN if said.get("pairs") else FREE)
        return self.set(**values, **sizes, seed=picture.seed)

    def _pack_for(self, shape: str) -> InstalledPack:
        """The chosen pack; raises `UserError` where it draws no pictures of this shape."""
        pack = self._models.chosen()
        if refusal := cannot_follow(pack.manifest, shape):
            raise UserError(refusal, "Choose another model.")
        return pack

    def _work(self) -> Work:
        return Work.of(self.parameters, self._models.chosen().manifest, GENERATE.name, self.shape)

    def _take_shape(self, shape: str) -> None:
        if shape != self.shape:
            self.shape = shape
            self.shape_changed.emit()

    def _follow_pack(self) -> None:
        """Offer the pack's prompt; pictures are free where it follows no masks."""
        if self._models.pack is None:
            return
        manifest = self._models.pack.manifest
        self._chosen.offer(manifest.default_prompt)
        if refusal := cannot_follow(manifest, self.shape):
            self._take_shape(FREE)
            self._hook.notice.emit("info", f"{refusal} The shape is free again.")
