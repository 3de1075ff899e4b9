"""How much of a prompt the text encoder reads, and which of its words it never learned."""

from __future__ import annotations

from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.prompt import unread_part
from medsynth_app.engine.diffusion.pipelines import Pack
from medsynth_app.formats.prompt import unseen


def told(pack: Pack, prompt: str, negative: str) -> tuple[str, ...]:
    """What to say of texts that are longer than the model reads, or hold words that no caption of it did."""
    tokenizer = pack.text.tokenizer
    longest = min(int(tokenizer.model_max_length), int(pack.text.text_encoder.config.max_position_embeddings))
    counted = longest - int(tokenizer.num_special_tokens_to_add())
    said = []
    for name, text in (("prompt", prompt), ("negative prompt", negative)):
        found = tokenizer(text, add_special_tokens=False, truncation=False, return_offsets_mapping=True, verbose=False)
        part = unread_part(name, text, found["offset_mapping"], counted)
        if part is not None:
            said.append(part.words())
    return *said, *(part.words() for part in unseen(InstalledPack(pack.folder, pack.manifest), prompt, negative))
