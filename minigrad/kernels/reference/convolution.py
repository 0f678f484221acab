"""Convolution, and the two products that are its derivatives.

All three are sums of ``z[n, o, i] W[o, c, k] x[n, c, i s + k d - p]``: over c and k for z, over o, i and k for x,
over n and i for W. Here i and k stand for a place along each dim of space; x is 0 outside. With groups, the
channels of x and z are divided into so many parts, and each part of z is made of one part of x.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.kernels import Array, Dims, quiet
from minigrad.kernels.windows import Windows

__all__ = ["col2im", "conv", "conv_transpose", "conv_weight", "im2col"]

# -- windows --------------------------------------------------------------------------------------------------


def im2col(x: Array, at: Windows) -> Array:
    """y[n, c, k, i] = x[n, c, i s + k d - p]"""
    y = np.zeros((*x.shape[:2], *at.size, *at.counts), x.dtype)
    for of_y, of_x in elements(at, x.shape[2:]):
        y[of_y] = x[of_x]
    return y


def col2im(y: Array, size: Dims, at: Windows) -> Array:
    """x[n, c, j] = sum y[n, c, k, i]        over all i and k with i s + k d - p = j"""
    x = np.zeros((*y.shape[:2], *size), y.dtype)
    for of_y, of_x in elements(at, size):
        x[of_x] += y[of_y]
    return x


def elements(at: Windows, sizes: Dims) -> Iterator[tuple[Any, Any]]:
    """For each k, the key of y[..., k, i] for all i whose element is inside x, and the key of these in x."""
    for k in np.ndindex(at.size):
        inside, of_x = [], []
        for e, n, s, p, d, count in zip(k, sizes, at.stride, at.padding, at.dilation, at.counts, strict=True):
            offset = e * d - p
            first = max(0, -(offset // s))  # the first i with i s + offset >= 0
            last = min(count, -((offset - n) // s))  # the first with i s + offset >= n
            inside.append(slice(first, max(first, last)))
            start = first * s + offset
            of_x.append(slice(start, start + max(0, last - first) * s, s))
        yield (..., *k, *inside), (..., *of_x)


# -- products -------------------------------------------------------------------------------------------------


@quiet
def conv(x: Array, W: Array, b: Array | None, at: Windows, groups: int) -> Array:
    """z[n, o, i] = b[o] + sum W[o, c, k] x[n, c, i s + k d - p]        over c and k"""
    z = [
        np.tensordot(W_g, x_g, (range(1, W.ndim), range(1, W.ndim)))  # (O / groups, N, *counts)
        for W_g, x_g in zip(np.split(W, groups), np.split(im2col(x, at), groups, 1), strict=True)
    ]
    return with_bias(np.concatenate(z).swapaxes(0, 1), b)


@quiet
def conv_transpose(z: Array, W: Array, b: Array | None, size: Dims, at: Windows, groups: int) -> Array:
    """x[n, c, j] = b[c] + sum W[o, c, k] z[n, o, i]        over o, and all i and k with i s + k d - p = j"""
    y = [
        np.tensordot(W_g, z_g, (0, 1))  # (C / groups, *at.size, N, *counts)
        for W_g, z_g in zip(np.split(W, groups), np.split(z, groups, 1), strict=True)
    ]
    return with_bias(col2im(np.moveaxis(np.concatenate(y), W.ndim - 1, 0), size, at), b)


@quiet
def conv_weight(z: Array, x: Array, at: Windows, groups: int) -> Array:
    """W[o, c, k] = sum z[n, o, i] x[n, c, i s + k d - p]        over n and i"""
    dims = range(z.ndim - len(at.counts), z.ndim)
    y_dims = range(2 + len(at.size), 2 + 2 * len(at.size))
    return np.concatenate(
        [
            np.tensordot(z_g, y_g, ((0, *dims), (0, *y_dims)))
            for z_g, y_g in zip(np.split(z, groups, 1), np.split(im2col(x, at), groups, 1), strict=True)
        ]
    )


def with_bias(z: Array, b: Array | None) -> Array:
    """z, in an array of its own, with b[o] added to channel o."""
    return np.ascontiguousarray(z if b is None else z + b.reshape(-1, *[1] * (z.ndim - 2)))
