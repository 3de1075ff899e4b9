"""Requests from the names of their values, wherever those stand in them."""

from __future__ import annotations

from typing import Any

from medsynth_app.core.jobs.embed import EmbedRequest
from medsynth_app.core.jobs.embed import from_flat as embed_from_flat
from medsynth_app.core.jobs.generate import GenerateRequest
from medsynth_app.core.jobs.generate import from_flat as generate_from_flat
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.core.jobs.inpaint import from_flat as inpaint_from_flat
from medsynth_app.core.options import changed
from medsynth_app.core.parameters import GenerateParameters, InpaintParameters

NOWHERE = {"pack": "", "pack_sha256": "", "prompt": ""}


def inpaint_of(**values: Any) -> InpaintRequest:
    return inpaint_from_flat({**NOWHERE, **values})


def generate_of(**values: Any) -> GenerateRequest:
    return generate_from_flat({**NOWHERE, **values})


def embed_of(**values: Any) -> EmbedRequest:
    return embed_from_flat({**NOWHERE, **values})


def to_inpaint(**values: Any) -> InpaintParameters:
    return changed(InpaintParameters(), **values)


def to_generate(**values: Any) -> GenerateParameters:
    return changed(GenerateParameters(), **values)
