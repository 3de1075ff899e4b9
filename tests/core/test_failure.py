"""What is told of errors: places and types, never a path or a name."""

from __future__ import annotations

import pytest

from medsynth_app.core.errors import UserError
from medsynth_app.core.failure import in_one_line, scrubbed, traced
from medsynth_app.core.pack import PackManifest


@pytest.mark.parametrize("text", [
    "No such file: '/home/jane doe/a b.dcm'", 'open("C:\\Users\\Jane Doe\\x.png") failed',
    "cannot read /data/Jane van Doe/ct.dcm now", "~/Doe/x", "file:///srv/Doe/x.dcm", "Doe/ct.dcm",
])
def test_no_path_is_left_in_details(text: str) -> None:
    assert "<path>" in scrubbed(text)
    assert not any(part in scrubbed(text).lower() for part in ("doe", "jane", "home", "users"))


def _failed() -> UserError:
    with pytest.raises(UserError) as raised:
        PackManifest.from_json("{/srv/Doe/x", "The file /tmp/Doe/x")
    return raised.value


def test_places_name_our_own_files_by_their_place_and_others_by_name() -> None:
    text = traced(_failed(), words=True)
    assert "medsynth_app/core/pack.py, line" in text and "test_failure.py, line" in text and "tests/" not in text
    assert text.index("JSONDecodeError: ") < text.index("UserError: ") and "Doe" not in text


def test_a_log_and_a_report_hold_no_words_at_all() -> None:
    error = _failed()
    assert in_one_line(error).startswith("UserError < medsynth_app/core/pack.py, line")
    for text in (in_one_line(error), traced(error)):
        assert "manifest" not in text and "Doe" not in text and "test_failure.py" in text
