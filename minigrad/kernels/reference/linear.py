"""Matrix products."""

from __future__ import annotations

import numpy as np

from minigrad.kernels import Array, quiet

__all__ = ["linear", "matmul"]


@quiet
def matmul(x: Array, y: Array) -> Array:
    return np.matmul(x, y)


@quiet
def linear(x: Array, W: Array, b: Array | None) -> Array:
    z = x @ W.T  # (..., K) @ (K, N) -> (..., N)
    return z if b is None else z + b
