"""Embed: pictures, or boxes of pictures, as vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.kind import JobKind, Outcome


@dataclass(frozen=True, eq=False)
class EmbedRequest:
    """Turn pictures, or boxes of pictures, into vectors.

    Attributes
    ----------
    pack, pack_sha256
        Folder of an encoder's pack, and the hash that its manifest states.
    images, ids
        A file and a unique name per embedding.
    boxes
        Left, top, right, bottom in pixels of each, shape (n, 4), integers; None: the whole pictures.
    crop
        Share of the edge that is seen: of a picture's shorter one, or of a box's longer one (then also above 1).
        0: as the encoder was taught.
    out
        A file ``.npz`` that the worker writes (see `formats.embeddings`); empty: the event alone carries the result.
    """

    pack: str
    pack_sha256: str
    images: tuple[str, ...]
    ids: tuple[str, ...]
    boxes: npt.NDArray[np.int64] | None = None
    crop: float = 0.0
    out: str = ""
    device: str = "auto"


def titled(request: EmbedRequest) -> str:
    return f"Embed: {len(request.ids)} pictures"


EMBED = JobKind("embed", EmbedRequest, Lane.BACKGROUND, titled, "embed", Outcome.FILE, "Pictures are embedded")
