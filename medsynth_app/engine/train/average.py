"""The exponential moving average of weights that a training run ends with."""

from __future__ import annotations

import torch


class Average:
    """Exponential moving average of a module's weights, slow to start."""

    def __init__(self, module: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: torch.nn.Module, step: int) -> None:
        keep = min(self.decay, (1 + step) / (10 + step))
        for name, value in module.state_dict().items():
            if value.dtype.is_floating_point:
                self.weights[name].lerp_(value, 1 - keep)

    def state_dict(self) -> dict[str, torch.Tensor]:
        return self.weights

    def load_state_dict(self, saved: dict[str, torch.Tensor]) -> None:
        for name, value in saved.items():
            self.weights[name].copy_(value)
