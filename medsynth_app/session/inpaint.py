"""Inpainting: what is set, what a run would change, and the run."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.actions import inpaint as inpainting
from medsynth_app.actions.generate import FREE, PAINTED
from medsynth_app.actions.more_like_this import more_like_this
from medsynth_app.actions.packs import removes, unknown_kind
from medsynth_app.core.changes import Changes
from medsynth_app.core.jobs.inpaint import INPAINT
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.parameters import InpaintParameters
from medsynth_app.core.prompt import Told
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.candidates import Candidates
from medsynth_app.session.documents import Documents
from medsynth_app.session.hook import BEFORE_VIEWS
from medsynth_app.session.jobs import Jobs
from medsynth_app.session.models import Models
from medsynth_app.session.pace import Work
from medsynth_app.session.painting import Painting
from medsynth_app.session.parameters import Chosen
from medsynth_app.session.people import People
from medsynth_app.session.view import View
from medsynth_app.workspace.workspace import Workspace

# How strong a mode starts: vary keeps the likeness, the others draw anew.
START_STRENGTH = {"replace": 1.0, "remove": 1.0, "vary": 0.5}


class Inpaint:
    """Filling what is painted.

    Attributes
    ----------
    parameters_changed
        Signal(frozenset[str]): the names of the parameters that have another value now.
    """

    def __init__(self, workspace: Workspace, queue: JobQueue, parameters: InpaintParameters, *, documents: Documents,
                 view: View, painting: Painting, models: Models, candidates: Candidates, people: People,
                 jobs: Jobs) -> None:
        self._workspace, self._queue, self._chosen = workspace, queue, Chosen(parameters)
        self._documents, self._view, self._painting, self._models = documents, view, painting, models
        self._candidates, self._people, self._jobs = candidates, people, jobs
        self.parameters_changed = self._chosen.changed
        self._removes = False  # whether the chosen pack removes from images like the one at work
        self._follow_pack()
        models.pack_changed.connect(self._follow_pack, priority=BEFORE_VIEWS)
        documents.follow(self._follow_document)

    @property
    def parameters(self) -> InpaintParameters:
        return self._chosen.value

    def set(self, **changes: Any) -> InpaintParameters:
        """Change some parameters, e.g. ``set(prompt="a polyp", count=2)``.

        A change of mode alone also sets where its strength starts.
        """
        mode = changes.get("mode", self.parameters.mode)
        if mode != self.parameters.mode and mode in START_STRENGTH:
            changes.setdefault("strength", START_STRENGTH[mode])
        return self._chosen.set(**changes)

    def effective_mask(self, index: int | None = None) -> npt.NDArray[np.bool_] | None:
        """Pixels of a slice, the one in view by default, that a run would change, (rows, columns).

        None when nothing is painted.
        """
        document = self._documents.current
        if document is None:
            return None
        mask = document.mask(self._view.index if index is None else index)
        return inpainting.effective_region(inpainting.wanted(mask, self._painting.mask_value),
                                           self.parameters.feather)

    @property
    def without_model(self) -> bool:
        """Whether a run takes the classical fill: chosen, or since the chosen pack does not remove from such images."""
        return self.parameters.without_model(self._removes)

    @property
    def pack(self) -> InstalledPack | None:
        """What a run draws with; None: the classical fill, or nothing, for no pack is installed."""
        return None if self.without_model else self._models.pack

    @property
    def unknown_kind(self) -> str | None:
        """Why no installed pack can draw into the image at work, in words."""
        document = self._documents.current
        return unknown_kind(self._models.packs, document.info) if document is not None else None

    def choose(self, pack: InstalledPack | None) -> None:
        """Choose what a run draws with; None: the classical fill, which can only remove."""
        if pack is not None:
            self._models.set_pack(pack)
        self._chosen.set(classical=pack is None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the person should know before a run with this pack on this image."""
        document, pack = self._documents.current, self.pack
        if document is None or (pack is None and not self.without_model):
            return ()
        return inpainting.warnings_for(document, self._view.index, self.parameters, pack, self._painting.mask_value)

    @property
    def told_of_prompt(self) -> tuple[Told, ...]:
        """What a person should know of the prompts of a run with this pack."""
        pack = self.pack
        return inpainting.told_of_prompt(self.parameters, pack) if pack is not None else ()

    @property
    def followed(self) -> tuple[tuple[str, ...], bool]:
        """The painted classes that a fill could keep to, as the pack calls them, and whether a run now does."""
        pack = self.pack
        if self._documents.current is None or pack is None or not pack.manifest.draws_from_masks:
            return (), False  # without a look at the mask
        return inpainting.followed(self._meant(), self.parameters, pack.manifest, self._painting.mask_value)

    @property
    def expected_seconds(self) -> float | None:
        """How long a run with these parameters will take; None before the first one like it has ended."""
        return None if self.pack is None and not self.without_model else self._jobs.seconds(self._work())

    def run(self) -> Changes:
        """Queue a run on what is painted in the slice in view."""
        self._documents.settle()
        pack = None if self.without_model else self._models.chosen()
        return self._jobs.submitted(inpainting.inpaint_document(
            self._queue, self._view.seen(), self._view.index, self.parameters, pack, self._painting.mask_value,
            self._meant() if pack is not None else None, self._people.id), self._work())

    def more_like_this(self, index: int | None = None) -> Changes:
        """Queue the run of a candidate (the selected one by default) again with new seeds."""
        return self._jobs.submitted(more_like_this(
            self._workspace, self._queue, self._documents.opened(), self._candidates.at(index), self._people.id))

    def _meant(self) -> dict[int, int]:
        """The chosen pack's label of every value painted on the slice in view."""
        return inpainting.meant_labels(self._documents.opened().mask(self._view.index), self._painting.schema,
                                       self._models.chosen().manifest)

    def _work(self) -> Work:
        if self.without_model:
            return Work((INPAINT.name,), self.parameters.sampling.count)
        shape = PAINTED if self.followed[1] else FREE
        return Work.of(self.parameters, self._models.chosen().manifest, INPAINT.name, shape)

    def _follow_document(self) -> None:
        self._chosen.set(follow=None, classical=None)  # said of another image; prompt and modality choose again
        self._fit()

    def _follow_pack(self) -> None:
        """Whether a fill keeps to the painted shape is the prompt's to choose again."""
        self._chosen.set(follow=None)
        self._fit()

    def _fit(self) -> None:
        """Hold the pack against the image; its prompt is offered only where some pack knows such images."""
        document, pack = self._documents.current, self._models.pack
        self._removes = pack is not None and (document is None or removes(pack, document.info, self._view.pixels))
        if pack is not None:
            self._chosen.offer("" if self.unknown_kind else pack.manifest.default_prompt)
