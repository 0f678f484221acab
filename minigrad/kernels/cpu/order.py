"""The k largest or smallest of each row, without sorting the rest. Whole orders are NumPy's, by the reference."""

from __future__ import annotations

import numpy as np
from numba import types

from minigrad.dtypes import FLOATS, int64
from minigrad.kernels import Array, reference
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.memory import INDEX, reads, row, share, writes
from minigrad.kernels.cpu.threads import Kernel, Kernels

__all__ = ["topk"]

FEW = 32  # more are found sooner by sorting


@inline
def beats(x, y, largest):
    """Whether x comes before y, of which it stands behind: NaN is the largest."""
    if largest:
        return x > y or (x != x and y == y)
    return x < y or (y != y and x == x)


def topk_piece(x, n, k, largest, out, part, parts):
    """The best k so far, in order; an element that beats the last is moved forward to its place."""
    start, stop = share(out.size // k, part, parts)
    for r in range(start, stop):
        line, best = row(x, r * n, n), row(out, r * k, k)
        for i in range(n):
            place = min(i, k)
            if place == k and not beats(line[i], line[best[k - 1]], largest):
                continue
            place = min(place, k - 1)
            while place > 0 and beats(line[i], line[best[place - 1]], largest):
                best[place] = best[place - 1]
                place -= 1
            best[place] = i


def _topk(dtype: np.dtype) -> Kernel:
    takes = (reads(dtype), INDEX, INDEX, types.boolean, writes(int64))
    return Kernel("topk", topk_piece, takes)


_along_rows = Kernels(_topk, FLOATS)


def topk(x: Array, dim: int, k: int, largest: bool, sorted: bool) -> Array:
    if x.dtype not in FLOATS or not 0 < k <= FEW or not x.size:
        return reference.topk(x, dim, k, largest, sorted)
    lines = np.moveaxis(x, dim, -1)
    out = np.empty((*lines.shape[:-1], k), int64)
    _along_rows[x.dtype](2 * x.size, lines.ravel(), x.shape[dim], k, bool(largest), out)
    if not sorted:
        out.sort(-1)
    return np.ascontiguousarray(np.moveaxis(out, -1, dim))
