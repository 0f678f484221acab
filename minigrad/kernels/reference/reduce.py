"""One number from many: sums, extremes, and what rests on them."""

from __future__ import annotations

import math

import numpy as np

from minigrad.kernels import Array, Dims, quiet

__all__ = ["all", "amax", "amin", "any", "argmax", "argmin", "cross_entropy"]
__all__ += ["cross_entropy_backward", "log_softmax", "log_softmax_backward", "logsumexp"]
__all__ += ["mean", "moments", "norm", "prod", "softmax", "softmax_backward", "sum"]

# -- reductions -----------------------------------------------------------------------------------------------


@quiet
def sum(x: Array, dims: Dims, keepdim: bool) -> Array:
    dtype = np.int64 if x.dtype.kind in "biu" else x.dtype
    return np.asarray(x.sum(dims, dtype=dtype, keepdims=keepdim))


@quiet
def mean(x: Array, dims: Dims, keepdim: bool) -> Array:
    n = math.prod(x.shape[d] for d in dims)
    return np.asarray(x.sum(dims, keepdims=keepdim) / x.dtype.type(n))  # NaN over no elements, without a warning


@quiet
def prod(x: Array, dims: Dims, keepdim: bool) -> Array:
    dtype = np.int64 if x.dtype.kind in "biu" else x.dtype
    return np.asarray(x.prod(dims, dtype=dtype, keepdims=keepdim))


@quiet
def norm(x: Array, dims: Dims, keepdim: bool, p: float) -> Array:
    size = np.abs(x)
    if p == 0:
        return np.asarray((x != 0).sum(dims, dtype=x.dtype, keepdims=keepdim))
    if math.isinf(p):
        return (amax if p > 0 else amin)(size, dims, keepdim)
    return np.asarray((size**p).sum(dims, keepdims=keepdim) ** (1 / p))


@quiet
def moments(x: Array, dims: Dims, keepdim: bool) -> tuple[Array, Array]:
    off = x - mean(x, dims, keepdim=True)
    return mean(x, dims, keepdim), mean(off * off, dims, keepdim)


def amax(x: Array, dims: Dims, keepdim: bool) -> Array:
    return np.asarray(x.max(dims, keepdims=keepdim))


def amin(x: Array, dims: Dims, keepdim: bool) -> Array:
    return np.asarray(x.min(dims, keepdims=keepdim))


def any(x: Array, dims: Dims, keepdim: bool) -> Array:
    return np.asarray(x.any(dims, keepdims=keepdim))


def all(x: Array, dims: Dims, keepdim: bool) -> Array:
    return np.asarray(x.all(dims, keepdims=keepdim))


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


# -- along one dimension --------------------------------------------------------------------------------------


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


def cross_entropy(z: Array, y: Array) -> Array:
    rows = np.arange(len(z))
    return np.asarray(-log_softmax(z, 1)[rows, y])


@quiet
def cross_entropy_backward(dl: Array, z: Array, y: Array) -> Array:
    dz = softmax(z, 1)
    dz[np.arange(len(z)), y] -= 1
    return np.asarray(dl[:, None] * dz)
