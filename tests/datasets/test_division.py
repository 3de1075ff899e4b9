"""No patient and no two pictures that are nearly the same lie in two parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsynth_app.core.errors import UserError
from medsynth_app.datasets.division import Claim, SplitBy, divide


def drawn(count: int) -> list[Claim]:
    return [Claim(f"{k}.png") for k in range(count)]


@given(st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=30),
       st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=40, max_size=40))
def test_what_hangs_together_is_never_torn(same: list[tuple[int, int]], patients: list[str]) -> None:
    claims = [Claim(f"{k}.png", "", patient) for k, patient in enumerate(patients)]
    parts = divide(claims, same).parts
    assert all(parts[i] == parts[j] for i, j in same)
    assert all(len({part for part, known in zip(parts, patients, strict=True) if known == patient}) <= 1
               for patient in "abc")
    assert set(parts) <= {"train", "val", "test"}  # where the data state no split, nothing is left out


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=20),
       st.lists(st.sampled_from(["train", "val", "test"]), min_size=30, max_size=30))
def test_a_stated_split_stays_but_for_what_would_leak(same: list[tuple[int, int]], splits: list[str]) -> None:
    splits[0] = "test"
    found = divide([Claim(f"{k}.png", split) for k, split in enumerate(splits)], same)
    assert found.by is SplitBy.OWN
    assert all(part in ("", split) for part, split in zip(found.parts, splits, strict=True))
    assert all(part for part, split in zip(found.parts, splits, strict=True) if split == "test")
    assert all(len({found.parts[i], found.parts[j]} - {""}) <= 1 for i, j in same)


def test_where_the_data_state_no_test_val_is_for_figures_and_train_gives_whole_patients_for_validation() -> None:
    claims = [Claim(f"{k}.png", "train", f"p{k // 2}") for k in range(400)]
    claims += [Claim(f"v{k}.png", "val") for k in range(9)]
    found = divide(claims, [(398, 400)])  # a training picture like a held-out one
    assert found.parts[400:] == ("test",) * 9 and found.left_out == [398]
    assert found.by is SplitBy.OWN_UNTESTED and 14 < found.parts.count("val") < 48
    assert all(found.parts[k] == found.parts[k + 1] for k in range(0, 398, 2))


@pytest.mark.parametrize("people", [1, 2, 3, 8])
def test_few_patients_of_a_split_without_a_test_are_neither_all_for_validation_nor_none(people: int) -> None:
    for k in range(60):
        claims = [Claim(f"{k} {j}", "train", f"{k} {j}") for j in range(people)] * 3 + [Claim(f"v{k}", "val")] * 2
        parts = divide(claims, []).parts
        assert "train" in parts and ("val" in parts) == (people > 1)
        assert parts[:people] * 3 == parts[:-2]


def test_the_draw_is_the_same_whatever_else_the_data_hold() -> None:
    some, more = divide(drawn(60), []), divide(drawn(200), [])
    assert more.parts[:60] == some.parts and set(some.parts) == {"train", "val", "test"}
    assert 140 < more.parts.count("train") < 180


def test_something_is_always_learned_from() -> None:
    alone = [divide([Claim(f"{k}.png", "", "one"), Claim(f"{k}.jpg", "", "one")], []).parts for k in range(40)]
    assert set(alone) == {("train", "train")}
    assert divide([Claim("a", "test"), Claim("b", "val")], []).parts == ("test", "val")  # what the data state stays


def test_what_the_split_is_by_is_said() -> None:
    assert divide(drawn(5), []).by is divide([], []).by is SplitBy.IMAGE
    assert divide(drawn(5), [(0, 1)]).by is SplitBy.GROUP
    assert divide([Claim("a", "", "p"), Claim("b", "", "q")], [(0, 1)]).by is SplitBy.PATIENT


def test_a_new_picture_joins_the_part_of_its_patient_or_of_the_one_it_is_nearly_the_same_as() -> None:
    claims = [Claim("a", "test", "p"), Claim("b", "val"), Claim("c", "", "p"), Claim("d")]
    assert divide(claims, [(1, 3)]).parts == ("test", "val", "test", "val")


def test_a_torn_patient_and_an_unknown_part_are_refused() -> None:
    with pytest.raises(UserError, match="A patient of the data is in two parts of the split, train and test"):
        divide([Claim("a", "train", "p"), Claim("b", "test", "p")], [])
    with pytest.raises(UserError, match="unknown split 'learn'"):
        divide([Claim("a", "learn")], [])
