"""Parts of the body in words: of a list alone, for the element may hold free text."""

from __future__ import annotations

import pytest

from medsynth_app.core.body_part import in_words


@pytest.mark.parametrize(("code", "said"), [("CHEST", "chest"), ("Head", "head"), ("L SPINE", "lumbar spine"),
                                            ("DOE JANE", ""), ("", ""), ("CHEST OF JANE DOE", "")])
def test_only_what_is_on_the_list_is_said(code: str, said: str) -> None:
    assert in_words(code) == said
