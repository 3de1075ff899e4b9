"""What of a prompt a model pack reads and has learned, told from its files alone: no model and no library is loaded."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from medsynth_app.core.errors import UserError
from medsynth_app.core.pack_files import InstalledPack, read_json
from medsynth_app.core.prompt import COMMON, Told, Unread, Unseen, unread_part
from medsynth_app.formats.common import reading

LARGEST = 2**26  # bytes of a vocabulary; those of CLIP have some millions
KEPT_PACKS = 8
CUT_OFF = 1000  # entries at which our tokenizers stop; one with fewer holds every word of its captions as one entry
BESIDE = frozenset(COMMON.split())
_WORD = re.compile(r"[^\W\d_]+")  # as the tokenizer parts them, whose entries for digits and signs are complete
_SMALL = frozenset({"a", "an", "and", "as", "at", "by", "from", "in", "is", "no", "not", "of", "on", "or", "the",
    "to", "with", "without"})  # worth no word
_END = "</w>"


def unread(pack: InstalledPack, prompt: str, negative: str) -> tuple[Unread, ...]:
    """Those of two texts that are longer than the pack reads; none where it does not say how much that is."""
    found: list[Unread | None] = []
    with suppress(UserError):  # what is wrong with the pack is said by who draws with it
        longest = _longest(pack.folder, pack.manifest.sha256)
        for name, text in (("prompt", prompt), ("negative prompt", negative)):
            if len(text.encode()) > longest // 2:  # a token holds a byte at least: of less all counts
                tokenizer = _tokenizer(pack.folder, pack.manifest.sha256)
                places = tokenizer.encode(text, add_special_tokens=False).offsets
                found.append(unread_part(name, text, places, longest - tokenizer.num_special_tokens_to_add(False)))
    return tuple(part for part in found if part is not None)


def told(pack: InstalledPack, prompt: str, negative: str) -> tuple[Told, ...]:
    """All that a person should know of two texts before this pack draws them."""
    return *unread(pack, prompt, negative), *unseen(pack, prompt, negative)


def unseen(pack: InstalledPack, prompt: str, negative: str) -> tuple[Unseen, ...]:
    """Words that stood in no caption of a pack; none where its files do not tell which did, as of full models."""
    manifest = pack.manifest
    own = "\n".join((manifest.default_prompt, manifest.remove_prompt, *manifest.example_prompts))
    learned: frozenset[str] | None = None
    with suppress(UserError):  # what is wrong with the pack is said by who draws with it
        learned = _learned(pack.folder, manifest.sha256, own)
    if learned is None:
        return ()
    texts = (("prompt", prompt), ("negative prompt", negative))
    found = [(name, tuple(dict.fromkeys(word for word in _words(text) if word not in _SMALL
                                        and _as_entry(word) not in learned)))
             for name, text in texts]
    return tuple(Unseen(name, words) for name, words in found if words)


@lru_cache(KEPT_PACKS)
def _learned(folder: Path, _sha256: str, own: str) -> frozenset[str] | None:
    """Words of the captions as the tokenizer writes them; None where its entries do not tell them.

    Entries are numbered as they were learned, the most frequent first. Of those `BESIDE` captions the ones count that
    came before the last word of the pack's `own` prompts.
    """
    entries = read_json(folder / "tokenizer" / "vocab.json")
    numbers = {entry.removesuffix(_END): number for entry, number in entries.items()
               if entry.endswith(_END) and isinstance(number, int)}
    if not numbers or len(entries) >= CUT_OFF:
        return None
    said = {_as_entry(word) for word in _words(own)}
    last = max((numbers[word] for word in said & numbers.keys() if word not in _LETTERS.values()), default=0)
    return frozenset(said | {word for word, number in numbers.items() if number <= last or word not in BESIDE})


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _as_entry(word: str) -> str:
    """A word as a byte-level vocabulary writes it."""
    return "".join(_LETTERS[byte] for byte in unicodedata.normalize("NFC", word).encode())


def _byte_letters() -> dict[int, str]:
    """The letter for each byte, as GPT-2's and CLIP's tokenizers have it: itself where one sees it, else beyond 255."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in seen}
    return letters | {byte: chr(256 + place) for place, byte in enumerate(sorted(set(range(256)) - set(seen)))}


_LETTERS = _byte_letters()


@lru_cache(KEPT_PACKS)
def _longest(folder: Path, _sha256: str) -> int:
    """How many tokens the text encoder takes, special ones included."""
    limits = (read_json(folder / "tokenizer" / "tokenizer_config.json").get("model_max_length"),
              read_json(folder / "text_encoder" / "config.json").get("max_position_embeddings"))
    known = [int(limit) for limit in limits if isinstance(limit, int | float)]
    if not known:
        raise UserError("This pack does not say how long a prompt may be.", "Use another pack.")
    return min(known)


@lru_cache(KEPT_PACKS)
def _tokenizer(folder: Path, _sha256: str) -> Any:
    from tokenizers import Tokenizer  # 50 ms, which a short prompt does not take

    path = folder / "tokenizer" / "tokenizer.json"
    with reading("vocabulary"):
        if path.stat().st_size > LARGEST:
            raise UserError("This vocabulary is larger than any that a model has.", "Use another pack.")
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer
