"""Numbers brought to mean 0 and variance 1, then scaled and shifted."""

from __future__ import annotations

import numpy as np

from minigrad.kernels import Array, Dims, quiet
from minigrad.kernels.reference.reduce import mean, moments

__all__ = ["normalise", "normalise_backward", "normalise_by", "normalise_sums", "running_step"]


@quiet
def normalise(x: Array, weight: Array, bias: Array, dims: Dims, eps: float) -> tuple[Array, Array, Array]:
    y = standardised(x, dims, eps) * weight + bias
    return np.asarray(y), *moments(x, dims, keepdim=False)


@quiet
def normalise_backward(dy: Array, x: Array, weight: Array, dims: Dims, eps: float) -> Array:
    _, variance = moments(x, dims, keepdim=True)
    x_hat, slope = standardised(x, dims, eps), dy * weight
    across = slope - mean(slope, dims, keepdim=True) - x_hat * mean(slope * x_hat, dims, keepdim=True)
    return np.asarray(across / np.sqrt(variance + eps))


@quiet
def normalise_sums(dy: Array, x: Array, shape: Dims, dims: Dims, eps: float) -> Array:
    repeated = (1,) * (x.ndim - len(shape)) + shape
    over = tuple(d for d, n in enumerate(repeated) if n == 1)
    both = (dy * standardised(x, dims, eps)).sum(over), dy.sum(over)
    return np.stack([each.reshape(shape) for each in both])


@quiet
def normalise_by(x: Array, mean: Array, scale: Array, weight: Array, bias: Array) -> Array:
    return np.asarray((x - mean) * (scale * weight) + bias)


@quiet
def running_step(running: Array, observed: Array, *, rate: float, scale: float) -> None:
    running += (observed * scale - running) * rate


def standardised(x: Array, dims: Dims, eps: float) -> Array:
    centre, variance = moments(x, dims, keepdim=True)
    return np.asarray((x - centre) / np.sqrt(variance + eps))
