"""How many threads a kernel uses, and when it must not use them.

A kernel is written as a *piece*: a function whose last two arguments say "you do share ``part`` of ``parts``".
Alone it is called with ``(0, 1)``; in a parallel loop each thread calls it with its own ``part``. Shares divide
rows, never a sum, so the result does not depend on the number of threads.

Numba's threading layers cannot be entered carelessly (observed with Numba 0.68 on Linux):

* ``workqueue`` aborts the process when two Python threads are in parallel loops at the same time, so a
  parallel loop is entered only by the thread that holds ``_busy``; the others work alone meanwhile;
* ``omp`` ends a forked child that enters a parallel loop after its parent did, so such a child works alone,
  under every layer: the parent's other children would compete with it for the processors anyway.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import numba
import numpy as np
from numba import prange, types

from minigrad.kernels.cpu.compile import jit, straight
from minigrad.kernels.cpu.memory import INDEX, in_python

# Work, in additions, that takes one thread twice as long as starting and joining the others: two microseconds, but
# ten under tbb and twenty under workqueue. Which layer Numba chose is known once it has begun a parallel loop.
GRAIN = 1 << 16  # less is never shared
GRAINS = {"omp": GRAIN, "tbb": 1 << 18, "workqueue": 1 << 20}

_threads = numba.config.NUMBA_NUM_THREADS
_grain = GRAIN
_busy = threading.Lock()
_entered = False  # a parallel loop was begun in this process
_alone = False  # a parallel loop was begun in the process that this one was forked from


def get_num_threads() -> int:
    """The number of threads that a kernel with enough to do uses."""
    return _threads


def set_num_threads(n: int) -> None:
    """Let kernels use ``n`` threads, from 1 to the number of processors (``NUMBA_NUM_THREADS``)."""
    global _threads
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"set_num_threads expects an int, got {n!r}")
    if not 1 <= n <= numba.config.NUMBA_NUM_THREADS:
        raise ValueError(f"set_num_threads expects 1 to {numba.config.NUMBA_NUM_THREADS} threads, got {n}")
    _threads = n


def _after_fork() -> None:
    global _busy, _alone
    _busy = threading.Lock()  # the old one may be held by a thread that this process does not have
    _alone = _entered


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Kernel:
    """A piece, compiled by itself and, once there is enough to do, as the body of a parallel loop.

    ``kernel(work, *args)`` runs it; ``kernel.piece(*args, 0, 1)`` is the shorter way for callers who know that
    there is little to do. BufferError for arrays that do not fit what it was compiled for.
    """

    __slots__ = ("compiled", "name", "piece", "takes", "together")

    def __init__(self, name: str, piece: Callable, takes: tuple | None = None) -> None:
        self.name, self.takes = name, takes
        self.compiled = jit(name, piece, takes=takes and (*takes, INDEX, INDEX))
        if numba.config.DISABLE_JIT and takes:
            self.compiled = in_python(self.compiled, takes)
        self.piece = straight(self.compiled)
        self.together: Callable | None = None

    def __call__(self, work: int, *args) -> None:
        """Run on ``args``; ``work`` is the number of additions that would take as long."""
        if work < _grain or _threads == 1 or _alone or not _busy.acquire(blocking=False):
            self.piece(*args, 0, 1)
            return
        try:
            self.run_together(*args)
        finally:
            _busy.release()

    def run_together(self, *args) -> None:
        global _entered, _grain
        self.together = self.together or together(self.name, self.compiled, self.takes)
        first, _entered = not _entered, True
        self.together(_threads, *args)
        if first and not numba.config.DISABLE_JIT:  # without which there is no layer
            _grain = GRAINS[numba.threading_layer()]


class Kernels(dict[np.dtype, Kernel | None]):
    """A kernel for each dtype, built when it is first asked for; None for a dtype left to the reference."""

    def __init__(self, build: Callable[[np.dtype], Kernel], dtypes: tuple[np.dtype, ...]) -> None:
        self.build, self.dtypes = build, dtypes

    def __missing__(self, dtype: np.dtype) -> Kernel | None:
        self[dtype] = kernel = self.build(dtype) if dtype in self.dtypes else None
        return kernel


def together(name: str, piece: Callable, takes: tuple | None) -> Callable:
    """The parallel loop. It takes a second to compile, which programs with little to do never pay."""

    def loop(parts, *args):
        for part in prange(parts):
            piece(*args, part, parts)

    return jit(f"{name}_parallel", loop, parallel=True, takes=takes and (INDEX, types.StarArgTuple(takes)))
