"""Elements moved: what NumPy moves one by one, or takes long to begin.

Where ``x`` shows a contiguous array with two of its dims, or groups of neighbours, exchanged, a copy is a
transposition: (outer, columns, rows) becomes (outer, rows, columns), a strip of columns at a time, for threads to
share. NumPy's copies jump with each element; it keeps those in which whole rows stay together.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator

import numpy as np
from numba import types

from minigrad.dtypes import FLOATS
from minigrad.kernels import Array, Dims, reference
from minigrad.kernels.cpu.memory import INDEX, at, reads, row, share, writes
from minigrad.kernels.cpu.threads import Kernel, Kernels
from minigrad.kernels.cpu.transpose import make_transpose

__all__ = ["copy", "expand", "flip", "reshape", "roll", "tril", "triu"]

STRIP = 16  # columns: a cache line of float32, two of float64
SAME_SIZE = {dtype.itemsize: dtype for dtype in FLOATS}

# -- transposed -----------------------------------------------------------------------------------------------


def make_turned(dtype: np.dtype) -> Kernel:
    transpose = make_transpose(dtype)

    def piece(x, rows, columns, out, part, parts):
        """out[o, r, c] = x[o, c, r]"""
        strips = (columns + STRIP - 1) // STRIP
        start, stop = share(out.size // (rows * columns) * strips, part, parts)
        for task in range(start, stop):
            plane, c = task // strips * rows * columns, task % strips * STRIP
            width = min(STRIP, columns - c)
            transpose(x, plane + c * rows, rows, width, rows, out, plane + c, columns)

    return Kernel("turned", piece, (reads(dtype), INDEX, INDEX, writes(dtype)))


_turned = Kernels(make_turned, FLOATS)


@functools.lru_cache(maxsize=4096)
def turn_of(shape: Dims, strides: Dims, itemsize: int) -> tuple[Dims, int, int, int] | None:
    """An order of dims in which such an array is contiguous; and outer, rows and columns of what it is here."""
    dims = [d for d, n in enumerate(shape) if n != 1]
    order = sorted(dims, key=lambda d: -strides[d])
    steps = itertools.accumulate((shape[d] for d in reversed(order)), operator.mul, initial=itemsize)
    if [strides[d] for d in reversed(order)] != [*steps][:-1]:
        return None
    first = next((i for i, (d, e) in enumerate(zip(dims, order, strict=True)) if d != e), 0)
    second = dims.index(order[first]) if order else 0
    outer, rows, columns = dims[:first], dims[first:second], dims[second:]
    if order != outer + columns + rows:
        return None
    others = (d for d, n in enumerate(shape) if n == 1)
    return (*order, *others), *(math.prod(shape[d] for d in group) for group in (outer, rows, columns))  # type: ignore[return-value]


def turn(x: Array) -> tuple[Dims, int, int, int] | None:
    return turn_of(x.shape, x.strides, x.itemsize) if x.size and not x.flags.c_contiguous else None


def contiguous(x: Array) -> Array:
    """``x``, or a copy of it, with its elements one after another."""
    return x if x.flags.c_contiguous else copy(x)


def copy(x: Array) -> Array:
    turned, dtype = turn(x), SAME_SIZE.get(x.itemsize)
    if turned is None or dtype is None or x.dtype.kind not in "fiu":
        return x.copy()
    order, _, rows, columns = turned
    out = np.empty(x.shape, x.dtype)
    _turned[dtype](x.size, x.transpose(order).view(dtype), rows, columns, out.view(dtype))
    return out


def reshape(x: Array, shape: Dims) -> Array:
    turned = turn(x)
    if turned is not None:
        _, outer, rows, _ = turned
        if not {outer, outer * rows} <= {1, *itertools.accumulate(shape, operator.mul)}:
            x = copy(x)  # a dim is made of two that are apart in memory
    return x.reshape(shape)


# -- in another order -----------------------------------------------------------------------------------------


def reversed_piece(x, n, out, part, parts):
    """out[r, i] = x[r, n - 1 - i]"""
    start, stop = share(out.size // n, part, parts)
    for r in range(start, stop):
        last, result = at(x, r * n + n - 1), row(out, r * n, n)
        for i in range(n):
            result[i] = last[-i]


_reversed = Kernels(lambda d: Kernel("reversed", reversed_piece, (reads(d), INDEX, writes(d))), FLOATS)


def flip(x: Array, dims: Dims) -> Array:
    if dims != (x.ndim - 1,) or x.dtype not in FLOATS or not x.size:
        return reference.flip(x, dims)  # whole rows stay together
    out = np.empty(x.shape, x.dtype)
    _reversed[x.dtype](x.size, contiguous(x), x.shape[-1], out)
    return out


def roll(x: Array, shifts: Dims, dims: Dims) -> Array:
    """``np.roll`` in half of its time, for one dim: two slices change places."""
    if len(dims) != 1 or not x.size:
        return reference.roll(x, shifts, dims)
    before, n = (slice(None),) * dims[0], x.shape[dims[0]]
    k = shifts[0] % n
    out = np.empty(x.shape, x.dtype)
    out[(*before, slice(k, None))] = x[(*before, slice(n - k))]
    out[(*before, slice(k))] = x[(*before, slice(n - k, None))]
    return out


# -- a triangle -----------------------------------------------------------------------------------------------


def triangle_piece(x, height, width, k, upper, out, part, parts):
    """out[r, c] = x[r, c] where c >= r + k if ``upper``, else c <= r + k; 0 elsewhere"""
    start, stop = share(out.size // width, part, parts)
    for task in range(start, stop):
        first, edge = task * width, min(max(task % height + k + (0 if upper else 1), 0), width)
        begin, n = (edge, width - edge) if upper else (0, edge)
        row(out, first + (0 if upper else edge), width - n)[:] = 0
        line, result = row(x, first + begin, n), row(out, first + begin, n)
        for c in range(n):
            result[c] = line[c]


def make_triangle(dtype: np.dtype) -> Kernel:
    return Kernel("triangle", triangle_piece, (reads(dtype), INDEX, INDEX, INDEX, types.boolean, writes(dtype)))


_triangle = Kernels(make_triangle, FLOATS)


def tril(x: Array, k: int) -> Array:
    return triangle(x, k, False) if x.dtype in FLOATS and x.size else reference.tril(x, k)


def triu(x: Array, k: int) -> Array:
    return triangle(x, k, True) if x.dtype in FLOATS and x.size else reference.triu(x, k)


def triangle(x: Array, k: int, upper: bool) -> Array:
    out = np.empty(x.shape, x.dtype)
    _triangle[x.dtype](x.size, contiguous(x), *x.shape[-2:], k, upper, out)
    return out


# -- repeated -------------------------------------------------------------------------------------------------


def expand(x: Array, shape: Dims) -> Array:
    """``np.broadcast_to`` in a seventh of its time: that the shapes fit was checked by the caller."""
    if not x.flags.c_contiguous:
        return reference.expand(x, shape)
    new = len(shape) - x.ndim
    steps = [s if n == m else 0 for n, m, s in zip(x.shape, shape[new:], x.strides, strict=True)]
    out = np.ndarray(shape, x.dtype, x, 0, (*[0] * new, *steps))
    out.setflags(write=False)  # it shows one element in several places
    return out
