"""Lists as models: every change is told in the smallest steps, and ends in the list that was asked for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PySide6.QtCore import QModelIndex
from PySide6.QtTest import QAbstractItemModelTester

from medsynth_app.ui.widgets.lists import Line, RowsModel

pytestmark = pytest.mark.gui


def told(model: RowsModel) -> list[str]:
    """What the model tells from now on."""
    heard: list[str] = []
    model.rowsInserted.connect(lambda _top, first, last: heard.append(f"+{first}-{last}"))
    model.rowsRemoved.connect(lambda _top, first, last: heard.append(f"-{first}-{last}"))
    model.rowsMoved.connect(lambda _from, first, _last, _to, to: heard.append(f"{first}>{to}"))
    model.dataChanged.connect(lambda first, last, _roles: heard.append(f"={first.row()}-{last.row()}"))
    model.modelReset.connect(lambda: heard.append("reset"))
    return heard


def lines(keys: str, text: str = "") -> list[Line]:
    return [Line(key, text or key) for key in keys]


@pytest.mark.parametrize(("before", "after", "steps"), [
    ("abcd", "abcd", []), ("abcd", "abxcd", ["+2-2"]), ("abcd", "abd", ["-2-2"]), ("abcd", "abdc", ["2>4"]),
    ("abcde", "bcdea", ["0>5"]), ("abcde", "eabcd", ["4>0"]), ("", "ab", ["reset"]), ("ab", "", ["reset"])])
def test_one_change_is_one_step(qapp: object, before: str, after: str, steps: list[str]) -> None:
    model = RowsModel()
    model.show(lines(before))
    heard = told(model)
    model.show(lines(after))
    assert heard == steps and [row.key for row in model.rows] == list(after)


def test_a_row_that_says_something_else_is_told_alone(qapp: object) -> None:
    model = RowsModel()
    model.show(lines("abc"))
    heard = told(model)
    model.show([*lines("ab"), Line("c", "changed")])
    assert heard == ["=2-2"] and model.data(model.index(2)) == "changed"


@settings(max_examples=60, deadline=None)
@given(some.lists(some.permutations("abcdefgh").flatmap(lambda keys: some.integers(0, 8).map(lambda n: keys[:n])),
                  min_size=1, max_size=4))
def test_any_order_is_reached_and_qt_finds_no_fault(qapp: object, orders: list[list[str]]) -> None:
    model = RowsModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    for order in orders:
        model.show(lines("".join(order)))
        assert [row.key for row in model.rows] == list(order)
        assert model.rowCount(QModelIndex()) == len(order)
    del tester
