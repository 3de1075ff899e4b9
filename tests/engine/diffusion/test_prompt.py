"""A prompt that is longer than the model reads: what counts is said, and recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.pack_files import open_pack
from medsynth_app.engine.diffusion.generate import run_generate
from medsynth_app.formats.prompt import told
from tests.asking import generate_of
from tests.engine.diffusion.test_inpaint import region, smear
from tests.engine.tiny import events_of, make_request

LONG = "a " * 75  # one token each


def drawn(pack: Path, **asked: str) -> tuple[list[JobEvent], list[JobEvent]]:
    """What a fill and a whole picture say."""
    whole: list[JobEvent] = []
    request = generate_of(pack=str(pack), steps=2, count=1, preview_every=0, device="cpu", seed=3, **asked)
    run_generate(request, whole.append, lambda: False, "job")
    return events_of(make_request(pack, smear(), region(), steps=2, seed=3, **asked)), whole


def said(events: list[JobEvent]) -> list[str]:
    return [event.message for event in events if event.kind is EventKind.NOTICE]


def result(events: list[JobEvent]) -> JobEvent:
    [found] = [event for event in events if event.kind is EventKind.RESULT]
    return found


def test_what_is_not_read_is_named_before_anything_is_drawn_and_in_the_record(tiny_pack: Path) -> None:
    rest = "Round cell, with GRANULES"
    for events in drawn(tiny_pack, prompt=f"{LONG}{rest}"):
        [text] = said(events)
        assert text.startswith("The prompt has ") and f"the first 75 count: the rest, '{rest}', is not read." in text
        kinds = [event.kind for event in events]
        assert kinds.index(EventKind.NOTICE) < kinds.index(EventKind.RESULT)
        assert result(events).data["provenance"]["notices"] == (text,)


def test_the_rest_makes_no_difference_and_the_last_that_counts_does(tiny_pack: Path) -> None:
    for place, name in ((0, "patch"), (1, "picture")):
        pictures = {prompt: result(drawn(tiny_pack, prompt=prompt)[place]).arrays[name]
                    for prompt in (f"{LONG}cell", f"{LONG}nucleus", f"{LONG[2:]}cell", f"{LONG[2:]}nucleus")}
        first, second, third, fourth = pictures.values()
        assert np.array_equal(first, second) and not np.array_equal(third, fourth)


@pytest.mark.parametrize("prompt", ["", "a cell", LONG])
def test_what_is_short_enough_is_not_spoken_of(tiny_pack: Path, prompt: str) -> None:
    assert [said(events) for events in drawn(tiny_pack, prompt=prompt)] == [[], []]


def test_a_negative_prompt_is_counted_too_and_a_novel_is_not_repeated(tiny_pack: Path) -> None:
    for events in drawn(tiny_pack, prompt="a cell", negative_prompt=f"{LONG}{'word ' * 500}"):
        text, *_ = said(events)
        assert text.startswith("The negative prompt has ") and len(text) < 450 and "…" in text


@pytest.mark.parametrize("prompt, negative", [
    (LONG, ""), (f"{LONG}Round cell", ""), (f"GRÖSSER, {LONG}", f"{LONG}nicht größer"),
    (f"{LONG}é\u0301 \U0001f9eb", "")])
def test_the_window_says_before_a_run_what_the_run_says(tiny_pack: Path, prompt: str, negative: str) -> None:
    words = [part.words() for part in told(open_pack(tiny_pack), prompt, negative)]
    assert words == said(drawn(tiny_pack, prompt=prompt, negative_prompt=negative)[1])
