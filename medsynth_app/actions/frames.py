"""Where in a document a candidate belongs, and how it fits there now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameKey, Pixels, pixels_sha256
from medsynth_app.workspace.candidates import Candidate
from medsynth_app.workspace.composed import Fill
from medsynth_app.workspace.documents import Document

SAME_REGION = 0.5  # share of the smaller of two masks that both cover


@dataclass(frozen=True, eq=False)
class Fit:
    """A candidate as it fits into a document now.

    Attributes
    ----------
    bounds
        What changes: its own, and those of the fills whose place it takes.
    before, after
        The pixels of `bounds` as they are now, and with the candidate in place.
    replaced
        Accepted fills whose place it takes, the latest first.
    beside
        Whether what surrounds its effective mask has changed since the run began.
    """

    frame: int
    bounds: Bounds
    before: Pixels
    after: Pixels
    replaced: tuple[Fill, ...]
    beside: bool


class _Patch:
    """The pixels and the mask of a candidate, read once."""

    def __init__(self, result: Candidate, like: Pixels) -> None:
        self.pixels, self.mask = result.pixels().astype(like.dtype, copy=False), result.effective()
        self._inside = self.mask if like.ndim == 2 else self.mask[..., None]
        self._revision = result.provenance.parameters.get("revision")

    def fits(self, now: Pixels) -> bool:
        """Whether what it replaces is what the run saw.

        Outside the mask a candidate is what the run saw; with what is inside now that is all of it, or it has changed.
        """
        return pixels_sha256(np.where(self._inside, now, self.pixels)) == self._revision

    def into(self, now: Pixels) -> Pixels:
        return np.where(self._inside, self.pixels, now)

    def beside(self, now: Pixels) -> bool:
        return bool((now != self.pixels)[~self.mask].any())


def frame_of(document: Document, key: FrameKey | str) -> int:
    """Index of the frame with this key; raises `UserError` when the document does not hold it."""
    for index, about in enumerate(document.info.frames):
        if str(about.key) == str(key):
            return index
    raise UserError("This result belongs to another image.", "Open the image that it was made for.")


def in_place(now: Pixels, result: Candidate) -> Pixels:
    """The pixels in the bounds of a candidate with it in place, from those that are there now.

    What surrounds its effective mask may have changed since the run began, e.g. by a fill beside it that was accepted
    first; what it replaces may not.

    Raises
    ------
    UserError
        When one of the pixels that it replaces has changed.
    """
    patch = _Patch(result, now)
    if not patch.fits(now):
        raise _changed()
    return patch.into(now)


def fit(document: Document, result: Candidate) -> Fit:
    """How a candidate goes into a document; it may take the place of accepted fills of the same region.

    What surrounds it may have changed, as for `in_place`. Where another fill of its region was accepted since the run
    began, that one is taken out again, and all that were accepted upon it.

    Raises
    ------
    UserError
        When it is in the image already, when pixels that it replaces have changed otherwise, or when a fill that it
        leaves in place stands upon one that would go.
    """
    frame, own = frame_of(document, result.frame_key), result.bounds
    now = np.array(document.region(frame, own))
    patch = _Patch(result, now)
    if patch.fits(now):
        return Fit(frame, own, now, patch.into(now), (), patch.beside(now))
    fills = document.composed.fills(frame)
    if any(fill.candidate_id == result.id for fill in fills):
        raise UserError("This result is in the image already.", "Undo it if you want the original back.")
    going: list[Fill] = []
    for fill in reversed(fills):
        if _same_region(document, fill, own, patch.mask):
            going.append(fill)
            base = _without(document, frame, own, going)
            if patch.fits(base):
                break
    else:
        raise _changed()
    _require_free(document, fills, going)
    bounds = own
    for fill in going:
        bounds = bounds.union(fill.bounds)
    after = _without(document, frame, bounds, going)
    after[own.within(bounds).slices] = patch.into(base)
    return Fit(frame, bounds, np.array(document.region(frame, bounds)), after, tuple(going), patch.beside(base))


def _without(document: Document, frame: int, bounds: Bounds, fills: Iterable[Fill]) -> Pixels:
    return document.composed.without(frame, bounds, {fill.candidate_id for fill in fills})


def _shared(document: Document, fill: Fill, bounds: Bounds, mask: Pixels) -> int:
    """How many pixels a fill shares with a mask in `bounds`."""
    if not fill.bounds.overlaps(bounds):
        return 0
    shared = fill.bounds.shared(bounds)
    return int((document.composed.filled(fill)[shared.within(fill.bounds).slices]
                & mask[shared.within(bounds).slices]).sum())


def _same_region(document: Document, fill: Fill, bounds: Bounds, mask: Pixels) -> bool:
    shared = _shared(document, fill, bounds, mask)
    return shared > 0 and shared >= SAME_REGION * min(int(document.composed.filled(fill).sum()), int(mask.sum()))


def _require_free(document: Document, fills: Sequence[Fill], going: Sequence[Fill]) -> None:
    """Raise `UserError` where a fill that stays was drawn upon one that goes."""
    for gone in going:
        mask = document.composed.filled(gone)
        for later in fills[fills.index(gone) + 1:]:
            if later not in going and _shared(document, later, gone.bounds, mask):
                raise UserError("Another fill was drawn over the one whose place this would take.",
                                "Undo that one first.",
                                safe="The image was left as it is and the result is kept.")


def _changed() -> UserError:
    return UserError("The image has changed in this region since the run began.",
                     "Undo that change, or run again on the image as it is now.",
                     safe="The image was left as it is and the result is kept.")
