"""Encoders of cells held against one another: the pack, and others that the person has put beside it.

Every encoder sees the same squares. Reference cells are from the train part of the data alone, cells asked about from
the test part; a set of another stain is one that no encoder has learned from.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.evaluation.intervals import Spread, over_seeds, wilson
from medsynth_app.evaluation.neighbours import knn_accuracy, linear_probe
from medsynth_app.studies.domain import Pictures
from medsynth_app.studies.findings import Findings

FEW, SEEDS, FOLDS = 60, 5, 5
TIMED = 128
SPEED = 50


@dataclass(frozen=True, eq=False)
class Cells:
    """Squares with a cell in the middle, shape (n, e, e, 3) uint8, and the class of each, shape (n,)."""

    pixels: Pictures
    labels: npt.NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Known:
    """Embeddings (n, d) and classes (n,)."""

    values: npt.NDArray[np.float32]
    labels: npt.NDArray[np.str_]

    def rows(self, chosen: npt.NDArray[Any]) -> Known:
        return Known(self.values[chosen], self.labels[chosen])


@dataclass(frozen=True)
class Speed:
    """Cells per second (best of three rounds), processor milliseconds a cell, peak memory of the process in MB."""

    cells: float
    milliseconds: float
    peak: float
    threads: int


class EncoderBench(Protocol):
    """Encoders by name, the pack's own first."""

    name: str
    share: float
    """The share of a picture that the pack was taught on; all encoders are shown that much."""
    learned: str
    """What the pack's own encoder saw of the data, in a sentence."""

    @property
    def others(self) -> Sequence[str]:
        """The encoders that the person has put beside it."""

    def embed(self, name: str, pixels: Pictures) -> npt.NDArray[np.float32]:
        """Vectors, shape (n, d); raises `UserError` for one that does not run here."""

    def speed(self, name: str, pixels: Pictures) -> Speed:
        """Measured in a process of its own."""


def encoders(bench: EncoderBench, request: StudyRequest) -> Findings:
    """All encoders on all sets; one that does not run here is a note."""
    data, share, joined = Path(request.data), bench.share, Findings()
    train, test = (labelled_cells(data, split, share, request.n) for split in ("train", "test"))
    other = other_stain(Path(request.other)) if request.other else None
    timed = labelled_cells(data, "test", share, -(-TIMED // len(set(test.labels)))).pixels[:TIMED]
    for name in (bench.name, *bench.others):
        try:
            known = [Known(bench.embed(name, cells.pixels), cells.labels) for cells in (train, test)]
            third = Known(bench.embed(name, other.pixels), other.labels) if other is not None else None
            joined.figures += agreement(name, known[0], known[1], third).figures
            joined.figures += _timed(name, bench.speed(name, timed), len(timed), own=name == bench.name).figures
        except UserError as error:
            if name == bench.name:
                raise
            joined.notes.append(str(error))
    also = " and the whole of one of the other stain" if other is not None else ""
    joined.notes.append(f"Every encoder saw the middle {share:g} of a picture{also}. {bench.learned}")
    if other is None:
        joined.notes.append("No cells of another stain were given (--other).")
    return joined


def _timed(name: str, speed: Speed, count: int, own: bool) -> Findings:
    found = Findings()
    found.add(f"{name}: cells per second, {speed.threads} threads (processor ms per cell)",
              f"{speed.cells:.0f} ({speed.milliseconds:.1f})", "", f"at least {SPEED}" if own else "",
              f"{count} cells, best of 3")
    found.add(f"{name}: peak memory of the process, MB", f"{speed.peak:.0f}")
    return found


def labelled_cells(folder: Path, split: str, share: float, per_class: int = 0) -> Cells:
    """Cells of one part of a data set: the middle `share` of each picture; the first `per_class` of a class, 0: all.

    Raises
    ------
    UserError
        No ``labels.csv`` with the columns file, class and split, no cell in that part, or a picture that is missing.
    """
    taken: dict[str, int] = {}
    files, labels = [], []
    for row in _rows(folder, ("file", "class", "split")):
        if row["split"] == split:
            taken[row["class"]] = taken.get(row["class"], 0) + 1
            if not per_class or taken[row["class"]] <= per_class:
                files.append(folder / row["file"])
                labels.append(row["class"])
    if len(taken) < 2:
        raise UserError(f"The data folder {folder.name} holds fewer than two classes of the split {split!r}.",
                        "Known cells are of the split 'train', cells asked about of 'test'.")
    return _read(files, labels, share)


def other_stain(folder: Path) -> Cells:
    """Cells of a set whose pictures are squares about the cell; classes with fewer than 10 are left out.

    Raises
    ------
    UserError
        No ``labels.csv`` with the columns file and class, no ``images/``, or too few cells.
    """
    rows = _rows(folder, ("file", "class"))
    counts = {row["class"]: sum(other["class"] == row["class"] for other in rows) for row in rows}
    rows = [row for row in rows if counts[row["class"]] >= 2 * FOLDS]
    if len({row["class"] for row in rows}) < 2:
        raise UserError(f"The folder {folder.name} holds fewer than two classes of at least {2 * FOLDS} cells.",
                        "Give a larger set as --other, or none.")
    return _read([folder / "images" / f"{row['file']}.png" for row in rows], [row["class"] for row in rows], 1.0)


def _rows(folder: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        with (folder / "labels.csv").open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"The folder {folder.name} has no labels.csv that can be read.",
                        "Give the folder of a labelled data set.", details=type(error).__name__) from error
    if not rows or any(not rows[0].get(column) for column in columns):
        raise UserError(f"In {folder.name}, labels.csv has not the columns {', '.join(columns)}.",
                        "Give the folder of a labelled data set.")
    return rows


def _read(files: Sequence[Path], labels: Sequence[str], share: float) -> Cells:
    pictures = []
    for file in files:
        try:
            with Image.open(file) as image:
                edge = round(min(image.size) * share)
                left, top = (image.width - edge) // 2, (image.height - edge) // 2
                pictures.append(image.convert("RGB").crop((left, top, left + edge, top + edge)))
        except OSError as error:
            raise UserError(f"The picture {file.name} of the data is missing or cannot be read.",
                            "Compare labels.csv with the files beside it.", details=type(error).__name__) from error
    common = max(picture.width for picture in pictures)  # a few files are smaller than the others of their set
    return Cells(np.stack([np.asarray(picture.resize((common, common), Image.Resampling.LANCZOS))
                           for picture in pictures]), np.array(labels))


def agreement(name: str, train: Known, test: Known, other: Known | None) -> Findings:
    """5-NN and linear probe of one encoder."""
    found, chance = Findings(), _commonest(test.labels)
    right = knn_accuracy(train.values, train.labels, test.values, test.labels)
    probed = linear_probe(train.values, train.labels, test.values, test.labels)
    n = f"{len(train.labels)} known, {len(test.labels)} asked"
    for what, share in (("5-NN", right), ("linear probe", probed)):
        found.add(f"{name}: {what}, held-out cells", wilson(round(share * len(test.labels)), len(test.labels)),
                  f"{chance:.3f}", "", n)
    few = [train.rows(_per_class(train.labels, FEW, seed)) for seed in range(SEEDS)]
    n = f"{len(few[0].labels)} known, {len(test.labels)} asked, {SEEDS} draws"
    for what, score in (("5-NN", knn_accuracy), ("linear probe", linear_probe)):
        shares = [score(known.values, known.labels, test.values, test.labels) for known in few]
        found.add(f"{name}: {what}, held-out cells, {FEW} known per class", over_seeds(shares), f"{chance:.3f}", "", n)
    if other is not None:
        _add_other_stain(found, name, train, other)
    return found


def _add_other_stain(found: Findings, name: str, train: Known, other: Known) -> None:
    commonest = _commonest(other.labels)
    n = f"{len(other.labels)} cells, {FOLDS} folds, {SEEDS} divisions"
    for what, score in (("5-NN", knn_accuracy), ("linear probe", linear_probe)):
        found.add(f"{name}: {what}, another stain", over_seeds(_in_folds(other, score)),
                  f"{commonest:.3f}", "", n)
    shared = train.rows(np.isin(train.labels, other.labels))

    def across() -> tuple[Spread, str]:
        share = knn_accuracy(shared.values, shared.labels, other.values, other.labels)
        return wilson(round(share * len(other.labels)), len(other.labels)), f"{commonest:.3f}"

    found.add(f"{name}: 5-NN, another stain asked of the first", across,
              n=f"{len(shared.labels)} known, {len(other.labels)} asked")


def _commonest(labels: npt.NDArray[np.str_]) -> float:
    """The share of right answers of whoever always names the commonest class."""
    return float(np.unique(labels, return_counts=True)[1].max() / len(labels))


def _per_class(labels: npt.NDArray[np.str_], count: int, seed: int) -> npt.NDArray[np.int64]:
    """Rows of `count` cells of every class (all, where there are fewer), drawn by `seed`."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(np.flatnonzero(labels == name))[:count] for name in np.unique(labels)])


def _in_folds(cells: Known, score: Callable[..., float]) -> list[float]:
    """Accuracy over all cells, each asked of the folds that it is not in; once per division."""
    from sklearn.model_selection import StratifiedKFold  # type: ignore[import-untyped]

    shares = []
    for seed in range(SEEDS):
        right = 0.0
        for known, asked in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(cells.values, cells.labels):
            right += len(asked) * score(cells.values[known], cells.labels[known], cells.values[asked],
                                        cells.labels[asked])
        shares.append(right / len(cells.labels))
    return shares
