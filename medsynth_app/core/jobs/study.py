"""Study: measure a pack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.kind import JobKind, Outcome


@dataclass(frozen=True, eq=False)
class StudyRequest:
    """Run one study (`studies.catalogue`) and write what it found.

    Attributes
    ----------
    study
        Its name in the catalogue.
    pack, pack_sha256
        Folder of the pack, and the hash that its manifest states.
    data
        Folder of the real data, or of a training set frozen before; empty where the study needs none.
    recipe
        The recipe file that says how `data` are read and split; empty where `data` are read as they are.
    out
        Folder of the report.
    cache
        Folder for what is kept between studies: frozen sets, judges, pictures drawn.
    n
        How many pictures or masks; 0: as the study has it.
    seed
        Of all that is chosen or drawn by chance.
    judge_minutes, minutes
        The longest that a judge, and any other network of the study, is trained.
    encoder, other, peers
        Folders: the encoder that compares pictures, cells of another stain, encoders of others; empty for none.
    drawing_steps
        Denoising steps of what is drawn; 0: as many as the pack recommends.
    counts
        Numbers of denoising steps that are held against one another.
    steps, seeds, per_class, real
        Of the study of utility: steps of each training (0: what `minutes` allow), repeats, how many real cells of
        each class, how many real pairs (0: all).
    limits
        How many masks each model of masks learns from; 0: all of them.
    repeats
        How often loading is timed.
    record
        Write the figures into the pack's card.
    """

    study: str
    pack: str
    pack_sha256: str
    out: str
    cache: str
    data: str = ""
    recipe: str = ""
    n: int = 0
    seed: int = 0
    judge_minutes: float = 8.0
    minutes: float = 2.0
    encoder: str = ""
    other: str = ""
    peers: str = ""
    steps: int = 0
    seeds: int = 3
    per_class: tuple[int, ...] = (10, 25, 100)
    real: int = 0
    limits: tuple[int, ...] = (25, 100, 0)
    repeats: int = 3
    drawing_steps: int = 0
    counts: tuple[int, ...] = (6, 8, 12, 16, 25)
    record: bool = False
    device: str = "auto"


def titled(request: StudyRequest) -> str:
    return f"Study: {request.study} of {Path(request.pack).name}"


STUDY = JobKind("study", StudyRequest, Lane.BACKGROUND, titled, "evaluate.job", Outcome.FILE, "A study has ended",
                smaller="fewer pictures")
