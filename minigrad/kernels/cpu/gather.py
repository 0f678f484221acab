"""Elements taken from, and added at, places that arrays of integers name.

NumPy walks such a key element by element. Where its arrays stand side by side between whole dimensions, as in
``x[:, i, j, :]``, it names the rows ``i * n + j`` of ``x`` seen as (outer, rows, inner): ``np.take`` copies them a
row at a time, and the loop below adds to them. Other keys are left to the reference.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from minigrad.kernels import Array, Dims, reference
from minigrad.kernels.cpu.math import FLOATS
from minigrad.kernels.cpu.memory import INDEX, reads, row, share, writes
from minigrad.kernels.cpu.threads import Kernel, Kernels

__all__ = ["index", "index_backward", "put_add"]


class Rows(NamedTuple):
    """A key: rows of an array seen as (outer, rows, inner), and the shape of what they give."""

    where: Array  # (n,) int64
    outer: int
    rows: int
    inner: int
    shape: Dims


def rows_of(key: Any, shape: Dims) -> Rows | None:
    """``key`` as rows of an array of ``shape``, if that is what it names, and all of them are there."""
    named = [d for d, part in enumerate(key) if not (isinstance(part, slice) and part == slice(None))]
    first, last = (named[0], named[-1] + 1) if named else (0, 0)
    arrays = [part for part in key[first:last] if isinstance(part, np.ndarray) and part.dtype.kind in "iu"]
    if not arrays or len(arrays) < last - first or len(key) > len(shape):
        return None
    where: Any = np.int64(0)
    for a, n in zip(arrays, shape[first:last], strict=True):
        if a.size and not -n <= a.min() <= a.max() < n:
            return None  # the reference knows what to say
        where = where * n + (np.where(a < 0, a + n, a) if a.size and a.min() < 0 else a)
    sizes = math.prod(shape[:first]), math.prod(shape[first:last]), math.prod(shape[last:])
    return Rows(where.ravel(), *sizes, (*shape[:first], *where.shape, *shape[last:]))


def add_rows_piece(v, where, outer, rows, inner, out, part, parts):
    """out[o, where[k], :] += v[o, k, :], where out is (outer, rows, inner); threads share the columns."""
    start, stop = share(outer * inner, part, parts)
    n = where.size
    while start < stop:
        o, left = start // inner, start % inner
        width = min(inner - left, stop - start)
        for k in range(n):
            line = row(v, (o * n + k) * inner + left, width)
            sums = row(out, (o * rows + where[k]) * inner + left, width)
            for j in range(width):
                sums[j] += line[j]
        start += width


def _add_rows(dtype: np.dtype) -> Kernel:
    takes = (reads(dtype), reads(np.dtype(np.int64)), INDEX, INDEX, INDEX, writes(dtype))
    return Kernel("add_rows", add_rows_piece, takes)


_adding = Kernels(_add_rows, FLOATS)


def add_rows(out: Array, at: Rows, v: Array) -> Array:
    columns = at.outer * at.inner
    work = v.size if columns > 1 else 0  # one column is one thread's
    v = np.broadcast_to(v, at.shape).ravel()
    _adding[out.dtype](work, v, at.where, at.outer, at.rows, at.inner, out)
    return out


def index(x: Array, key: Any) -> Array:
    at = rows_of(key, x.shape) if x.flags.c_contiguous else None
    if at is None:
        return reference.index(x, key)
    return x.reshape(at.outer, at.rows, at.inner).take(at.where, 1).reshape(at.shape)


def index_backward(dy: Array, shape: Dims, key: Any) -> Array:
    at = rows_of(key, shape) if dy.dtype in FLOATS else None
    if at is None:
        return reference.index_backward(dy, shape, key)
    return add_rows(np.zeros(shape, dy.dtype), at, dy)


def put_add(x: Array, key: Any, v: Array) -> Array:
    at = rows_of(key, x.shape) if x.dtype in FLOATS and v.dtype == x.dtype else None
    if at is None:
        return reference.put_add(x, key, v)
    return add_rows(x.copy(), at, v)
