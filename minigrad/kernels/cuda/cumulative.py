"""Running sums and products along one dimension, and the recurrence that their derivatives are made of.

The block of a long line takes as many elements as it has threads. Each thread holds one, and in step s adds what
the thread ``2^s`` before it holds (W. Hillis and G. Steele, "Data parallel algorithms", 1986); the last thread's
number is carried on to the next elements. All is held as float64 or int64, as on the CPU.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.dtypes import DType, float64, int64
from minigrad.kernels.cuda.array import DeviceArray, like
from minigrad.kernels.cuda.launch import INT, Kernel, pointer, storage
from minigrad.kernels.cuda.move import flip
from minigrad.kernels.cuda.shared import make_shared
from minigrad.kernels.cuda.shim import THREADS, cuda
from minigrad.kernels.cuda.sweeps import line_start
from minigrad.kernels.cuda.team import BLOCK, THREAD, Lines, Team, lines, plus, start, times

__all__ = ["cumprod", "cumsum", "recurrence"]


def block_scan(
    combine: Callable[..., Any], identity: Any, shared: Any, wide: Any, gives: Any
) -> Callable[..., None]:
    """A block for each line."""

    def kernel(x, out, n, inner, count):
        held = shared()
        t = cuda.threadIdx.x
        line = cuda.blockIdx.x
        while line < count:
            at = line_start(line, n, inner)
            carried = identity
            first = 0
            while first < n:
                k = first + t
                held[t] = wide(x[at + k * inner]) if k < n else identity
                cuda.syncthreads()
                before = 1
                while before < THREADS:
                    value = combine(held[t - before], held[t]) if t >= before else held[t]
                    cuda.syncthreads()
                    held[t] = value
                    cuda.syncthreads()
                    before *= 2
                if k < n:
                    out[at + k * inner] = gives(combine(carried, held[t]))
                carried = combine(carried, held[THREADS - 1])
                cuda.syncthreads()
                first += THREADS
            line += cuda.gridDim.x

    return kernel


def thread_scan(combine: Callable[..., Any], identity: Any, wide: Any, gives: Any) -> Callable[..., None]:
    """A thread for each line."""

    def kernel(x, out, n, inner, count):
        line = cuda.grid(1)
        while line < count:
            at = line_start(line, n, inner)
            total = identity
            for k in range(n):
                total = combine(total, wide(x[at + k * inner]))
                out[at + k * inner] = gives(total)
            line += cuda.gridsize(1)

    return kernel


def recurrence_piece(wide: Any, gives: Any) -> Callable[..., None]:
    """A thread for each line; transposed from its end."""

    def kernel(a, b, out, n, inner, count, transposed):
        line = cuda.grid(1)
        while line < count:
            at = line_start(line, n, inner)
            s = wide(0)
            for step in range(n):
                k = n - 1 - step if transposed else step
                factor = k + 1 if transposed else k
                s = wide(b[at + k * inner]) + (wide(a[at + factor * inner]) * s if step > 0 else wide(0))
                out[at + k * inner] = gives(s)
            line += cuda.gridsize(1)

    return kernel


@functools.cache
def scan(name: str, team: Team, reads: DType) -> Kernel:
    """The kernel of ``cumsum`` or ``cumprod``."""
    wide = float64 if reads.kind == "f" else int64
    gives = reads if reads.kind == "f" else int64
    combine, identity = (plus, wide.type(0)) if name == "cumsum" else (times, wide.type(1))
    if team is BLOCK:
        function = block_scan(combine, identity, make_shared(THREADS, wide), wide.type, gives.type)
    else:
        function = thread_scan(combine, identity, wide.type, gives.type)
    return Kernel(
        f"{name}_{team.name}_{storage(reads).name}", function, pointer(reads), pointer(gives), INT, INT, INT
    )


def _run(name: str, x: DeviceArray, dim: int) -> DeviceArray:
    out = like(x, dtype=x.dtype if x.dtype.kind == "f" else int64)
    source, _, n, inner = found = _lines(x, dim)
    if out.size:
        kernel = scan(name, found.team, x.dtype)
        if found.team is BLOCK:
            kernel(found.count, THREADS, source, out, n, inner, found.count)
        else:
            start(kernel, THREAD, found.count, n, source, out, n, inner, found.count)
    return out


def _lines(x: DeviceArray, dim: int) -> Lines:
    return lines(x, (dim,) if x.ndim else ())


def cumsum(x: DeviceArray, dim: int, reverse: bool) -> DeviceArray:
    if reverse:
        return flip(cumsum(flip(x, (dim,)), dim, False), (dim,))
    return _run("cumsum", x, dim)


def cumprod(x: DeviceArray, dim: int) -> DeviceArray:
    return _run("cumprod", x, dim)


@functools.cache
def recurrence_kernel(dtype: DType) -> Kernel:
    """The kernel of ``recurrence``."""
    real = pointer(dtype)
    return Kernel(
        f"recurrence_{dtype.name}", recurrence_piece(np.float64, dtype.type), real, real, real, *[INT] * 4
    )


def recurrence(a: DeviceArray, b: DeviceArray, dim: int, transposed: bool) -> DeviceArray:
    factors, found = _lines(a, dim).x, _lines(b, dim)
    out = like(b)
    if out.size:
        kernel = recurrence_kernel(b.dtype)
        sizes = found.n, found.inner, found.count
        start(kernel, THREAD, found.count, found.n, factors, found.x, out, *sizes, int(transposed))
    return out
