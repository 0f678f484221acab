"""Attention: for each query a mean of the values, weighted by how well keys fit it."""

from __future__ import annotations

import numpy as np

from minigrad.kernels import Array, quiet
from minigrad.kernels.reference.reduce import softmax, softmax_backward

__all__ = ["attention", "attention_backward"]


@quiet
def attention(q: Array, k: Array, v: Array, mask: Array | None, scale: float, is_causal: bool) -> Array:
    return _weights(q, k, mask, scale, is_causal) @ v


@quiet
def attention_backward(
    dout: Array, q: Array, k: Array, v: Array, mask: Array | None, scale: float, is_causal: bool
) -> Array:
    a = _weights(q, k, mask, scale, is_causal)
    dz = softmax_backward(dout @ v.mT, a, -1) * q.dtype.type(scale)
    return np.concatenate([dz @ k, dz.mT @ q, a.mT @ dout], -2)


def _weights(q: Array, k: Array, mask: Array | None, scale: float, is_causal: bool) -> Array:
    """(..., L, S); a query from which the mask hides every key has weights of 0."""
    z = q @ k.mT * q.dtype.type(scale)
    if mask is not None:
        z = z + mask
    if is_causal:
        z = np.where(np.tri(*z.shape[-2:], dtype=np.bool_), z, -np.inf)  # a query sees keys up to its own place
    a = softmax(z, -1)
    return a if mask is None else np.where((z == -np.inf).all(-1, keepdims=True), 0, a)
