"""Teams: the threads that work on one line together, and how lines lie in memory.

What is reduced, normalised or accumulated along one dimension is seen as (outer, n, inner): line ``l`` begins at
``(l // inner) n inner + l % inner``, and its next element is ``inner`` further on. Several neighbouring dims are
one; others are moved to the end by a copy first.

=========  =====================================================================  ===============================
team       a line is that of                                                      for
=========  =====================================================================  ===============================
a block    all threads of a block, each of which takes every 256th element, so    lines whose elements lie side
           neighbours read neighbours; then they put together what they have      by side
a thread   one thread, whose neighbour has the neighbouring line: again           lines that lie side by side,
           neighbours read neighbours                                             and very short ones
=========  =====================================================================  ===============================

A kernel is written once, with ``team.place()`` and ``team.fold``, and made for both. The threads of a block put
their values together by shuffles within each warp, in five steps without memory (J. Luitjens, "Faster Parallel
Reductions on Kepler", 2014), and then through shared memory, one value for each warp.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from minigrad.dtypes import DType
from minigrad.kernels import Dims
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.device import device as device_of
from minigrad.kernels.cuda.launch import WAVES, Kernel, blocks
from minigrad.kernels.cuda.move import copy
from minigrad.kernels.cuda.shared import make_shared
from minigrad.kernels.cuda.shim import ALL, THREADS, WARP, cuda, device

WARPS = THREADS // WARP
SHORT = 2 * WARP  # a line with fewer elements is one thread's


class Team(NamedTuple):
    """How the threads of a kernel share the lines."""

    name: str
    place: Callable[..., Any]  # first line, number in the team, how many are in it, lines to the next
    fold: Callable[..., Any]  # (combine, dtype) -> a function that puts the values of the team together


@device
def block_place():
    return cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x, cuda.gridDim.x


@device
def thread_place():
    return cuda.grid(1), 0, 1, cuda.gridsize(1)


def block_fold(combine: Callable[..., Any], dtype: DType) -> Callable[..., Any]:
    """Every thread gets the values of all put together. All threads of the block must call it."""
    shared = make_shared(WARPS, dtype)

    def fold(value):
        parts = shared()
        lanes = WARP // 2
        while lanes > 0:
            value = combine(value, cuda.shfl_xor_sync(ALL, value, lanes))
            lanes //= 2
        if cuda.threadIdx.x % WARP == 0:
            parts[cuda.threadIdx.x // WARP] = value
        cuda.syncthreads()
        value = parts[0]
        for warp in range(1, cuda.blockDim.x // WARP):
            value = combine(value, parts[warp])
        cuda.syncthreads()  # the next fold writes into the same memory
        return value

    return device(fold)


def thread_fold(combine: Callable[..., Any], dtype: DType) -> Callable[..., Any]:
    """One thread has it all."""
    return device(lambda value: value)


BLOCK = Team("block", block_place, block_fold)
THREAD = Team("thread", thread_place, thread_fold)


# -- what is put together -------------------------------------------------------------------------------------


@device
def plus(x, y):
    return x + y


@device
def times(x, y):
    return x * y


@device
def larger(x, y):
    """The larger number; NaN, if there is one."""
    return x if x > y or x != x else y


@device
def smaller(x, y):
    return x if x < y or x != x else y


# -- lines ----------------------------------------------------------------------------------------------------


class Lines(NamedTuple):
    """An array as lines."""

    x: DeviceArray  # contiguous
    outer: int
    n: int
    inner: int

    @property
    def count(self) -> int:
        """How many lines there are."""
        return self.outer * self.inner

    @property
    def team(self) -> Team:
        """Who works on a line."""
        return THREAD if self.n < SHORT or self.inner >= WARP else BLOCK


def lines(x: DeviceArray, dims: Dims) -> Lines:
    """``x`` as lines along ``dims``."""
    ordered = sorted(dims)
    n = math.prod(x.shape[d] for d in ordered)
    if not ordered:
        return Lines(whole(x), x.size, 1, 1)
    first, last = ordered[0], ordered[-1]
    if last - first == len(ordered) - 1:
        return Lines(whole(x), math.prod(x.shape[:first]), n, math.prod(x.shape[last + 1 :]))
    others = [d for d in range(x.ndim) if d not in ordered]
    return Lines(copy(x.transpose((*others, *ordered))), math.prod(x.shape[d] for d in others), n, 1)


def whole(x: DeviceArray) -> DeviceArray:
    """``x``, with its elements one after the other."""
    return x if x.contiguous else copy(x)


def reduced(shape: tuple[int, ...], dims: Dims, keepdim: bool) -> tuple[int, ...]:
    """The shape that is left."""
    if keepdim:
        return tuple(1 if d in dims else n for d, n in enumerate(shape))
    return tuple(n for d, n in enumerate(shape) if d not in dims)


def start(kernel: Kernel, team: Team, count: int, n: int, *arguments: Any) -> None:
    """Start a kernel on so many lines of n elements."""
    first = next(x for x in arguments if isinstance(x, DeviceArray))
    if team is THREAD:
        kernel(blocks(first, count), THREADS, *arguments)
        return
    kernel(min(count, 4 * WAVES * device_of(first.device).processors), threads_for(n), *arguments)


def threads_for(n: int) -> int:
    """How many threads work on a line of n elements: each takes about eight or more, in a block of a few warps."""
    threads = WARP
    while threads < THREADS and threads * 8 < n:
        threads *= 2
    return threads
