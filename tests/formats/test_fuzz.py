from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.formats.fuzz import reader
from tests.formats.fuzz.campaign import run
from tests.formats.fuzz.mutations import mutated, with_check_sums
from tests.formats.fuzz.seeds import FAMILIES


@pytest.mark.parametrize("family", FAMILIES)
def test_mutated_files_are_opened_or_refused_in_words(family: str, tmp_path: Path) -> None:
    """A sample; the long run is ``python -m tests.formats.fuzz FAMILY``."""
    seeds = FAMILIES[family](tmp_path)
    assert all(reader.read(path) == "opened" for path in seeds)
    report = run(seeds, 200 if family == "dicom" else 60, tmp_path / "mutated", seed=1)
    assert report.bugs == []
    assert report.counts["refused"] > 10 and report.counts["opened"] > 0 and report.peak < 2 * 2**30


def test_check_sums_of_a_whole_picture_are_as_they_were(tmp_path: Path) -> None:
    assert all(with_check_sums(path.read_bytes()) == path.read_bytes() for path in FAMILIES["png"](tmp_path))


def test_mutations_are_the_same_every_time() -> None:
    data = bytes(range(256)) * 8
    assert [mutated(data, Random(f"0-{k}")) for k in range(20)] == [mutated(data, Random(f"0-{k}")) for k in range(20)]
    assert all(mutated(data, Random(f"0-{k}")) for k in range(500)) and mutated(data, Random("0-1")) != data
