"""Orders: which picture each becomes, and what of an order file is refused in which words."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from medsynth_app.core.errors import UserError
from medsynth_app.core.order import FREE, GIVEN, Order, OrderedPack, OrderLine, counted, difference
from medsynth_app.core.order_file import read_order

PACK = OrderedPack("tiny", "1", "ab")
GOOD = """\
name = "Cells"
pack = "tiny"
prompt = "a {class} in a smear"
steps = 5
[split]
train = 0.8
val = 0.1
test = 0.1
[[lines]]
class = "red cell"
count = 20
[[lines]]
class = "platelet"
count = 10
prompt = "platelets"
steps = 7
"""


def line(name: str, count: int, seed: int, *given: str) -> OrderLine:
    return OrderLine(name, count, f"a {name}", PACK, seed, "", 4, 2.5, 32, 32, GIVEN if given else FREE, 1.5, given)


def order(*lines: OrderLine, split: tuple[float, ...] = ()) -> Order:
    return Order("set", 7, lines, split)


def test_every_picture_has_a_seed_and_a_name_of_its_own_and_shares_hold_in_every_class() -> None:
    made = order(line("a", 40, 100), line("b", 20, 140), line("a", 10, 160), split=(0.8, 0.1, 0.1)).pictures()
    assert [picture.seed for picture in made] == list(range(100, 170))
    assert len({picture.file for picture in made}) == 70
    assert made[-1].name == "SYN-a-00050" and made[-1].file == f"{made[-1].part}/a/SYN-a-00050.png"
    assert counted(made) == {"a": {"train": 40, "val": 5, "test": 5}, "b": {"train": 16, "val": 2, "test": 2}}
    again = order(line("a", 40, 100), line("b", 20, 140), line("a", 10, 160), split=(0.8, 0.1, 0.1)).pictures()
    assert made == again


def test_pictures_of_one_mask_lie_in_one_part_and_are_drawn_together() -> None:
    made = order(line("a", 50, 0, *(f"mask{k}" for k in range(10))), split=(0.6, 0.2, 0.2))
    parts: dict[str, set[str]] = {}
    for picture in made.pictures():
        parts.setdefault(picture.mask, set()).add(picture.part)
    assert len(parts) == 10 and all(len(found) == 1 for found in parts.values())
    assert Counter(next(iter(found)) for found in parts.values()) == {"train": 6, "val": 2, "test": 2}
    assert [len(batch) for batch in made.batches()] == [5] * 10
    assert [len(batch) for batch in order(line("a", 35, 0)).batches()] == [16, 16, 3]


def test_an_order_comes_back_as_it_was_and_differences_are_told() -> None:
    one = order(line("a", 3, 0), line("b", 2, 3, "m"), split=(1.0, 0.0, 0.0))
    assert Order.from_json(one.to_json()) == one and difference(one, one) == ""
    other = replace(one, lines=(one.lines[0], replace(one.lines[1], count=4)))
    assert difference(one, other) == "in line 2 (b) the count was 2 and is 4"
    assert difference(one, replace(one, lines=one.lines[:1])) == "it has 2 lines, not 1"
    assert difference(one, replace(one, invisible_mark=True)) == "the invisible mark was off and is on"
    assert difference(one, replace(one, licence_note="n")) == "the licence note was '' and is 'n'"
    assert "model pack" in difference(one, replace(one, lines=(
        replace(one.lines[0], pack=replace(PACK, sha256="cd")), one.lines[1])))
    for text in ("", "[]", "{}", one.to_json().replace("/1", "/9")):
        with pytest.raises(UserError, match="cannot be read by this version"):
            Order.from_json(text)


def test_a_line_takes_what_the_set_says_once(tmp_path: Path) -> None:
    (tmp_path / "o.toml").write_text(GOOD)
    found = read_order(tmp_path / "o.toml")
    first, second = found.lines
    assert (found.name, found.seed, found.split) == ("Cells", None, (0.8, 0.1, 0.1))
    assert (first.class_name, first.count, first.pack) == ("red cell", 20, "tiny")
    assert first.parameters.conditioning.prompt == "a red cell in a smear" and first.parameters.sampling.steps == 5
    assert second.parameters.conditioning.prompt == "platelets" and second.parameters.sampling.steps == 7


@pytest.mark.parametrize(("old", "new", "said"), [
    ('name = "Cells"', "", "no name"),
    ('name = "Cells"', 'nam = "Cells"', "key 'nam' is unknown. Did you mean 'name'?"),
    ('name = "Cells"', "name = 5", "name is not a text"),
    ('name = "Cells"', 'name = "  "', "no name"),
    ("[[lines]]", "[lines]", "cannot be read as TOML"),
    ("steps = 5", "steps = 5.5", "steps is not a whole number"),
    ("steps = 5", "steps = true", "steps is not a whole number"),
    ("steps = 5", "steps = -1", "In line 1 of the order: The number of steps is -1"),
    ("steps = 5", 'colour = "red"', "key 'colour' is unknown"),
    ("train = 0.8", "train = 0.9", "add up to 1"),
    ("train = 0.8", "train = -0.8", "add up to 1"),
    ("train = 0.8", "training = 0.8", "[split] of the order, the key 'training' is unknown"),
    ("count = 20", "count = 0", "In line 1 of the order, the count is 0"),
    ("count = 20", 'count = "20"', "count is not a whole number"),
    ("count = 20", "count = 2000000", "the count is 2000000"),
    ("count = 20", "counts = 20", "Did you mean 'count'?"),
    ("count = 10", "", "In line 2 of the order, the count is missing"),
    ('class = "red cell"', "", "the class is missing"),
    ("a {class} in", "a {klass} in", "unknown placeholder {klass}"),
    ('prompt = "a {class} in a smear"', "", "In line 1 of the order (red cell), there is no prompt"),
    ('"red cell"', '"red/cell"', "cannot be a folder: it holds '/'"),
    ('"red cell"', '"..\\\\cell"', "cannot be a folder"),
    ('"red cell"', '".cell"', "begins or ends with a blank or a dot"),
    ('"red cell"', '"con"', "Windows keeps this name"),
    ('"red cell"', '"Test"', "loaders take a folder of this name"),
    ('"red cell"', '""', "it is empty"),
    ('"red cell"', f'"{"x" * 61}"', "longer than 60 letters"),
    ('"red cell"', '"Platelet"', "would be one folder on some systems"),
    ('prompt = "platelets"', 'prompt = "platelets"\nmasks = "drawn"', "make two orders"),
    ('prompt = "platelets"', "width = 33", "cannot be 33 pixels"),
])
def test_what_is_wrong_with_an_order_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    (tmp_path / "o.toml").write_text(GOOD.replace(old, new, 1))
    with pytest.raises(UserError) as told:
        read_order(tmp_path / "o.toml")
    assert said in str(told.value)


def test_what_is_no_order_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty.toml").write_text("")
    (tmp_path / "none.toml").write_text('name = "x"\nlines = []')
    (tmp_path / "texts.toml").write_text('name = "x"\nlines = ["a"]')
    for name, said in (("binary", "cannot be read"), ("missing", "no order missing.toml"), ("empty", "has no name"),
                       ("none", "has no lines"), ("texts", "are no sections")):
        with pytest.raises(UserError, match=said):
            read_order(tmp_path / f"{name}.toml")


def test_masks_are_meant_from_where_the_order_lies(tmp_path: Path) -> None:
    (tmp_path / "o.toml").write_text(GOOD.replace("steps = 5", 'masks = "mine"'))
    assert {line.masks for line in read_order(tmp_path / "o.toml").lines} == {str(tmp_path / "mine")}


@pytest.mark.parametrize("name", ["blood-cells", "hippocampus-pairs", "polyp-pairs"])
def test_the_example_orders_can_be_read(name: str) -> None:
    found = read_order(Path(__file__).parents[2] / "resources" / "orders" / f"{name}.toml")
    assert found.seed is not None and sum(found.split) == pytest.approx(1)
    assert sum(each.count for each in found.lines) == (800 if name == "blood-cells" else 200)
