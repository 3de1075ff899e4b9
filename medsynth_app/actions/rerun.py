"""Draw a result again from its record, and say whether it is the same to the bit, or what is not as it was.

What decides the pixels stands in the record; the image that an inpainting was drawn into does not, and is found by the
hash of its pixels, wherever it lies by now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.actions.export import Exported, export_frame, export_of, export_picture, mask_beside, record_of
from medsynth_app.actions.inpaint import given_labels, in_labels
from medsynth_app.actions.open_image import list_series, open_image
from medsynth_app.actions.packs import find_pack, list_packs
from medsynth_app.actions.records import Found
from medsynth_app.actions.rerun_answer import Rerun, answer_of, look_at_fills, look_at_picture
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import Pixels, pixels_sha256
from medsynth_app.core.jobs.generate import GenerateRequest
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.core.jobs.request import Conditioning, ImageContext, ModelRef
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.parameters import GenerateParameters, InpaintParameters
from medsynth_app.core.provenance import Provenance, all_records
from medsynth_app.core.recorded import (
    bounds_of,
    candidate_of,
    conditioning_of,
    first_of,
    is_classical,
    keeps_to_labels,
    lacking,
    mask_in,
    number,
    range_of,
    regions_of,
    sampling_of,
)
from medsynth_app.formats.provenance import exported_names
from medsynth_app.formats.registry import is_dicom, read_mask
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.candidates import Candidate
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace

Mask = npt.NDArray[np.uint8]
Run = Callable[[Changes], Sequence[Candidate]]


def rerun(found: Found, workspace: Workspace, queue: JobQueue, run: Run, *, image: Path | None = None,
          mask: Path | None = None, pack: str | None = None, kept: Workspace | None = None,
          out: Path | None = None) -> Rerun:
    """Draw again what a record tells of.

    Parameters
    ----------
    workspace, queue, run
        Where it is drawn: a workspace of its own; `run` waits for a job and returns the candidates that it staged.
    image
        What an inpainting was drawn into, a file or a folder of slices.
    mask
        What was painted, for records that do not hold it.
    pack
        Name or folder of the model to draw with; without it the recorded one, or another revision of it.
    kept
        The workspace that the record comes from, which knows where the image lies.
    out
        Folder for what is drawn.

    Raises
    ------
    UserError
        When it cannot be drawn at all: the record lacks too much, image or model are not here, no slice of the image
        holds what the record was drawn into.
    """
    record = found.record
    if record.action not in ("generate", "inpaint"):
        raise UserError("The record says that the image was generated, not how.", "Nothing can be drawn from it.")
    drawing = _Drawing(workspace, queue, run, pack)
    if record.action == "generate":
        return _rerun_picture(found, drawing, mask, out)
    return _rerun_fill(found, drawing, _image_of(record, image, kept), mask, out)


def _rerun_picture(found: Found, drawing: _Drawing, mask: Path | None, out: Path | None) -> Rerun:
    record, workspace = found.record, drawing.workspace
    picture = drawing.picture(record, _labels_of_picture(found, mask))
    pixels, labels = picture.pixels(), picture.mask()
    in_file, counts = look_at_picture(found.file, pixels, labels)
    written = export_picture(workspace, pixels, picture.provenance, out / "rerun.png", mark=False, mask=labels) \
        if out is not None else None
    return answer_of(record, picture.provenance, in_file, counts, lacking(record, ("result_sha256",)), written)


def _rerun_fill(found: Found, drawing: _Drawing, image: Path, mask: Path | None, out: Path | None) -> Rerun:
    record, workspace = found.record, drawing.workspace
    unsaid = lacking(record, ("result_sha256", "mask", *(("labels",) if keeps_to_labels(record) else ())))
    fills = [each for each in all_records(record) if each.action == "inpaint"]
    document = _opened(workspace, image, fills)
    filled = _filled(drawing, document, fills, found, mask)
    in_file, counts = look_at_fills(found.file, filled.pixels, filled.where)
    written = _write(workspace, document, filled.frame, filled.pixels, filled.record, out) if out is not None else None
    return answer_of(record, filled.record, in_file, counts, unsaid, written, (filled.drawn, len(fills)))


@dataclass(frozen=True)
class _Drawing:
    """Runs requests that are made of records."""

    workspace: Workspace
    queue: JobQueue
    run: Run
    pack: str | None

    def picture(self, record: Provenance, labels: Mask | None) -> Any:
        """The whole picture of a record."""
        pack, said, first = self.pack_of(record), record.parameters, first_of(record)
        request = GenerateRequest(
            ModelRef.of(pack), replace(conditioning_of(record), pairs=bool(said.get("pairs")), labels=labels),
            sampling_of(record, first), number(said, "width", int), number(said, "height", int))
        GenerateParameters(request.conditioning, request.sampling, request.width, request.height).checked()
        job = self._submit(request)
        self.run(Changes(jobs=(job,)))
        wanted = candidate_of(record) - first
        return next(each for each in self.workspace.pictures.of_job(job) if each.candidate == wanted)

    def fill(self, record: Provenance, document: Document, frame: int, crop: Pixels, painted: Mask,
             labels: Mask | None) -> Candidate:
        """The fill of a record in these pixels; `painted` and `labels` have the crop's size."""
        said, about, info, first = record.parameters, document.info.frames[frame], document.info, first_of(record)
        bounds = bounds_of(record)
        pack = None if is_classical(record) else self.pack_of(record)
        image = ImageContext(
            crop=np.array(crop), mask=painted > 0, bounds=bounds.as_tuple(), regions=regions_of(record, bounds),
            document_id=document.id, frame_key=str(about.key), source=str(about.key), revision=pixels_sha256(crop),
            intensity_range=range_of(record), inverted=info.inverted,
            rescale=(about.rescale.slope, about.rescale.intercept), unit=about.rescale.unit,
            stored_range=about.stored_range)
        request = InpaintRequest(
            ModelRef.of(pack) if pack is not None else None, image,
            replace(conditioning_of(record), labels=labels) if pack is not None else Conditioning(),
            sampling_of(record, first), mode=str(said.get("mode")), feather=number(said, "feather", int),
            match_seam=bool(said.get("match_seam")), context=said.get("context"))
        InpaintParameters(request.conditioning, request.sampling, request.mode, feather=request.feather).checked()
        job = self._submit(request, document.id)
        wanted = candidate_of(record) - first
        return next(each for each in self.run(Changes(jobs=(job,))) if each.candidate == wanted)

    def _submit(self, request: object, document_id: str = "") -> str:
        return self.queue.submit(request, document_id=document_id)

    def pack_of(self, record: Provenance) -> InstalledPack:
        """The model that drew, else another revision of that name."""
        if self.pack is not None:
            return find_pack(self.pack)
        packs = list_packs()
        same = [each for each in packs if each.manifest.sha256 == record.pack_sha256]
        named = [each for each in packs if each.manifest.name == record.pack]
        if not same and not named:
            raise UserError(f"The model {record.pack} that drew this is not installed.",
                            "Name its folder with --pack, or install it (`medsynth packs import FOLDER`); its hash is "
                            f"{record.pack_sha256[:16] or 'not recorded'}.")
        return (same or named)[-1]


def _image_of(record: Provenance, image: Path | None, kept: Workspace | None) -> Path:
    """Where the image lies that a fill was drawn into."""
    if image is not None:
        return image
    known: list[Path] = []
    if kept is not None and record.source:
        named = exported_names(kept.salt)
        known = kept.documents.paths_of_frames(lambda key: record.source in (key, named(key)))
        there = next((path for path in known if path.exists()), None)
        if there is not None:
            return there
    raise UserError("The image that this was drawn into is no longer where it was." if known else
                    "A record does not hold the image that its result was drawn into.",
                    "Name the image with --image." if known or kept is not None else
                    "Name it with --image, or the workspace that the record comes from with --workspace.")


def _opened(workspace: Workspace, image: Path, fills: Sequence[Provenance]) -> Document:
    """The image; of a folder that holds several series the one that something was drawn into, or else the last."""
    series = [each.identity.series for each in list_series(workspace, image)] if image.is_dir() else []
    for each in series[:-1]:
        try:
            document = open_image(workspace, image, series=each)
        except UserError:
            continue  # another one may be the series that is meant
        if any(_frame_of(document, fill) is not None for fill in fills):
            return document
        document.close()
    return open_image(workspace, image, series=series[-1] if series else "")


@dataclass(frozen=True, eq=False)
class _Filled:
    """A frame with fills drawn again.

    Attributes
    ----------
    pixels
        Of the whole frame, with all that was drawn.
    where
        Which of them that changed, bool (rows, columns).
    record
        Of the last fill.
    drawn
        How many fills were.
    """

    frame: int
    pixels: Pixels
    where: npt.NDArray[np.bool_]
    record: Provenance
    drawn: int


def _filled(drawing: _Drawing, document: Document, fills: Sequence[Provenance], found: Found,
            mask: Path | None) -> _Filled:
    """Draw the last of `fills`, which were accepted one after the other into one frame.

    Those before it are drawn only where it was drawn upon them.
    """
    for start in reversed(range(len(fills))):
        frame = _frame_of(document, fills[start])
        if frame is not None:
            break
    else:
        raise UserError("In none of the image's slices stands what this was drawn into: it is another image, or it was "
                        "changed since.", "Name the image as it was with --image.")
    states = [np.array(document.source.pixels(frame))]
    where = np.zeros(states[0].shape[:2], np.bool_)
    for place, record in enumerate(fills[start:], start):
        bounds = bounds_of(record)
        before = next((state for state in reversed(states) if _is_base(record, state[bounds.slices])), None)
        if before is None:
            raise UserError("Drawn again, an earlier fill of this image is not what it was, and the last one was drawn "
                            "upon it.", "Rerun the record of the earlier one by itself to see what differs.")
        last = place == len(fills) - 1
        painted, labels = _painted(record, document, frame, drawing, (found, mask) if last else (None, None))
        made = drawing.fill(record, document, frame, before[bounds.slices], painted, labels)
        states.append(_with(states[-1], made))
        where[made.bounds.slices] |= made.effective()
    return _Filled(frame, states[-1], where, made.provenance, len(fills) - start)


def _with(frame: Pixels, fill: Candidate) -> Pixels:
    """A whole frame with a fill in its place."""
    filled, inside = frame.copy(), fill.effective()
    filled[fill.bounds.slices][inside] = fill.pixels()[inside]
    return filled


def _frame_of(document: Document, record: Provenance) -> int | None:
    """The frame whose own pixels a fill was drawn into."""
    bounds = bounds_of(record)
    for frame, about in enumerate(document.info.frames):
        if bounds.bottom <= about.rows and bounds.right <= about.columns \
                and _is_base(record, document.source.region(frame, bounds)):
            return frame
    return None


def _is_base(record: Provenance, pixels: Pixels) -> bool:
    return bool(record.parameters.get("revision") == pixels_sha256(pixels))


def _painted(record: Provenance, document: Document, frame: int, drawing: _Drawing,
             beside_record: tuple[Found | None, Path | None]) -> tuple[Mask, Mask | None]:
    """What was painted in the crop of a fill, and its labels where the fill kept to them.

    Parameters
    ----------
    beside_record
        Where to look for it besides: by the file of the result, and the mask that the person named.
    """
    found, given = beside_record
    said, bounds, about = record.parameters, bounds_of(record), document.info.frames[frame]
    if given is None and "mask" in said:
        labels = mask_in(said, "labels", bounds.height, bounds.width) if keeps_to_labels(record) else None
        return _nonempty(mask_in(said, "mask", bounds.height, bounds.width)), labels
    path = given or (mask_beside(found.file) if found is not None and found.file is not None else None)
    if path is None:
        raise UserError("The record is of an earlier version and does not hold what was painted.",
                        "Name the mask of then with --mask.")
    held = read_mask(path, like=about)
    if held.shape != (about.rows, about.columns):
        raise UserError(f"The mask is {held.shape[1]} x {held.shape[0]} pixels, the image {about.columns} x "
                        f"{about.rows}.", "Give the mask that was painted on the whole image.")
    painted = _nonempty(held[bounds.slices])
    if not keeps_to_labels(record):
        return painted, None
    return painted, in_labels(painted, given_labels(painted, drawing.pack_of(record).manifest))


def _nonempty(painted: Mask) -> Mask:
    if not painted.any():
        raise UserError("Nothing is painted where the record says that something was drawn.",
                        "Name the mask of then with --mask.")
    return painted


def _labels_of_picture(found: Found, given: Path | None) -> Mask | None:
    """The mask that a whole picture follows; None where it follows none, or one that is drawn from the seed."""
    record, said = found.record, found.record.parameters
    if not record.mask_sha256 or said.get("pairs"):
        return None
    if given is not None:
        return read_mask(given)
    if "mask" in said:
        return mask_in(said, "mask", number(said, "height", int), number(said, "width", int))
    beside = mask_beside(found.file) if found.file is not None else None
    if beside is None:
        raise UserError("The record is of an earlier version and does not hold the mask that the picture follows.",
                        "Name it with --mask.")
    return read_mask(beside)


def _write(workspace: Workspace, document: Document, frame: int, pixels: Pixels, made: Provenance, out: Path
           ) -> Exported:
    """Write the whole frame in its own depth, without a mark."""
    seen = replace(export_of(workspace, document, frame), pixels=pixels, provenance=record_of(workspace, [made]))
    kind = "dicom" if is_dicom(document.source) else "tiff" if pixels.ndim == 2 else "png"
    ending = {"dicom": "dcm", "tiff": "tiff", "png": "png"}[kind]
    return export_frame(seen, out / f"rerun.{ending}", kind, mark=False)
