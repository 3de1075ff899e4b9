"""What is known of each picture of a data set once it was read: never its pixels, only what a decision needs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import file_sha256
from medsynth_app.core.image import ImageSource
from medsynth_app.datasets.listing import Entry
from medsynth_app.datasets.near import Look, equal_pairs, look_of, near_pairs
from medsynth_app.datasets.picture import Pictures8, is_plain, opened, seen
from medsynth_app.formats.libraries import prepare_pillow
from medsynth_app.formats.provenance import claims_synthetic
from medsynth_app.segmentation.burned_in_text import text_rows

Progress = Callable[[int, int], None]
FEW = 8  # values of a picture that may be a mask
LETTERS_AT, CLEAR = 256, 80  # px: the shorter edge at which letters are looked for; grey levels by which they stand out
RECORD = ".provenance.json"  # what is written beside the pictures that MedSynth draws


@dataclass(frozen=True, eq=False)
class Facts:
    """Of one file.

    Attributes
    ----------
    problem
        Why it cannot be used, in words; empty where it can.
    bits
        Of a stored value, as many as are in use.
    patient, series
        Hashes with a salt of their own, equal for equal ones of this look alone; empty where the file does not say.
    synthetic
        Whether MedSynth, or another program that says so, drew it or a part of it.
    plain
        See `picture.is_plain`; then a training machine reads the file itself.
    few
        Whether it shows but a few values, as masks do.
    text
        Whether letters seem to be burned into it.
    look
        Of its middle frame, by which it is compared with others; None where there is none.
    """

    problem: str = ""
    sha256: str = ""
    rows: int = 0
    columns: int = 0
    bits: int = 0
    colour: str = ""
    frames: int = 0
    modality: str = ""
    patient: str = ""
    series: str = ""
    synthetic: bool = False
    plain: bool = False
    few: bool = False
    text: bool = False
    look: Look | None = None


def examine(entries: Sequence[Entry], progress: Progress | None = None, letters: bool = False) -> list[Facts]:
    """Read every file of a listing once, in its order. What cannot be read is told in its `Facts.problem`.

    Parameters
    ----------
    progress
        Called with how many were read, and of how many; what it raises ends the look.
    letters
        Look for burned-in text, which takes as long as all the rest.
    """
    prepare_pillow()
    salt = secrets.token_bytes(32)
    found: dict[Path, Facts] = {}
    for k, entry in enumerate(entries):
        if entry.file not in found:
            found[entry.file] = _examined(entry.file, salt, letters)
        if progress is not None:
            progress(k + 1, len(entries))
    return [found[entry.file] for entry in entries]


def _examined(path: Path, salt: bytes, letters: bool) -> Facts:
    try:
        with opened(path, salt) as source:
            return _facts(path, source, letters)
    except UserError as error:
        return Facts(problem=error.happened)
    except OSError as error:
        return Facts(problem=f"It cannot be read ({type(error).__name__}).")


def _facts(path: Path, source: ImageSource, letters: bool) -> Facts:
    info, middle = source.info, len(source.info.frames) // 2
    about = info.frames[middle]
    pixels = seen(source, middle)
    low, high = about.stored_range
    return Facts(
        sha256=file_sha256(path), rows=about.rows, columns=about.columns,
        bits=(high - low).bit_length() if info.colour == "grey" else 8, colour=info.colour, frames=len(info.frames),
        modality=info.modality or "", patient=info.identity.patient, series=info.identity.series,
        synthetic=info.synthetic or _recorded(path), plain=len(info.frames) == 1 and is_plain(path, pixels),
        few=int(np.count_nonzero(np.bincount(pixels[..., 0].ravel()))) <= FEW,
        text=letters and _has_text(pixels), look=look_of(pixels))


def _has_text(pixels: Pictures8) -> bool:
    """Whether letters stand out clearly, at the size at which they are looked for.

    Measured on 60 pictures each: none of the blood cells of PBC and of dermatoscopy is taken for one with text, 35 of
    Kvasir-SEG are, nearly all of which have some.
    """
    edge = min(pixels.shape[:2])
    if edge > LETTERS_AT:
        size = round(pixels.shape[1] * LETTERS_AT / edge), round(pixels.shape[0] * LETTERS_AT / edge)
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
    return bool(text_rows(pixels, CLEAR))


def _recorded(path: Path) -> bool:
    """Whether a record of ours lies beside a file."""
    beside = path.with_name(path.name + RECORD)
    try:
        return beside.is_file() and claims_synthetic(beside.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return False


def same_pictures(facts: Sequence[Facts], progress: Progress | None = None) -> list[tuple[int, int]]:
    """Pairs of places whose files are equal byte for byte, or whose pictures are nearly the same."""
    places = [k for k, fact in enumerate(facts) if fact.look is not None]
    looks = np.stack([look for fact in facts if (look := fact.look) is not None]) if places else np.empty((0, 64, 64))
    near = near_pairs(looks.astype(np.uint8), progress)
    return [*equal_pairs([fact.sha256 for fact in facts]), *((places[i], places[j]) for i, j in near)]
