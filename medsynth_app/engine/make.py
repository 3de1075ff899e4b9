"""Makes the set of an order: draws what of it is not there yet, and writes its tables and its card."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.files import alone, writing
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.generate import GenerateRequest
from medsynth_app.core.jobs.make import MakeRequest
from medsynth_app.core.jobs.request import Conditioning, ModelRef, Sampling
from medsynth_app.core.order import DRAWN, GIVEN, Order, OrderedPicture, OrderLine, Paces, difference, seconds_of
from medsynth_app.core.pack_files import read_manifest
from medsynth_app.core.provenance import Provenance
from medsynth_app.datasets.made import GIVEN_MASKS, ORDER, is_made, made_set, write_picture
from medsynth_app.datasets.made_tables import write_tables
from medsynth_app.engine.diffusion.generate import run_generate
from medsynth_app.engine.job import Job
from medsynth_app.formats.raster import read_mask

Mask = npt.NDArray[np.uint8]
FEW, MORE = 2, 4  # steps of the runs by which time is measured


def run(request: MakeRequest, job: Job) -> None:
    """Do a job of the kind "make"; emits ``EventKind.RESULT``, whose data say seconds, or folder and pictures.

    Raises
    ------
    UserError
        A folder with the set of another order or in use, a pack that has changed, a full disk.
    Cancelled
        At the end of a step. What was drawn stays, with tables and a card that say how much is there.
    """
    order = Order.from_json(request.order)
    folders = dict(zip((pack.sha256 for pack in order.packs), map(Path, request.packs), strict=True))
    if not request.out:
        paces = _Drawing(order, folders, request.device, job).measured()
        job.emit(JobEvent(job.id, EventKind.RESULT, data={
            "seconds": seconds_of(order, paces), "paces": [(sort, *pace) for sort, pace in paces.items()]}))
        return
    out = Path(request.out)
    out.mkdir(parents=True, exist_ok=True)
    with alone(out):
        _claim(out, order)
        made = _Drawing(order, folders, request.device, job, out).make()
    job.emit(JobEvent(job.id, EventKind.RESULT, data={"folder": request.out, "pictures": order.count, "drawn": made}))


def _claim(out: Path, order: Order) -> None:
    """Write what was ordered into the folder, or find it there."""
    path = out / ORDER
    if path.exists():
        if said := difference(Order.from_json(path.read_text(encoding="utf-8")), order):
            raise UserError(f"The folder holds the set of another order: {said}.", "Make this one in another folder.",
                            safe="Its pictures stay.")
        return
    with writing(path) as part:
        part.write_text(order.to_json(), encoding="utf-8")


class _Drawing:
    """One run of an order."""

    def __init__(self, order: Order, packs: Mapping[str, Path], device: str, job: Job, out: Path = Path()) -> None:
        self._order, self._packs, self._device, self._job, self._out = order, packs, device, job, out
        self._steps = sum(line.count * line.steps for line in order.lines)
        self._done_steps = self._done = 0
        self._told: set[str] = set()
        self._started = False

    def make(self) -> int:
        """Draw what is not there; returns how many pictures that were."""
        there: list[OrderedPicture] = []
        left: list[tuple[OrderedPicture, ...]] = []
        for batch in self._order.batches():
            if all(is_made(self._out, picture) for picture in batch):
                there.extend(batch)
            else:
                left.append(batch)
        self._done = len(there)
        self._done_steps = sum(picture.line.steps for picture in there)
        try:
            for batch in left:
                self._draw_into(batch)
        except (Cancelled, UserError):
            self._job.emit(JobEvent(self._job.id, EventKind.PROGRESS, self._done_steps, self._steps,
                                    message="Writing the tables", data={"saving": True}))
            with suppress(UserError, OSError):
                self._write_tables(tuple(each for each in self._order.pictures() if is_made(self._out, each)))
            raise
        self._write_tables(self._order.pictures())
        shutil.rmtree(self._out / GIVEN_MASKS, ignore_errors=True)
        return sum(map(len, left))

    def _write_tables(self, pictures: Sequence[OrderedPicture]) -> None:
        manifests = {pack.name: read_manifest(self._packs[pack.sha256]) for pack in self._order.packs}
        write_tables(self._out, made_set(self._order, pictures, manifests))

    def _draw_into(self, batch: tuple[OrderedPicture, ...]) -> None:
        """Draw the pictures of one batch, all of them: what is drawn together decides the last bit of each."""
        steps = len(batch) * batch[0].line.steps

        def hear(event: JobEvent) -> None:
            if event.kind is EventKind.RESULT:
                picture = batch[int(event.data["candidate"])]
                write_picture(self._out, picture, event.arrays["picture"],
                              Provenance.from_dict(dict(event.data["provenance"])), event.arrays.get("mask"),
                              invisible=self._order.invisible_mark)
                self._done += 1
                if picture is batch[-1]:
                    self._job.emit(JobEvent(self._job.id, EventKind.PREVIEW, arrays={"0": event.arrays["picture"]}))
            elif event.kind is EventKind.PROGRESS:
                share = event.step / event.steps if event.steps else 0
                self._go_on(self._done_steps + round(steps * share), event.message)
            else:
                self._pass_on(event)

        run_generate(self._request(batch[0].line, batch[0].seed, len(batch), batch[0].line.steps, batch[0].mask), hear,
                     self._job.cancelled, self._job.id)
        self._done_steps += steps
        self._go_on(self._done_steps)

    def _go_on(self, step: int, message: str = "") -> None:
        self._job.emit(JobEvent(self._job.id, EventKind.PROGRESS, step, self._steps,
                                message=message or f"{self._done} of {self._order.count} pictures"))

    def _pass_on(self, event: JobEvent) -> None:
        """What is said at every batch is told once."""
        if event.kind is EventKind.STARTED and not self._started:
            self._started = True
            self._job.emit(event)
        elif event.kind is EventKind.NOTICE and event.message not in self._told:
            self._told.add(event.message)
            self._job.emit(event)

    def _request(self, line: OrderLine, seed: int, count: int, steps: int, mask: str) -> GenerateRequest:
        labels = self._mask(mask, line) if line.masks == GIVEN else None
        return GenerateRequest(
            ModelRef(str(self._packs[line.pack.sha256]), line.pack.sha256),
            Conditioning(line.prompt, line.negative_prompt, line.control_scale, line.masks == DRAWN, labels),
            Sampling(steps, line.guidance, seed, count, preview_every=0, device=self._device), line.width, line.height)

    def _mask(self, digest: str, line: OrderLine) -> Mask:
        if not digest:  # only time is measured, and any mask takes the same
            return np.ones((line.height, line.width), np.uint8)
        path = self._out / GIVEN_MASKS / f"{digest}.png"
        if not path.is_file():
            raise UserError("The masks of the order are no longer there.", "Give the same order again.",
                            safe="The pictures that are there stay.")
        return read_mask(path)

    # -- how long it takes --------------------------------------------------------------------------------------

    def measured(self) -> Paces:
        """The pace of every sort of line, from two short runs."""
        paces: Paces = {}
        for line in self._order.lines:
            if line.sort not in paces:
                paces[line.sort] = self._pace(line)
        return paces

    def _pace(self, line: OrderLine) -> tuple[float, float]:
        """Seconds of a picture, and of each of its steps."""
        count = min(2, line.count)
        self._seconds(line, 1, 1)  # loads the model, and warms it up
        few, more = (self._seconds(line, count, steps) / count for steps in (FEW, MORE))
        step = max(0.0, (more - few) / (MORE - FEW))
        return max(0.0, few - FEW * step), step

    def _seconds(self, line: OrderLine, count: int, steps: int) -> float:
        def hear(event: JobEvent) -> None:
            if event.kind is EventKind.STARTED:
                self._pass_on(event)

        begun = time.monotonic()
        run_generate(self._request(line, line.seed, count, steps, ""), hear, self._job.cancelled, self._job.id)
        return time.monotonic() - begun
