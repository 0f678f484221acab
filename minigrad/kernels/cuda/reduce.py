"""Reductions: one number from many, over any dims.

``out[l] = finish(combine over k of take(x[l, k]))``, for line l of the array. Three numbers rules, ``take``,
``combine`` and ``finish``, are what a reduction consists of; the loop is the same for all.

Where there are few lines and many elements, most of the GPU would have nothing to do. Then each line is cut in
``parts``, whose results are lines of their own and are reduced once more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from minigrad.kernels import Dims
from minigrad.kernels.cuda.array import DeviceArray, like
from minigrad.kernels.cuda.device import device as device_of
from minigrad.kernels.cuda.functions import abs as absolute
from minigrad.kernels.cuda.launch import INT, Kernel, number, pointer, storage
from minigrad.kernels.cuda.math import names
from minigrad.kernels.cuda.shim import THREADS, specialise
from minigrad.kernels.cuda.team import BLOCK, Team, larger, lines, plus, reduced, smaller, start, times

__all__ = ["all", "amax", "amin", "any", "mean", "norm", "prod", "sum"]

DType = np.dtype[Any]

INTEGER, BOOL = np.dtype(np.int64), np.dtype(np.bool_)
ENOUGH = 64  # elements that are worth a part of their own


class Reduction(NamedTuple):
    """What a reduction is made of; p is a number given with the call."""

    name: str
    identity: float
    combine: Callable[..., Any]
    take: Callable[..., Any] = lambda x, p: x
    finish: Callable[..., Any] = lambda total, n, p: total


def reduce_kernel(
    reduction: Reduction, team: Team, reads: DType, holds: DType, gives: DType, *, takes: bool, finishes: bool
) -> Kernel:
    """The kernel of a reduction, or of its first or second half, which does not finish, or does not take."""
    place, combine, fold = team.place, reduction.combine, team.fold(reduction.combine, holds)
    known = names(holds)
    take = specialise(reduction.take if takes else Reduction._field_defaults["take"], holds, known)
    finish = specialise(reduction.finish if finishes else Reduction._field_defaults["finish"], holds, known)
    identity, cast, give = lowest_or(reduction.identity, holds), holds.type, storage(gives).type

    def kernel(x, out, n, inner, parts, count, size, p):
        line, lane, lanes, step = place()
        chunk = (n + parts - 1) // parts
        while line < count:
            outer = line // inner
            i = line - outer * inner
            o = outer // parts
            first = (outer - o * parts) * chunk
            last = min(first + chunk, n)
            k = first + lane
            at = (o * n + k) * inner + i
            total = identity
            while k < last:
                total = combine(total, take(cast(x[at]), p))
                k += lanes
                at += lanes * inner
            total = fold(total)
            if lane == 0:
                out[line] = give(finish(total, cast(size), p))
            line += step

    half = "" if takes and finishes else "_first" if takes else "_last"
    return Kernel(
        f"{reduction.name}{half}_{team.name}_{reads.name}_{gives.name}", kernel,
        pointer(reads), pointer(gives), *[INT] * 5, number(holds),
    )  # fmt: skip


class Reduce:
    """A function of the contract, from its parts. Integers are held, and given, as int64."""

    def __init__(self, reduction: Reduction, gives: DType | None = None, *, narrow: bool = False) -> None:
        self.__name__, self.reduction, self.gives = reduction.name, reduction, gives
        self.narrow = narrow  # integers are given as they were
        self.kernels: dict[Any, Kernel] = {}

    def __call__(self, x: DeviceArray, dims: Dims, keepdim: bool, p: float = 0.0) -> DeviceArray:
        holds = x.dtype if x.dtype.kind == "f" else INTEGER
        gives = self.gives or (x.dtype if self.narrow else holds)
        p = p if holds.kind == "f" else 0
        out = like(x, reduced(x.shape, dims, keepdim), gives)
        source, _, n, inner = found = lines(x, dims)
        parts = self._parts(found.team, found.count, n, x)
        if parts > 1:
            partial = like(x, (found.count * parts,), holds)
            kernel = self.kernel(found.team, x.dtype, holds, holds, takes=True, finishes=False)
            sizes = n, inner, parts, partial.size
            start(kernel, found.team, partial.size, n // parts, source, partial, *sizes, n, p)
            source, n_left = partial, parts
            takes = False
        else:
            n_left, takes = n, True
        kernel = self.kernel(found.team, source.dtype, holds, gives, takes=takes, finishes=True)
        if out.size:
            start(kernel, found.team, found.count, n_left, source, out, n_left, inner, 1, found.count, n, p)
        return out

    def _parts(self, team: Team, count: int, n: int, x: DeviceArray) -> int:
        """In how many parts a line is cut, so that every multiprocessor has work."""
        if not count:
            return 1
        threads = (THREADS if team is BLOCK else 1) * count
        wanted = device_of(x.device).processors * 4 * THREADS // threads
        return max(min(wanted, n // (ENOUGH * (THREADS if team is BLOCK else 1))), 1)

    def kernel(
        self, team: Team, reads: DType, holds: DType, gives: DType, *, takes: bool, finishes: bool
    ) -> Kernel:
        """The kernel for these dtypes, made once."""
        key = (team.name, reads, holds, gives, takes, finishes)
        found = self.kernels.get(key)
        if found is None:
            found = self.kernels[key] = reduce_kernel(
                self.reduction, team, reads, holds, gives, takes=takes, finishes=finishes
            )
        return found


def lowest_or(identity: float, dtype: DType) -> Any:
    """The identity as a number of the dtype; integers have no infinity, but a lowest and a highest number."""
    if dtype.kind != "f" and math.isinf(identity):
        return dtype.type(np.iinfo(dtype).max if identity > 0 else np.iinfo(dtype).min)
    return dtype.type(identity)


def is_not_zero(x, p):
    return 1 if x != 0 else 0


sum = Reduce(Reduction("sum", 0, plus))
prod = Reduce(Reduction("prod", 1, times))
mean = Reduce(Reduction("mean", 0, plus, finish=lambda total, n, p: total / n))
amax = Reduce(Reduction("amax", -math.inf, larger), narrow=True)
amin = Reduce(Reduction("amin", math.inf, smaller), narrow=True)
any = Reduce(Reduction("any", 0, larger, is_not_zero), BOOL)
all = Reduce(Reduction("all", 1, smaller, is_not_zero), BOOL)

count_nonzero = Reduce(Reduction("norm0", 0, plus, is_not_zero))
norm1 = Reduce(Reduction("norm1", 0, plus, lambda x, p: abs(x)))
norm2 = Reduce(Reduction("norm2", 0, plus, lambda x, p: x * x, lambda total, n, p: sqrt(total)))
norm_p = Reduce(
    Reduction("norm_p", 0, plus, lambda x, p: pow(abs(x), p), lambda total, n, p: pow(total, 1 / p))
)  # fmt: skip


def norm(x: DeviceArray, dims: Dims, keepdim: bool, p: float) -> DeviceArray:
    if math.isinf(p):
        return (amax if p > 0 else amin)(absolute(x), dims, keepdim)
    special = {0.0: count_nonzero, 1.0: norm1, 2.0: norm2}
    return special.get(p, norm_p)(x, dims, keepdim, p)
