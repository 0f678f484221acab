"""The kernels in obvious NumPy: what every other target must compute, and what the tests compare it with.

The list of functions and their shapes stands in ``kernels/__init__.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Dims = tuple[int, ...]

ROOT_TWO = np.sqrt(2.0)
quiet = np.errstate(all="ignore")  # 1 / 0 is Inf and log(-1) is NaN, without a warning

# -- elementwise ----------------------------------------------------------------------------------------------


@quiet
def neg(x: Array) -> Array:
    return -x


@quiet
def abs(x: Array) -> Array:
    return np.abs(x)


def sign(x: Array) -> Array:
    return np.sign(x)


@quiet
def exp(x: Array) -> Array:
    return np.exp(x)


@quiet
def log(x: Array) -> Array:
    return np.log(x)


@quiet
def sqrt(x: Array) -> Array:
    return np.sqrt(x)


def erf(x: Array) -> Array:
    return np.vectorize(math.erf, otypes=[x.dtype])(x)


@quiet
def add(x: Array, y: Array) -> Array:
    return x + y


@quiet
def sub(x: Array, y: Array) -> Array:
    return x - y


@quiet
def mul(x: Array, y: Array) -> Array:
    return x * y


@quiet
def div(x: Array, y: Array) -> Array:
    return x / y


@quiet
def pow(x: Array, y: Array) -> Array:
    return np.power(x, y)


def eq(x: Array, y: Array) -> Array:
    return x == y


def ne(x: Array, y: Array) -> Array:
    return x != y


def lt(x: Array, y: Array) -> Array:
    return x < y


def le(x: Array, y: Array) -> Array:
    return x <= y


def gt(x: Array, y: Array) -> Array:
    return x > y


def ge(x: Array, y: Array) -> Array:
    return x >= y


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


def cross_entropy(z: Array, y: Array) -> Array:
    rows = np.arange(len(z))
    return np.asarray(-log_softmax(z, 1)[rows, y])


@quiet
def cross_entropy_backward(dl: Array, z: Array, loss: Array, y: Array) -> Array:
    rows = np.arange(len(z))
    dz = np.exp(z - (loss + z[rows, y])[:, None])  # the softmax, for loss = log(sum e^z) - z_y
    dz[rows, y] -= 1
    return np.asarray(dl[:, None] * dz)


# -- reductions -----------------------------------------------------------------------------------------------


@quiet
def sum(x: Array, dims: Dims, keepdim: bool) -> Array:
    dtype = x.dtype if x.dtype.kind == "f" else np.int64
    return np.asarray(x.sum(dims, dtype=dtype, keepdims=keepdim))


@quiet
def mean(x: Array, dims: Dims, keepdim: bool) -> Array:
    n = math.prod(x.shape[d] for d in dims)
    return np.asarray(x.sum(dims, keepdims=keepdim) / x.dtype.type(n))  # NaN over no elements, without a warning


@quiet
def moments(x: Array, dims: Dims, keepdim: bool) -> tuple[Array, Array]:
    off = x - mean(x, dims, keepdim=True)
    return mean(x, dims, keepdim), mean(off * off, dims, keepdim)


def amax(x: Array, dims: Dims, keepdim: bool) -> Array:
    return np.asarray(x.max(dims, keepdims=keepdim))


def amin(x: Array, dims: Dims, keepdim: bool) -> Array:
    return np.asarray(x.min(dims, keepdims=keepdim))


def argmax(x: Array, dim: int, keepdim: bool) -> Array:
    return np.asarray(x.argmax(dim, keepdims=keepdim))


def argmin(x: Array, dim: int, keepdim: bool) -> Array:
    return np.asarray(x.argmin(dim, keepdims=keepdim))


@quiet
def logsumexp(x: Array, dims: Dims, keepdim: bool) -> Array:
    top = x.max(dims, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)  # inf - inf would be NaN
    out = top + np.log(np.exp(x - top).sum(dims, keepdims=True))
    return np.asarray(out if keepdim else out.squeeze(dims))


@quiet
def softmax(z: Array, dim: int) -> Array:
    e = np.exp(z - z.max(dim, keepdims=True, initial=-np.inf))
    return np.asarray(e / e.sum(dim, keepdims=True))


@quiet
def softmax_backward(da: Array, a: Array, dim: int) -> Array:
    return np.asarray(a * (da - (da * a).sum(dim, keepdims=True)))


@quiet
def log_softmax(z: Array, dim: int) -> Array:
    shifted = z - z.max(dim, keepdims=True, initial=-np.inf)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(dim, keepdims=True)))


@quiet
def log_softmax_backward(da: Array, a: Array, dim: int) -> Array:
    return np.asarray(da - np.exp(a) * da.sum(dim, keepdims=True))


# -- linear algebra -------------------------------------------------------------------------------------------


@quiet
def matmul(x: Array, y: Array) -> Array:
    return np.matmul(x, y)


@quiet
def linear(x: Array, W: Array, b: Array | None) -> Array:
    z = x @ W.T  # (..., K) @ (K, N) -> (..., N)
    return z if b is None else z + b


# -- moving elements ------------------------------------------------------------------------------------------


def reshape(x: Array, shape: Dims) -> Array:
    return x.reshape(shape)


def permute(x: Array, dims: Dims) -> Array:
    return x.transpose(dims)


def expand(x: Array, shape: Dims) -> Array:
    return np.broadcast_to(x, shape)


@quiet
def cast(x: Array, dtype: np.dtype[Any]) -> Array:
    return x.astype(dtype)


def copy(x: Array) -> Array:
    return x.copy()


def cat(arrays: Sequence[Array], dim: int) -> Array:
    return np.concatenate(arrays, dim)


def stack(arrays: Sequence[Array], dim: int) -> Array:
    return np.stack(arrays, dim)


def index(x: Array, key: Any) -> Array:
    return np.asarray(x[key])


def index_backward(dy: Array, shape: Dims, key: Any) -> Array:
    dx = np.zeros(shape, dy.dtype)
    np.add.at(dx, key, dy)
    return dx


def take_along(x: Array, index: Array, dim: int) -> Array:
    return np.take_along_axis(x, index, dim)


def take_along_backward(dy: Array, shape: Dims, index: Array, dim: int) -> Array:
    dx = np.zeros(shape, dy.dtype)
    where: list[Array] = list(np.indices(index.shape, sparse=True))
    where[dim] = index
    np.add.at(dx, tuple(where), dy)
    return dx


# -- optimiser steps, in place --------------------------------------------------------------------------------


@quiet
def sgd_step(
    p: Array, g: Array, v: Array | None, *, lr: float, momentum: float, dampening: float, weight_decay: float,
    nesterov: bool, first: bool,
) -> None:  # fmt: skip
    """v = momentum v + (1 - dampening) g (v = g at the first step);  p = p - lr v."""
    g = g + weight_decay * p
    if v is not None:
        v[...] = g if first else momentum * v + (1 - dampening) * g
        g = g + momentum * v if nesterov else v
    p -= lr * g


@quiet
def adam_step(
    p: Array, g: Array, m: Array, s: Array, *, lr: float, beta1: float, beta2: float, eps: float,
    weight_decay: float, step: int,
) -> None:  # fmt: skip
    """m = beta1 m + (1 - beta1) g;  s = beta2 s + (1 - beta2) g^2;  p = p - lr m^ / (sqrt(s^) + eps)."""
    g = g + weight_decay * p
    m[...] = beta1 * m + (1 - beta1) * g
    s[...] = beta2 * s + (1 - beta2) * g * g
    m_hat = m / (1 - beta1**step)
    s_hat = s / (1 - beta2**step)
    p -= lr * m_hat / (np.sqrt(s_hat) + eps)
