"""Requests: frozen values that hold all a worker needs, so that they survive a restart.

A request is stored as plain JSON values (`to_parts`' first part) and arrays (the second).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from medsynth_app.core.image import Pixels

MODES = ("replace", "remove", "vary")
TRAINABLE = ("base", "control", "masks", "encoder")


@dataclass(frozen=True, eq=False)
class InpaintRequest:
    """Fill the masked part of a crop.

    Attributes
    ----------
    crop
        Stored values of the padded context: (h, w) of the image's own integer type or (h, w, 3) uint8.
    mask
        What was painted, shape (h, w), bool. The effective mask derives from it and `feather`.
    bounds
        (top, left, bottom, right) of the crop in the frame.
    window
        (low, high) in modality units that the model sees as black and white; None for RGB.
    inverted
        MONOCHROME1: `low` is white.
    rescale
        (slope, intercept) of stored values.
    stored_range
        Limits that written values are clipped to.
    revision
        Hash of the crop's pixels when the request was made (`Document.revision`).
    source
        sha256 or UID text for the provenance record, never a path.
    pack, pack_sha256
        Folder of the pack, and the hash that its manifest states.
    strength
        0..1, share of the noise schedule that is run; 1 ignores what was there.
    feather
        Width in pixels of the soft edge inside the mask.
    match_seam
        Match mean and spread to the surroundings at the seam.
    labels
        What shall be where in the crop, shape (h, w), uint8, 0 the background (`PackManifest.mask_labels`): the fill
        follows it, with the pack's ControlNet. None: the prompt alone decides.
    control_scale
        How firmly `labels` are followed; 0 ignores them, 1 is as the model learned.
    seed, count
        Candidate k uses ``seed + k``.
    preview_every
        Steps between previews; 0 turns them off.
    notices
        Warnings shown before the run; they stay with the result.
    """

    kind: ClassVar[str] = "inpaint"
    crop: Pixels
    mask: npt.NDArray[np.bool_]
    bounds: tuple[int, int, int, int]
    document_id: str
    frame_key: str
    revision: str
    source: str
    pack: str
    pack_sha256: str
    prompt: str
    negative_prompt: str = ""
    mode: str = "replace"
    strength: float = 1.0
    steps: int = 25
    guidance: float = 2.5
    seed: int = 0
    count: int = 4
    feather: int = 4
    match_seam: bool = False
    labels: npt.NDArray[np.uint8] | None = None
    control_scale: float = 1.0
    window: tuple[float, float] | None = None
    inverted: bool = False
    rescale: tuple[float, float] = (1.0, 0.0)
    stored_range: tuple[int, int] = (0, 255)
    preview_every: int = 4
    device: str = "auto"
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class GenerateRequest:
    """Make whole pictures from a prompt, at the pack's native size or a multiple of 8 pixels.

    Attributes
    ----------
    mask
        Labels that the pictures follow, shape (h, w), uint8, 0 the background (`PackManifest.mask_labels`);
        resized to the pictures' size. None: the prompt alone decides.
    control_scale
        How firmly a mask is followed; 0 ignores it, 1 is as the model learned.
    pairs
        Draw a mask for every picture first, from the pack's model of masks; then `mask` is None.
    source
        sha256 or UID text of the frame on which the mask was painted, for the provenance record; never a path. Empty
        where there is none.
    """

    kind: ClassVar[str] = "generate"
    pack: str
    pack_sha256: str
    prompt: str
    negative_prompt: str = ""
    width: int = 0
    height: int = 0
    steps: int = 25
    guidance: float = 2.5
    seed: int = 0
    count: int = 4
    preview_every: int = 4
    device: str = "auto"
    mask: npt.NDArray[np.uint8] | None = None
    control_scale: float = 1.0
    pairs: bool = False
    source: str = ""


@dataclass(frozen=True, eq=False)
class TrainRequest:
    """Train a pack, or a part of one, from a frozen training set.

    Attributes
    ----------
    recipe, data, out, checkpoints
        A file and three folders on this machine; `out` becomes a pack.
    part
        One of `TRAINABLE`.
    pack
        Folder of the base pack that a part joins (``control``, ``masks``): `out` becomes a copy of it with that part;
        or that ``base`` starts from.
    """

    kind: ClassVar[str] = "train"
    recipe: str
    data: str
    out: str
    part: str = "base"
    pack: str = ""
    checkpoints: str = ""
    max_minutes: float = 0.0


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

    kind: ClassVar[str] = "embed"
    pack: str
    pack_sha256: str
    images: tuple[str, ...]
    ids: tuple[str, ...]
    boxes: npt.NDArray[np.int64] | None = None
    crop: float = 0.0
    out: str = ""
    device: str = "auto"


Request = InpaintRequest | GenerateRequest | TrainRequest | EmbedRequest
KINDS: dict[str, type[Any]] = {kind.kind: kind for kind in (InpaintRequest, GenerateRequest, TrainRequest,
                                                           EmbedRequest)}


def to_parts(request: Request) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Split a request into plain JSON values and arrays."""
    values = {f.name: getattr(request, f.name) for f in fields(request)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in values.items() if name not in arrays}
    return {"kind": request.kind, **plain}, arrays


def from_parts(plain: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Request:
    """The inverse of `to_parts`; JSON's lists become tuples again."""
    values = {name: tuple(value) if isinstance(value, list) else value
              for name, value in plain.items() if name != "kind"}
    request: Request = KINDS[plain["kind"]](**values, **arrays)
    return request
