"""Activations and losses of one element, and their derivatives."""

from __future__ import annotations

import numpy as np

from minigrad.kernels import Array, quiet
from minigrad.kernels.reference.elementwise import erf

__all__ = [
    "bce", "bce_slope", "bce_with_logits", "gelu", "gelu_backward", "relu", "relu_backward", "sigmoid",
    "sigmoid_backward", "tanh", "tanh_backward",
]  # fmt: skip

ROOT_TWO = np.sqrt(2.0)

# -- activations and their derivatives ------------------------------------------------------------------------


@quiet
def relu(z: Array) -> Array:
    return np.maximum(z, 0)


@quiet
def relu_backward(da: Array, a: Array) -> Array:
    return np.where(a <= 0, 0, da)


@quiet
def sigmoid(z: Array) -> Array:
    e = np.exp(-np.abs(z))  # never overflows
    return np.where(z >= 0, 1, e) / (1 + e)


@quiet
def sigmoid_backward(da: Array, a: Array) -> Array:
    return da * a * (1 - a)


@quiet
def tanh(z: Array) -> Array:
    return np.tanh(z)


@quiet
def tanh_backward(da: Array, a: Array) -> Array:
    return da * (1 - a * a)


@quiet
def gelu(z: Array) -> Array:
    return z * (1 + erf(z / ROOT_TWO.astype(z.dtype))) / 2


@quiet
def gelu_backward(da: Array, z: Array) -> Array:
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi).astype(z.dtype)
    return da * ((1 + erf(z / ROOT_TWO.astype(z.dtype))) / 2 + z * density)


# -- losses ---------------------------------------------------------------------------------------------------


@quiet
def bce(p: Array, y: Array) -> Array:
    return -(y * np.maximum(np.log(p), -100) + (1 - y) * np.maximum(np.log1p(-p), -100))


@quiet
def bce_slope(p: Array, y: Array) -> Array:
    return (p - y) / np.maximum(p * (1 - p), 1e-12)


@quiet
def bce_with_logits(z: Array, y: Array) -> Array:
    return np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
