"""An encoder: pictures become vectors."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.actions.embed import embed, embed_request
from medsynth_app.actions.packs import find_pack
from medsynth_app.api.connection import OpenPack, Progress
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.embed import PictureList
from medsynth_app.core.pack_files import read_json
from medsynth_app.datasets.picture import seen
from medsynth_app.formats.arrays import open_array
from medsynth_app.formats.embeddings import Embeddings, read_embeddings, write_embeddings
from medsynth_app.formats.raster import write_png
from medsynth_app.headless import Interrupted

Vectors = npt.NDArray[np.float32]  # (n, dimensions)


class Encoder(OpenPack):
    """An encoder's pack; used and closed as `Pack`, whose parameters it has.

    Raises
    ------
    UserError
        When there is no such pack, or it is no encoder.
    """

    def __init__(self, pack: str | Path, *, device: str = "auto", workspace: str | Path | None = None,
                 progress: Progress | None = None) -> None:
        super().__init__(find_pack(str(pack), kind="encoder"), device, workspace, progress)

    def embed(self, images: Sequence[npt.ArrayLike] | npt.NDArray[np.generic], *, crop: float = 0.0,
              modality: str | None = None) -> Vectors:
        """Turn images into vectors; the row of an image does not depend on the others.

        Parameters
        ----------
        images
            Any number of them, of any sizes: each (rows, columns, 3) uint8 RGB, or (rows, columns) uint8, uint16 or
            int16.
        crop
            Share of the shorter edge that is seen, about the middle; 0: as the encoder was taught.
        modality
            DICOM Modality of grey images ("CT": values in HU): which values are black and white. None: by the values
            of each image.

        Returns
        -------
        float32, (n, dimensions), in the order of `images`.

        Raises
        ------
        UserError
            For no image, an array that is none, or a crop out of range.
        """
        held = list(images)
        if not held:
            raise UserError("There are no images.", "Give at least one.")
        if isinstance(images, np.ndarray) and images.ndim == 3 and images.shape[-1] == 3:
            raise UserError(f"An array of the shape {images.shape} is one image, not several.", "Give images[None].")
        with tempfile.TemporaryDirectory(prefix="medsynth-embed-") as temporary:
            names = [f"{k:08d}" for k in range(len(held))]
            files = [Path(temporary) / f"{name}.png" for name in names]
            for file, image in zip(files, held, strict=True):
                write_png(file, seen(open_array(image, modality)), None, mark=False)
            out = Path(temporary) / "E.npz"
            request = embed_request(self._pack, PictureList.of(names, list(map(str, files))), out, crop=crop,
                                    device=self._device)
            here = self._connection.here
            try:
                here.run(embed(here.queue, request, here.person_id, Lane.INTERACTIVE))
            except Interrupted:
                raise KeyboardInterrupt from None
            return read_embeddings(out).values

    def save(self, path: str | Path, vectors: Vectors, *, ids: Sequence[str] | None = None,
             labels: Sequence[str] = ()) -> Path:
        """Write vectors of this encoder with their labels, as ``medsynth embed`` does.

        Parameters
        ----------
        path
            ``.npz`` (what `medsynth rank` reads), ``.csv`` or ``.parquet`` (which needs pyarrow); an earlier file is
            replaced.
        vectors
            (n, dimensions) as `embed` returns them: finite numbers, as many for each row as this encoder makes.
        ids
            A unique name for each row; None: "0", "1", ...
        labels
            The class of each row; none where they are not known.

        Raises
        ------
        UserError
            For what is no vectors of this encoder, ids or labels that do not fit the rows, or a file that cannot be
            written.
        """
        held = self._checked(vectors)
        names = tuple(map(str, range(len(held)) if ids is None else ids))
        try:
            made = Embeddings(names, held, self.manifest.name, self.manifest.sha256, tuple(map(str, labels)))
        except ValueError as error:
            raise UserError("Vectors, ids and labels do not fit.",
                            "Give a unique id, and where there are labels one of them, for each row of vectors."
                            ) from error
        write_embeddings(Path(path), made)
        return Path(path)

    def _checked(self, vectors: npt.ArrayLike) -> Vectors:
        """Vectors of this encoder as float32; raises `UserError` for what cannot be such."""
        try:
            given = np.asarray(vectors)
        except ValueError:  # rows of several lengths
            given = np.empty(0, np.object_)
        width = int(read_json(self._pack.folder / "config.json")["hidden_sizes"][-1])
        if given.ndim != 2 or given.shape[1] != width or given.dtype.kind != "f":
            raise UserError(f"An array of the shape {given.shape} and the type {given.dtype} holds no vectors of "
                            f"{self.manifest.name}, which are (n, {width}) floats.", "Give what `embed` returned.")
        with np.errstate(over="ignore"):
            held = given.astype(np.float32)
        if not np.isfinite(held).all():
            row = int(np.flatnonzero(~np.isfinite(held).all(1))[0])
            raise UserError(f"The vector in row {row} holds numbers that are not finite (NaN or infinite).",
                            "Leave such rows out, or embed their images again.")
        return held
