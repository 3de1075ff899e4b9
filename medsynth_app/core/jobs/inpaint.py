"""Inpaint: fill the masked part of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameKey
from medsynth_app.core.intensity import IntensityRange
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, Lane
from medsynth_app.core.jobs.kind import JobKind, Keeper, Outcome, only, shortened
from medsynth_app.core.jobs.request import Conditioning, ImageContext, ModelRef, Sampling
from medsynth_app.core.provenance import Provenance

MODES = ("replace", "remove", "vary")


@dataclass(frozen=True, eq=False)
class InpaintRequest:
    """Fill the masked part of a crop.

    Attributes
    ----------
    model
        None: the classical fill, from the surroundings alone; it can only remove.
    image
        The effective mask derives from its mask and `feather`.
    conditioning
        Its labels have the crop's shape: the fill follows them.
    feather
        Width in pixels of the soft edge inside the mask.
    match_seam
        Match mean and spread to the surroundings at the seam.
    notices
        What the reader said of the image, and warnings shown before the run; they stay with the result.
    context
        What the person set for the surroundings (`InpaintParameters.context`), for the record: the crop has them
        already. None where no model looks at them.
    """

    model: ModelRef | None
    image: ImageContext
    conditioning: Conditioning
    sampling: Sampling
    mode: str = "replace"
    feather: int = 4
    match_seam: bool = False
    notices: tuple[str, ...] = ()
    context: float | None = None

    def by_region(self) -> tuple[InpaintRequest, ...]:
        """A request for each part that is drawn in a crop of its own; this one where there is one crop alone."""
        image, labels = self.image, self.conditioning.labels
        whole, found = Bounds(*image.bounds), []
        for region in image.regions:
            part = Bounds(*region).within(whole).slices
            found.append(replace(
                self, image=replace(image, crop=image.crop[part], mask=image.mask[part], bounds=region, regions=()),
                conditioning=self.conditioning if labels is None else replace(self.conditioning, labels=labels[part])))
        return tuple(found) or (self,)


def needs_model() -> UserError:
    return UserError("Without a model something can be removed, but nothing drawn.",
                     "Choose Remove, or a model that knows this kind of image.")


def nothing_around() -> UserError:
    return UserError("All of the image is painted, and nothing is left to fill it from.",
                     "Leave some of what surrounds the region unpainted.")


def titled(request: InpaintRequest) -> str:
    subject = "remove" if request.mode == "remove" else shortened(request.conditioning.prompt)
    return f"Inpaint: {subject} ({request.sampling.count})"


def image_in(plain: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the plain half of a stored request says of its image; it was flat in the first workspaces."""
    image: Mapping[str, Any] = plain.get("image", plain)
    return image


def receive(workspace: Keeper, record: JobRecord, event: JobEvent) -> Changes:
    """Keep a candidate.

    Raises
    ------
    UserError
        When the study was removed meanwhile, or the disk is full.
    """
    if event.kind is not EventKind.RESULT:
        return Changes()
    try:
        image = image_in(workspace.jobs.plain(record.id))
    except KeyError as error:
        raise UserError("The study of this job was removed from the workspace.",
                        "Open its file again and run once more.") from error
    provenance = Provenance.from_dict(dict(event.data["provenance"]))
    # Accepting compares this with the pixels as they are then.
    provenance = replace(provenance, parameters={**provenance.parameters, "revision": image["revision"]})
    kept = workspace.candidates.add(
        job_id=record.id, document_id=image["document_id"], frame_key=FrameKey.parse(image["frame_key"]),
        bounds=Bounds(*image["bounds"]), candidate=int(event.data["candidate"]), patch=event.arrays["patch"],
        effective=event.arrays["effective"], alpha=event.arrays.get("alpha"), provenance=provenance,
        seam=event.data.get("seam"))
    return Changes(candidates=(kept.document_id,))


def from_flat(flat: Mapping[str, Any]) -> InpaintRequest:
    """A request as the first workspaces kept it."""
    flat = {"seed": 0, "control_scale": 1.0, **flat}
    if flat.get("window") is not None:
        flat["intensity_range"] = IntensityRange(*flat["window"])
    return InpaintRequest(ModelRef(flat["pack"], flat["pack_sha256"]), only(ImageContext, flat),
                          only(Conditioning, flat), only(Sampling, flat),
                          **{name: flat[name] for name in ("mode", "feather", "match_seam", "notices") if name in flat})


def renewed(plain: Mapping[str, Any]) -> Mapping[str, Any]:
    """The plain half of a stored request with a range where it had the display window of then."""
    image = dict(plain["image"])
    if "window" in image:
        window = image.pop("window")
        image["intensity_range"] = None if window is None else {"low": window[0], "high": window[1]}
    return {**plain, "image": image}


INPAINT = JobKind("inpaint", InpaintRequest, Lane.INTERACTIVE, titled, "inpaint", Outcome.CANDIDATES,
                  "Candidates are ready", receive, smaller="fewer candidates or a smaller surrounding", flat=from_flat,
                  renewed=renewed)
