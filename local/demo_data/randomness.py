"""Random numbers that are the same on every machine and with every version of numpy.

Only the raw 64-bit stream of PCG64 is used, which numpy guarantees; its distributions may change between releases, and
floating point may differ between machines.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


class Randomness:
    """A stream of random integers, decided by a seed and the name of what it is for."""

    def __init__(self, seed: int, purpose: str) -> None:
        self._bits = np.random.PCG64([seed, *purpose.encode()])

    def integers(self, count: int, bound: int) -> Integers:
        """Draw `count` integers from 0 up to, not including, `bound`."""
        return ((self._raw(count) >> np.uint64(16)) % np.uint64(bound)).astype(np.int64)

    def weighted(self, count: int, weights: Sequence[int] | Integers) -> Integers:
        """Draw `count` indices of `weights`, each as often as its weight says."""
        bounds = np.cumsum(np.asarray(weights, dtype=np.int64))
        drawn = self.integers(count, int(bounds[-1]))
        return np.searchsorted(bounds, drawn, side="right").astype(np.int64)

    def sample(self, count: int, population: int) -> Integers:
        """Draw `count` different integers below `population`, in random order."""
        return np.argsort(self._raw(population), kind="stable")[:count].astype(np.int64)

    def _raw(self, count: int) -> npt.NDArray[np.uint64]:
        return np.asarray(self._bits.random_raw(count), dtype=np.uint64)
