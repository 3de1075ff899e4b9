from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from medsynth_app.workspace.workspace import Workspace
from tests.workspace.fake import PATH, UID, FakeSource

PIECES = ["@", "uid:", "source:", "at:", "0", "1", "2", "7", "@uid:1@", "@at:0@", f"{UID}.0", f"uid:{UID}.1", "1.2.3.4",
          " ", "\n", "\\", '"', "\u2013", "\u00e9", "\u0663", "\u201c", "."]
texts = st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=12)
values = st.recursive(st.none() | st.booleans() | st.integers() | texts,
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))


def test_what_looks_like_a_hidden_uid_comes_back_as_typed(workspace: Workspace) -> None:
    document = workspace.documents.open(FakeSource(), PATH)
    for typed in ("@uid:1@", "@source:1@", "@at:0@uid:1@", f"@uid:{UID}.0@", f"@at:{UID}.0"):
        workspace.documents.remember(document.id, "prompt", {"prompt": typed, typed: 1})
        assert workspace.documents.recall(document.id, "prompt") == {"prompt": typed, typed: 1}


def test_every_known_uid_is_hidden_whatever_stands_before_it(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        document = workspace.documents.open(FakeSource(), PATH)
        for number, before in enumerate(("\n", "\u2013", "\u201c", "@", "uid:", "\u00e9", "")):
            workspace.documents.remember(document.id, f"note {number}", f"{before}{UID}.0")
    content = b"".join(path.read_bytes() for path in folder.glob("workspace.db*"))
    assert content.count(f"{UID}.0".encode()) == content.count(f"uid:{UID}.0".encode())    # in `sources` alone


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_value_comes_back(shared: tuple[Workspace, str], data: st.DataObject) -> None:
    workspace, document_id = shared
    value = data.draw(values)
    workspace.documents.remember(document_id, "any", value)
    assert workspace.documents.recall(document_id, "any") == value
