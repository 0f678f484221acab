"""Softmax, its logarithm and logsumexp, forward and backward: rows with an exponential in them.

For a row z, with ``top`` its largest element, so that nothing overflows:

    total = sum_i e^(z[i] - top)
    log sum_i e^z[i] = top + log total
    softmax(z)[i] = e^(z[i] - top) / total

A row is read from memory once and then stays in the caches. Threads share the rows. Along another dim than the
last, ROWS columns at a time are transposed within the caches to rows, treated as such, and transposed back; the
way back needs one sum for each column, and goes through them as they are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from minigrad.dtypes import FLOATS
from minigrad.kernels import Array, Dims, reference
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.elementwise import EXP
from minigrad.kernels.cpu.extremes import max_row
from minigrad.kernels.cpu.math import MATHS
from minigrad.kernels.cpu.memory import INDEX, compiled, reads, row, share, writes
from minigrad.kernels.cpu.move import contiguous
from minigrad.kernels.cpu.reduce import fold
from minigrad.kernels.cpu.row_sums import in_lanes, sum_row
from minigrad.kernels.cpu.threads import Kernel, Kernels
from minigrad.kernels.cpu.transpose import make_transpose

__all__ = ["log_softmax", "log_softmax_backward", "logsumexp", "softmax", "softmax_backward"]

SHORT = 1024  # elements added up in lanes, here in the dtype of the kernel
ROWS = 16  # a cache line of float32, two of float64
COLUMNS = 256  # whose sums are made at once


# -- one row --------------------------------------------------------------------------------------------------


@functools.cache
def make_exp_sum(dtype: np.dtype) -> Callable:
    """``exp_sum(z, top)``: sum_i e^(z[i] - top)."""
    exp = MATHS[dtype]["exp"]

    @in_lanes
    def short(z, top):
        total = z.dtype.type(0)
        for i in range(z.size):
            total += exp(z[i] - top)
        return total

    @inline
    def exp_sum(z, top):
        total = 0.0
        for start in range(0, z.size, SHORT):
            total += short(row(z, start, min(SHORT, z.size - start)), top)
        return total

    return exp_sum


def softmax_row(dtype: np.dtype) -> Callable:
    """out[i] = e^(z[i] - top) / total.

    The sum has a loop of its own: in one that also stores, LLVM adds up in another order, and the last bit
    changes, where ``out`` happens to lie close behind ``z``.
    """
    exp, real = MATHS[dtype]["exp"], dtype.type

    def apply(z, out):
        top = max_row(z)
        for i in range(z.size):
            out[i] = exp(z[i] - top)
        share_of_one = real(1 / sum_row(out))
        for i in range(out.size):
            out[i] *= share_of_one

    return apply


def log_softmax_row(dtype: np.dtype) -> Callable:
    """out[i] = z[i] - top - log total."""
    exp_sum, log, real = make_exp_sum(dtype), np.log, dtype.type

    def apply(z, out):
        top = max_row(z)
        log_total = real(log(exp_sum(z, top)))
        for i in range(out.size):
            out[i] = z[i] - top - log_total

    return apply


def softmax_backward_rule(dtype: np.dtype) -> tuple[Callable, Callable]:
    """out[i] = a[i] (da[i] - sum_i da[i] a[i]): what is added up, and what becomes of the sum."""
    return inline(lambda da, a: da * a), inline(lambda da, a, total: a * (da - total))


def log_softmax_backward_rule(dtype: np.dtype) -> tuple[Callable, Callable]:
    """out[i] = da[i] - e^a[i] sum_i da[i]: the same."""
    exp = MATHS[dtype]["exp"]
    return inline(lambda da, a: da), inline(lambda da, a, total: da - exp(a) * total)


# -- loops ----------------------------------------------------------------------------------------------------


def rows_piece(apply: Callable) -> Callable:
    """out[r, :] = apply(x[r, :])."""
    apply = inline(apply)

    def piece(x, n, out, part, parts):
        start, stop = share(out.size // n, part, parts)
        for r in range(start, stop):
            apply(row(x, r * n, n), row(out, r * n, n))

    return piece


def columns_piece(apply: Callable, dtype: np.dtype) -> Callable:
    """The same along the middle of (outer, n, inner), ROWS columns at a time."""
    apply, transpose = inline(apply), make_transpose(dtype)

    def piece(x, outer, n, inner, out, part, parts):
        blocks = (inner + ROWS - 1) // ROWS
        start, stop = share(outer * blocks, part, parts)
        lines, results = np.empty(ROWS * n, x.dtype), np.empty(ROWS * n, x.dtype)
        for task in range(start, stop):
            left = task % blocks * ROWS
            first, width = task // blocks * n * inner + left, min(ROWS, inner - left)
            transpose(x, first, inner, n, width, lines, 0, n)
            for r in range(width):
                apply(row(lines, r * n, n), row(results, r * n, n))
            transpose(results, 0, n, width, n, out, first, inner)

    return piece


def backward_rows_piece(term: Callable, result: Callable, dtype: np.dtype) -> Callable:
    """out[r, i] = result(da[r, i], a[r, i], sum_i term(da[r, i], a[r, i]))."""
    real = dtype.type

    @in_lanes
    def short(da, a):
        total = real(0)
        for i in range(a.size):
            total += term(da[i], a[i])
        return total

    def piece(da, a, n, out, part, parts):
        start, stop = share(out.size // n, part, parts)
        for r in range(start, stop):
            slopes, values, line = row(da, r * n, n), row(a, r * n, n), row(out, r * n, n)
            total = 0.0
            for i in range(0, n, SHORT):
                width = min(SHORT, n - i)
                total += short(row(slopes, i, width), row(values, i, width))
            both = real(total)
            for i in range(n):
                line[i] = result(slopes[i], values[i], both)

    return piece


def backward_columns_piece(term: Callable, result: Callable, dtype: np.dtype) -> Callable:
    """The same along the middle of (outer, n, inner): COLUMNS sums at once, in float64."""
    real = dtype.type

    def piece(da, a, outer, n, inner, out, part, parts):
        start, stop = share(outer * inner, part, parts)
        totals, sums = np.empty(COLUMNS), np.empty(COLUMNS, a.dtype)
        while start < stop:
            o, left = start // inner, start % inner
            width = min(COLUMNS, inner - left, stop - start)
            total, both = row(totals, 0, width), row(sums, 0, width)
            for j in range(width):
                total[j] = 0
            for k in range(n):
                first = (o * n + k) * inner + left
                slopes, values = row(da, first, width), row(a, first, width)
                for j in range(width):
                    total[j] += term(slopes[j], values[j])
            for j in range(width):
                both[j] = real(total[j])
            for k in range(n):
                first = (o * n + k) * inner + left
                slopes, values, line = row(da, first, width), row(a, first, width), row(out, first, width)
                for j in range(width):
                    line[j] = result(slopes[j], values[j], both[j])
            start += width

    return piece


def logsumexp_piece(dtype: np.dtype) -> Callable:
    """out[r] = top + log total."""
    exp_sum, real = make_exp_sum(dtype), dtype.type

    def piece(x, n, out, part, parts):
        start, stop = share(out.size, part, parts)
        for r in range(start, stop):
            line = row(x, r * n, n)
            top = max_row(line)
            if not np.isfinite(top):  # Inf - Inf would be NaN
                top = real(0)
            out[r] = top + np.log(exp_sum(line, top))

    return piece


# -- functions of the contract --------------------------------------------------------------------------------


def along(name: str, operands: int, make_rows: Callable, make_columns: Callable) -> Callable:
    """A function of rows that gives rows, along any dim; the pieces for a dtype."""

    def build_rows(dtype: np.dtype) -> Kernel:
        takes = (*[reads(dtype)] * operands, INDEX, writes(dtype))
        return Kernel(f"{name}_rows", make_rows(dtype), takes)

    def build_columns(dtype: np.dtype) -> Kernel:
        takes = (*[reads(dtype)] * operands, INDEX, INDEX, INDEX, writes(dtype))
        return Kernel(f"{name}_columns", make_columns(dtype), takes)

    along_rows, along_columns = Kernels(build_rows, FLOATS), Kernels(build_columns, FLOATS)

    def run(arrays: tuple[Array, ...], dim: int) -> Array:
        x = arrays[0]
        if not compiled(x):
            return getattr(reference, name)(*arrays, dim)
        _, (outer, n, inner), _ = fold(x, (dim,), False)
        out = np.empty(x.shape, x.dtype)
        if inner == 1:
            along_rows[x.dtype](EXP * x.size, *map(contiguous, arrays), n, out)
        else:
            along_columns[x.dtype](EXP * x.size, *map(contiguous, arrays), outer, n, inner, out)
        return out

    return run


def _forward(name: str, make_row: Callable) -> Callable:
    return along(name, 1, lambda d: rows_piece(make_row(d)), lambda d: columns_piece(make_row(d), d))


def _backward(name: str, make_rule: Callable) -> Callable:
    return along(
        name,
        2,
        lambda d: backward_rows_piece(*make_rule(d), d),
        lambda d: backward_columns_piece(*make_rule(d), d),
    )


_softmax, _log_softmax = _forward("softmax", softmax_row), _forward("log_softmax", log_softmax_row)
_softmax_backward = _backward("softmax_backward", softmax_backward_rule)
_log_softmax_backward = _backward("log_softmax_backward", log_softmax_backward_rule)


def softmax(z: Array, dim: int) -> Array:
    return _softmax((z,), dim)


def log_softmax(z: Array, dim: int) -> Array:
    return _log_softmax((z,), dim)


def softmax_backward(da: Array, a: Array, dim: int) -> Array:
    return _softmax_backward((da, a), dim)


def log_softmax_backward(da: Array, a: Array, dim: int) -> Array:
    return _log_softmax_backward((da, a), dim)


_logsumexp = Kernels(lambda d: Kernel("logsumexp", logsumexp_piece(d), (reads(d), INDEX, writes(d))), FLOATS)


def logsumexp(x: Array, dims: Dims, keepdim: bool) -> Array:
    if not compiled(x):
        return reference.logsumexp(x, dims, keepdim)
    last = tuple(range(x.ndim - len(dims), x.ndim))
    if sorted(dims) != list(last):
        moved = np.moveaxis(x, dims, last)
        out = logsumexp(moved, last, keepdim)
        return np.moveaxis(out, last, dims) if keepdim else out
    flat_x, (_, n, _), shape = fold(x, dims, keepdim)
    out = np.empty(shape, x.dtype)
    _logsumexp[x.dtype](EXP * x.size, flat_x, n, out)
    return out
