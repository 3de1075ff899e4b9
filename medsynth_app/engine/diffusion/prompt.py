"""How much of a prompt the text encoder reads."""

from __future__ import annotations

from medsynth_app.core.prompt import unread_part
from medsynth_app.engine.diffusion.pipelines import Pack


def unread(pack: Pack, prompt: str, negative: str) -> tuple[str, ...]:
    """What to say of texts that are longer than the model reads; nothing of those that are not."""
    tokenizer = pack.text.tokenizer
    longest = min(int(tokenizer.model_max_length), int(pack.text.text_encoder.config.max_position_embeddings))
    counted = longest - int(tokenizer.num_special_tokens_to_add())
    said = []
    for name, text in (("prompt", prompt), ("negative prompt", negative)):
        found = tokenizer(text, add_special_tokens=False, truncation=False, return_offsets_mapping=True, verbose=False)
        part = unread_part(name, text, found["offset_mapping"], counted)
        if part is not None:
            said.append(part.words())
    return tuple(said)
