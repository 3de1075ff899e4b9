"""Words for people: English where there is no translation, the translation where there is one."""

from __future__ import annotations

import gettext

import pytest

from medsynth_app.core import words


def test_a_text_without_a_translation_is_shown_as_it_is() -> None:
    assert words._("{count} pictures").format(count=3) == "3 pictures"


def test_a_translation_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class German(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return {"Open file…": "Datei öffnen …"}.get(message, message)

    monkeypatch.setattr(words, "_translation", German)
    assert words._("Open file…") == "Datei öffnen …"
    assert words._("Close") == "Close"
