"""Whatever is accepted, replaced, discarded, undone and redone: pixels, marks and records agree, and all goes back.

Random walks over candidates of several regions, some drawn upon others, by two persons.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsynth_app.actions.accept_result import accept_result
from medsynth_app.actions.discard_result import discard_result
from medsynth_app.actions.history import redo, undo
from medsynth_app.actions.inpaint import inpaint_document
from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.receive import receive
from medsynth_app.core.errors import UserError
from medsynth_app.core.options import changed
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.candidates import Candidate, CandidateState
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import answer, paint, volume
from tests.asking import to_inpaint

STEPS = 40
PEOPLE = ("ann", "ben")


def draw(workspace: Workspace, queue: JobQueue, pack: InstalledPack, document: Document, random: np.random.Generator
         ) -> None:
    """A run of two on a region somewhere, on the pixels as they are now."""
    paint(document, 1, (0, 0, 50, 40), 0)
    top, left = (int(value) for value in random.integers(4, 24, 2))
    height, width = (int(value) for value in random.integers(6, 18, 2))
    paint(document, 1, (top, left, min(top + height, 46), min(left + width, 36)))
    asked = changed(to_inpaint(prompt="a cell", count=2, feather=3), seed=int(random.integers(1, 2**20)))
    (job,) = inpaint_document(queue, document, 1, asked, pack).jobs
    answer(workspace, job, lambda record, news: receive(workspace, record, news))


def candidates(workspace: Workspace, document: Document, *states: CandidateState) -> list[Candidate]:
    return workspace.candidates.of_document(document.id, *states)


def check(workspace: Workspace, document: Document, original: np.ndarray) -> None:
    """The accepted candidates, in their order, are what is generated in the image, and all that is."""
    accepted = {item.id: item for item in candidates(workspace, document, CandidateState.ACCEPTED)}
    order = [accepted[fill.candidate_id] for fill in document.composed.fills(1)]
    assert len(order) == len(accepted)
    expected, marked = original.copy(), np.zeros(original.shape, np.bool_)
    for item in order:
        inside = item.effective()
        expected[item.bounds.slices][inside] = item.pixels()[inside]
        marked[item.bounds.slices] |= inside
    assert np.array_equal(document.pixels(1), expected)
    assert np.array_equal(document.synthetic_mask(1), marked)
    assert np.array_equal(document.pixels(1)[~marked], original[~marked])
    assert [record.seed for record in document.provenance(1)] == [item.seed for item in order]


@pytest.mark.parametrize("seed", range(4))
def test_a_walk(workspace: Workspace, queue: JobQueue, pack: InstalledPack, tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    document = open_image(workspace, volume(tmp_path / "v.nii.gz"))
    original = document.pixels(1).copy()
    replaced = refused = 0
    for step in range(STEPS):
        person = PEOPLE[int(random.random() < 0.3)]
        deed = random.choice(["draw", "accept", "discard", "undo", "redo"], p=[0.12, 0.5, 0.08, 0.18, 0.12])
        staged = candidates(workspace, document, CandidateState.STAGED)
        before = document.pixels(1).copy(), [item.state for item in candidates(workspace, document, *CandidateState)]
        try:
            if step < 2 or deed == "draw":
                draw(workspace, queue, pack, document, random)
            elif deed == "accept" and staged:
                standing = len(document.composed.fills(1))
                accept_result(document, staged[int(random.integers(len(staged)))], person)
                replaced += len(document.composed.fills(1)) <= standing
            elif deed == "discard" and staged:
                discard_result(document, staged[:int(random.integers(1, 3))], person)
            elif deed == "undo":
                undo(document, person)
            elif deed == "redo":
                redo(document, person)
        except UserError:  # refused: nothing has changed
            refused += 1
            assert np.array_equal(document.pixels(1), before[0])
            assert [item.state for item in candidates(workspace, document, *CandidateState)] == before[1]
        check(workspace, document, original)
    assert replaced
    for _ in range(2 * STEPS):  # the last steps first, whoever made them
        for person in ("", *PEOPLE):
            try:
                undo(document, person)
            except UserError:  # somebody else's step stands upon it
                continue
            check(workspace, document, original)
    assert np.array_equal(document.pixels(1), original) and not document.synthetic_mask(1).any()
    assert {item.state for item in candidates(workspace, document, *CandidateState)} == {CandidateState.STAGED}
