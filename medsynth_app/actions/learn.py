"""Learn from labels: embed the cells that are not yet, then have a classifier learn and rank the rest."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from medsynth_app.core.cell_label import SKIPPED
from medsynth_app.core.cell_schema import OTHER_ANSWERS
from medsynth_app.core.cells import Cell, Origin
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.embed import EmbedRequest, PictureList
from medsynth_app.core.jobs.learn import WITHOUT, LearnRequest
from medsynth_app.core.jobs.rank import RankRequest
from medsynth_app.core.jobs.request import ModelRef
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.formats.embeddings import read_ids
from medsynth_app.ranking.catalogue import DEFAULT
from medsynth_app.workspace.label_sets import LabelSet

RANKED = 2000  # cells that are put in order at a time: more than anybody labels before the next learning


def suited_encoder(packs: Sequence[InstalledPack], wanted: str = "") -> InstalledPack:
    """The encoder with the hash `wanted`, else the one to begin with; raises `UserError` where there is none."""
    encoders = [pack for pack in packs if pack.manifest.kind == "encoder"]
    if not encoders:
        raise UserError("There is no encoder, so the cells cannot be compared: they come by chance.",
                        "Install an encoder in Models, or train one with `medsynth train encoder`.")
    return next((pack for pack in encoders if pack.manifest.sha256 == wanted), encoders[0])


def parts_of(label_set: LabelSet, encoder: InstalledPack) -> list[Path]:
    """Files of embeddings that there are of a set."""
    return sorted(label_set.folder.glob(f"embeddings-{encoder.manifest.sha256[:16]}-*.npz"))


def embed_cells(label_set: LabelSet, encoder: InstalledPack, device: str) -> list[EmbedRequest]:
    """Requests for those cells that have no embedding and whose image is there; whole pictures and boxes apart."""
    done = {name for path in parts_of(label_set, encoder) for name in read_ids(path)}
    there: dict[str, bool] = {}
    lacking = [cell for cell in label_set.cells if cell.id not in done
               and there.setdefault(cell.file, Path(cell.file).is_file())]
    label_set.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    requests = []
    for cells in ([cell for cell in lacking if cell.whole], [cell for cell in lacking if not cell.whole]):
        if cells:
            boxes = None if cells[0].whole else np.array([cell.box for cell in cells], np.int64)
            pictures = PictureList.of([cell.id for cell in cells], [cell.file for cell in cells], boxes)
            out = label_set.folder / f"embeddings-{encoder.manifest.sha256[:16]}-{uuid.uuid4().hex[:12]}.npz"
            requests.append(EmbedRequest(ModelRef(str(encoder.folder.resolve()), encoder.manifest.sha256), pictures,
                                         str(out), device=device))
    return requests


def like_request(label_set: LabelSet, encoder: InstalledPack, cell_id: str, most: int) -> RankRequest:
    """Have a worker find the cells most like one of the set, `most` at most.

    Raises
    ------
    UserError
        The cell has no embedding.
    """
    parts = parts_of(label_set, encoder)
    if not any(cell_id in read_ids(path) for path in parts):
        raise UserError("The encoder has not looked at this cell yet, or its image is gone.",
                        "Wait until the cells were compared, or choose another one.")
    out = label_set.folder / f"like-{uuid.uuid4().hex[:12]}.csv"
    return RankRequest(tuple(map(str, parts)), DEFAULT, most, str(out), seed=label_set.options.seed, like=(cell_id,))


def learn_request(label_set: LabelSet, encoder: InstalledPack, agreed: Mapping[str, str], control: Sequence[bool],
                  before: Path | None) -> LearnRequest | None:
    """All that a worker needs; None where no cell is embedded.

    Parameters
    ----------
    agreed
        What each cell is called.
    control
        Which cells chance drew, in the order of the set's.
    before
        What was learned last of the same cells, whose map is kept.

    Cells without an embedding, whose image is gone, are ignored: `LearnRequest.ids` names those that are not.
    """
    parts = parts_of(label_set, encoder)
    known = {name for path in parts for name in read_ids(path)}
    cells = [cell for cell in label_set.cells if cell.id in known]
    if not cells:
        return None
    place = {name: k for k, name in enumerate(label_set.schema.ids)}
    answers = [agreed.get(cell.id, "") for cell in cells]
    at = {cell: turn for turn, cell in enumerate(_as_given(label_set))}
    drawn = {cell.id for cell, by_chance in zip(label_set.cells, control, strict=True) if by_chance}
    labels = np.array([place.get(answer, WITHOUT) for answer in answers], np.int32)
    alone = {each.cell for each in label_set.labels.values()
             if each.alone and each.repeat == 0 and each.answer == agreed.get(each.cell)}
    return LearnRequest(
        tuple(str(path) for path in parts), label_set.schema.ids, labels,
        np.array([cell.id in drawn and cell.origin is Origin.REAL for cell in cells], np.bool_),
        np.array([cell.origin is Origin.REAL for cell in cells], np.bool_),
        np.array([answer in (*OTHER_ANSWERS, SKIPPED) for answer in answers], np.bool_),
        label_set.options.strategy, RANKED, str(label_set.folder / f"learned-{uuid.uuid4().hex[:12]}.npz"),
        before=str(before) if before is not None else "", images=_images(cells),
        given=np.array([at.get(cell.id, WITHOUT) if label != WITHOUT else WITHOUT
                        for cell, label in zip(cells, labels, strict=True)], np.int32),
        grouped=(labels != WITHOUT) & np.array([cell.id not in alone for cell in cells], np.bool_),
        ids=np.array([cell.id.encode() for cell in cells], "S20"), seed=label_set.options.seed)


def _as_given(label_set: LabelSet) -> list[str]:
    """Cells with a label, in the order of their first."""
    return list(dict.fromkeys(each.cell for each in sorted(label_set.labels.values(), key=lambda label: label.at)
                              if each.answer not in (*OTHER_ANSWERS, SKIPPED)))


def _images(cells: Sequence[Cell]) -> np.ndarray:
    """Number of the image that each cell lies in."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(cell.image_sha256, len(numbers)) for cell in cells], np.int32)
