"""Elements that chance takes away. It is a number made of a key and of the element's place, so it comes again."""

from __future__ import annotations

import numpy as np

from minigrad.kernels import Array, quiet

__all__ = ["dropout"]


@quiet
def dropout(x: Array, p: float, key: int, together: int) -> Array:
    kept = drawn(np.arange(-(-x.size // together)), key) >= limit(p)
    factor = np.asarray(factor_of(p), x.dtype)
    return np.asarray(np.where(kept.repeat(together).reshape(x.shape), x * factor, np.zeros((), x.dtype)))


@quiet
def drawn(place: Array, key: int) -> Array:
    """A number from 0 to 2^32 - 1 for each place: the bits of both, mixed.

    They are mixed as at the end of MurmurHash3 (A. Appleby, 2011), with half of the key before and half within.
    """
    h = place.astype(np.uint32) * np.uint32(0x9E3779B1) + np.uint32(key & 0xFFFFFFFF)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B) + np.uint32(key >> 32)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return np.asarray(h ^ (h >> np.uint32(16)))


def limit(p: float) -> int:
    """What is drawn below it is dropped."""
    return min(round(p * 2**32), 2**32)


def factor_of(p: float) -> float:
    """What the rest is multiplied with, so that the mean stays."""
    return 1 / (1 - p) if p < 1 else 0.0
