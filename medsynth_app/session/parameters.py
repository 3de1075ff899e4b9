"""What the panels have set, and how it follows the chosen pack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from medsynth_app.actions.generate import FREE, cannot_follow
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.parameters import GenerateParameters, InpaintParameters

# How strong a mode starts: vary keeps the likeness, the others draw anew.
START_STRENGTH = {"replace": 1.0, "remove": 1.0, "vary": 0.5}


class ParameterState:
    """Parameters of the Paint and the Generate place."""

    def __init__(self, device: str = "auto", preview_every: int = 4) -> None:
        self.inpaint = InpaintParameters(device=device, preview_every=preview_every)
        self.generate = GenerateParameters(device=device, preview_every=preview_every)
        self.shape = FREE  # what generated pictures follow
        self._offered = ""  # prompt that a pack put there: replaced with the pack, a typed one never

    def change_inpaint(self, **changes: Any) -> InpaintParameters:
        """Change some of the inpaint parameters; a change of mode alone also sets where its strength starts."""
        mode = changes.get("mode", self.inpaint.mode)
        if mode != self.inpaint.mode and "strength" not in changes:
            changes["strength"] = START_STRENGTH[mode]
        self.inpaint = replace(self.inpaint, **changes).checked()
        return self.inpaint

    def change_generate(self, **changes: Any) -> GenerateParameters:
        self.generate = replace(self.generate, **changes).checked()
        return self.generate

    def follow(self, manifest: PackManifest) -> None:
        """Offer the pack's prompt where the person has not typed one; pictures are free where it follows no masks.

        Whether a fill keeps to the painted shape is the prompt's to choose again.
        """
        offered = manifest.default_prompt
        self.inpaint = replace(self.inpaint, follow=None)
        if self.inpaint.prompt in ("", self._offered):
            self.inpaint = replace(self.inpaint, prompt=offered)
        if self.generate.prompt in ("", self._offered):
            self.generate = replace(self.generate, prompt=offered)
        self._offered = offered
        if cannot_follow(manifest, self.shape):
            self.shape = FREE
