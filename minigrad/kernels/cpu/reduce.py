"""Reductions: an array becomes (outer, n, inner), and the n elements between become one.

=============  ======================================================  ===================================
               loop                                                    threads share
=============  ======================================================  ===================================
inner = 1      ``out[o] = fold(x[o, :])``                              rows; long rows are cut in chunks
inner > 1      ``out[o, j] = combine(out[o, j], x[o, k, j])`` for k    blocks of columns
=============  ======================================================  ===================================

Both run over consecutive memory. A chunk has a fixed length and a column is never cut, so that a result does not
depend on the number of threads.

Sums are *pairwise* (Higham, "The accuracy of floating point summation", 1993): a row is halved until a part is
short enough to be added up in vector lanes, and the parts, or a whole column, are added in float64.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from minigrad.kernels import reference
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.elementwise import EXP, flat, share
from minigrad.kernels.cpu.math import FLOATS, MATHS
from minigrad.kernels.cpu.threads import Kernel
from minigrad.kernels.reference import Array, Dims

SHORT = 1024  # elements added up in lanes
CHUNK = 1 << 16  # elements of a row that one thread folds
COLUMNS = 256  # columns that one thread combines: their float64 results stay in the first cache


# -- folds of one row -----------------------------------------------------------------------------------------


def extreme(llvm_name: str) -> Callable:
    """The larger or smaller of two numbers, NaN if one is NaN: one instruction, and loops of it are vectorised."""

    @intrinsic
    def choose(typing_context, x, y):
        def codegen(context, builder, signature, args):
            llvm_type = args[0].type
            name = f"llvm.{llvm_name}.f{x.bitwidth}"
            function = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(llvm_type, [llvm_type, llvm_type]), name
            )
            return builder.call(function, args)

        return x(x, x), codegen

    return choose


maximum, minimum = extreme("maximum"), extreme("minimum")


@functools.partial(inline, fastmath={"reassoc", "nsz"})  # may add in any order, hence in lanes
def sum_short(x):
    total = x[0]
    for i in range(1, x.size):
        total += x[i]
    return total


@inline
def sum_row(x):
    if x.size <= SHORT:
        return np.float64(sum_short(x))
    middle = x.size // 2
    return sum_row(x[:middle]) + sum_row(x[middle:])


@inline
def max_row(x):
    top = x[0]
    for i in range(1, x.size):
        top = maximum(top, x[i])
    return top


@inline
def min_row(x):
    bottom = x[0]
    for i in range(1, x.size):
        bottom = minimum(bottom, x[i])
    return bottom


# -- loops ----------------------------------------------------------------------------------------------------


def rows_piece(fold: Callable) -> Callable:
    """x (R, n) -> out (R, chunks)."""

    def piece(x, out, part, parts):
        chunks = out.shape[1]
        start, stop = share(out.size, part, parts)
        for task in range(start, stop):
            row, chunk = task // chunks, task % chunks
            out[row, chunk] = fold(x[row, chunk * CHUNK : (chunk + 1) * CHUNK])

    return piece


def columns_piece(combine: Callable) -> Callable:
    """x (outer, n, inner) -> out (outer, inner)."""

    def piece(x, out, part, parts):
        outer, n, inner = x.shape
        blocks = (inner + COLUMNS - 1) // COLUMNS
        start, stop = share(outer * blocks, part, parts)
        results = np.empty(COLUMNS, np.float64)
        for task in range(start, stop):
            o, left = task // blocks, task % blocks * COLUMNS
            right = min(left + COLUMNS, inner)
            result = results[: right - left]
            first = x[o, 0, left:right]
            for j in range(result.size):
                result[j] = first[j]
            for k in range(1, n):
                row = x[o, k, left:right]
                for j in range(result.size):
                    result[j] = combine(result[j], np.float64(row[j]))
            row = out[o, left:right]
            for j in range(result.size):
                row[j] = result[j]

    return piece


def arg_piece(fold: Callable) -> Callable:
    """The first place of the extreme, which is found first: both loops are simple enough to be fast."""

    def piece(x, out, part, parts):
        start, stop = share(out.size, part, parts)
        for r in range(start, stop):
            row = x[r]
            best = fold(row)
            i = 0
            while row[i] != best and row[i] == row[i]:
                i += 1
            out[r] = i

    return piece


def logsumexp_piece(exp: Callable) -> Callable:
    """out[r] = top + log(sum_i e^(x[r, i] - top)), top the largest, so that nothing overflows."""

    def piece(x, out, part, parts):
        start, stop = share(out.size, part, parts)
        e = np.empty_like(x[0])
        for r in range(start, stop):
            row = x[r]
            top = max_row(row)
            if not np.isfinite(top):  # Inf - Inf would be NaN
                top = x.dtype.type(0)
            for i in range(row.size):
                e[i] = exp(row[i] - top)
            out[r] = top + math.log(sum_row(e))

    return piece


def softmax_piece(exp: Callable) -> Callable:
    """out[r, i] = e^(z[r, i] - top) / sum_i e^(z[r, i] - top)."""

    def piece(z, out, part, parts):
        start, stop = share(z.shape[0], part, parts)
        for r in range(start, stop):
            row, a = z[r], out[r]
            top = max_row(row)
            for i in range(row.size):
                a[i] = exp(row[i] - top)
            total = a.dtype.type(sum_row(a))
            for i in range(row.size):
                a[i] /= total

    return piece


def log_softmax_piece(exp: Callable) -> Callable:
    """out[r, i] = z[r, i] - top - log(sum_i e^(z[r, i] - top))."""

    def piece(z, out, part, parts):
        start, stop = share(z.shape[0], part, parts)
        for r in range(start, stop):
            row, a = z[r], out[r]
            top = max_row(row)
            for i in range(row.size):
                a[i] = exp(row[i] - top)
            log_total = a.dtype.type(math.log(sum_row(a)))
            for i in range(row.size):
                a[i] = row[i] - top - log_total

    return piece


def softmax_backward_piece(exp: Callable) -> Callable:
    """out[r, i] = a[r, i] (da[r, i] - sum_i da[r, i] a[r, i])."""

    def piece(da, a, out, part, parts):
        start, stop = share(a.shape[0], part, parts)
        for r in range(start, stop):
            da_row, a_row, dz = da[r], a[r], out[r]
            for i in range(dz.size):
                dz[i] = da_row[i] * a_row[i]
            total = dz.dtype.type(sum_row(dz))
            for i in range(dz.size):
                dz[i] = a_row[i] * (da_row[i] - total)

    return piece


def log_softmax_backward_piece(exp: Callable) -> Callable:
    """out[r, i] = da[r, i] - e^a[r, i] sum_i da[r, i]."""

    def piece(da, a, out, part, parts):
        start, stop = share(a.shape[0], part, parts)
        for r in range(start, stop):
            da_row, a_row, dz = da[r], a[r], out[r]
            total = dz.dtype.type(sum_row(da_row))
            for i in range(dz.size):
                dz[i] = da_row[i] - exp(a_row[i]) * total

    return piece


# -- functions of the contract --------------------------------------------------------------------------------


def compiled(x: Array) -> bool:
    """Whether a compiled kernel takes ``x``: integers, and arrays without elements, are left to the reference."""
    return x.dtype in FLOATS and x.size > 0


def reduced(shape: Dims, dims: Dims, keepdim: bool) -> Dims:
    return tuple(1 if k in dims else n for k, n in enumerate(shape) if keepdim or k not in dims)


def fold(x: Array, dims: Dims, *, rows: bool = False) -> Array:
    """``x`` as (outer, n, inner), with ``dims`` in n; copied where they are not neighbours, or for ``rows``."""
    kept = [k for k in range(x.ndim) if k not in dims]
    first = min(dims, default=x.ndim)
    if rows or sorted(dims) != list(range(first, first + len(dims))):
        x, first = x.transpose(*kept, *dims), len(kept)
    last = first + len(dims)
    outer, n, inner = math.prod(x.shape[:first]), math.prod(x.shape[first:last]), math.prod(x.shape[last:])
    return flat(x).reshape(outer, n, inner)


def reduction(name: str, fold_row: Callable, combine: Callable) -> Callable:
    along_rows = Kernel(f"{name}_rows", rows_piece(fold_row))
    along_columns = Kernel(f"{name}_columns", columns_piece(combine))

    def reduce_rows(x: Array) -> Array:
        out = np.empty((len(x), -(-x.shape[1] // CHUNK)), x.dtype)
        along_rows(x.size, x, out)
        return out if out.shape[1] == 1 else reduce_rows(out)

    def function(x: Array, dims: Dims, keepdim: bool) -> Array:
        if not compiled(x):
            return getattr(reference, name)(x, dims, keepdim)
        folded = fold(x, dims)
        if folded.shape[2] == 1:
            out = reduce_rows(folded[:, :, 0])
        else:
            out = np.empty((len(folded), folded.shape[2]), x.dtype)
            along_columns(x.size, folded, out)
        return out.reshape(reduced(x.shape, dims, keepdim))

    function.__name__ = function.__qualname__ = name
    return function


def arg_reduction(name: str, fold_row: Callable) -> Callable:
    kernel = Kernel(name, arg_piece(fold_row))

    def function(x: Array, dim: int, keepdim: bool) -> Array:
        if not compiled(x):
            return getattr(reference, name)(x, dim, keepdim)
        folded = fold(x, (dim,), rows=True)[:, :, 0]
        out = np.empty(len(folded), np.int64)
        kernel(2 * x.size, folded, out)
        return out.reshape(reduced(x.shape, (dim,), keepdim))

    function.__name__ = function.__qualname__ = name
    return function


def along(name: str, piece: Callable) -> Callable:
    """A function of rows that gives rows, such as softmax."""
    kernel = functools.cache(lambda dtype: Kernel(name, piece(MATHS[dtype]["exp"])))

    def run(arrays: tuple[Array, ...], dim: int) -> Array:
        if not compiled(arrays[0]):
            return getattr(reference, name)(*arrays, dim)
        folded = [fold(x, (dim,), rows=True)[:, :, 0] for x in arrays]
        out = np.empty_like(folded[0])
        kernel(arrays[0].dtype)(EXP * out.size, *folded, out)
        shape = arrays[0].shape
        return np.ascontiguousarray(np.moveaxis(out.reshape(*shape[:dim], *shape[dim + 1 :], shape[dim]), -1, dim))

    return run


sum = reduction("sum", sum_row, inline(lambda x, y: x + y))
amax = reduction("amax", max_row, maximum)
amin = reduction("amin", min_row, minimum)
argmax = arg_reduction("argmax", max_row)
argmin = arg_reduction("argmin", min_row)


def mean(x: Array, dims: Dims, keepdim: bool) -> Array:
    if not compiled(x):
        return reference.mean(x, dims, keepdim)
    total = sum(x, dims, keepdim)
    total /= math.prod(x.shape[k] for k in dims)
    return total


_logsumexp = functools.cache(lambda dtype: Kernel("logsumexp", logsumexp_piece(MATHS[dtype]["exp"])))
_softmax = along("softmax", softmax_piece)
_log_softmax = along("log_softmax", log_softmax_piece)
_softmax_backward = along("softmax_backward", softmax_backward_piece)
_log_softmax_backward = along("log_softmax_backward", log_softmax_backward_piece)


def logsumexp(x: Array, dims: Dims, keepdim: bool) -> Array:
    if not compiled(x):
        return reference.logsumexp(x, dims, keepdim)
    folded = fold(x, dims, rows=True)[:, :, 0]
    out = np.empty(len(folded), x.dtype)
    _logsumexp(x.dtype)(EXP * x.size, folded, out)
    return out.reshape(reduced(x.shape, dims, keepdim))


def softmax(z: Array, dim: int) -> Array:
    return _softmax((z,), dim)


def log_softmax(z: Array, dim: int) -> Array:
    return _log_softmax((z,), dim)


def softmax_backward(da: Array, a: Array, dim: int) -> Array:
    return _softmax_backward((da, a), dim)


def log_softmax_backward(da: Array, a: Array, dim: int) -> Array:
    return _log_softmax_backward((da, a), dim)
