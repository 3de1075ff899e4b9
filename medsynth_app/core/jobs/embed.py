"""Embed: pictures, or boxes of pictures, as vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.kind import JobKind, Outcome
from medsynth_app.core.jobs.request import ModelRef

BETWEEN = "\0"  # stands in no path


@dataclass(frozen=True, eq=False)
class PictureList:
    """Pictures, or boxes of pictures, as arrays however many they are: a stored request holds hashes of them alone.

    Attributes
    ----------
    files
        The distinct files, a NUL between two, UTF-8 in uint8. The one place of their paths: a file in the workspace's
        private folder, in no row of its database.
    file_of
        Index of its file, per picture; shape (n,), int32.
    names
        A unique name per picture, as `files`.
    boxes
        Left, top, right, bottom in pixels of each, shape (n, 4), int64; None: the whole pictures.
    classes
        The class of each, as `files`, empty where one has none; None where no classes are known.
    """

    files: npt.NDArray[np.uint8]
    file_of: npt.NDArray[np.int32]
    names: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.int64] | None = None
    classes: npt.NDArray[np.uint8] | None = None

    @staticmethod
    def of(names: Sequence[str], files: Sequence[str], boxes: npt.NDArray[np.int64] | None = None,
           classes: Sequence[str] = ()) -> PictureList:
        """A file and a unique name per picture; raises ValueError where they are not equally many."""
        if len(names) != len(files) or (boxes is not None and len(boxes) != len(files)):
            raise ValueError("every picture has a name and a file")
        place = {file: k for k, file in enumerate(dict.fromkeys(files))}
        return PictureList(_packed(place), np.fromiter((place[file] for file in files), np.int32, len(files)),
                           _packed(names), boxes, _packed(classes) if any(classes) else None)

    def __len__(self) -> int:
        return len(self.file_of)

    def paths(self) -> list[str]:
        """The file of each picture."""
        files = _unpacked(self.files)
        return [files[k] for k in self.file_of]

    def ids(self) -> tuple[str, ...]:
        return tuple(_unpacked(self.names)) if len(self) else ()

    def labels(self) -> tuple[str, ...]:
        """The class of each picture; () where no classes are known."""
        return () if self.classes is None else tuple(_unpacked(self.classes))


def _packed(texts: Iterable[str]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(BETWEEN.join(texts).encode("utf-8", "surrogateescape"), np.uint8)


def _unpacked(packed: npt.NDArray[np.uint8]) -> list[str]:
    return packed.tobytes().decode("utf-8", "surrogateescape").split(BETWEEN)


@dataclass(frozen=True, eq=False)
class EmbedRequest:
    """Turn pictures into vectors.

    Attributes
    ----------
    model
        An encoder.
    out
        The file that the worker writes (see `formats.embeddings`).
    crop
        Share of the edge that is seen: of a picture's shorter one, or of a box's longer one (then also above 1).
        0: as the encoder was taught.
    """

    model: ModelRef
    pictures: PictureList
    out: str
    crop: float = 0.0
    device: str = "auto"


def titled(request: EmbedRequest) -> str:
    return f"Embed: {len(request.pictures)} pictures"


def from_flat(flat: Mapping[str, Any]) -> EmbedRequest:
    """A request as the first workspaces kept it."""
    return EmbedRequest(ModelRef(flat["pack"], flat["pack_sha256"]),
                        PictureList.of(flat["ids"], flat["images"], flat.get("boxes")), flat["out"],
                        flat.get("crop", 0.0), flat.get("device", "auto"))


EMBED = JobKind("embed", EmbedRequest, Lane.BACKGROUND, titled, "embed", Outcome.FILE, "Pictures are embedded",
                flat=from_flat)
