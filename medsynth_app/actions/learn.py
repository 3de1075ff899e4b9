"""Learn from labels: embed the cells that are not yet, then have a classifier learn and rank the rest."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.actions.packs import newest
from medsynth_app.core.cell_label import SKIPPED
from medsynth_app.core.cell_schema import OTHER_ANSWERS, CellSchema
from medsynth_app.core.cells import Cell, Origin
from medsynth_app.core.class_match import ClassMatcher
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.embed import EmbedRequest, PictureList
from medsynth_app.core.jobs.learn import WITHOUT, LearnRequest
from medsynth_app.core.jobs.rank import RankRequest
from medsynth_app.core.jobs.request import ModelRef
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.formats.embeddings import read_ids
from medsynth_app.ranking.catalogue import DEFAULT
from medsynth_app.workspace.label_sets import LabelSet

LIKE_FILES = "like-"  # how the files begin in which cells like one are written
RANKED = 2000  # cells that are put in order at a time: more than anybody labels before the next learning


def suited_encoder(packs: Sequence[InstalledPack], wanted: str = "", schema: CellSchema | None = None) -> InstalledPack:
    """The encoder to compare cells with.

    Parameters
    ----------
    wanted
        Its hash; where none has it, the first one, or the first that saw no label where most classes are new; the
        newest version of it.
    schema
        Classes that are looked for; those that an encoder was not taught are new to it.

    Raises
    ------
    UserError
        There is no encoder.
    """
    encoders = [pack for pack in packs if pack.manifest.kind == "encoder"]
    if not encoders:
        raise UserError("There is no encoder, so the cells cannot be compared: they come by chance.",
                        "Install an encoder in Models, or train one with `medsynth train encoder`.")
    first = encoders[0]
    # On stages of cells that neither was taught both did alike, on what the one was taught it did far better.
    if schema is not None and first.manifest.taught \
            and 2 * len(new_classes(schema, first.manifest.taught)) > len(schema.classes):
        first = next((pack for pack in encoders if pack.manifest.taught == ()), first)
    return next((pack for pack in encoders if pack.manifest.sha256 == wanted),
                newest([pack for pack in encoders if pack.manifest.name == first.manifest.name]))


def new_classes(schema: CellSchema, taught: Sequence[str]) -> tuple[str, ...]:
    """Names of the classes of a schema that are not among those that an encoder was taught."""
    matcher = ClassMatcher(schema, {})
    known = {matcher.match(name) for name in taught}
    return tuple(each.name for each in schema.classes if each.id not in known)


def parts_of(folder: Path, encoder: InstalledPack) -> list[Path]:
    """Files of embeddings that there are in the folder of a set."""
    return sorted(folder.glob(f"embeddings-{encoder.manifest.sha256[:16]}-*.npz"))


def embed_cells(cells: Sequence[Cell], folder: Path, encoder: InstalledPack, device: str) -> list[EmbedRequest]:
    """Requests for those cells that have no embedding and whose image is there; whole pictures and boxes apart.

    May run on any thread. `cells` are those of a set, `folder` is its own.
    """
    done = {name for path in parts_of(folder, encoder) for name in read_ids(path)}
    there: dict[str, bool] = {}
    lacking = [cell for cell in cells if cell.id not in done
               and there.setdefault(cell.file, Path(cell.file).is_file())]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    requests = []
    for alike in ([cell for cell in lacking if cell.whole], [cell for cell in lacking if not cell.whole]):
        if alike:
            boxes = None if alike[0].whole else np.array([cell.box for cell in alike], np.int64)
            pictures = PictureList.of([cell.id for cell in alike], [cell.file for cell in alike], boxes)
            out = folder / f"embeddings-{encoder.manifest.sha256[:16]}-{uuid.uuid4().hex[:12]}.npz"
            requests.append(EmbedRequest(ModelRef(str(encoder.folder.resolve()), encoder.manifest.sha256), pictures,
                                         str(out), device=device))
    return requests


@dataclass(frozen=True, eq=False)
class EmbeddedCells:
    """What does not change while labels come: the cells of a set that have an embedding, n of them.

    Attributes
    ----------
    embeddings
        The files in which it lies.
    ids
        Of the cells, UTF-8, shape (n,); `row` tells the place of each.
    places
        Index of each in the set, int32, (n,).
    images
        Number of the image that each lies in, int32, (n,).
    real, control
        Which come from real images, and which of these chance drew, bool, (n,).
    """

    embeddings: tuple[str, ...]
    ids: npt.NDArray[np.bytes_]
    row: Mapping[str, int]
    places: npt.NDArray[np.int32]
    images: npt.NDArray[np.int32]
    real: npt.NDArray[np.bool_]
    control: npt.NDArray[np.bool_]


def embedded_cells(cells: Sequence[Cell], folder: Path, encoder: InstalledPack, control: npt.NDArray[np.bool_]
                   ) -> EmbeddedCells | None:
    """Those that there are; None for none. Cells whose image is gone have no embedding. May run on any thread.

    Parameters
    ----------
    control
        Which cells of the set chance drew.
    """
    parts = parts_of(folder, encoder)
    known = {name for path in parts for name in read_ids(path)}
    found = [(place, cell) for place, cell in enumerate(cells) if cell.id in known]
    if not found:
        return None
    places = np.array([place for place, _cell in found], np.int32)
    real = np.array([cell.origin is Origin.REAL for _place, cell in found], np.bool_)
    numbers: dict[str, int] = {}
    images = [numbers.setdefault(cell.image_sha256, len(numbers)) for _place, cell in found]
    return EmbeddedCells(tuple(str(path) for path in parts),
                         np.array([cell.id.encode() for _place, cell in found], "S20"),
                         {cell.id: row for row, (_place, cell) in enumerate(found)}, places,
                         np.array(images, np.int32), real, control[places] & real)


def learn_request(label_set: LabelSet, cells: EmbeddedCells, agreed: Mapping[str, str], before: Path | None
                  ) -> LearnRequest:
    """All that a worker needs, made in a time that grows with the labels, not with the cells.

    Parameters
    ----------
    agreed
        What each cell is called.
    before
        What was learned last of the same cells, whose map is kept.
    """
    place, count = {name: k for k, name in enumerate(label_set.schema.ids)}, len(cells.ids)
    alone = {each.cell for each in label_set.labels.values()
             if each.alone and each.repeat == 0 and each.answer == agreed.get(each.cell)}
    labels, given = np.full(count, WITHOUT, np.int32), np.full(count, WITHOUT, np.int32)
    ignored, grouped = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    for cell, answer in agreed.items():
        row = cells.row.get(cell)
        if row is None:
            continue
        if answer in place:
            labels[row], grouped[row] = place[answer], cell not in alone
        else:
            ignored[row] = answer in (*OTHER_ANSWERS, SKIPPED)
    for turn, cell in enumerate(_as_given(label_set)):
        row = cells.row.get(cell)
        if row is not None and labels[row] != WITHOUT:
            given[row] = turn
    return LearnRequest(
        cells.embeddings, label_set.schema.ids, labels, cells.control, cells.real, ignored,
        label_set.options.strategy, RANKED, str(label_set.folder / f"learned-{uuid.uuid4().hex[:12]}.npz"),
        before=str(before) if before is not None else "", images=cells.images, given=given, grouped=grouped,
        ids=cells.ids, seed=label_set.options.seed)


def like_request(label_set: LabelSet, cells: EmbeddedCells | None, cell_id: str, most: int) -> RankRequest:
    """Have a worker find the cells most like one of the set, `most` at most; no file is read here.

    Parameters
    ----------
    cells
        Those of the set that have an embedding; None where that is not known.

    Raises
    ------
    UserError
        The cell has no embedding.
    """
    if cells is None or cell_id not in cells.row:
        raise UserError("The encoder has not looked at this cell yet, or its image is gone.",
                        "Wait until the cells were compared, or choose another one.")
    out = label_set.folder / f"{LIKE_FILES}{uuid.uuid4().hex[:12]}.csv"
    return RankRequest(cells.embeddings, DEFAULT, most, str(out), seed=label_set.options.seed, like=(cell_id,))


def _as_given(label_set: LabelSet) -> list[str]:
    """Cells with a label, in the order of their first."""
    return list(dict.fromkeys(each.cell for each in sorted(label_set.labels.values(), key=lambda label: label.at)
                              if each.answer not in (*OTHER_ANSWERS, SKIPPED)))
