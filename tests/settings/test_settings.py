"""Settings: defaults, migration, damage, and that neither paths nor names fit in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medsynth_app.settings.settings import FILE, MIGRATIONS, VERSION, Settings, SettingsStore


def test_a_change_is_there_after_a_restart(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    assert store.current == Settings()
    store.change(theme="dark", shortcuts={"tool.brush": "Shift+B"}, veil_minutes=3)
    again = SettingsStore(tmp_path)
    assert again.current.theme == "dark"
    assert again.current.shortcuts == {"tool.brush": "Shift+B"}
    assert again.current.veil_minutes == 3
    assert again.notice == ""
    assert [p.name for p in tmp_path.iterdir()] == [FILE]  # no temporary files left


def test_the_folder_can_be_set_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDSYNTH_CONFIG", str(tmp_path / "config"))
    SettingsStore().change(left_handed=True)
    assert json.loads((tmp_path / "config" / FILE).read_text())["left_handed"] is True


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 1, "theme": "pink"}', '{"version": 99}', "\x00"])
def test_a_file_that_cannot_be_used_gives_defaults_a_copy_and_a_notice(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    store = SettingsStore(tmp_path)
    assert store.current == Settings()
    assert (tmp_path / "settings.json.bak").read_text() == text
    assert "defaults" in store.notice and str(tmp_path) not in store.notice


def test_a_file_of_an_older_version_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(MIGRATIONS) == set(range(VERSION))
    monkeypatch.setitem(MIGRATIONS, 0, lambda raw: {**raw, "theme": raw.pop("colours")})
    (tmp_path / FILE).write_text('{"colours": "light", "left_handed": true}')
    current = SettingsStore(tmp_path).current
    assert (current.version, current.theme, current.left_handed) == (VERSION, "light", True)


def test_a_value_out_of_range_is_refused_and_not_saved(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    with pytest.raises(ValueError, match="veil_minutes"):
        store.change(veil_minutes=-1)
    assert SettingsStore(tmp_path).current == Settings()


@pytest.mark.parametrize("keys", ["", "B", "Ctrl+Shift+Z", "Ctrl+ö", "Ctrl+/", "+", "Ctrl++", "Del", "Ctrl+K, Ctrl+P"])
def test_every_key_sequence_can_be_kept(tmp_path: Path, keys: str) -> None:
    SettingsStore(tmp_path).change(shortcuts={"tool.brush_2": keys})
    assert SettingsStore(tmp_path).current.shortcuts == {"tool.brush_2": keys}


@pytest.mark.parametrize("values", [
    {"place": "/home/anna/ct"},
    {"shortcuts": {"/home/anna": "B"}},
    {"shortcuts": {"tool.brush": "C:\\Users\\anna"}},
    {"window_state": "Anna Müller"},
    {"theme": "anna"},
])
def test_paths_and_names_do_not_fit_in(tmp_path: Path, values: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        SettingsStore(tmp_path).change(**values)


def test_a_folder_that_cannot_be_written_keeps_the_change_until_the_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = SettingsStore(tmp_path / "file" / "below")
    store.change(theme="dark")
    assert store.current.theme == "dark"
    assert "could not be saved" in store.notice
