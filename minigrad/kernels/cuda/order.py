"""Elements in order, and where they stand. NaN comes after every number, and equals keep their order.

A bitonic network (K. Batcher, "Sorting networks and their applications", 1968) sorts the numbers 0, 1, ... n - 1
by the elements that they stand for, and among equal elements by themselves: so it is stable, although a network
is not. Its stages compare pairs that are ``apart`` from each other, in runs of ``run`` that rise and fall in turn;
the number of elements is filled up to a power of two with places that come after all others.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minigrad.dtypes import DType, int64
from minigrad.kernels.cuda import functions
from minigrad.kernels.cuda.array import DeviceArray, empty
from minigrad.kernels.cuda.gather import index
from minigrad.kernels.cuda.launch import INT, Kernel, blocks, pointer
from minigrad.kernels.cuda.move import copy
from minigrad.kernels.cuda.reduce import any as any_of
from minigrad.kernels.cuda.shim import THREADS, cuda, device
from minigrad.kernels.cuda.sweeps import argmax

__all__ = ["argmedian", "argsort", "topk"]

ONE_BLOCK = 16 * THREADS  # elements that one block sorts without a launch for each stage


@device
def comes_before(x, start, i, j, n, descending):
    """Whether element i comes before element j."""
    if i >= n or j >= n:
        return i < j
    a, b = x[start + i], x[start + j]
    if descending:
        a, b = b, a
    less = a < b or (b != b and a == a)
    more = b < a or (a != a and b == b)
    return less or (not more and i < j)


@device
def compare(x, places, start, at, pair, run, apart, n, descending):
    """Put one pair of a stage in order."""
    i = pair // apart * 2 * apart + pair % apart
    j = i + apart
    first, second = places[at + i], places[at + j]
    rises = i & run == 0
    if comes_before(x, start, second, first, n, descending) == rises:
        places[at + i], places[at + j] = second, first


def number_piece(places, size, total):
    """places[l, k] = k"""
    i = cuda.grid(1)
    while i < total:
        places[i] = i % size
        i += cuda.gridsize(1)


def stage_piece(x, places, n, size, total, run, apart, descending):
    """One stage, for all lines: a thread has one pair after the other."""
    t = cuda.grid(1)
    while t < total:
        line = t // (size // 2)
        compare(x, places, line * n, line * size, t % (size // 2), run, apart, n, descending)
        t += cuda.gridsize(1)


def sort_piece(x, places, n, size, count, descending):
    """All stages, a block for each line: its threads wait for each other after every stage."""
    line = cuda.blockIdx.x
    while line < count:
        run = 2
        while run <= size:
            apart = run // 2
            while apart > 0:
                for pair in range(cuda.threadIdx.x, size // 2, cuda.blockDim.x):
                    compare(x, places, line * n, line * size, pair, run, apart, n, descending)
                cuda.syncthreads()
                apart //= 2
            run *= 2
        line += cuda.gridDim.x


number_places = Kernel("number_places", number_piece, pointer(int64), INT, INT)


@functools.cache
def stage_kernel(dtype: DType) -> Kernel:
    """The kernel of one stage."""
    return Kernel(f"sort_stage_{dtype.name}", stage_piece, pointer(dtype), pointer(int64), *[INT] * 6)


@functools.cache
def sort_kernel(dtype: DType) -> Kernel:
    """The kernel of all stages."""
    return Kernel(f"sort_{dtype.name}", sort_piece, pointer(dtype), pointer(int64), *[INT] * 4)


def argsort(x: DeviceArray, dim: int, descending: bool) -> DeviceArray:
    if not x.ndim:
        return copy(argsort(x.view((1,), (x.itemsize,)), 0, descending).view((), ()))
    order = (*(d for d in range(x.ndim) if d != dim), dim)
    rows = copy(x.transpose(order)) if order != tuple(range(x.ndim)) or not x.contiguous else x
    n = x.shape[dim]
    count = x.size // n if n else 0
    size = 1 << max(n - 1, 0).bit_length()
    places = empty((*rows.shape[:-1], size), int64, x.device)
    if places.size and n:
        number_places(blocks(x, places.size), THREADS, places, size, places.size)
        if size <= ONE_BLOCK:
            sort_kernel(x.dtype)(count, THREADS, rows, places, n, size, count, int(descending))
        else:
            _sort_in_stages(rows, places, n, size, count, descending)
    back = tuple(order.index(d) for d in range(x.ndim))
    return copy(places[..., :n].transpose(back))


def _sort_in_stages(
    rows: DeviceArray, places: DeviceArray, n: int, size: int, count: int, descending: bool
) -> None:
    kernel, total = stage_kernel(rows.dtype), count * size // 2
    run = 2
    while run <= size:
        apart = run // 2
        while apart:
            kernel(blocks(rows, total), THREADS, rows, places, n, size, total, run, apart, int(descending))
            apart //= 2
        run *= 2


def topk(x: DeviceArray, dim: int, k: int, largest: bool, sorted: bool) -> DeviceArray:
    first = copy(argsort(x, dim, largest)[(*[slice(None)] * dim, slice(k))])
    if sorted:
        return first
    return _take_along(first, argsort(first, dim, False), dim)


def argmedian(x: DeviceArray, dim: int, keepdim: bool) -> DeviceArray:
    middle = (x.shape[dim] - 1) // 2
    at = copy(argsort(x, dim, False)[(*[slice(None)] * dim, slice(middle, middle + 1))])
    found, missing = functions.eq(x, _take_along(x, at, dim)), functions.isnan(x)
    chosen = functions.where(any_of(missing, (dim,), True), missing, found)
    return argmax(chosen, dim, keepdim)


def _take_along(x: DeviceArray, places: DeviceArray, dim: int) -> DeviceArray:
    """``y[i, j] = x[places[i, j], j]``, for dim 0."""
    grids: list[Any] = list(np.indices(places.shape, sparse=True))
    grids[dim] = places
    return index(x, tuple(grids))
