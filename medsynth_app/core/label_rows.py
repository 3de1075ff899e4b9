"""Labels as files hold them: one row for each answer, or one for each cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from medsynth_app.core.cell_label import SKIPPED, CellLabel
from medsynth_app.core.cells import Cell

Sides = tuple[float, float, float, float]


@dataclass(frozen=True)
class LabelRow:
    """One answer in a file; what the file does not say is empty.

    Attributes
    ----------
    cell_id, sha256
        Of the cell and of the bytes of its image.
    image
        A name of the image: its file, with as many folders as are needed to tell it from others.
    sides
        Left, top, width and height in pixels of the image; None for all of it.
    origin
        "real" or "synthetic".
    asked
        Class that a generator was asked for.
    label
        Id of a class or another answer; of a file from elsewhere, whatever stands there.
    code
        SNOMED CT code of the class.
    annotator, name
        Pseudonym of who answered; the name only where somebody wanted names in the file.
    where
        What of the file this is: "line 3".

    The others are those of `core.cell_label.CellLabel`; `model` is its `model`.
    """

    label: str
    cell_id: str = ""
    sha256: str = ""
    image: str = ""
    sides: Sides | None = None
    origin: str = ""
    pack: str = ""
    seed: int = -1
    asked: str = ""
    code: str = ""
    annotator: str = ""
    name: str = ""
    at: str = ""
    seconds: float = 0.0
    repeat: int = 0
    control: bool = False
    group: int = 1
    checked: bool = False
    shown: str = ""
    predicted: str = ""
    confidence: float = 0.0
    model: int = 0
    rank: int = 0
    strategy: str = ""
    reason: str = ""
    where: str = ""


@dataclass(frozen=True)
class LabelFile:
    """What was read of a file or folder of labels.

    Attributes
    ----------
    name
        Of the file or folder, without the folders above it.
    notices
        What should be known of how it was read.
    """

    name: str
    rows: tuple[LabelRow, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What everybody together calls one cell.

    Attributes
    ----------
    image
        As `LabelRow.image`.
    label
        What most called it; "" where as many called it otherwise.
    votes
        How many people answered.
    agreement
        Share of them that gave the answer that was given most.
    annotators
        Pseudonyms of those who gave `label`; of all where there is none.
    answers
        Every answer with how many gave it, most first.
    control
        Whether chance had put the cell there for somebody.
    """

    cell: Cell
    image: str
    label: str
    votes: int
    agreement: float
    annotators: tuple[str, ...]
    answers: tuple[tuple[str, int], ...]
    control: bool = False


def verdict(cell: Cell, image: str, labels: Sequence[CellLabel]) -> Verdict | None:
    """The verdict on one cell; hidden repeats and skips do not count, and None where nothing else is left.

    `annotators` are ids of people here; whoever writes a file makes pseudonyms of them.
    """
    first = [each for each in labels if each.repeat == 0 and each.answer != SKIPPED]
    if not first:
        return None
    counts: dict[str, int] = {}
    for each in first:
        counts[each.answer] = counts.get(each.answer, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    tied = len(ordered) > 1 and ordered[0][1] == ordered[1][1]
    answer = "" if tied else ordered[0][0]
    return Verdict(cell, image, answer, len(first), ordered[0][1] / len(first),
                   tuple(sorted(each.person for each in first if tied or each.answer == answer)), tuple(ordered),
                   any(each.control for each in first))


def short_names(files: Sequence[str]) -> dict[str, str]:
    """A name for each file: its last part, with as many folders before it as are needed to tell it from the others.

    Folders often bear names of patients: no more of them than that. Bytes of a name that are no text become marks.
    """
    parts = {file: file.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\\", "/").strip("/")
             .split("/") for file in files}
    found: dict[str, str] = {}
    waiting, depth = list(parts), 1
    while waiting:
        by_name: dict[str, list[str]] = {}
        for file in waiting:
            by_name.setdefault("/".join(parts[file][-depth:]), []).append(file)
        waiting = []
        for name, same in by_name.items():
            if len(same) == 1 or all(depth >= len(parts[file]) for file in same):
                found |= dict.fromkeys(same, name)
            else:
                waiting += same
        depth += 1
    return found


def moment(text: str) -> datetime | None:
    """A time of a file; None where there is none or it is none. A time without a zone is one of UTC."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
