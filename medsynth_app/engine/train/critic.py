"""A critic that tells real patches from reconstructed ones, so that a decoder draws texture instead of the mean of all.

As in VQGAN (Esser et al., CVPR 2021): a patch critic with hinge loss, weighed by the gradients at the decoder's last
layer; besides, the critic's features of picture and reconstruction are drawn together (Wang et al., CVPR 2018).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

HEAD_START = 50  # steps of the critic, which knows nothing at first, before a decoder hears it


class Critic(nn.Module):
    """Tells real patches from reconstructed ones: of pictures (n, 3, h, w) a map of marks, above 0 for real."""

    def __init__(self, width: int) -> None:
        super().__init__()
        sizes = ((3, width, 2), (width, 2 * width, 2), (2 * width, 4 * width, 1))
        self.layers = nn.ModuleList(spectral_norm(nn.Conv2d(before, after, 4, stride, 1))
                                    for before, after, stride in sizes)
        self.mark = spectral_norm(nn.Conv2d(4 * width, 1, 4, 1, 1))

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        features = []
        for layer in self.layers:
            pictures = F.leaky_relu(layer(pictures), 0.2)
            features.append(pictures)
        return self.mark(pictures), features


def likeness(critic: Critic, drawn: torch.Tensor, real: torch.Tensor, close: torch.Tensor,
             last: torch.Tensor) -> torch.Tensor:
    """How little the critic takes what was drawn for real, pulling at the decoder as hard as `close` does.

    Parameters
    ----------
    drawn, real
        Pictures (n, 3, h, w) in [-1, 1], the first with gradients.
    close
        The loss that it is weighed against.
    last
        Weights of the decoder's last layer, at which the pulls of both losses are compared.
    """
    critic.requires_grad_(False)
    marks, of_drawn = critic(drawn)
    with torch.no_grad():
        _, of_real = critic(real)
    critic.requires_grad_(True)
    loss: torch.Tensor = -marks.float().mean()
    for a, b in zip(of_drawn, of_real, strict=True):
        loss = loss + F.l1_loss(a.float(), b.float())
    pulls = [torch.autograd.grad(part, last, retain_graph=True)[0].float().norm() for part in (close, loss)]
    weight: torch.Tensor = (pulls[0] / (pulls[1] + 1e-6)).clamp(max=1e3)
    return weight * loss


def critic_loss(critic: Critic, drawn: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Hinge loss of the critic itself."""
    for_real, for_drawn = (critic(pictures)[0].float() for pictures in (real, drawn.detach()))
    return F.relu(1 - for_real).mean() + F.relu(1 + for_drawn).mean()
