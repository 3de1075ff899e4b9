"""Which cell is asked next."""

from __future__ import annotations

from medsynth_app.core.cell_label import SKIPPED, CellLabel
from medsynth_app.core.cells import Cell, cell_id
from medsynth_app.core.label_options import LabelOptions
from medsynth_app.session.label_queue import AHEAD, LATER, Asked, LabelQueue, Place, in_control

CELLS = [Cell(cell_id(f"{k:064x}"), str(k), f"/{k}.png", f"{k:064x}") for k in range(300)]


class Bench:
    def __init__(self, person: str = "ann", labels: dict[str, CellLabel] | None = None, **options: float) -> None:
        self.labels = {} if labels is None else labels
        self.person = person
        self.options = LabelOptions(**{"control": 0.0, "repeats": 0.0, **options})  # type: ignore[arg-type]
        self.queue = LabelQueue(CELLS, self.options, self.labels, person)
        self.turn = 0

    def answer(self, answer: str = "x") -> Asked:
        asked = self.queue.ahead[0]
        self.turn += 1
        label = CellLabel(asked.cell.id, asked.cell.image_sha256, asked.cell.box, self.person, answer, asked.repeat,
                          f"2026-01-01T00:{self.turn // 60:02}:{self.turn % 60:02}")
        self.labels[label.subject] = label
        self.queue.answered(label)
        return asked


def ranked(*cells: int) -> list[Place]:
    return [Place(cell, rank, "useful", "because", "why not") for rank, cell in enumerate(cells, 1)]


def test_ranked_cells_come_first_but_what_is_settled_on_stays() -> None:
    bench = Bench()
    settled = [asked.place for asked in bench.queue.ahead]
    assert len(settled) == AHEAD
    wanted = [k for k in range(200, 220) if k not in settled][:8]
    bench.queue.rank(ranked(*wanted))
    assert [asked.place for asked in bench.queue.ahead] == settled
    assert [bench.answer().place for _ in range(AHEAD + 8)] == [*settled, *wanted]


def test_no_cell_is_asked_twice_and_every_one_once() -> None:
    bench = Bench(control=0.3)
    bench.queue.rank(ranked(*range(50)))
    asked = [bench.answer().place for _ in range(len(CELLS))]
    assert sorted(asked) == list(range(len(CELLS))) and bench.queue.ahead == [] and bench.queue.left == 0


def test_the_control_slice_is_mixed_in_by_chance_and_the_same_for_everybody() -> None:
    ann, bob = Bench(control=0.2), Bench("bob", control=0.2)
    for bench in (ann, bob):
        bench.queue.rank(ranked(*range(100)))
    drawn = [[asked.place for asked in (bench.answer() for _ in range(60)) if asked.control] for bench in (ann, bob)]
    assert drawn[0] == drawn[1] and len(drawn[0]) == 12
    assert all(in_control(ann.options, CELLS[place]) for place in drawn[0])


def test_what_one_person_labelled_is_not_asked_of_another_but_for_the_control_slice() -> None:
    ann = Bench(control=0.2)
    done = [ann.answer() for _ in range(40)]
    bob = Bench("bob", ann.labels, control=0.2)
    asked = [bob.answer() for _ in range(40)]
    again = {each.place for each in asked} & {each.place for each in done}
    assert again and again == {each.place for each in asked if each.control}


def test_repeats_are_rare_come_late_and_are_of_ones_own() -> None:
    bench = Bench(repeats=0.1)
    asked = [bench.answer() for _ in range(120)]
    repeats = [k for k, each in enumerate(asked) if each.repeat]
    assert 8 <= len(repeats) <= 13
    for k in repeats:
        before = next(j for j, each in enumerate(asked) if each.place == asked[k].place)
        assert asked[k].repeat == 1 and k - before >= LATER - AHEAD
    assert len({asked[k].place for k in repeats}) == len(repeats)


def test_a_skipped_cell_comes_back_when_nothing_else_is_left() -> None:
    bench = Bench()
    skipped = bench.answer(SKIPPED).place
    rest = [bench.answer().place for _ in range(len(CELLS) - 1)]
    assert skipped not in rest
    assert bench.answer().place == skipped and bench.queue.ahead == []


def test_an_undone_label_is_asked_again_and_one_that_is_wanted_comes_first() -> None:
    bench = Bench()
    asked = bench.answer()
    bench.labels.clear()
    bench.queue.read()
    bench.queue.first(asked.place)
    assert bench.queue.ahead[0].place == asked.place and bench.queue.ahead[0].repeat == 0
    assert len({each.place for each in bench.queue.ahead}) == len(bench.queue.ahead)


def test_a_cell_that_is_asked_again_keeps_its_place_in_the_order_and_its_reason() -> None:
    bench = Bench()
    bench.queue.rank(ranked(*range(100)))
    for _ in range(AHEAD):
        bench.answer()
    asked = bench.answer()
    assert (asked.reason, asked.strategy) == ("because", "useful")
    del bench.labels[next(reversed(bench.labels))]
    bench.queue.read()
    bench.queue.rank(())
    bench.queue.first(asked.place)
    assert bench.queue.ahead[0] == asked
    bench.queue.rank(ranked(250))
    bench.queue.first(250)
    assert bench.queue.ahead[0].reason == "because" and bench.queue.is_open(250)


def test_a_random_order_says_so() -> None:
    bench = Bench(strategy="random")  # type: ignore[arg-type]
    assert all(asked.control and asked.reason for asked in bench.queue.ahead)
