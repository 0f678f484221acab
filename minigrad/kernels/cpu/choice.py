"""Kernels of three operands: a number within bounds, a number between two, one of two by a condition.

``out[j] = rule(x[j], y[j], z[j])``, where each operand has either all elements or one for all. There is a kernel
for each of these patterns; operands of other shapes, which have to be repeated, are copied first.
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


@inline
def first(x, start, n):
    return x[0]


EACH, ONLY = (row, element), (first, itself)  # what to take of an operand before the loop, and what in it


def triples_piece(rule: Callable, *operands: tuple[Callable, Callable]) -> Callable:
    (x_part, x_at), (y_part, y_at), (z_part, z_at) = operands

    def piece(x, y, z, out, part, parts):
        start, stop = share(out.size, part, parts)
        n = stop - start
        x, y, z, out = x_part(x, start, n), y_part(y, start, n), z_part(z, start, n), row(out, start, n)
        for j in range(n):
            out[j] = rule(x_at(x, j), y_at(y, j), z_at(z, j))

    return piece


def ternary(name: str, rule: Callable, dtypes: tuple[np.dtype, ...], leading: np.dtype | None = None) -> Callable:
    """The function ``name`` of the contract, for operands of one dtype, but the first of ``leading``, if given."""

    @functools.cache
    def kernel(dtype: np.dtype, *whole: bool) -> Kernel:
        piece = triples_piece(specialise(rule, dtype, {}), *(EACH if w else ONLY for w in whole))
        pattern = "".join(str(int(w)) for w in whole)
        return Kernel(
            f"{name}_{pattern}", piece, (reads(leading or dtype), reads(dtype), reads(dtype), writes(dtype))
        )

    @functools.wraps(rule)
    def function(x: Array, y: Array, z: Array) -> Array:
        dtype = z.dtype
        if dtype not in dtypes:
            return np.asarray(getattr(reference, name)(x, y, z))
        shape, repeated, whole = plan(x.shape, y.shape, z.shape)
        out = np.empty(shape, dtype)
        operands = [np.broadcast_to(a, shape) if r else a for a, r in zip((x, y, z), repeated, strict=True)]
        kernel(dtype, *whole)(out.size, *[a.ravel() for a in operands], out)
        return out

    function.__name__ = function.__qualname__ = name
    return function


@functools.lru_cache(maxsize=4096)
def plan(*shapes: Dims) -> tuple[Dims, tuple[bool, ...], tuple[bool, ...]]:
    """The shape of the result; of each operand, whether it is repeated, and whether it then has all elements."""
    shape = np.broadcast_shapes(*shapes)
    sizes, size = [math.prod(each) for each in shapes], math.prod(shape)
    return shape, tuple(n not in (1, size) for n in sizes), tuple(n != 1 or size == 1 for n in sizes)


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
