"""Elements rearranged: in another order, repeated, padded, on a diagonal, in windows."""

from __future__ import annotations

import numpy as np

from minigrad.kernels import Array, Dims

__all__ = ["diagonal", "diagonal_backward", "flip", "pad", "repeat"]
__all__ += ["roll", "tril", "triu", "unfold", "unfold_backward"]


def flip(x: Array, dims: Dims) -> Array:
    return np.flip(x, dims).copy()


def roll(x: Array, shifts: Dims, dims: Dims) -> Array:
    return np.roll(x, shifts, dims)


def repeat(x: Array, repeats: Dims) -> Array:
    return np.tile(x, repeats)


def pad(x: Array, widths: tuple[tuple[int, int], ...], value: float) -> Array:
    out = np.full([before + n + after for (before, after), n in zip(widths, x.shape, strict=True)], value, x.dtype)
    out[tuple(slice(before, before + n) for (before, _), n in zip(widths, x.shape, strict=True))] = x
    return out


# -- diagonals ------------------------------------------------------------------------------------------------


def tril(x: Array, k: int) -> Array:
    return np.tril(x, k)


def triu(x: Array, k: int) -> Array:
    return np.triu(x, k)


def diagonal(x: Array, k: int, dim1: int, dim2: int) -> Array:
    y = x.diagonal(k, dim1, dim2)
    y.flags.writeable = x.flags.writeable  # NumPy's own is read-only
    return y


def diagonal_backward(dy: Array, shape: Dims, k: int, dim1: int, dim2: int) -> Array:
    dx = np.zeros(shape, dy.dtype)
    diagonal(dx, k, dim1, dim2)[...] = dy
    return dx


# -- windows --------------------------------------------------------------------------------------------------


def unfold(x: Array, dim: int, size: int, step: int) -> Array:
    apart = size <= step  # windows that overlap show one element in several places
    every = np.lib.stride_tricks.sliding_window_view(x, size, dim, writeable=apart and x.flags.writeable)
    return every[(slice(None),) * dim + (slice(None, None, step),)]


def unfold_backward(dy: Array, shape: Dims, dim: int, size: int, step: int) -> Array:
    dx = np.zeros(shape, dy.dtype)
    before, reach = (slice(None),) * dim, (dy.shape[dim] - 1) * step + 1
    for i in range(size):  # the i-th elements of all windows, which are different elements of x
        dx[(*before, slice(i, i + reach, step))] += dy[..., i]
    return dx
