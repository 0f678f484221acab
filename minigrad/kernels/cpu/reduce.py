"""Reductions: an array becomes (outer, n, inner), and the n elements between become one.

=============  ======================================================  ===================================
               loop                                                    threads share
=============  ======================================================  ===================================
inner = 1      ``out[o] = fold(x[o, :])``                              rows; long rows are cut in chunks
inner > 1      ``out[o, j] = combine(out[o, j], x[o, k, j])`` for k    blocks of columns
=============  ======================================================  ===================================

Both run over consecutive memory. A chunk has a fixed length and a column is never cut, so that a result does not
depend on the number of threads.

Sums are as accurate as *pairwise* ones (Higham, "The accuracy of floating point summation", 1993): a short part of
a row is added up in vector lanes, or a group of rows column by column, with few additions one after another in the
dtype of ``x``; then the parts are added in float64.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
from numba import config

from minigrad.dtypes import FLOATS, float64, int64
from minigrad.kernels import Array, Dims, reference
from minigrad.kernels.cpu import functions
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.extremes import max_row, maximum, min_row, minimum
from minigrad.kernels.cpu.memory import INDEX, reads, row, share, writes
from minigrad.kernels.cpu.move import contiguous
from minigrad.kernels.cpu.threads import Kernel, Kernels

__all__ = ["amax", "amin", "argmax", "argmin", "mean", "moments", "norm", "prod", "sum"]

SHORT = 512  # elements added up in lanes, in their own dtype
FACTORS = 64  # elements multiplied in lanes
CHUNK = 1 << 16  # elements of a row that one thread folds
GROUP = 65  # rows combined with one another first: one, and sixteen times four
COLUMNS = 4096  # columns combined at once: their results stay in the first cache, and reads go along memory
BLOCK = 256  # elements searched at once


# -- folds of one row -----------------------------------------------------------------------------------------


in_lanes = functools.partial(inline, fastmath={"reassoc", "nsz"})  # sums may be added in any order


@in_lanes
def sum_short(x):
    total = x.dtype.type(0)
    for i in range(x.size):
        total += x[i]
    return total


if config.DISABLE_JIT:  # plain Python has no lanes, and adding one number after another is less accurate

    def sum_short(x):
        return math.fsum(x) if np.isfinite(x).all() else x.sum()


@inline
def sum_row(x):
    total = 0.0
    for start in range(0, x.size, SHORT):
        total += sum_short(row(x, start, min(SHORT, x.size - start)))
    return total


@in_lanes
def product_short(x):
    product = 1.0
    for i in range(x.size):
        product *= np.float64(x[i])
    return product


@inline
def product_row(x):
    """In float64, and part by part: in lanes, factors of very different sizes meet in another order."""
    product = 1.0
    for start in range(0, x.size, FACTORS):
        product *= product_short(row(x, start, min(FACTORS, x.size - start)))
    return product


@in_lanes
def squares_short(x):
    total = x.dtype.type(0)
    for i in range(x.size):
        total += x[i] * x[i]
    return total


@inline
def length_row(x):
    total = 0.0
    for start in range(0, x.size, SHORT):
        total += squares_short(row(x, start, min(SHORT, x.size - start)))
    return math.sqrt(total)


@in_lanes
def deviations_short(x, centre):
    total = squares = 0.0
    for i in range(x.size):
        d = np.float64(x[i]) - centre
        total += d
        squares += d * d
    return total, squares


# -- loops ----------------------------------------------------------------------------------------------------


def rows_piece(fold: Callable) -> Callable:
    """x (R, n) -> out (R, chunks)."""

    def piece(x, n, chunks, out, part, parts):
        start, stop = share(out.size, part, parts)
        for task in range(start, stop):
            r, first = task // chunks, task % chunks * CHUNK
            out[task] = fold(row(x, r * n + first, min(CHUNK, n - first)))

    return piece


@inline
def itself(x):
    return x


def columns_piece(combine: Callable, of: Callable, to: Callable, near: np.dtype, far: np.dtype) -> Callable:
    """x (outer, n, inner) -> out (outer, inner).

    GROUP rows are combined with one another in the dtype ``near``, and then with the result, in ``far``; ``of``
    is taken of each element first, ``to`` of the result.
    """
    real = far.type

    def piece(x, outer, n, inner, out, part, parts):
        start, stop = share(outer * inner, part, parts)
        results, groups = np.empty(min(COLUMNS, stop - start), real), np.empty(min(COLUMNS, stop - start), near)
        while start < stop:
            o, left = start // inner, start % inner
            width = min(COLUMNS, inner - left, stop - start)
            result, group = row(results, 0, width), row(groups, 0, width)
            for top in range(0, n, GROUP):
                first = row(x, (o * n + top) * inner + left, width)
                for j in range(width):
                    group[j] = of(first[j])
                k, bottom = top + 1, min(top + GROUP, n)
                while k + 4 <= bottom:  # four at once, for a result is read and written as often as an element
                    base = (o * n + k) * inner + left
                    first, second = row(x, base, width), row(x, base + inner, width)
                    third, fourth = row(x, base + 2 * inner, width), row(x, base + 3 * inner, width)
                    for j in range(width):
                        upper = combine(of(first[j]), of(second[j]))
                        lower = combine(of(third[j]), of(fourth[j]))
                        group[j] = combine(group[j], combine(upper, lower))
                    k += 4
                while k < bottom:
                    line = row(x, (o * n + k) * inner + left, width)
                    for j in range(width):
                        group[j] = combine(group[j], of(line[j]))
                    k += 1
                for j in range(width):
                    result[j] = combine(result[j], real(group[j])) if top else real(group[j])
            for j in range(width):
                out[start + j] = to(result[j])
            start += width

    return piece


def arg_rows_piece(choose: Callable, fold: Callable) -> Callable:
    """The extreme of each block; then, in the first block that has the row's, its first place."""

    def piece(x, n, out, part, parts):
        start, stop = share(out.size, part, parts)
        for r in range(start, stop):
            best, block = x[r * n], 0
            for left in range(0, n, BLOCK):
                candidate = fold(row(x, r * n + left, min(BLOCK, n - left)))
                if choose(best, candidate) != best:  # also where it is NaN
                    best, block = candidate, left
                if best != best:
                    break
            found = min(BLOCK, n - block)
            line = row(x, r * n + block, found)
            for i in range(line.size):
                here = line[i] == best or line[i] != line[i]
                found = min(found, i if here else line.size)
            out[r] = block + found

    return piece


def arg_columns_piece(choose: Callable) -> Callable:
    """x (outer, n, inner) -> out (outer, inner): the best so far and its place, for each column."""

    def piece(x, outer, n, inner, out, part, parts):
        start, stop = share(outer * inner, part, parts)
        bests = np.empty(min(COLUMNS, stop - start), x.dtype)
        while start < stop:
            o, left = start // inner, start % inner
            width = min(COLUMNS, inner - left, stop - start)
            best, place = row(bests, 0, width), row(out, start, width)
            first = row(x, o * n * inner + left, width)
            for j in range(width):
                best[j], place[j] = first[j], 0
            for k in range(1, n):
                line = row(x, (o * n + k) * inner + left, width)
                for j in range(width):
                    old = best[j]
                    new = choose(old, line[j])
                    place[j] = k if new != old and old == old else place[j]
                    best[j] = new
            start += width

    return piece


def moments_rows_piece(x, n, mean, variance, part, parts):
    """The mean of a row, then its squared deviations, which are few enough to be in the caches still.

    What the rounding of the mean adds to the variance is taken out: the deviations would add up to 0 (Chan, Golub
    and LeVeque, "Algorithms for computing the sample variance", 1983).
    """
    start, stop = share(mean.size, part, parts)
    for r in range(start, stop):
        line = row(x, r * n, n)
        centre = sum_row(line) / n
        total = squares = 0.0
        for i in range(0, n, SHORT):
            t, s = deviations_short(row(line, i, min(SHORT, n - i)), centre)
            total += t
            squares += s
        mean[r] = centre
        variance[r] = (squares - total * total / n) / n


def moments_columns_piece(x, outer, n, inner, mean, variance, part, parts):
    """The same for columns, many at once."""
    start, stop = share(outer * inner, part, parts)
    means, totals, squares = np.empty((3, min(COLUMNS, stop - start)))
    while start < stop:
        o, left = start // inner, start % inner
        width = min(COLUMNS, inner - left, stop - start)
        m, t, s = row(means, 0, width), row(totals, 0, width), row(squares, 0, width)
        for j in range(width):
            m[j], t[j], s[j] = 0.0, 0.0, 0.0
        for k in range(n):
            line = row(x, (o * n + k) * inner + left, width)
            for j in range(width):
                m[j] += line[j]
        for j in range(width):
            m[j] /= n
        for k in range(n):
            line = row(x, (o * n + k) * inner + left, width)
            for j in range(width):
                d = line[j] - m[j]
                t[j] += d
                s[j] += d * d
        for j in range(width):
            mean[start + j], variance[start + j] = m[j], (s[j] - t[j] * t[j] / n) / n
        start += width


# -- functions of the contract --------------------------------------------------------------------------------


def compiled(x: Array) -> bool:
    """Whether a compiled kernel takes ``x``: integers, and arrays without elements, are left to the reference."""
    return x.dtype in FLOATS and x.size > 0


def fold(x: Array, dims: Dims, keepdim: bool) -> tuple[Array, tuple[int, int, int], Dims]:
    """``x`` contiguous, as (outer, n, inner) with ``dims`` in n, and the shape without them.

    It is copied only where ``dims`` are not neighbours, or ``x`` is not contiguous.
    """
    order, sizes, kept = fold_plan(x.shape, dims, keepdim)
    return contiguous(x.transpose(order) if order else x), sizes, kept


@functools.lru_cache(maxsize=4096)
def fold_plan(shape: Dims, dims: Dims, keepdim: bool) -> tuple[Dims | None, tuple[int, int, int], Dims]:
    """What :func:`fold` tells, from the shape alone; and an order for the dims, where theirs will not do."""
    ndim, order = len(shape), None
    first, last = (min(dims), max(dims) + 1) if dims else (ndim, ndim)
    kept = tuple(1 if k in dims else n for k, n in enumerate(shape) if keepdim or k not in dims)
    if last - first != len(dims):
        others = tuple(k for k in range(ndim) if k not in dims)
        if ndim - 1 in dims:
            order, first, last = (*others, *dims), len(others), ndim
        else:  # so that neighbours stay together, and are copied together
            order, first, last = (*dims, *others), 0, len(dims)
        shape = tuple(shape[k] for k in order)
    return order, (math.prod(shape[:first]), math.prod(shape[first:last]), math.prod(shape[last:])), kept


def reduction(
    name: str,
    fold_row: Callable,
    combine: Callable,
    *,
    of: Callable = itself,
    to: Callable = itself,
    near: np.dtype | None = None,
    far: np.dtype | None = None,
) -> Callable:
    """The rows' and the columns' kernel as a function; dtypes as for :func:`columns_piece`, by default the own."""

    def build_rows(dtype: np.dtype) -> Kernel:
        return Kernel(f"{name}_rows", rows_piece(fold_row), (reads(dtype), INDEX, INDEX, writes(dtype)))

    def build_columns(dtype: np.dtype) -> Kernel:
        piece = columns_piece(combine, of, to, near or dtype, far or dtype)
        return Kernel(f"{name}_columns", piece, (reads(dtype), INDEX, INDEX, INDEX, writes(dtype)))

    along_rows, along_columns = Kernels(build_rows, FLOATS), Kernels(build_columns, FLOATS)

    def reduce_rows(kernel: Kernel, x: Array, n: int, out: Array) -> None:
        chunks = -(-n // CHUNK)
        if chunks == 1:
            kernel(x.size, x, n, 1, out)
        else:
            between = np.empty(out.size * chunks, x.dtype)
            kernel(x.size, x, n, chunks, between)
            reduce_rows(kernel, between, chunks, out)

    def function(x: Array, dims: Dims, keepdim: bool) -> Array:
        if not compiled(x):
            return getattr(reference, name)(x, dims, keepdim)
        flat_x, (outer, n, inner), shape = fold(x, dims, keepdim)
        out = np.empty(shape, x.dtype)
        if inner == 1:
            reduce_rows(along_rows[x.dtype], flat_x, n, out)
        else:
            along_columns[x.dtype](x.size, flat_x, outer, n, inner, out)
        return out

    function.__name__ = function.__qualname__ = name
    return function


def arg_reduction(name: str, choose: Callable, fold_row: Callable) -> Callable:
    def build_rows(dtype: np.dtype) -> Kernel:
        return Kernel(f"{name}_rows", arg_rows_piece(choose, fold_row), (reads(dtype), INDEX, writes(int64)))

    def build_columns(dtype: np.dtype) -> Kernel:
        takes = (reads(dtype), INDEX, INDEX, INDEX, writes(int64))
        return Kernel(f"{name}_columns", arg_columns_piece(choose), takes)

    along_rows, along_columns = Kernels(build_rows, FLOATS), Kernels(build_columns, FLOATS)

    def function(x: Array, dim: int, keepdim: bool) -> Array:
        if not compiled(x):
            return getattr(reference, name)(x, dim, keepdim)
        flat_x, (outer, n, inner), shape = fold(x, (dim,), keepdim)
        out = np.empty(shape, int64)
        if inner == 1:
            along_rows[x.dtype](2 * x.size, flat_x, n, out)
        else:
            along_columns[x.dtype](2 * x.size, flat_x, outer, n, inner, out)
        return out

    function.__name__ = function.__qualname__ = name
    return function


add = inline(lambda x, y: x + y)
sum = reduction("sum", sum_row, add, far=float64)
amax = reduction("amax", max_row, maximum)
amin = reduction("amin", min_row, minimum)
prod = reduction(
    "prod", product_row, inline(lambda x, y: x * y), of=inline(lambda x: np.float64(x)), near=float64, far=float64
)
length = reduction(
    "length", length_row, add, of=inline(lambda x: x * x), to=inline(lambda x: math.sqrt(x)), far=float64
)
argmax = arg_reduction("argmax", maximum, max_row)
argmin = arg_reduction("argmin", minimum, min_row)


def norm(x: Array, dims: Dims, keepdim: bool, p: float) -> Array:
    if p == 1:
        return sum(functions.abs(x), dims, keepdim)
    return length(x, dims, keepdim) if p == 2 and compiled(x) else reference.norm(x, dims, keepdim, p)


def mean(x: Array, dims: Dims, keepdim: bool) -> Array:
    if not compiled(x):
        return reference.mean(x, dims, keepdim)
    total = sum(x, dims, keepdim)
    if not total.ndim:  # Python divides one number in a quarter of the time
        return np.array(total.item() / x.size, x.dtype)
    total /= x.size // total.size
    return total


def _moments_rows(dtype: np.dtype) -> Kernel:
    return Kernel("moments_rows", moments_rows_piece, (reads(dtype), INDEX, writes(dtype), writes(dtype)))


def _moments_columns(dtype: np.dtype) -> Kernel:
    takes = (reads(dtype), INDEX, INDEX, INDEX, writes(dtype), writes(dtype))
    return Kernel("moments_columns", moments_columns_piece, takes)


_along_rows, _along_columns = Kernels(_moments_rows, FLOATS), Kernels(_moments_columns, FLOATS)


def moments(x: Array, dims: Dims, keepdim: bool) -> tuple[Array, Array]:
    if not compiled(x):
        return reference.moments(x, dims, keepdim)
    flat_x, (outer, n, inner), shape = fold(x, dims, keepdim)
    mean, variance = np.empty(shape, x.dtype), np.empty(shape, x.dtype)
    if inner == 1:
        _along_rows[x.dtype](2 * x.size, flat_x, n, mean, variance)
    else:
        _along_columns[x.dtype](2 * x.size, flat_x, outer, n, inner, mean, variance)
    return mean, variance
