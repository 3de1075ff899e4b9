"""The line that repeats a study, as report and card tell it."""

from __future__ import annotations

from pathlib import PurePath

from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.studies.catalogue import DEFAULT_ENCODER, entry_of


def command_line(request: StudyRequest) -> str:
    """The line that repeats a study: what differs from the defaults, folders by name, for whoever has them."""
    entry = entry_of(request.study)
    pack = PurePath(request.pack).name
    usual = {**{name: getattr(StudyRequest, name) for name in entry.takes}, **dict(entry.defaults)}
    understood = {"recipe": f"{pack}.toml", "encoder": DEFAULT_ENCODER}  # what is taken where nothing is named
    words = [f"medsynth study {entry.name} --pack {pack}"]
    for name in entry.takes:
        value = getattr(request, name)
        if value != usual[name] and _written(value) != understood.get(name):
            words.append(f"--{name.replace('_', '-')} {_written(value)}")
    return " ".join([*words, "--out DIR"])


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return f"{value:g}"
    return PurePath(value).name if isinstance(value, str) else str(value)
