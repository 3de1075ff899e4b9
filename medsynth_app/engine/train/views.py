"""Random views of training pictures, in batched torch operations: placed otherwise, stained otherwise."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

ZOOM = (0.75, 1.3)  # below 1 the view shows more than the box, mirrored at its edge
SHIFT = 0.08
TINT = 0.12
GREY_SHARE = 0.1
CLOSER = (0.8, 1.8)  # views of pictures without labels: what they have in common is the cell, not its place
RESTAIN, RELIGHT = 0.25, 0.15  # how much more or less of a dye and of light such a view may have
DYES = ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11), (0.27, 0.57, 0.78))  # absorbances of Ruifrok and Johnston 2001
AS_IT_IS_SHARE = 0.25  # of the views keep the stain of the pictures, whose colours tell classes apart


def random_views(pictures: torch.Tensor, size: int) -> torch.Tensor:
    """One random view of every picture: turned, flipped, zoomed, shifted, stained and blurred anew.

    Parameters
    ----------
    pictures
        Shape (n, 3, h, w), float32 in [0, 1].
    size
        Edge of the views in pixels.

    Returns
    -------
    Shape (n, 3, size, size), float32 in [0, 1].
    """
    return blurred(stained(_placed(pictures, size))).clamp_(0, 1)


def views_without_labels(pictures: torch.Tensor, size: int) -> torch.Tensor:
    """As `random_views`, with a closer look and a milder stain.

    Where nothing but its own views says what a picture shows, what views differ in is forgotten: a mixing of the
    channels would cost the colours of granules, by which classes are told apart.
    """
    return blurred(restained(_placed(pictures, size, CLOSER))).clamp_(0, 1)


def restained(views: torch.Tensor, spread: float = RESTAIN) -> torch.Tensor:
    """More or less of each dye, by up to `spread` (Tellez et al. 2018, arXiv 1808.05896), and of light.

    Pictures (n, 3, h, w), float32 in [0, 1].
    """
    n, device = len(views), views.device
    dyes = torch.tensor(DYES, device=device)
    dyes = dyes / dyes.norm(dim=1, keepdim=True)

    def about(range_: float, *shape: int) -> torch.Tensor:
        return range_ * (2 * torch.rand(n, *shape, device=device) - 1)

    amounts = -views.clamp(1 / 255, 1).log().permute(0, 2, 3, 1) @ torch.linalg.inv(dyes)
    amounts = amounts * (1 + about(spread, 1, 1, 3)) + about(spread / 10, 1, 1, 3)
    found: torch.Tensor = (-(amounts @ dyes)).exp().permute(0, 3, 1, 2) * (1 + about(RELIGHT, 1, 1, 1))
    return found


def _placed(pictures: torch.Tensor, size: int, zooms: tuple[float, float] = ZOOM) -> torch.Tensor:
    """A cell has no upper side: any angle, either handedness; a tenth of its place and a third of its size either way.

    Half of the views are only flipped and turned by right angles: pictures stand like that when they are embedded.
    """
    n, device = len(pictures), pictures.device
    right = torch.rand(n, device=device) < 0.5
    angle = torch.where(right, torch.randint(4, (n,), device=device) * (math.pi / 2),
                        torch.rand(n, device=device) * (2 * math.pi))
    low, high = (math.log(value) for value in zooms)
    zoom = torch.where(right, 1.0, torch.exp(low + (high - low) * torch.rand(n, device=device)))
    flip = torch.where(torch.rand(n, device=device) < 0.5, -1.0, 1.0)
    shift = (torch.rand(n, 2, device=device) * 2 - 1) * SHIFT * ~right[:, None]
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    matrix = torch.stack([torch.stack([cos * flip, -sin, shift[:, 0]], 1),
                          torch.stack([sin * flip, cos, shift[:, 1]], 1)], 1)
    grid = F.affine_grid(matrix, [n, 3, size, size], align_corners=False)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def stained(views: torch.Tensor) -> torch.Tensor:
    """Another stain, lamp and camera: gamma, a mixing of the channels, their gains, contrast, brightness.

    Pictures (n, 3, h, w), float32 in [0, 1]; `AS_IT_IS_SHARE` of them stay as they are.
    """
    n, device = len(views), views.device

    def between(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(n, 1, 1, device=device)

    mixing = torch.eye(3, device=device) + TINT * torch.randn(n, 3, 3, device=device)
    saturation = between(0.5, 1.4)
    saturation[torch.rand(n, device=device) < GREY_SHARE] = 0.0
    mixing = saturation * mixing + (1 - saturation) / 3
    pixels = views.clamp(1e-3, 1).flatten(2) ** torch.exp(between(-0.4, 0.4))
    pixels = mixing @ pixels
    mean = pixels.mean(dim=(1, 2), keepdim=True)
    pixels = (pixels - mean) * between(0.7, 1.3) + mean + between(-0.12, 0.12)
    as_it_is = torch.rand(n, 1, 1, 1, device=device) < AS_IT_IS_SHARE
    return torch.where(as_it_is, views, pixels.clamp(0, 1).view_as(views))


def blurred(views: torch.Tensor) -> torch.Tensor:
    """Lenses differ: up to a 3 x 3 mean of the pixels, twice for some."""
    for share in (0.5, 0.25):
        weight = torch.rand(len(views), 1, 1, 1, device=views.device)
        weight = weight * (torch.rand_like(weight) < share)
        views = torch.lerp(views, F.avg_pool2d(views, 3, 1, 1, count_include_pad=False), weight)
    return views
