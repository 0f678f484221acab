"""Elements taken from, and added at, places that arrays of integers name.

NumPy walks such a key element by element. Two kinds have loops here; other keys are left to the reference.

* Where its arrays stand side by side between whole dimensions, as in ``x[:, i, j, :]``, a key names the rows
  ``i * n + j`` of ``x`` seen as (outer, rows, inner), which are moved a row at a time.
* A key of :class:`Along` has an index for each element of what is taken.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from minigrad.dtypes import FLOATS, int64
from minigrad.kernels import Along, Array, Dims, reference
from minigrad.kernels.cpu.memory import INDEX, reads, row, share, writes
from minigrad.kernels.cpu.move import contiguous
from minigrad.kernels.cpu.threads import GRAIN, Kernel, Kernels

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
        a = a.astype(int64, copy=False)
        where = where * n + (np.where(a < 0, a + n, a) if a.size and a.min() < 0 else a)
    sizes = math.prod(shape[:first]), math.prod(shape[first:last]), math.prod(shape[last:])
    return Rows(where.ravel(), *sizes, (*shape[:first], *where.shape, *shape[last:]))


def sizes_along(key: Any, shape: Dims) -> tuple[int, int, int, int] | None:
    """(outer, n, inner) of an array of ``shape``, and m: (outer, m, inner) of the indices of :class:`Along`."""
    if type(key) is not Along or key.places.dtype != int64:
        return None
    d, rest = key.dim, shape[: key.dim] + shape[key.dim + 1 :]
    keepdim = key.places.ndim == len(shape)
    if (key.places.shape[:d] + key.places.shape[d + keepdim :]) != rest:
        return None  # there may be fewer indices than elements beside them
    return math.prod(shape[:d]), shape[d], math.prod(shape[d + 1 :]), key.places.shape[d] if keepdim else 1


# -- taking ---------------------------------------------------------------------------------------------------


def take_rows_piece(x, where, outer, rows, inner, out, part, parts):
    """out[o, k, :] = x[o, where[k], :], where x is (outer, rows, inner)."""
    n = where.size
    start, stop = share(outer, part, parts) if inner == 1 else share(outer * n, part, parts)
    if inner == 1:
        for o in range(start, stop):
            line, result = row(x, o * rows, rows), row(out, o * n, n)
            for k in range(n):
                result[k] = line[where[k]]
    else:
        o, k = start // n, start % n
        for r in range(start, stop):
            line, result = row(x, (o * rows + where[k]) * inner, inner), row(out, r * inner, inner)
            for j in range(inner):
                result[j] = line[j]
            o, k = (o + 1, 0) if k + 1 == n else (o, k + 1)


def take_along_piece(x, index, outer, n, inner, m, out, part, parts):
    """out[o, k, j] = x[o, index[o, k, j], j]"""
    start, stop = share(outer, part, parts) if inner == 1 else share(outer * m, part, parts)
    if inner == 1:
        for o in range(start, stop):
            line, places, result = row(x, o * n, n), row(index, o * m, m), row(out, o * m, m)
            for k in range(m):
                result[k] = line[places[k]]
    else:
        for r in range(start, stop):
            plane = row(x, r // m * n * inner, n * inner)
            places, result = row(index, r * inner, inner), row(out, r * inner, inner)
            for j in range(inner):
                result[j] = plane[places[j] * inner + j]


# -- adding ---------------------------------------------------------------------------------------------------


def add_rows_piece(v, where, outer, rows, inner, out, part, parts):
    """out[o, where[k], :] += v[o, k, :], where out is (outer, rows, inner); threads share the columns."""
    start, stop = share(outer * inner, part, parts)
    n = where.size
    while start < stop:
        o, left = start // inner, start % inner
        width = min(inner - left, stop - start)
        if inner == 1:
            line, sums = row(v, o * n, n), row(out, o * rows, rows)
            for k in range(n):
                sums[where[k]] += line[k]
        else:
            for k in range(n):
                line = row(v, (o * n + k) * inner + left, width)
                sums = row(out, (o * rows + where[k]) * inner + left, width)
                for j in range(width):
                    sums[j] += line[j]
        start += width


def add_along_piece(v, index, outer, n, inner, m, out, part, parts):
    """out[o, index[o, k, j], j] += v[o, k, j]; threads share the columns."""
    start, stop = share(outer * inner, part, parts)
    while start < stop:
        o, left = start // inner, start % inner
        width = min(inner - left, stop - start)
        plane = row(out, o * n * inner, n * inner)
        if inner == 1:
            line, places = row(v, o * m, m), row(index, o * m, m)
            for k in range(m):
                plane[places[k]] += line[k]
        else:
            for k in range(m):
                first = (o * m + k) * inner + left
                line, places = row(v, first, width), row(index, first, width)
                for j in range(width):
                    plane[places[j] * inner + left + j] += line[j]
        start += width


# -- functions of the contract --------------------------------------------------------------------------------


def _moving(name: str, piece: Any, numbers: int) -> Kernels:
    def build(dtype: np.dtype) -> Kernel:
        return Kernel(name, piece, (reads(dtype), reads(int64), *[INDEX] * numbers, writes(dtype)))

    return Kernels(build, FLOATS)


_taking, _adding = _moving("take_rows", take_rows_piece, 3), _moving("add_rows", add_rows_piece, 3)
_taking_along, _adding_along = _moving("take_along", take_along_piece, 4), _moving("add_along", add_along_piece, 4)


def spread(v: Array, shape: Dims) -> Array:
    return contiguous(v if v.shape == shape else np.broadcast_to(v, shape))


def add(out: Array, key: Any, v: Array) -> Array | None:
    """``out``, of floats, with ``v`` added at ``key``; None if that is for the reference."""
    if v.dtype != out.dtype:
        return None
    along = sizes_along(key, out.shape)
    if along is not None:
        work = v.size if along[0] * along[2] > 1 else 0  # one column is one thread's
        _adding_along[out.dtype](work, spread(v, key.places.shape), contiguous(key.places), *along, out)
        return out
    at = rows_of(key, out.shape)
    if at is None:
        return None
    work = v.size if at.outer * at.inner > 1 else 0
    _adding[out.dtype](work, spread(v, at.shape), at.where, at.outer, at.rows, at.inner, out)
    return out


def index(x: Array, key: Any) -> Array:
    along = sizes_along(key, x.shape) if x.dtype in FLOATS else None
    if along is not None:
        out = np.empty(key.places.shape, x.dtype)
        _taking_along[x.dtype](out.size, contiguous(x), contiguous(key.places), *along, out)
        return out
    at = rows_of(key, x.shape) if x.flags.c_contiguous else None
    if at is None:
        return reference.index(x, key)
    if x.dtype not in FLOATS or (at.inner > 1 and math.prod(at.shape) < GRAIN):  # few rows: NumPy copies them well
        return x.reshape(at.outer, at.rows, at.inner).take(at.where, 1).reshape(at.shape)
    out = np.empty(at.shape, x.dtype)
    _taking[x.dtype](out.size, x, at.where, at.outer, at.rows, at.inner, out)
    return out


def index_backward(dy: Array, shape: Dims, key: Any) -> Array:
    dx = add(np.zeros(shape, dy.dtype), key, dy) if dy.dtype in FLOATS else None
    return reference.index_backward(dy, shape, key) if dx is None else dx


def put_add(x: Array, key: Any, v: Array) -> Array:
    out = add(x.copy(), key, v) if x.dtype in FLOATS else None
    return reference.put_add(x, key, v) if out is None else out
