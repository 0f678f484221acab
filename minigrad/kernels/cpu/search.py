"""argmax and argmin: where among n elements the extreme is, the first of equal ones; a NaN is taken for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigrad.dtypes import FLOATS, int64
from minigrad.kernels import Array, reference
from minigrad.kernels.cpu.extremes import max_row, maximum, min_row, minimum
from minigrad.kernels.cpu.memory import INDEX, compiled, reads, row, share, writes
from minigrad.kernels.cpu.reduce import COLUMNS, fold
from minigrad.kernels.cpu.threads import Kernel, Kernels

__all__ = ["argmax", "argmin"]

BLOCK = 256  # elements searched at once


# -- loops ----------------------------------------------------------------------------------------------------


def rows_piece(choose: Callable, fold_row: Callable) -> Callable:
    """The extreme of each block; then, in the first block that has the row's, its first place."""

    def piece(x, n, out, part, parts):
        start, stop = share(out.size, part, parts)
        for r in range(start, stop):
            best, block = x[r * n], 0
            for left in range(0, n, BLOCK):
                candidate = fold_row(row(x, r * n + left, min(BLOCK, n - left)))
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


def columns_piece(choose: Callable) -> Callable:
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


# -- functions of the contract --------------------------------------------------------------------------------


def search(name: str, choose: Callable, fold_row: Callable) -> Callable:
    """The rows' and the columns' kernel as a function."""

    def build_rows(dtype: np.dtype) -> Kernel:
        return Kernel(f"{name}_rows", rows_piece(choose, fold_row), (reads(dtype), INDEX, writes(int64)))

    def build_columns(dtype: np.dtype) -> Kernel:
        takes = (reads(dtype), INDEX, INDEX, INDEX, writes(int64))
        return Kernel(f"{name}_columns", columns_piece(choose), takes)

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


argmax = search("argmax", maximum, max_row)
argmin = search("argmin", minimum, min_row)
