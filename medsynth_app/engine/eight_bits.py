"""Weights in 8 bits, for room: how networks are stored; they compute in float32, or in what a GPU takes."""

from __future__ import annotations

from collections.abc import Mapping

import torch

SCALE = ".scale"  # after the name of a kernel


def packed(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights as they are stored: kernels as whole numbers of 8 bits and a scale for each channel, the rest halved."""
    found = {}
    for name, value in weights.items():
        if value.ndim == 4:
            scale = (value.abs().amax(dim=(1, 2, 3)) / 127).clamp(min=1e-7).half()
            found[name] = (value / scale.float().view(-1, 1, 1, 1)).round().clamp(-127, 127).to(torch.int8).contiguous()
            found[name + SCALE] = scale
        else:
            found[name] = value.half() if value.is_floating_point() else value
    return found


def unpacked(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The inverse of `packed`, in float32."""
    found = {}
    for name, value in weights.items():
        if name.endswith(SCALE):
            continue
        if value.dtype == torch.int8:
            found[name] = value.float() * weights[name + SCALE].float().view(-1, 1, 1, 1)
        else:
            found[name] = value.float() if value.is_floating_point() else value
    return found


def in_float8(network: torch.nn.Module) -> None:
    """Bring a network of diffusers' to what it is stored in: matrices and kernels float8 (e4m3), the rest float16.

    They need no scale: ``from_pretrained`` reads such files as they are, into whatever precision it is asked for.
    """
    for weight in network.parameters():
        weight.data = weight.data.to(torch.float8_e4m3fn if weight.ndim > 1 else torch.float16)
    for name, values in network.named_buffers():
        if values.is_floating_point():
            network.get_buffer(name).data = values.data.half()
