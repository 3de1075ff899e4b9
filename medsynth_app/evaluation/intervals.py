"""A number with its uncertainty: nothing is reported without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from medsynth_app.evaluation.arrays import vector


@dataclass(frozen=True)
class Spread:
    """A value between two bounds.

    Attributes
    ----------
    mean
        The value itself.
    low, high
        Its bounds; the function that made it says which (a confidence interval, or smallest and largest).
    n
        How many samples stand behind it.
    """

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        """Such as ``0.84 (0.80-0.88, n=200)``: two decimals, more where all three numbers are small."""
        largest = max(abs(self.mean), abs(self.low), abs(self.high))
        places = int(np.clip(1 - np.floor(np.log10(largest)), 2, 8)) if 0 < largest < np.inf else 2
        mean, low, high = (f"{value:.{places}f}" for value in (self.mean, self.low, self.high))
        joint = " to " if "-" in low + high else "-"
        return f"{mean} ({low}{joint}{high}, n={self.n})"


def bootstrap(values: npt.ArrayLike, rng: np.random.Generator,
              statistic: Callable[[npt.NDArray[Any]], Any] = np.mean, resamples: int = 2000,
              level: float = 0.95) -> Spread:
    """Percentile bootstrap (Efron 1979).

    Parameters
    ----------
    values
        Shape (n,) with n >= 2, or (n, m): whole rows are drawn, so that pairs stay together.
    statistic
        Takes an array like `values`, returns one number.
    level
        Of the confidence interval, 0 to 1.

    Returns
    -------
    The statistic of `values` itself with its confidence interval; n as above.

    Raises
    ------
    ValueError
        Fewer than two values, a value that is not finite, no resamples, or a level outside 0 to 1.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or len(array) < 2:
        raise ValueError("A bootstrap needs at least 2 values.")
    if not np.isfinite(array).all():
        raise ValueError("A bootstrap needs finite values (no NaN).")
    if resamples < 1:
        raise ValueError(f"At least 1 resample is needed, not {resamples}.")
    tail = _tail(level)
    drawn = [float(statistic(array[rng.integers(0, len(array), len(array))])) for _ in range(resamples)]
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Spread(float(statistic(array)), float(low), float(high), len(array))


def wilson(successes: int, n: int, level: float = 0.95) -> Spread:
    """A share with its Wilson score interval (Wilson 1927): fair for small n and for shares near 0 and 1.

    Raises
    ------
    ValueError
        n below 1, successes outside 0 to n, or a level outside 0 to 1.
    """
    _tail(level)
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"A share needs 0 <= successes <= n and n >= 1, not {successes} of {n}.")
    interval = stats.binomtest(int(successes), int(n)).proportion_ci(level, method="wilson")
    return Spread(successes / n, float(interval.low), float(interval.high), int(n))


def over_seeds(values: npt.ArrayLike, level: float = 0.95) -> Spread:
    """Mean over repeated runs with Student's t interval.

    Parameters
    ----------
    values
        One number per seed, shape (n,), n >= 2.

    Raises
    ------
    ValueError
        One value only (no interval is known), a value that is not finite, or a level outside 0 to 1.
    """
    array = vector(values, "The values per seed", least=2)
    mean, tail = float(array.mean()), _tail(level)
    reach = float(stats.t.ppf(1 - tail, len(array) - 1) * array.std(ddof=1) / np.sqrt(len(array)))
    return Spread(mean, mean - reach, mean + reach, len(array))


def _tail(level: float) -> float:
    """What lies beyond either end of an interval of this level."""
    if not 0 < level < 1:
        raise ValueError(f"The level must lie between 0 and 1, not {level}.")
    return (1 - level) / 2
