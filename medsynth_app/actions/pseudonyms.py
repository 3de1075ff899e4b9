"""Who labelled, as files of labels say it: by pseudonyms, and by names only where somebody wants them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from medsynth_app.workspace.workspace import Workspace

_ID = re.compile(r"[\w-]{1,64}", re.ASCII)


def pseudonym(workspace: Workspace, person: str) -> str:
    """The id of a person, which is made of chance; of whom nobody has named, one that no other workspace gives."""
    if person:
        return person
    return f"nobody-{hashlib.blake2b(workspace.salt, digest_size=4, person=b'medsynth nobody').hexdigest()}"


def person_of(workspace: Workspace, annotator: str) -> str:
    """The inverse of `pseudonym`; whatever another program calls its annotators becomes an id."""
    if annotator == pseudonym(workspace, ""):
        return ""
    return annotator if _ID.fullmatch(annotator) else f"other-{_digest(annotator)}"


def unnamed_person(file: str) -> str:
    """Who gave the labels of a file that does not say it: one person for each name of a file."""
    return f"file-{_digest(file)}"


def names_of(workspace: Workspace) -> dict[str, str]:
    """What people are called, by id."""
    return {each.id: each.name for each in workspace.people.all()}


def shown_name(names: Mapping[str, str], person: str) -> str:
    """What to call a person in words."""
    if not person:
        return "nobody named"
    return names.get(person, f"annotator {person[:12]}")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()
