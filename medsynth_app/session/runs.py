"""The part of the session that runs models: inpainting, generating, staging and the queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.actions import inpaint as inpainting
from medsynth_app.actions import train as training
from medsynth_app.actions.accept_result import accept_result
from medsynth_app.actions.discard_result import discard_result
from medsynth_app.actions.generate import (
    DRAWN,
    FREE,
    PAINTED,
    Painted,
    cannot_follow,
    generate,
    look_at_painted,
)
from medsynth_app.actions.more_like_this import more_like_this
from medsynth_app.actions.receive import receive
from medsynth_app.core.changes import Change, Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobRecord
from medsynth_app.core.jobs.generate import GENERATE
from medsynth_app.core.jobs.inpaint import INPAINT
from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.core.jobs.table import outcome_of
from medsynth_app.core.jobs.train import TrainRequest
from medsynth_app.core.labels import LabelSchema
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.parameters import GenerateParameters, InpaintParameters
from medsynth_app.session.jobs import device_text, pictures
from medsynth_app.session.pace import Work
from medsynth_app.session.state import SessionState
from medsynth_app.workspace.pictures import Picture
from medsynth_app.workspace.results import Result


class Runs(SessionState):
    """Runs of the model and what comes back."""

    # --- inpainting --------------------------------------------------------------------------------

    @property
    def parameters(self) -> InpaintParameters:
        return self._parameters.inpaint

    @property
    def generate_parameters(self) -> GenerateParameters:
        return self._parameters.generate

    def set_parameters(self, **changes: Any) -> InpaintParameters:
        """Change some inpaint parameters, e.g. ``set_parameters(prompt="a polyp", count=2)``."""
        before = self.parameters
        if self._parameters.change_inpaint(**changes) != before:
            self.parameters_changed.emit()
        return self.parameters

    def set_generate_parameters(self, **changes: Any) -> GenerateParameters:
        before = self.generate_parameters
        if self._parameters.change_generate(**changes) != before:
            self.parameters_changed.emit()
        return self.generate_parameters

    def effective_mask(self, frame: int | None = None) -> npt.NDArray[np.bool_] | None:
        """Pixels of the frame that a run would change, (rows, columns); None when nothing is painted."""
        if self.document is None:
            return None
        mask = self.document.mask(self.frame if frame is None else frame)
        return inpainting.effective_region(inpainting.wanted(mask, self.mask_value), self.parameters.feather)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the person should know before a run with this pack on this image."""
        if self.document is None or self.pack is None:
            return ()
        return inpainting.warnings_for(self.document, self.frame, self.parameters, self.pack, self.mask_value)

    def inpaint(self) -> str:
        """Queue a run on what is painted in the frame in view; returns the job's id."""
        return self._submitted(inpainting.inpaint_document(
            self.queue, self._opened(), self.frame, self.parameters, self._chosen_pack(), self.window,
            self.mask_value, self._meant(), self.person_id), self._inpainting())

    def _meant(self) -> dict[int, int]:
        """The chosen pack's label of every value painted on the frame in view."""
        return inpainting.meant_labels(self._opened().mask(self.frame), self.schema, self._chosen_pack().manifest)

    @property
    def followed(self) -> tuple[tuple[str, ...], bool]:
        """The painted classes that a fill could keep to, as the pack calls them, and whether a run now does."""
        if self.document is None or self.pack is None or not self.pack.manifest.draws_from_masks:
            return (), False  # without a look at the mask
        return inpainting.followed(self._meant(), self.parameters, self.pack.manifest, self.mask_value)

    def more_like_this(self, index: int | None = None) -> str:
        """Queue the run of a staged result again with new seeds; returns the job's id."""
        return self._submitted(more_like_this(self.workspace, self.queue, self._opened(), self._staged(index),
                                              self.person_id))

    @property
    def shape(self) -> str:
        """What generated pictures follow: "free" (the prompt alone), "painted" or "drawn" masks."""
        return self._parameters.shape

    def set_shape(self, shape: str) -> None:
        """Choose what generated pictures follow; a pack that cannot is a `UserError`."""
        self._pack_for(shape)
        if shape != self.shape:
            self._parameters.shape = shape
            self.parameters_changed.emit()

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
        """What is painted on the frame in view as pictures would follow it; what speaks against it is a `UserError`."""
        pack = self._pack_for(PAINTED)
        return look_at_painted(self._opened(), self.frame, self.schema, pack, self.generate_parameters)

    def _pack_for(self, shape: str) -> InstalledPack:
        """The chosen pack; raises `UserError` where it draws no pictures of this shape."""
        pack = self._chosen_pack()
        if refusal := cannot_follow(pack.manifest, shape):
            raise UserError(refusal, "Choose another model.")
        return pack

    def generate(self) -> str:
        """Queue whole pictures with `generate_parameters` and `shape`; returns the job's id.

        A painted mask is copied now: what is painted later does not change the run.
        """
        pack, parameters, owner, source = self._chosen_pack(), self.generate_parameters, "", ""
        if self.shape == PAINTED:
            labels, document = self.painted().labels, self._opened()
            parameters = replace(parameters, mask=inpainting.in_labels(document.mask(self.frame), labels))
            owner, source = document.id, str(document.info.frames[self.frame].key)
        elif self.shape == DRAWN:
            parameters = replace(parameters, pairs=True)
        return self._submitted(generate(self.queue, pack, parameters, document_id=owner, source=source,
                                        person=self.person_id), self._generating())

    def labels_of(self, picture: Picture) -> LabelSchema:
        """Names and colours of the classes in a picture's mask: as recorded with it, else from its pack if there."""
        recorded = picture.provenance.parameters.get("mask_labels")
        if isinstance(recorded, dict):
            return LabelSchema.from_names("", [recorded[value] for value in sorted(recorded, key=int)])
        manifest = next((pack.manifest for pack in self.packs
                         if pack.manifest.sha256 == picture.provenance.pack_sha256), None)
        return LabelSchema.from_names("", manifest.mask_labels if manifest is not None else ())

    def training_request(self, recipe: Path, data: Path | None, out: Path, *, part: str, pack: InstalledPack | None,
                         resume: bool, max_minutes: float) -> TrainRequest:
        """The request of a training run; what can be seen at once to speak against it is a `UserError`."""
        return training.train_request(recipe, data, out, part=part, pack=pack, resume=resume, max_minutes=max_minutes)

    def train(self, request: TrainRequest) -> str:
        """Queue a training run; returns the job's id."""
        return self._submitted(training.train(self.queue, request, person=self.person_id))

    @property
    def seconds_to_inpaint(self) -> float | None:
        """How long a run with these parameters will take; None before the first one like it has ended."""
        return None if self.pack is None else self._pace.seconds(self._inpainting())

    @property
    def seconds_to_generate(self) -> float | None:
        return None if self.pack is None else self._pace.seconds(self._generating())

    def _inpainting(self) -> Work:
        shape = PAINTED if self.followed[1] else FREE
        return Work.of(self.parameters, INPAINT.name, self._chosen_pack().manifest.sha256, shape)

    def _generating(self) -> Work:
        return Work.of(self.generate_parameters, GENERATE.name, self._chosen_pack().manifest.sha256, self.shape)

    # --- staging -----------------------------------------------------------------------------------

    def select(self, index: int | None) -> None:
        """Hold this staged result against the original."""
        self.staging.select(index)
        self.staging_changed.emit()

    def accept(self, index: int | None = None) -> Change:
        """Write a staged result (the selected one by default) into the document; undoable."""
        change = accept_result(self.workspace, self._opened(), self._staged(index), self.person_id)
        self._tell(change)
        self._restage()
        return change

    def discard(self, index: int | None = None) -> None:
        discard_result(self.workspace, self._staged(index))
        self._restage()

    def discard_all(self) -> None:
        """Discard every result of this frame that has not been accepted."""
        for result in self.staging.results:
            if result.state == "staged":
                discard_result(self.workspace, result)
        self._restage()

    # --- jobs --------------------------------------------------------------------------------------

    def cancel_job(self, job_id: str) -> None:
        self.queue.cancel(job_id)
        self.refresh_jobs()

    def retry_job(self, job_id: str) -> str:
        return self._submitted(Changes(jobs=(self.queue.retry(job_id),)))

    def move_job(self, job_id: str, before: str | None) -> None:
        """Put a waiting job before another one, or last."""
        self.queue.move(job_id, before)
        self.refresh_jobs()

    def refresh_jobs(self) -> None:
        self.jobs.refresh(self.queue.records())
        self.jobs_changed.emit()

    def deliver(self, record: JobRecord, event: JobEvent) -> None:
        """The queue's `on_event`: write what came, then tell the session's thread."""
        receive(self.workspace, record, event)  # when it raises, the queue fails the job and says why
        self._post(lambda: self._observe(record, event))

    def worker_ready(self, info: Mapping[str, Any]) -> None:
        """The queue's `on_ready`: what the warmed-up worker says of itself."""
        self._post(lambda: self._set_device(device_text(info)))

    # --- inner

    def _staged(self, index: int | None) -> Result:
        at = self.staging.selected if index is None else index
        if at is None or not 0 <= at < len(self.staging.results):
            raise UserError("No candidate is selected.", "Choose one in the strip first.")
        return self.staging.results[at]

    def _submitted(self, changes: Changes, work: Work | None = None) -> str:
        job_id = changes.jobs[0]
        if work is not None:
            self._pace.submitted(job_id, work)
        self.refresh_jobs()
        return job_id

    def _observe(self, record: JobRecord, event: JobEvent) -> None:
        if record.id in self._removed_jobs:
            return
        entry = self.jobs.observe(record, event)
        self._pace.observe(record, event)
        self._set_device(entry.device)
        self._observe_staging(record, event)
        if event.kind is EventKind.RESULT and outcome_of(record.kind) is Outcome.PICTURES:
            self._refresh_pictures()
            self.pictures_changed.emit()
        if event.kind in (EventKind.WAITING, EventKind.STARTED) or record.state.ended:
            self.jobs.refresh(self.queue.records())
        self.jobs_changed.emit()
        self.job_event.emit(record, event)
        if event.kind is EventKind.NOTICE and event.message:
            self.notice.emit("info", event.message)

    def _set_device(self, text: str) -> None:
        if text and text != self.device_text:
            self.device_text = text
            self.device_changed.emit()

    def _observe_staging(self, record: JobRecord, event: JobEvent) -> None:
        if outcome_of(record.kind) is not Outcome.CANDIDATES:
            return
        if event.kind is EventKind.PREVIEW:
            self.staging.preview(record.id, self._frame_drawn(record.id), pictures(event))
        elif event.kind is EventKind.RESULT:
            self._refresh_staging()
        elif record.state.ended:
            self._frame_of_job.pop(record.id, None)
            self.staging.end(record.id)
        else:
            return
        self.staging_changed.emit()

    def _frame_drawn(self, job_id: str) -> str:
        """Key of the frame that a job draws into; empty where it is not known."""
        if job_id not in self._frame_of_job:
            try:
                self._frame_of_job[job_id] = str(self.workspace.jobs.plain(job_id)["frame_key"])
            except KeyError:
                return ""
        return self._frame_of_job[job_id]
