"""Running sums and products along one dimension, and the recurrence that their derivatives are made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.kernels import Array, quiet

__all__ = ["cumprod", "cumsum", "recurrence"]


@quiet
def cumsum(x: Array, dim: int, reverse: bool) -> Array:
    if reverse:
        return np.flip(cumsum(np.flip(x, dim), dim, False), dim).copy()
    wide, dtype = _dtypes(x)
    return x.cumsum(dim, dtype=wide).astype(dtype)


@quiet
def cumprod(x: Array, dim: int) -> Array:
    wide, dtype = _dtypes(x)
    return x.cumprod(dim, dtype=wide).astype(dtype)


@quiet
def recurrence(a: Array, b: Array, dim: int, transposed: bool) -> Array:
    s = b.astype(np.result_type(a, b, np.float64))
    a, steps = np.moveaxis(a, dim, 0), np.moveaxis(s, dim, 0)
    for k in range(1, len(steps)):
        if transposed:
            steps[-k - 1] += a[-k] * steps[-k]
        else:
            steps[k] += a[k] * steps[k - 1]
    return s.astype(np.result_type(a, b))


def _dtypes(x: Array) -> tuple[Any, Any]:
    """In what the elements are accumulated, and what becomes of it."""
    if x.dtype.kind in "biu":
        return np.int64, np.int64
    return np.result_type(x.dtype, np.float64), x.dtype
