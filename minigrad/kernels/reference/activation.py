"""Activations and losses of one element, and their derivatives."""

from __future__ import annotations

import numpy as np

from minigrad.kernels import Array, quiet, rules
from minigrad.kernels.reference.elementwise import erf

__all__ = rules.__all__

ROOT_TWO, ROOT_TWO_PI, TWICE_ROOT = 2**0.5, (2 * np.pi) ** 0.5, 2 * (2 / np.pi) ** 0.5

# -- written with a -------------------------------------------------------------------------------------------


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


# -- linear above a threshold ---------------------------------------------------------------------------------


@quiet
def leaky_relu(z: Array, negative_slope: float) -> Array:
    return np.where(z > 0, z, negative_slope * z)


@quiet
def leaky_relu_backward(da: Array, z: Array, negative_slope: float) -> Array:
    return np.where(z > 0, da, negative_slope * da)


@quiet
def hardtanh(z: Array, min_val: float, max_val: float) -> Array:
    return np.clip(z, z.dtype.type(min_val), z.dtype.type(max_val))


@quiet
def hardtanh_backward(da: Array, z: Array, min_val: float, max_val: float) -> Array:
    return np.where((z <= min_val) | (z >= max_val), 0, da)


@quiet
def elu(z: Array, above: float, below: float, rate: float) -> Array:
    return np.where(z > 0, above * z, below * np.expm1(rate * z))


@quiet
def elu_backward(da: Array, z: Array, above: float, below: float, rate: float) -> Array:
    return da * np.where(z > 0, above, below * np.exp(rate * z))


# -- a gate times z -------------------------------------------------------------------------------------------


@quiet
def gelu(z: Array) -> Array:
    return z * (1 + erf(z / ROOT_TWO)) / 2


@quiet
def gelu_backward(da: Array, z: Array) -> Array:
    density = np.exp(-z * z / 2) / ROOT_TWO_PI
    return da * ((1 + erf(z / ROOT_TWO)) / 2 + z * density)


@quiet
def gelu_tanh(z: Array) -> Array:
    return z * sigmoid(TWICE_ROOT * (z + 0.044715 * z**3))


@quiet
def gelu_tanh_backward(da: Array, z: Array) -> Array:
    t = TWICE_ROOT * (z + 0.044715 * z**3)
    rise = sigmoid(t) * sigmoid(-t)
    return da * (sigmoid(t) + np.where(rise == 0, 0, z * rise * (TWICE_ROOT * (1 + 0.134145 * z**2))))


@quiet
def silu(z: Array) -> Array:
    return z * sigmoid(z)


@quiet
def silu_backward(da: Array, z: Array) -> Array:
    return da * sigmoid(z) * (1 + z * sigmoid(-z))


@quiet
def mish(z: Array) -> Array:
    return z * np.tanh(softplus(z, 1, np.inf))


@quiet
def mish_backward(da: Array, z: Array) -> Array:
    t = np.tanh(softplus(z, 1, np.inf))
    return da * (t + z * sigmoid(z) * (1 - t * t))


@quiet
def hardsigmoid(z: Array) -> Array:
    return np.clip((z + 3) / 6, 0, 1)


@quiet
def hardsigmoid_backward(da: Array, z: Array) -> Array:
    return np.where((z <= -3) | (z >= 3), 0, da / 6)


@quiet
def hardswish(z: Array) -> Array:
    return np.where(z <= -3, 0, z * hardsigmoid(z))


@quiet
def hardswish_backward(da: Array, z: Array) -> Array:
    return np.where(z <= -3, 0, np.where(z >= 3, da, da * (2 * z + 3) / 6))


# -- soft steps and corners -----------------------------------------------------------------------------------


@quiet
def softplus(z: Array, beta: float, threshold: float) -> Array:
    t = beta * z
    return np.where(t > threshold, z, np.logaddexp(t, 0) / beta)


@quiet
def softplus_backward(da: Array, z: Array, beta: float, threshold: float) -> Array:
    return np.where(beta * z > threshold, da, da * sigmoid(beta * z))


@quiet
def logsigmoid(z: Array) -> Array:
    return -np.logaddexp(-z, 0)


@quiet
def logsigmoid_backward(da: Array, z: Array) -> Array:
    return da * sigmoid(-z)


@quiet
def softsign(z: Array) -> Array:
    return z / (1 + np.abs(z))


@quiet
def softsign_backward(da: Array, z: Array) -> Array:
    return da / (1 + np.abs(z)) ** 2


# -- losses ---------------------------------------------------------------------------------------------------


@quiet
def huber(d: Array, delta: float) -> Array:
    return np.where(np.abs(d) <= delta, d * d / 2, delta * (np.abs(d) - delta / 2))


@quiet
def bce(p: Array, y: Array) -> Array:
    return -(y * np.maximum(np.log(p), -100) + (1 - y) * np.maximum(np.log1p(-p), -100))


@quiet
def bce_slope(p: Array, y: Array) -> Array:
    return (p - y) / np.maximum(p * (1 - p), 1e-12)


@quiet
def bce_with_logits(z: Array, y: Array) -> Array:
    return np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
