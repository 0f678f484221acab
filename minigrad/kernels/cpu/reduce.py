"""Reductions: an array becomes (outer, n, inner), and the n elements between become one.

=============  ======================================================  ===================================
               loop                                                    threads share
=============  ======================================================  ===================================
inner = 1      ``out[o] = fold_row(x[o, :])``                          rows; long rows are cut in chunks
inner > 1      ``out[o, j] = combine(out[o, j], x[o, k, j])`` for k    blocks of columns
=============  ======================================================  ===================================

Both run over consecutive memory. A chunk has a fixed length and a column is never cut, so that a result does not
depend on the number of threads. Sums are as accurate as *pairwise* ones: those of rows as in ``row_sums.py``, and
those of columns in the same way, a group of rows in the dtype of ``x`` and the groups in float64.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from minigrad.dtypes import FLOATS, float64
from minigrad.kernels import Array, Dims, reference
from minigrad.kernels.cpu import functions
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.extremes import max_row, maximum, min_row, minimum
from minigrad.kernels.cpu.memory import INDEX, compiled, reads, row, share, writes
from minigrad.kernels.cpu.move import contiguous
from minigrad.kernels.cpu.row_sums import length_row, product_row, sum_row
from minigrad.kernels.cpu.threads import Kernel, Kernels

__all__ = ["amax", "amin", "mean", "norm", "prod", "sum"]

CHUNK = 1 << 16  # elements of a row that one thread folds
GROUP = 65  # rows combined with one another first: one, and sixteen times four
COLUMNS = 4096  # columns combined at once: their results stay in the first cache, and reads go along memory


# -- loops ----------------------------------------------------------------------------------------------------


def rows_piece(fold_row: Callable) -> Callable:
    """x (R, n) -> out (R, chunks)."""

    def piece(x, n, chunks, out, part, parts):
        start, stop = share(out.size, part, parts)
        for task in range(start, stop):
            r, first = task // chunks, task % chunks * CHUNK
            out[task] = fold_row(row(x, r * n + first, min(CHUNK, n - first)))

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


# -- functions of the contract --------------------------------------------------------------------------------


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
