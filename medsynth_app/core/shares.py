"""A share of things, estimated from some of them that chance drew."""

from __future__ import annotations

import math
from statistics import NormalDist

from medsynth_app.core.learned import Share


def share_of(hits: int, n: int, level: float = 0.9) -> Share:
    """Wilson's interval for `hits` of `n`, where n is above 0."""
    if not 0 <= hits <= n or n < 1:
        raise ValueError(f"{hits} of {n}")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    p, most = hits / n, 1 + z * z / n
    middle, half = (p + z * z / (2 * n)) / most, z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / most
    return Share(p, 0.0 if hits == 0 else middle - half, 1.0 if hits == n else middle + half, n)
