"""Pooling: one number for each window, and linear resampling along a dim."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.kernels import Array, Dims, quiet
from minigrad.kernels.windows import Spans

__all__ = ["argmax_pool", "avg_pool", "avg_pool_backward", "max_pool"]
__all__ += ["max_pool_backward", "resample", "resample_backward"]


# -- the largest ----------------------------------------------------------------------------------------------


def argmax_pool(x: Array, spans: Spans) -> Array:
    """Where the first largest element (or NaN) of each window is, in x with the pooled dims as one."""
    lead, sizes = x.shape[: x.ndim - len(spans)], x.shape[x.ndim - len(spans) :]
    places = np.arange(np.prod(sizes)).reshape(sizes)
    y = np.empty((*lead, *[len(span.start) for span in spans]), np.int64)
    for i in np.ndindex(y.shape[len(lead) :]):
        key: Any = tuple(slice(span.start[e], span.stop[e], span.step) for span, e in zip(spans, i, strict=True))
        inside = places[key].ravel()
        y[(..., *i)] = inside[x[(..., *key)].reshape(*lead, len(inside)).argmax(-1)]
    return y


def max_pool(x: Array, index: Array, pooled: int) -> Array:
    """The elements of x at ``index``, which counts in its last ``pooled`` dims as one."""
    lead = x.ndim - pooled
    planes, places = (t.reshape(*t.shape[:lead], math.prod(t.shape[lead:])) for t in (x, index))
    return np.take_along_axis(planes, places, -1).reshape(index.shape)


def max_pool_backward(dy: Array, index: Array, size: Dims) -> Array:
    """dx[index] += dy        starting from zeros"""
    dx = np.zeros((*dy.shape[: dy.ndim - len(size)], *size), dy.dtype)
    lead = dy.shape[: dy.ndim - len(size)]
    first = np.arange(math.prod(lead)).reshape(*lead, *[1] * len(size)) * math.prod(size)  # of each plane, in dx
    np.add.at(dx.reshape(-1), first + index, dy)
    return dx


# -- the mean -------------------------------------------------------------------------------------------------


@quiet
def avg_pool(x: Array, spans: Spans, counts: tuple[Array, ...]) -> Array:
    """y[i, j] = sum x / (counts[0][i] counts[1][j])        over window (i, j)"""
    for dim, span in enumerate(spans, x.ndim - len(spans)):
        key = (slice(None),) * dim
        sums = np.empty((*x.shape[:dim], len(span.start), *x.shape[dim + 1 :]), x.dtype)
        for i, (start, stop) in enumerate(zip(*span[:2], strict=True)):
            sums[(*key, slice(i, i + 1))] = x[(*key, slice(start, stop, span.step))].sum(dim, keepdims=True)
        x = sums
    return x / divisors(counts, x)


@quiet
def avg_pool_backward(dy: Array, size: Dims, spans: Spans, counts: tuple[Array, ...]) -> Array:
    """dx += dy[i, j] / (counts[0][i] counts[1][j])        to each element of window (i, j)"""
    dx = dy / divisors(counts, dy)
    for dim, (span, n) in enumerate(zip(spans, size, strict=True), dy.ndim - len(spans)):
        key = (slice(None),) * dim
        shares, dx = dx, np.zeros((*dx.shape[:dim], n, *dx.shape[dim + 1 :]), dx.dtype)
        for i, (start, stop) in enumerate(zip(*span[:2], strict=True)):
            dx[(*key, slice(start, stop, span.step))] += shares[(*key, slice(i, i + 1))]
    return dx


def divisors(counts: tuple[Array, ...], y: Array) -> Array:
    product = np.ones((), y.dtype)
    for count in counts:
        product = np.multiply.outer(product, count.astype(y.dtype))
    return product


# -- between elements -----------------------------------------------------------------------------------------


@quiet
def resample(x: Array, dim: int, index: Array, weight: Array) -> Array:
    """y[..., i, ...] = sum_t weight[i, t] x[..., index[i, t], ...]        along dim"""
    after = (...,) + (None,) * (x.ndim - dim - 1)
    y = [x.take(index[:, t], dim) * weight[:, t].astype(x.dtype)[after] for t in range(index.shape[1])]
    return np.asarray(sum(y[1:], y[0]))


@quiet
def resample_backward(dy: Array, dim: int, size: int, index: Array, weight: Array) -> Array:
    """dx[..., index[i, t], ...] += weight[i, t] dy[..., i, ...]        starting from zeros"""
    dx = np.zeros((*dy.shape[:dim], size, *dy.shape[dim + 1 :]), dy.dtype)
    before: tuple[Any, ...] = (slice(None),) * dim
    after = (...,) + (None,) * (dy.ndim - dim - 1)
    for t in range(index.shape[1]):
        np.add.at(dx, (*before, index[:, t]), dy * weight[:, t].astype(dy.dtype)[after])
    return dx
