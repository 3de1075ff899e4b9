"""Theme, keys and words, without a window."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent

from medsynth_app.core.labels import SCHEMAS
from medsynth_app.ui.places.paint.tools import place_of, size_at
from medsynth_app.ui.shell.command_palette import score
from medsynth_app.ui.shell.shortcuts import digit_of
from medsynth_app.ui.theme.style import style_sheet
from medsynth_app.ui.theme.theme import marks
from medsynth_app.ui.theme.tokens import DARK, LIGHT, Tokens, contrast, mix
from medsynth_app.ui.widgets import words

pytestmark = pytest.mark.gui


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=lambda tokens: tokens.name)
def test_text_can_be_read_on_every_ground(tokens: Tokens) -> None:
    for ground in (tokens.ground, tokens.surface, tokens.hover, tokens.selected):
        for text in (tokens.text, tokens.muted):
            assert contrast(text, ground) >= 4.5, (text, ground)
    for colour in (tokens.accent, tokens.synthetic, tokens.warning, tokens.error, tokens.done):
        assert contrast(colour, tokens.surface) >= 4.5, colour
        assert contrast(tokens.text, tokens.tint(colour)) >= 4.5, colour
    assert contrast(tokens.on_accent, tokens.accent) >= 4.5
    assert contrast(tokens.accent, tokens.surface) >= 3  # the focus ring


def test_the_sheet_holds_every_token_and_no_gap() -> None:
    marks = dict.fromkeys(("down-text", "up-text", "tick-text", "tick-on"), "mark.svg")
    sheet = style_sheet(LIGHT, marks)
    assert "@" not in sheet
    for colour in (LIGHT.ground, LIGHT.surface, LIGHT.border, LIGHT.text, LIGHT.muted, LIGHT.accent, LIGHT.synthetic):
        assert colour in sheet
    assert mix("#000000", "#FFFFFF", 0.5) == "#808080"


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=lambda tokens: tokens.name)
def test_the_marks_are_shipped_in_the_colours_of_the_theme(tokens: Tokens) -> None:
    found = marks(tokens)
    assert set(found) == {"down-text", "up-text", "tick-text", "tick-on"}
    for name, path in found.items():
        assert f'stroke="{tokens.muted if name.endswith("text") else tokens.on_accent}"' in Path(path).read_text()
        assert Path(path).as_posix() in style_sheet(tokens, found)


def test_a_theme_leaves_nothing_in_the_temporary_folder(tmp_path: Path) -> None:
    """In a process that is killed, as windows are."""
    code = ("import os\nfrom PySide6.QtWidgets import QApplication, QWidget\napp = QApplication([])\n"
            "from medsynth_app.ui.theme.theme import Theme\nTheme('dark').dress(QWidget())\nos._exit(0)")
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "TMPDIR": str(tmp_path),
                                                                   "QT_QPA_PLATFORM": "offscreen"})
    assert list(tmp_path.iterdir()) == []


def test_only_synthetic_is_violet() -> None:
    for schema in SCHEMAS.values():
        for item in schema.classes:
            assert item.colour not in (LIGHT.synthetic, DARK.synthetic)


@pytest.mark.parametrize(("platform", "scan", "virtual", "key", "digit"), [
    ("linux", 10, 0, Qt.Key.Key_Ampersand, 1), ("linux", 19, 0, Qt.Key.Key_Agrave, 0),
    ("win32", 3, 0, Qt.Key.Key_Eacute, 2), ("darwin", 0, 21, Qt.Key.Key_Apostrophe, 4),
    ("linux", 0, 0, Qt.Key.Key_7, 7), ("linux", 38, 0, Qt.Key.Key_A, None), ("linux", 0, 0, Qt.Key.Key_A, None)])
def test_digits_are_found_by_place(platform: str, scan: int, virtual: int, key: Qt.Key, digit: int | None) -> None:
    event = QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier, scan, virtual, 0)
    assert digit_of(event, platform) == digit


def test_the_palette_ranks_words_before_scattered_letters() -> None:
    titles = ["Fill", "Flip left and right", "Flip up and down", "Flicker with the original (hold)", "Open file…"]

    def best(query: str) -> str:
        ranked = {title: fit for title in titles if (fit := score(query, title)) is not None}
        return max(ranked, key=lambda title: ranked[title])

    assert best("flip l") == "Flip left and right"
    assert best("opfi") == "Open file…"
    assert best("fill") == "Fill"
    assert score("xyz", "Fill") is None
    assert score("", "Fill") is not None


def test_the_brush_slider_reaches_every_small_size() -> None:
    assert size_at(0) == 1 and size_at(100) == 400
    sizes = [size_at(value) for value in range(101)]
    assert sizes == sorted(sizes) and {1, 2, 3, 5, 10} <= set(sizes)
    assert all(abs(size_at(place_of(size)) - size) <= max(1, size // 20) for size in range(1, 400))


def test_times_and_sizes_are_said_plainly() -> None:
    assert [words.duration(x) for x in (0.2, 20.4, 100, 4000)] == ["1 s", "20 s", "2 min", "1 h 7 min"]
    now = datetime(2026, 3, 20, 12, tzinfo=UTC)
    assert words.ago(now - timedelta(seconds=1), now) == "just now"
    assert words.ago(now - timedelta(seconds=40), now) == "40 s ago"
    assert words.ago(now - timedelta(minutes=5), now) == "5 min ago"
    assert words.ago(now - timedelta(hours=3), now) == "3 h ago"
    assert "March" in words.ago(now - timedelta(days=6), now)
    assert [words.size(x) for x in (900, 12_000, 3_400_000, 5e9)] == ["900 B", "12 kB", "3.4 MB", "5.0 GB"]
    assert words.number(-1024) == f"{words.MINUS}1024" and words.number(0.35) == "0.35"
