"""What of a prompt a pack does not read, told without a model."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from medsynth_app.core.pack_files import InstalledPack, open_pack
from medsynth_app.core.prompt import COMMON
from medsynth_app.formats.prompt import BESIDE, unread, unseen
from tests.actions.bench import make_pack

SHIPPED = Path(__file__).resolve().parents[2] / "resources" / "packs"
LONG = "a " * 75  # one token each


@pytest.mark.parametrize("name", ["blood-cells", "chest-xray", "colonoscopy", "hippocampus-mri"])
def test_of_a_long_prompt_the_rest_is_told(name: str) -> None:
    pack = open_pack(SHIPPED / name)
    assert unread(pack, LONG, LONG) == unread(pack, "a cell", "") == ()
    (found,) = unread(pack, "a cell", f"{LONG}a Smudge")
    assert (found.name, found.counted, found.rest) == ("negative prompt", 75, "a Smudge") and found.tokens > 75
    assert found.words(3) == (f"The negative prompt has {found.tokens} tokens, and the first 75 count: "
                              "the rest, 'a S…', is not read.")


def with_files(folder: Path, **files: str) -> InstalledPack:
    pack = make_pack(folder)
    shutil.copytree(SHIPPED / "blood-cells" / "tokenizer", pack.folder / "tokenizer")
    (pack.folder / "text_encoder").mkdir()
    (pack.folder / "text_encoder" / "config.json").write_text('{"max_position_embeddings": 12}')
    for name, text in files.items():
        next(pack.folder.rglob(f"{name}.json")).write_text(text)
    return pack


def test_the_shorter_of_two_limits_counts(tmp_path: Path) -> None:
    (found,) = unread(with_files(tmp_path), LONG, "")
    assert (found.tokens, found.counted) == (75, 10)


@pytest.mark.parametrize("files", [{"tokenizer": "no vocabulary"}, {"tokenizer": "{}"}, {"tokenizer_config": "["},
                                   {"tokenizer_config": "{}", "config": "{}"}])
def test_of_a_pack_that_cannot_be_read_nothing_is_told(tmp_path: Path, files: dict[str, str]) -> None:
    assert unread(with_files(tmp_path, **files), LONG, LONG) == ()
    assert unread(make_pack(tmp_path, "bare"), LONG, LONG) == ()


def test_a_short_prompt_loads_no_vocabulary() -> None:
    code = ("import sys; from pathlib import Path; from medsynth_app.core.pack_files import open_pack; "
            "from medsynth_app.formats.prompt import unread; "
            f"unread(open_pack(Path({str(SHIPPED / 'blood-cells')!r})), 'a neutrophil', ''); "
            "print([name for name in ('tokenizers', 'torch', 'transformers') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name, prompt, words", [
    ("blood-cells", "a leukaemic Giraffe", ("leukaemic", "giraffe")),
    ("blood-cells", "a neutrophl, stained", ("neutrophl", "stained")),
    ("blood-cells", "the polyp of a tumour", ("polyp", "tumour")), ("blood-cells", "eosinophil, Giemsa stain 12", ()),
    ("colonoscopy", "a polyp with burned-in text in Zürich", ("zürich",)),
    ("chest-xray", "frontal chest X-ray of a child with pneumothorax", ("pneumothorax",)),
    ("hippocampus-mri", "axial T1-weighted MRI of the posterior hippocampus", ())])
def test_words_that_no_caption_held_are_told(name: str, prompt: str, words: tuple[str, ...]) -> None:
    pack = open_pack(SHIPPED / name)
    assert [part.found for part in unseen(pack, prompt, "")] == ([words] if words else [])
    assert all(unseen(pack, own, own) == () for own in pack.manifest.example_prompts)
    for part in unseen(pack, "", prompt):
        assert "of the negative prompt" in part.words() and f"'{words[0]}'" in part.words()


def test_of_a_vocabulary_that_tells_no_words_nothing_is_said(tmp_path: Path) -> None:
    source = (SHIPPED.parents[1] / "medsynth_app" / "engine" / "train" / "tokenizer.py").read_text()
    assert "core.prompt import COMMON" in source and set(COMMON.split()) == BESIDE  # read, for its import takes seconds
    assert unseen(make_pack(tmp_path / "none"), "a giraffe", "") == ()
    many = with_files(tmp_path / "clip", vocab=json.dumps({f"w{k}</w>": k for k in range(2000)}))
    assert unseen(many, "a giraffe", "") == ()
