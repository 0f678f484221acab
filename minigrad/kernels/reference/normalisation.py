"""Numbers brought to mean 0 and variance 1."""

from __future__ import annotations

import numpy as np

from minigrad.kernels import Array, Dims, quiet
from minigrad.kernels.reference.reduce import mean, moments

__all__ = ["normalise", "normalise_backward"]


@quiet
def normalise(x: Array, dims: Dims, eps: float) -> Array:
    centre, variance = moments(x, dims, keepdim=True)
    return np.asarray((x - centre) / np.sqrt(variance + eps))


@quiet
def normalise_backward(dy: Array, x: Array, dims: Dims, eps: float) -> Array:
    _, variance = moments(x, dims, keepdim=True)
    y = normalise(x, dims, eps)
    across = dy - mean(dy, dims, keepdim=True) - y * mean(dy * y, dims, keepdim=True)
    return np.asarray(across / np.sqrt(variance + eps))
