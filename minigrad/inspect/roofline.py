"""Roofline: how fast this machine computes at best, and how fast it moves bytes, from a short measurement.

A kernel that does f operations on b bytes takes at least ``max(f / F, b / B)``, and none is called in less than
some fixed time. Source: S. Williams, A. Waterman and D. Patterson, "Roofline: an insightful visual performance
model for multicore architectures", 2009.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from time import perf_counter
from typing import NamedTuple

import numpy as np

from minigrad import kernels
from minigrad.creation import zeros
from minigrad.dtypes import DType
from minigrad.modes import Switch
from minigrad.optim.sgd import SGD
from minigrad.threads import get_num_threads

SIDES = (32, 128, 512)  # of the matrices; the product of the last ones is 0.27 GFLOP
LENGTHS = (1 << 12, 1 << 18, 1 << 23)  # of the arrays; the last is more than most caches hold
LONGEST = 0.002  # seconds for one call, before the next size: kernels may run as plain Python
ROUNDS = 15


class Roofline(NamedTuple):
    """What the kernels of this machine reach at best."""

    flops: float  # a second, in a matrix product
    bytes: float  # a second, read and written, in a step of SGD, which makes no new array
    call: float  # seconds: the shortest time that a kernel takes


def roofline(target: str, dtype: DType) -> Roofline:
    """The figures for the kernels of a target, measured at the first call; it takes a tenth of a second or so."""
    return measure(target, dtype.name, get_num_threads() if target == "numba" else 1)


@cache
def measure(target: str, dtype: str, threads: int) -> Roofline:
    """The best of a few rounds each, with so many threads."""
    k = kernels.load(target)

    def product(n: int) -> tuple[float, Callable[[], object]]:
        x = np.ones((n, n), dtype)
        return 2.0 * n**3, lambda: k.matmul(x, x)

    def update(n: int) -> tuple[float, Callable[[], object]]:
        p = zeros(n, dtype=dtype, requires_grad=True)
        p.grad = zeros(n, dtype=dtype)
        return 3.0 * p.array.nbytes, SGD([p], lr=0.0).step

    one = np.ones(1, dtype)
    with Switch(target=target, observer=None):
        return Roofline(_rate(product, SIDES), _rate(update, LENGTHS), _best(lambda: k.add(one, one), 50))


def _rate(make: Callable[[int], tuple[float, Callable[[], object]]], sizes: tuple[int, ...]) -> float:
    """The work a second at the largest size that does not take too long."""
    rate = 0.0
    for n in sizes:
        work, function = make(n)
        seconds = _best(function, ROUNDS)
        rate = work / seconds
        if seconds > LONGEST:
            break
    return rate


def _best(function: Callable[[], object], rounds: int) -> float:
    """The shortest of several times, after a first call that loads the kernel."""
    function()
    times = []
    for _ in range(rounds):
        started = perf_counter()
        function()
        times.append(perf_counter() - started)
    return min(times)
