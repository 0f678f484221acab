"""Elements moved, not computed: views, copies, other dtypes, arrays put together and taken apart.

A view costs nothing. What moves is one strided copy, :data:`assign`, between views of both sides: ``cat`` copies
each array into its part of the result, ``flip`` copies from a view with negative strides, ``repeat`` from a view
that shows each element several times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.dtypes import DType, bool_, int64
from minigrad.kernels import Dims
from minigrad.kernels.cuda import array as arrays
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda.array import DeviceArray, like
from minigrad.kernels.cuda.elementwise import Elementwise
from minigrad.kernels.cuda.launch import INT, Kernel, blocks, pointer
from minigrad.kernels.cuda.shim import THREADS, cuda
from minigrad.kernels.cuda.waiting import put_off

__all__ = ["cast", "cat", "copy", "diagonal", "diagonal_backward", "expand", "flip", "full", "pad"]
__all__ += ["permute", "repeat", "reshape", "roll", "stack", "tril", "triu", "unfold", "unfold_backward"]

assign = Elementwise("copy", lambda x: x)
truth = Elementwise("truth", lambda x: x != 0, gives=bool_)
add = Elementwise("add", lambda x, y: x + y)
below = Elementwise("triangle", lambda row, column, x, k: x if column <= row + k else 0)
above = Elementwise("upper_triangle", lambda row, column, x, k: x if column >= row + k else 0)


def count_piece(out, n):
    """out[i] = i"""
    i = cuda.grid(1)
    while i < n:
        out[i] = i
        i += cuda.gridsize(1)


count_up = Kernel("count_up", count_piece, pointer(np.int64), INT)


def copy(x: DeviceArray) -> DeviceArray:
    return assign(x)


def cast(x: DeviceArray, dtype: DType) -> DeviceArray:
    return (truth if dtype == bool_ else assign)(x, gives=dtype)


def full(shape: Sequence[int], value: float | None, dtype: DType, device: int) -> DeviceArray:
    """A new array with every element ``value``; None is whatever the memory holds."""
    if value is None:
        return arrays.empty(shape, dtype, device)
    number = np.asarray(value, dtype)
    if not shape and devices.current.fuses:  # such as the 1 from which a walk back starts
        return put_off(assign, (number,), (), dtype, dtype, (), device)
    return assign(number, out=arrays.empty(shape, dtype, device))


def write(x: DeviceArray, v: DeviceArray, key: Any) -> None:
    """``x[key] = v``, in place, for a key that gives a view."""
    (truth if x.dtype == bool_ else assign)(v, out=x if key is ... else x[key])


# -- views ----------------------------------------------------------------------------------------------------


def reshape(x: DeviceArray, shape: Dims) -> DeviceArray:
    found = x.reshape(tuple(shape))
    if found is None:
        found = copy(x).reshape(tuple(shape))
    assert found is not None
    return found


def permute(x: DeviceArray, dims: Dims) -> DeviceArray:
    return x.transpose(dims)


def expand(x: DeviceArray, shape: Dims) -> DeviceArray:
    return x.expand(tuple(shape))


def diagonal(x: DeviceArray, k: int, dim1: int, dim2: int) -> DeviceArray:
    rows, columns, down, across = x.shape[dim1], x.shape[dim2], x.strides[dim1], x.strides[dim2]
    n = max(min(rows + min(k, 0), columns - max(k, 0)), 0)
    offset = max(-k, 0) * down + max(k, 0) * across if n else 0
    others = [d for d in range(x.ndim) if d not in (dim1, dim2)]
    shape, strides = (*(x.shape[d] for d in others), n), (*(x.strides[d] for d in others), down + across)
    return x.view(shape, strides, offset)


def unfold(x: DeviceArray, dim: int, size: int, step: int) -> DeviceArray:
    windows, along = (x.shape[dim] - size) // step + 1, x.strides[dim]
    shape = (*x.shape[:dim], windows, *x.shape[dim + 1 :], size)
    strides = (*x.strides[:dim], along * step, *x.strides[dim + 1 :], along)
    return x.view(shape, strides, writeable=size <= step)


# -- put together ---------------------------------------------------------------------------------------------


def cat(parts: Sequence[DeviceArray], dim: int) -> DeviceArray:
    first = parts[0]
    shape = (*first.shape[:dim], sum(x.shape[dim] for x in parts), *first.shape[dim + 1 :])
    out, start = like(first, shape), 0
    for x in parts:
        stop = start + x.shape[dim]
        assign(x, out=out[(*_all(dim), slice(start, stop))])
        start = stop
    return out


def stack(parts: Sequence[DeviceArray], dim: int) -> DeviceArray:
    first = parts[0]
    out = like(first, (*first.shape[:dim], len(parts), *first.shape[dim:]))
    for i, x in enumerate(parts):
        assign(x, out=out[(*_all(dim), i)])
    return out


def flip(x: DeviceArray, dims: Dims) -> DeviceArray:
    return copy(x[tuple(slice(None, None, -1) if d in dims else slice(None) for d in range(x.ndim))])


def roll(x: DeviceArray, shifts: Dims, dims: Dims) -> DeviceArray:
    for shift, dim in zip(shifts, dims, strict=True):
        n, at = x.shape[dim], _all(dim)
        first = shift % n if n else 0  # where the first element comes to
        x = cat([x[(*at, slice(n - first, n))], x[(*at, slice(n - first))]], dim)
    return x if dims else copy(x)


def repeat(x: DeviceArray, repeats: Dims) -> DeviceArray:
    x = reshape(x, (1,) * (len(repeats) - x.ndim) + x.shape)
    out = like(x, [r * n for r, n in zip(repeats, x.shape, strict=True)])
    pairs = tuple(m for r, n in zip(repeats, x.shape, strict=True) for m in (r, n))
    assign(reshape(x, tuple(m for n in x.shape for m in (1, n))), out=_writeable(out, pairs))
    return out


def pad(x: DeviceArray, widths: tuple[tuple[int, int], ...], value: float) -> DeviceArray:
    shape = [before + n + after for (before, after), n in zip(widths, x.shape, strict=True)]
    out = full(shape, value, x.dtype, x.device)
    inside = tuple(slice(before, before + n) for (before, _), n in zip(widths, x.shape, strict=True))
    assign(x, out=out[inside])
    return out


# -- diagonals and windows ------------------------------------------------------------------------------------


def tril(x: DeviceArray, k: int) -> DeviceArray:
    return _triangle(below, x, k)


def triu(x: DeviceArray, k: int) -> DeviceArray:
    return _triangle(above, x, k)


def diagonal_backward(dy: DeviceArray, shape: Dims, k: int, dim1: int, dim2: int) -> DeviceArray:
    dx = full(shape, 0, dy.dtype, dy.device)
    assign(dy, out=diagonal(dx, k, dim1, dim2))
    return dx


def unfold_backward(dy: DeviceArray, shape: Dims, dim: int, size: int, step: int) -> DeviceArray:
    dx = full(shape, 0, dy.dtype, dy.device)
    reach = (dy.shape[dim] - 1) * step + 1
    for i in range(size):  # the i-th elements of all windows, which are different elements of x
        part = dx[(*_all(dim), slice(i, i + reach, step))]
        add(part, dy[(..., i)], out=part)
    return dx


# -- the parts ------------------------------------------------------------------------------------------------


def _all(dims: int) -> tuple[slice, ...]:
    return (slice(None),) * dims


def _writeable(x: DeviceArray, shape: tuple[int, ...]) -> DeviceArray:
    """A contiguous array seen with another shape."""
    found = x.reshape(shape)
    assert found is not None
    return found


def arange(n: int, device: int) -> DeviceArray:
    """The numbers 0, 1, ... n - 1 as int64."""
    out = arrays.empty((n,), int64, device)
    count_up(blocks(out, n), THREADS, out, n)
    return out


def _triangle(rule: Callable[..., DeviceArray], x: DeviceArray, k: int) -> DeviceArray:
    rows, columns = arange(x.shape[-2], x.device), arange(x.shape[-1], x.device)
    return rule(rows.view((rows.size, 1), (8, 0)), columns, x, np.asarray(k), out=like(x))
