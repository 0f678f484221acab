"""Elementwise kernels: a scalar rule, a loop around it, and broadcasting without copies.

``out[i, j] = rule(x[i, j], y[i, j])``.  Shapes are collapsed in Python to R rows of C columns, in which each
operand steps from row to row by ``row`` elements (0: the same row again) and either has all C columns or one
value for the whole row:

=======================  ==============  =================  ================
x, y                     R, C            x: row, columns    y: row, columns
=======================  ==============  =================  ================
(B, d), (B, d)           1, B d          0, yes             0, yes
(B, d), scalar           1, B d          0, yes             0, no
(B, d), (d,)             B, d            d, yes             0, yes
(B, d), (B, 1)           B, d            d, yes             1, no
=======================  ==============  =================  ================

The loop over columns runs over consecutive memory, so LLVM makes vector code of it. Threads share the rows, or
the columns where there are few rows.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from itertools import zip_longest

import numpy as np
from numba import types

from minigrad.kernels import Array, reference
from minigrad.kernels.cpu.compile import specialise
from minigrad.kernels.cpu.math import FLOATS, MATHS
from minigrad.kernels.cpu.memory import reads, row, share, writes
from minigrad.kernels.cpu.threads import GRAIN, Kernel, Kernels

INTEGER = np.dtype(np.int64)
BOOL = np.dtype(np.bool_)

SAFE = 2.0**62  # below it, neither float32 nor int64 overflows; NaN is not below it
CHEAP, EXP, LOG, LONG, LIBRARY = 1, 4, 6, 12, 32  # what a rule costs, in additions


# -- loops ----------------------------------------------------------------------------------------------------


def unary_piece(rule: Callable) -> Callable:
    def piece(x, out, part, parts):
        start, stop = share(x.size, part, parts)
        x, out = row(x, start, stop - start), row(out, start, stop - start)
        for j in range(x.size):
            out[j] = rule(x[j])

    return piece


def pairs_piece(rule: Callable) -> Callable:
    def piece(x, y, out, part, parts):
        start, stop = share(out.size, part, parts)
        n = stop - start
        x, y, out = row(x, start, n), row(y, start, n), row(out, start, n)
        for j in range(n):
            out[j] = rule(x[j], y[j])

    return piece


def broadcast_piece(rule: Callable) -> Callable:
    def piece(x, x_row, x_columns, y, y_row, y_columns, out, part, parts):
        R, C = out.shape
        top, bottom, left, right = 0, R, 0, C
        if parts <= R:
            top, bottom = share(R, part, parts)
        else:
            left, right = share(C, part, parts)
        n = right - left
        for i in range(top, bottom):
            z = row(out, i * C + left, n)
            if x_columns and y_columns:
                xs, ys = row(x, i * x_row + left, n), row(y, i * y_row + left, n)
                for j in range(n):
                    z[j] = rule(xs[j], ys[j])
            elif x_columns:
                xs, right_value = row(x, i * x_row + left, n), y[i * y_row]
                for j in range(n):
                    z[j] = rule(xs[j], right_value)
            else:
                left_value, ys = x[i * x_row], row(y, i * y_row + left, n)
                for j in range(n):
                    z[j] = rule(left_value, ys[j])

    return piece


# -- shapes ---------------------------------------------------------------------------------------------------


def collapse(x: Array, y: Array) -> tuple:
    """The shape of the result, (R, C), and of each operand: elements, step between rows, whether in columns."""
    if y.size == 1 and y.ndim <= x.ndim:
        return x.shape, (1, x.size), (x.ravel(), 0, True), (y.ravel(), 0, False)
    if x.size == 1 and x.ndim <= y.ndim:
        return y.shape, (1, y.size), (x.ravel(), 0, False), (y.ravel(), 0, True)
    sizes = list(zip_longest(reversed(x.shape), reversed(y.shape), fillvalue=1))[::-1]
    shape = tuple(n if m == 1 else m for m, n in sizes)
    groups: list[tuple[int, bool, bool]] = []  # neighbouring dims along which the same operands vary
    for size, (m, n) in zip(shape, sizes, strict=True):
        if size == 1:
            continue
        if groups and groups[-1][1:] == (m != 1, n != 1):
            size *= groups.pop()[0]
        groups.append((size, m != 1, n != 1))
    if len(groups) > 2:
        groups = [(math.prod(shape), True, True)]
        x, y = np.broadcast_to(x, shape), np.broadcast_to(y, shape)
    (R, *rows), (C, *columns) = [(1, False, False)] * (2 - len(groups)) + groups
    operands = (
        (a.ravel(), (C if across else 1) if down else 0, across)
        for a, down, across in zip((x, y), rows, columns, strict=True)
    )
    return shape, (R, C), *operands


# -- functions of the contract --------------------------------------------------------------------------------


def unary(
    name: str,
    rule: Callable,
    cost: int = CHEAP,
    dtypes: tuple[np.dtype, ...] = FLOATS,
    gives: np.dtype | None = None,
    loop: Callable = unary_piece,
) -> Callable:
    """The function ``name`` of the contract, for one operand. Dtypes but ``dtypes`` are left to the reference."""

    def build(dtype: np.dtype) -> Kernel:
        compiled_rule = specialise(rule, dtype, MATHS.get(dtype, {}))
        return Kernel(name, loop(compiled_rule), (reads(dtype), writes(gives or dtype)))

    kernels = Kernels(build, dtypes)

    @functools.wraps(rule)
    def function(x: Array) -> Array:
        kernel = kernels[x.dtype]
        if kernel is None:
            return getattr(reference, name)(x)
        out = np.empty(x.shape, gives or x.dtype)
        work = cost * x.size
        if work < GRAIN:  # straight to the machine code: for a few elements, the way there is what takes long
            kernel.piece(x.ravel(), out.ravel(), 0, 1)
        else:
            kernel(work, x.ravel(), out.ravel())
        return out

    function.__name__ = function.__qualname__ = name
    return function


def binary(
    name: str,
    rule: Callable,
    cost: int = CHEAP,
    dtypes: tuple[np.dtype, ...] = FLOATS,
    gives: np.dtype | None = None,
    in_python: bool = False,
) -> Callable:
    """The function ``name`` of the contract, for two operands of one dtype that broadcast.

    ``in_python``: Python computes it as well, of two numbers in a third of the time that a call of machine code
    takes. A sum or product of two float32 rounded to float64 and then to float32 is the one rounded once.
    """

    def build_pairs(dtype: np.dtype) -> Kernel:
        compiled_rule = specialise(rule, dtype, MATHS.get(dtype, {}))
        return Kernel(name, pairs_piece(compiled_rule), (reads(dtype), reads(dtype), writes(gives or dtype)))

    def build_broadcast(dtype: np.dtype) -> Kernel:
        compiled_rule = specialise(rule, dtype, MATHS.get(dtype, {}))
        operand = (reads(dtype), types.intp, types.boolean)
        takes = (*operand, *operand, writes(gives or dtype, 2))
        return Kernel(f"{name}_broadcast", broadcast_piece(compiled_rule), takes)

    pairs, broadcast = Kernels(build_pairs, dtypes), Kernels(build_broadcast, dtypes)

    @functools.wraps(rule)
    def function(x: Array, y: Array) -> Array:
        dtype = x.dtype
        if dtype not in dtypes or dtype != y.dtype:
            return np.asarray(getattr(reference, name)(x, y))
        if x.shape != y.shape:
            shape, rows_columns, left, right = collapse(x, y)
            out = np.empty(shape, gives or dtype)
            work = cost * out.size
            if work < GRAIN:
                broadcast[dtype].piece(*left, *right, out.reshape(rows_columns), 0, 1)
            else:
                broadcast[dtype](work, *left, *right, out.reshape(rows_columns))
            return out
        if in_python and not x.shape:
            number = rule(x.item(), y.item())
            if -SAFE < number < SAFE:
                return np.array(number, dtype)
        out = np.empty(x.shape, gives or dtype)
        work = cost * x.size
        if work < GRAIN:
            pairs[dtype].piece(x.ravel(), y.ravel(), out.ravel(), 0, 1)
        else:
            pairs[dtype](work, x.ravel(), y.ravel(), out.ravel())
        return out

    function.__name__ = function.__qualname__ = name
    return function
