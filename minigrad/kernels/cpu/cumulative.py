"""Running sums and products, and linear recurrences: arrays are (outer, n, inner), and n is walked in order.

Threads share the columns, of which each has its last value at hand in float64; so do rows, where inner = 1. NumPy
would make a float64 array of the whole, or add float32 numbers to a float32 sum that grows beyond them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import types

from minigrad.dtypes import FLOATS
from minigrad.kernels import Array, reference
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.memory import INDEX, at, compiled, reads, row, share, writes
from minigrad.kernels.cpu.move import contiguous
from minigrad.kernels.cpu.threads import Kernel, Kernels

__all__ = ["cumprod", "cumsum", "recurrence"]

COLUMNS = 1024  # at once: their last values stay in the first cache
WORK = 4  # additions that take as long as one which waits for the one before


def rows_piece(combine: Callable) -> Callable:
    """out[r, k] = combine(out[r, k - 1], x[r, k]), for k from the end where ``reverse``.

    A value waits for the one before it. So four rows go along together, some of which are the same at the end.
    """
    wide = np.float64

    def piece(x, n, reverse, out, part, parts):
        start, stop = share(out.size // n, part, parts)
        source, target = at(x, 0), at(out, 0)
        first, step = (n - 1, -1) if reverse else (0, 1)
        for r in range(start, stop, 4):
            i, j = r * n + first, min(r + 1, stop - 1) * n + first
            k, m = min(r + 2, stop - 1) * n + first, min(r + 3, stop - 1) * n + first
            a, b, c, d = wide(source[i]), wide(source[j]), wide(source[k]), wide(source[m])
            target[i], target[j], target[k], target[m] = a, b, c, d
            for _ in range(1, n):
                i, j, k, m = i + step, j + step, k + step, m + step
                a, b = combine(a, wide(source[i])), combine(b, wide(source[j]))
                c, d = combine(c, wide(source[k])), combine(d, wide(source[m]))
                target[i], target[j], target[k], target[m] = a, b, c, d

    return piece


def columns_piece(combine: Callable) -> Callable:
    """out[o, k, j] = combine(out[o, k - 1, j], x[o, k, j]), for many j at once."""

    def piece(x, outer, n, inner, reverse, out, part, parts):
        start, stop = share(outer * inner, part, parts)
        values = np.empty(COLUMNS, np.float64)
        while start < stop:
            o, left = start // inner, start % inner
            width = min(COLUMNS, inner - left, stop - start)
            last = row(values, 0, width)
            for step in range(n):
                place = (o * n + (n - 1 - step if reverse else step)) * inner + left
                line, result = row(x, place, width), row(out, place, width)
                for j in range(width):
                    last[j] = np.float64(line[j]) if step == 0 else combine(last[j], np.float64(line[j]))
                    result[j] = last[j]
            start += width

    return piece


def recurrence_piece(a, b, outer, n, inner, transposed, s, part, parts):
    """s[o, k] = b[o, k] + a[o, k] s[o, k - 1] or, transposed, b[o, k] + a[o, k + 1] s[o, k + 1], by columns."""
    start, stop = share(outer * inner, part, parts)
    values = np.empty(COLUMNS, np.float64)
    while start < stop:
        o, left = start // inner, start % inner
        width = min(COLUMNS, inner - left, stop - start)
        last = row(values, 0, width)
        for step in range(n):
            place = (o * n + (n - 1 - step if transposed else step)) * inner + left
            line, result = row(b, place, width), row(s, place, width)
            factor = row(a, place + inner if transposed and step else place, width)
            for j in range(width):
                carried = np.float64(factor[j]) * last[j] if step else 0.0
                last[j] = np.float64(line[j]) + carried
                result[j] = last[j]
        start += width


def sizes(x: Array, dim: int) -> tuple[int, int, int]:
    return math.prod(x.shape[:dim]), x.shape[dim], math.prod(x.shape[dim + 1 :])


def running(name: str, combine: Callable) -> Callable:
    """The function that accumulates with ``combine`` along a dim, from its end where ``reverse``."""

    def build_rows(dtype: np.dtype) -> Kernel:
        takes = (reads(dtype), INDEX, types.boolean, writes(dtype))
        return Kernel(f"{name}_rows", rows_piece(combine), takes)

    def build_columns(dtype: np.dtype) -> Kernel:
        takes = (reads(dtype), INDEX, INDEX, INDEX, types.boolean, writes(dtype))
        return Kernel(f"{name}_columns", columns_piece(combine), takes)

    along_rows, along_columns = Kernels(build_rows, FLOATS), Kernels(build_columns, FLOATS)

    def function(x: Array, dim: int, reverse: bool) -> Array:
        out = np.empty(x.shape, x.dtype)
        outer, n, inner = sizes(x, dim)
        if inner == 1:
            along_rows[x.dtype](WORK * x.size, contiguous(x), n, reverse, out)
        else:
            along_columns[x.dtype](WORK * x.size, contiguous(x), outer, n, inner, reverse, out)
        return out

    return function


def _recurrences(dtype: np.dtype) -> Kernel:
    takes = (reads(dtype), reads(dtype), INDEX, INDEX, INDEX, types.boolean, writes(dtype))
    return Kernel("recurrence", recurrence_piece, takes)


_sums, _products = running("cumsum", inline(lambda x, y: x + y)), running("cumprod", inline(lambda x, y: x * y))
_recurring = Kernels(_recurrences, FLOATS)


def cumsum(x: Array, dim: int, reverse: bool) -> Array:
    return _sums(x, dim, reverse) if compiled(x) else reference.cumsum(x, dim, reverse)


def cumprod(x: Array, dim: int) -> Array:
    return _products(x, dim, False) if compiled(x) else reference.cumprod(x, dim)


def recurrence(a: Array, b: Array, dim: int, transposed: bool) -> Array:
    if not compiled(b) or a.dtype != b.dtype:
        return reference.recurrence(a, b, dim, transposed)
    s = np.empty(b.shape, b.dtype)
    _recurring[b.dtype](WORK * b.size, contiguous(a), contiguous(b), *sizes(b, dim), transposed, s.ravel())
    return s
