"""Kernels of three operands: a number within bounds, a number between two, one of two by a condition.

``out[j] = rule(x[j], y[j], z[j])``, where each operand has either all elements or one for all. There is a kernel
for each of these patterns, and one for rows of the same pattern, each of which begins in an operand where a table
says: so operands are repeated without a copy. Only where rows would be short they are copied first.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from minigrad.dtypes import FLOATS, bool_, int64
from minigrad.kernels import Array, Dims, reference
from minigrad.kernels.cpu.compile import inline, specialise
from minigrad.kernels.cpu.elementwise import element, itself
from minigrad.kernels.cpu.memory import reads, row, share, writes
from minigrad.kernels.cpu.threads import Kernel

__all__ = ["clamp", "lerp", "where"]

SHORT = 32  # elements of a row: for fewer, its table would be a copy itself


@inline
def at_start(x, start, n):
    return x[start]


@inline
def first(x, start, n):
    return x[0]


#: What to take of an operand before the loop, and what in it; the former also where it has a table of rows.
EACH, ONLY, ONLY_IN_ROW = (row, element), (first, itself), (at_start, itself)


def triples_piece(rule: Callable, *operands: tuple[Callable, Callable]) -> Callable:
    (x_part, x_at), (y_part, y_at), (z_part, z_at) = operands

    def piece(x, y, z, out, part, parts):
        start, stop = share(out.size, part, parts)
        n = stop - start
        x, y, z, out = x_part(x, start, n), y_part(y, start, n), z_part(z, start, n), row(out, start, n)
        for j in range(n):
            out[j] = rule(x_at(x, j), y_at(y, j), z_at(z, j))

    return piece


def rows_piece(rule: Callable, *operands: tuple[Callable, Callable]) -> Callable:
    """The same for each row of ``out``, (R, C); ``starts``, (3, R), are where it begins in x, y and z."""
    (x_part, x_at), (y_part, y_at), (z_part, z_at) = operands

    @inline
    def fill(x, y, z, out):
        for j in range(out.size):
            out[j] = rule(x_at(x, j), y_at(y, j), z_at(z, j))

    def piece(x, y, z, starts, out, part, parts):
        R, C = out.shape
        top, bottom = share(R, part, parts)
        for r in range(top, bottom):
            a, b, c = x_part(x, starts[r], C), y_part(y, starts[R + r], C), z_part(z, starts[2 * R + r], C)
            fill(a, b, c, row(out, r * C, C))

    return piece


def ternary(name: str, rule: Callable, dtypes: tuple[np.dtype, ...], leading: np.dtype | None = None) -> Callable:
    """The function ``name`` of the contract, for operands of one dtype, but the first of ``leading``, if given."""

    def takes(dtype: np.dtype) -> tuple:
        return reads(leading or dtype), reads(dtype), reads(dtype)

    @functools.cache
    def kernel(dtype: np.dtype, *whole: bool) -> Kernel:
        piece = triples_piece(specialise(rule, dtype, {}), *(EACH if w else ONLY for w in whole))
        return Kernel(f"{name}_{pattern(whole)}", piece, (*takes(dtype), writes(dtype)))

    @functools.cache
    def rows_kernel(dtype: np.dtype, *whole: bool) -> Kernel:
        piece = rows_piece(specialise(rule, dtype, {}), *(EACH if w else ONLY_IN_ROW for w in whole))
        return Kernel(f"{name}_rows_{pattern(whole)}", piece, (*takes(dtype), reads(int64), writes(dtype, 2)))

    @functools.wraps(rule)
    def function(x: Array, y: Array, z: Array) -> Array:
        dtype = z.dtype
        if dtype not in dtypes:
            return np.asarray(getattr(reference, name)(x, y, z))
        shape, repeated, whole = plan(x.shape, y.shape, z.shape)
        out, operands = np.empty(shape, dtype), (x, y, z)
        if any(repeated):
            by_rows = rows_of(x.shape, y.shape, z.shape)
            if by_rows is not None:
                planes, starts, whole = by_rows
                flat = (a.ravel() for a in operands)
                rows_kernel(dtype, *whole)(out.size, *flat, starts, out.reshape(planes))
                return out
            operands = tuple(
                np.broadcast_to(a, shape) if r else a for a, r in zip(operands, repeated, strict=True)
            )
        kernel(dtype, *whole)(out.size, *[a.ravel() for a in operands], out)
        return out

    function.__name__ = function.__qualname__ = name
    return function


def pattern(whole: tuple[bool, ...]) -> str:
    return "".join(str(int(w)) for w in whole)


@functools.lru_cache(maxsize=4096)
def plan(*shapes: Dims) -> tuple[Dims, tuple[bool, ...], tuple[bool, ...]]:
    """The shape of the result; of each operand, whether it is repeated, and whether it then has all elements."""
    shape = np.broadcast_shapes(*shapes)
    sizes, size = [math.prod(each) for each in shapes], math.prod(shape)
    return shape, tuple(n not in (1, size) for n in sizes), tuple(n != 1 or size == 1 for n in sizes)


def rows_of(*shapes: Dims) -> tuple[tuple[int, int], Array, tuple[bool, ...]] | None:
    """(R, C), where each row begins in each operand, and whether it has all C elements; None for short rows.

    A row is as many of the last dims as each operand has wholly or not at all.
    """
    shape = np.broadcast_shapes(*shapes)
    padded = [(1,) * (len(shape) - len(each)) + each for each in shapes]

    def is_row(d: int) -> bool:
        sizes = [zip(each[d:], shape[d:], strict=True) for each in padded]
        return all(len({n == 1 for n, size in pairs if size != 1}) <= 1 for pairs in sizes)

    d = next(d for d in range(len(shape) + 1) if is_row(d))
    R, C = math.prod(shape[:d]), math.prod(shape[d:])
    if C < SHORT:
        return None
    starts = np.empty((len(shapes), R), int64)
    for line, each in zip(starts, padded, strict=True):
        places = np.arange(math.prod(each[:d])) * math.prod(each[d:])
        line.reshape(shape[:d])[...] = places.reshape(each[:d])
    return (R, C), starts, tuple(each[d:] == shape[d:] for each in padded)


def between(x, low, high):
    """min(max(x, low), high); NaN if one of them is."""
    x = x if x > low or x != x else low
    return x if x < high or x != x else high


def mixed(x, y, weight):
    """x + weight (y - x), from the nearer end."""
    step = y - x
    return x + weight * step if abs(weight) < 0.5 else y - (1 - weight) * step


clamp = ternary("clamp", between, (*FLOATS, int64))
lerp = ternary("lerp", mixed, FLOATS)
where = ternary("where", lambda condition, x, y: x if condition else y, (*FLOATS, int64), leading=bool_)
