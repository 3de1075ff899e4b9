"""How much of a prompt a model pack reads, told from its files alone: no model is loaded, and no model library."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from medsynth_app.core.errors import UserError
from medsynth_app.core.pack_files import InstalledPack, read_json
from medsynth_app.core.prompt import Unread, unread_part
from medsynth_app.formats.common import reading

LARGEST = 2**26  # bytes of a vocabulary; those of CLIP have some millions
KEPT_PACKS = 8


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
