"""Elementwise kernels: a scalar rule, a loop around it, and broadcasting without copies.

``out[p, i, j] = rule(x[p, i, j], y[p, i, j])``.  Shapes are collapsed in Python to P planes of R rows of C
columns. An operand steps from plane to plane and from row to row by so many elements (0: the same again), and has
either all C columns or one value for the whole row:

==========================  ==============  ======================  =====================
x, y                        P, R, C         x: plane, row, columns  y: plane, row, columns
==========================  ==============  ======================  =====================
(B, d), (B, d)              1, 1, B d       0, 0, yes               0, 0, yes
(B, d), scalar              1, 1, B d       0, 0, yes               0, 0, no
(B, d), (d,)                1, B, d         0, d, yes               0, 0, yes
(B, d), (B, 1)              1, B, d         0, d, yes               0, 1, no
(B, C, H, W), (C, 1, 1)     B, C, H W       C H W, H W, yes         0, 1, no
==========================  ==============  ======================  =====================

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

from minigrad.dtypes import FLOATS
from minigrad.kernels import Array, Dims, reference
from minigrad.kernels.cpu.compile import inline, specialise
from minigrad.kernels.cpu.math import LIBRARY, MATHS
from minigrad.kernels.cpu.memory import INDEX, reads, row, share, writes
from minigrad.kernels.cpu.threads import GRAIN, Kernel, Kernels

SAFE = 2.0**62  # below it, neither float32 nor int64 overflows; NaN is not below it
CHEAP, EXP, LOG, LONG, CALL = 1, 4, 6, 12, 32  # what a rule costs, in additions


# -- loops ----------------------------------------------------------------------------------------------------
# A rule may give NaN where it does not know: there, and for NaN itself, ``library`` says what it is.


@inline
def element(x, j):
    return x[j]


@inline
def itself(value, j):
    return value


def unary_piece(rule: Callable, library: Callable | None) -> Callable:
    def piece(x, out, part, parts):
        start, stop = share(x.size, part, parts)
        x, out = row(x, start, stop - start), row(out, start, stop - start)
        any_nan = False
        for j in range(x.size):
            out[j] = rule(x[j])
            if library is not None:
                any_nan |= out[j] != out[j]
        if any_nan:
            for j in range(x.size):
                if out[j] != out[j]:
                    out[j] = library(x[j])

    return piece


def line(rule: Callable, library: Callable | None, x_at: Callable, y_at: Callable) -> Callable:
    """out[j] = rule(x[j], y[j]), where one of them may be one value for all j."""

    def fill(x, y, out):
        any_nan = False
        for j in range(out.size):
            out[j] = rule(x_at(x, j), y_at(y, j))
            if library is not None:
                any_nan |= out[j] != out[j]
        if any_nan:
            for j in range(out.size):
                if out[j] != out[j]:
                    out[j] = library(x_at(x, j), y_at(y, j))

    return inline(fill)


def pairs_piece(*rules: Callable | None) -> Callable:
    fill = line(*rules, element, element)

    def piece(x, y, out, part, parts):
        start, stop = share(out.size, part, parts)
        n = stop - start
        fill(row(x, start, n), row(y, start, n), row(out, start, n))

    return piece


def broadcast_piece(*rules: Callable | None) -> Callable:
    fill, fill_beside, fill_before = (
        line(*rules, *ats) for ats in ((element, element), (element, itself), (itself, element))
    )

    def piece(x, x_plane, x_row, x_columns, y, y_plane, y_row, y_columns, out, part, parts):
        P, R, C = out.shape
        top, bottom, left, right = 0, P * R, 0, C
        if parts <= P * R:
            top, bottom = share(P * R, part, parts)
        else:
            left, right = share(C, part, parts)
        n = right - left
        p, r = top // R, top % R
        for i in range(top, bottom):
            z, x_start, y_start = row(out, i * C + left, n), p * x_plane + r * x_row, p * y_plane + r * y_row
            if x_columns and y_columns:
                fill(row(x, x_start + left, n), row(y, y_start + left, n), z)
            elif x_columns:
                fill_beside(row(x, x_start + left, n), y[y_start], z)
            else:
                fill_before(x[x_start], row(y, y_start + left, n), z)
            r += 1
            if r == R:
                p, r = p + 1, 0

    return piece


# -- shapes ---------------------------------------------------------------------------------------------------


def collapse(x: Array, y: Array) -> tuple:
    """The shape of the result, (P, R, C), and of each operand: its elements, steps, whether it has columns."""
    shape, planes, is_copied, x_steps, y_steps = plan(x.shape, y.shape)
    if is_copied:
        x, y = np.broadcast_to(x, shape), np.broadcast_to(y, shape)
    return shape, planes, (x.ravel(), *x_steps), (y.ravel(), *y_steps)


@functools.lru_cache(maxsize=4096)
def plan(x_shape: Dims, y_shape: Dims) -> tuple[Dims, Dims, bool, tuple, tuple]:
    """What :func:`collapse` tells, from shapes alone, and whether the operands must be copied to the result's."""
    sizes = list(zip_longest(reversed(x_shape), reversed(y_shape), fillvalue=1))[::-1]
    shape = tuple(n if m == 1 else m for m, n in sizes)
    groups: list[tuple[int, bool, bool]] = []  # neighbouring dims along which the same operands vary
    for size, (m, n) in zip(shape, sizes, strict=True):
        if size == 1:
            continue
        if groups and groups[-1][1:] == (m != 1, n != 1):
            size *= groups.pop()[0]
        groups.append((size, m != 1, n != 1))
    is_copied = len(groups) > 3
    if is_copied or not groups or 0 in shape:
        groups = [(math.prod(shape), True, True)]
    (P, *planes), (R, *rows), (C, *columns) = [(1, False, False)] * (3 - len(groups)) + groups
    steps = []
    for has_planes, has_rows, has_columns in zip(planes, rows, columns, strict=True):
        row_step = C if has_columns else 1
        plane_step = row_step * R if has_rows else row_step
        steps.append((plane_step if has_planes else 0, row_step if has_rows else 0, has_columns))
    return shape, (P, R, C), is_copied, *steps


# -- functions of the contract --------------------------------------------------------------------------------


def specialised(rule: Callable, dtype: np.dtype, asks_library: bool) -> tuple[Callable, Callable | None]:
    """The rule, and if it ``asks_library`` where it gives NaN, the rule with the functions of the C library."""
    maths = MATHS.get(dtype, {})
    return specialise(rule, dtype, maths), specialise(rule, dtype, maths | LIBRARY) if asks_library else None


def unary(
    name: str,
    rule: Callable,
    cost: int = CHEAP,
    dtypes: tuple[np.dtype, ...] = FLOATS,
    gives: np.dtype | None = None,
    asks_library: bool = False,
) -> Callable:
    """The function ``name`` of the contract, for one operand. Dtypes but ``dtypes`` are left to the reference."""

    def build(dtype: np.dtype) -> Kernel:
        return Kernel(
            name, unary_piece(*specialised(rule, dtype, asks_library)), (reads(dtype), writes(gives or dtype))
        )

    kernels = Kernels(build, dtypes)

    @functools.wraps(rule)
    def function(x: Array) -> Array:
        kernel = kernels[x.dtype]
        if kernel is None:
            return getattr(reference, name)(x)
        out = np.empty(x.shape, gives or x.dtype)
        work = cost * x.size
        if work < GRAIN:  # straight to the machine code: for a few elements, the way there is what takes long
            try:
                kernel.piece(x, out, 0, 1)
            except BufferError:  # strided
                kernel.piece(x.ravel(), out, 0, 1)
        else:
            kernel(work, x.ravel(), out)
        return out

    function.__name__ = function.__qualname__ = name
    return function


def binary(
    name: str,
    rule: Callable,
    cost: int = CHEAP,
    dtypes: tuple[np.dtype, ...] = FLOATS,
    gives: np.dtype | None = None,
    asks_library: bool = False,
    in_python: bool = False,
) -> Callable:
    """The function ``name`` of the contract, for two operands of one dtype that broadcast.

    ``in_python``: Python computes it as well, of two numbers in a third of the time that a call of machine code
    takes. A sum or product of two float32 rounded to float64 and then to float32 is the one rounded once.
    """

    def build_pairs(dtype: np.dtype) -> Kernel:
        piece = pairs_piece(*specialised(rule, dtype, asks_library))
        return Kernel(name, piece, (reads(dtype), reads(dtype), writes(gives or dtype)))

    def build_broadcast(dtype: np.dtype) -> Kernel:
        operand = (reads(dtype), INDEX, INDEX, types.boolean)
        takes = (*operand, *operand, writes(gives or dtype, 3))
        return Kernel(f"{name}_broadcast", broadcast_piece(*specialised(rule, dtype, asks_library)), takes)

    pairs, broadcast = Kernels(build_pairs, dtypes), Kernels(build_broadcast, dtypes)

    @functools.wraps(rule)
    def function(x: Array, y: Array) -> Array:
        dtype = x.dtype
        if dtype not in dtypes or dtype != y.dtype:
            return np.asarray(getattr(reference, name)(x, y))
        if x.shape != y.shape:
            shape, planes, left, right = collapse(x, y)
            out = np.empty(shape, gives or dtype)
            work = cost * out.size
            if work < GRAIN:
                broadcast[dtype].piece(*left, *right, out.reshape(planes), 0, 1)
            else:
                broadcast[dtype](work, *left, *right, out.reshape(planes))
            return out
        if in_python and not x.shape:
            number = rule(x.item(), y.item())
            if -SAFE < number < SAFE:
                return np.array(number, dtype)
        out = np.empty(x.shape, gives or dtype)
        work = cost * x.size
        if work < GRAIN:
            try:
                pairs[dtype].piece(x, y, out, 0, 1)
            except BufferError:
                pairs[dtype].piece(x.ravel(), y.ravel(), out, 0, 1)
        else:
            pairs[dtype](work, x.ravel(), y.ravel(), out)
        return out

    function.__name__ = function.__qualname__ = name
    return function
