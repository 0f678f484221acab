"""Reductions: one number from many, over any dims.

``out[l] = finish(combine over k of take(x[l, k]))``, for line l of the array. Three numbers rules, ``take``,
``combine`` and ``finish``, are what a reduction consists of; the loop is the same for all.

How the threads go along the lines is in ``walk.py``; lines that lie side by side are taken four at a time, by
loads of up to 16 bytes. Where there are few lines and many elements, most of the GPU would have nothing to do.
Then each line is cut in ``parts``, whose results are lines of their own and are reduced once more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from minigrad.dtypes import DType, bool_, int64
from minigrad.kernels import Dims
from minigrad.kernels.cuda.array import DeviceArray, like
from minigrad.kernels.cuda.device import device as device_of
from minigrad.kernels.cuda.functions import abs as absolute
from minigrad.kernels.cuda.intrinsics import load4, store4
from minigrad.kernels.cuda.launch import INT, Kernel, blocks, number, pointer, storage
from minigrad.kernels.cuda.math import names
from minigrad.kernels.cuda.shim import THREADS, WARP, cuda, device, specialise
from minigrad.kernels.cuda.team import BLOCK, Lines, larger, lines, plus, reduced, smaller, start, times
from minigrad.kernels.cuda.walk import Walk, are_aligned, walk_for

__all__ = ["all", "amax", "amin", "any", "mean", "norm", "prod", "sum"]


ENOUGH = 64  # elements that are worth a part of their own


class Reduction(NamedTuple):
    """What a reduction is made of; p is a number given with the call."""

    name: str
    identity: float
    combine: Callable[..., Any]
    take: Callable[..., Any] = lambda x, p: x
    finish: Callable[..., Any] = lambda total, n, p: total


def reduce_kernel(
    reduction: Reduction,
    walk: Walk | None,
    reads: DType,
    holds: DType,
    gives: DType,
    *,
    takes: bool,
    finishes: bool,
) -> Kernel:
    """The kernel of a reduction, or of its first or second half, which does not finish, or does not take.

    Without a walk along lines it is that of four neighbouring lines a thread.
    """
    known, nothing = names(holds), Reduction._field_defaults
    rule = specialise(reduction.take if takes else nothing["take"], holds, known)
    finish = specialise(reduction.finish if finishes else nothing["finish"], holds, known)
    identity, cast, give = lowest_or(reduction.identity, holds), holds.type, storage(gives).type
    combine = reduction.combine

    @device
    def take(x, p):
        return rule(cast(x), p)

    make = line_kernel if walk is not None else column_kernel
    kernel = make(walk, combine, take, finish, identity, holds, cast, give)
    half = "" if takes and finishes else "_first" if takes else "_last"
    return Kernel(
        f"{reduction.name}{half}_{walk.name if walk else 'columns'}_{reads.name}_{gives.name}",
        kernel,
        pointer(reads),
        pointer(gives),
        *[INT] * 5,
        number(holds),
    )


def line_kernel(
    walk: Walk, combine: Any, take: Any, finish: Any, identity: Any, holds: DType, cast: Any, give: Any
) -> Callable[..., None]:
    """A team for each line, or part of one."""
    place, fold = walk.team.place, walk.fold(combine, take, identity, holds, numbers=1)

    def kernel(x, out, n, inner, parts, count, size, p):
        line, lane, lanes, step = place()
        while line < count:
            at, rows = part(line, n, inner, parts)
            total = fold(0, x, at, inner, rows, lane, lanes, p)
            if lane == 0:
                out[line] = give(finish(total, cast(size), p))
            line += step

    return kernel


def column_kernel(
    walk: None, combine: Any, take: Any, finish: Any, identity: Any, holds: DType, cast: Any, give: Any
) -> Callable[..., None]:
    """Four neighbouring lines, or parts of them, for each thread: it loads four elements at once, in four rows."""

    @device
    def four(a, b, c, d, p):
        return combine(combine(take(a, p), take(b, p)), combine(take(c, p), take(d, p)))

    def kernel(x, out, n, inner, parts, count, size, p):
        line, among = 4 * cuda.grid(1), cast(size)
        while line < count:
            at, rows = part(line, n, inner, parts)
            t0 = t1 = t2 = t3 = identity
            k = 0
            while k + 3 < rows:
                a, b = load4(x, at), load4(x, at + inner)
                c, d = load4(x, at + 2 * inner), load4(x, at + 3 * inner)
                t0 = combine(t0, four(a[0], b[0], c[0], d[0], p))
                t1 = combine(t1, four(a[1], b[1], c[1], d[1], p))
                t2 = combine(t2, four(a[2], b[2], c[2], d[2], p))
                t3 = combine(t3, four(a[3], b[3], c[3], d[3], p))
                k += 4
                at += 4 * inner
            while k < rows:
                a = load4(x, at)
                t0, t1 = combine(t0, take(a[0], p)), combine(t1, take(a[1], p))
                t2, t3 = combine(t2, take(a[2], p)), combine(t3, take(a[3], p))
                k += 1
                at += inner
            store4(
                out,
                line,
                give(finish(t0, among, p)),
                give(finish(t1, among, p)),
                give(finish(t2, among, p)),
                give(finish(t3, among, p)),
            )
            line += 4 * cuda.gridsize(1)

    return kernel


@device
def part(line, n, inner, parts):
    """Where a part of a line begins, and how many elements it has: a multiple of four, but for the last part."""
    size = (n + parts - 1) // parts
    size = size if parts == 1 else size + (-size & 3)
    outer = line // inner
    o = outer // parts
    first = (outer - o * parts) * size
    return (o * n + first) * inner + line - outer * inner, max(min(size, n - first), 0)


class Reduce:
    """A function of the contract, from its parts. Integers are held, and given, as int64."""

    def __init__(self, reduction: Reduction, gives: DType | None = None, *, narrow: bool = False) -> None:
        self.__name__, self.reduction, self.gives = reduction.name, reduction, gives
        self.narrow = narrow  # integers are given as they were
        self.kernels: dict[Any, Kernel] = {}

    def __call__(self, x: DeviceArray, dims: Dims, keepdim: bool, p: float = 0.0) -> DeviceArray:
        holds = x.dtype if x.dtype.kind == "f" else int64
        gives = self.gives or (x.dtype if self.narrow else holds)
        p = p if holds.kind == "f" else 0
        out = like(x, reduced(x.shape, dims, keepdim), gives)
        found = lines(x, dims)
        if not out.size:
            return out
        _, outer, n, inner = found
        walk = way(found)
        parts = self._parts(walk, found)
        if parts == 1:
            self._run(walk, found, out, 1, n, p, takes=True, finishes=True)
            return out
        partial = like(x, (found.count * parts,), holds)
        self._run(walk, found, partial, parts, n, p, takes=True, finishes=False)
        found = Lines(partial, outer, parts, inner)
        self._run(way(found), found, out, 1, n, p, takes=False, finishes=True)
        return out

    def _run(
        self,
        walk: Walk | None,
        found: Lines,
        out: DeviceArray,
        parts: int,
        size: int,
        p: float,
        *,
        takes: bool,
        finishes: bool,
    ) -> None:
        """Reduce each part of each line; ``size`` is how many elements there are to an element of the result."""
        source, _, n, inner = found
        holds = source.dtype if source.dtype.kind == "f" else int64
        kernel = self.kernel(walk, source.dtype, holds, out.dtype, takes=takes, finishes=finishes)
        arguments = source, out, n, inner, parts, out.size, size, p
        if walk is None:
            kernel(blocks(source, out.size // 4), THREADS, *arguments)
        else:
            start(kernel, walk.team, out.size, n // parts, *arguments)

    def _parts(self, walk: Walk | None, found: Lines) -> int:
        """In how many parts a line is cut, so that every multiprocessor has work."""
        team = THREADS if walk is not None and walk.team is BLOCK else 1
        threads = team * found.count // (1 if walk is not None else 4)
        wanted = device_of(found.x.device).processors * 8 * THREADS // threads
        return max(min(wanted, found.n // (ENOUGH * team)), 1)

    def kernel(
        self, walk: Walk | None, reads: DType, holds: DType, gives: DType, *, takes: bool, finishes: bool
    ) -> Kernel:
        """The kernel for these dtypes, made once."""
        key = (walk, reads, holds, gives, takes, finishes)
        found = self.kernels.get(key)
        if found is None:
            found = self.kernels[key] = reduce_kernel(
                self.reduction, walk, reads, holds, gives, takes=takes, finishes=finishes
            )
        return found


def way(found: Lines) -> Walk | None:
    """The walk along these lines; None if a thread takes four of them."""
    if found.inner % 4 == 0 and found.inner >= WARP and are_aligned(found.x):
        return None
    return walk_for(found, found.x, hold=False)


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
any = Reduce(Reduction("any", 0, larger, is_not_zero), bool_)
all = Reduce(Reduction("all", 1, smaller, is_not_zero), bool_)

count_nonzero = Reduce(Reduction("norm0", 0, plus, is_not_zero))
norm1 = Reduce(Reduction("norm1", 0, plus, lambda x, p: abs(x)))
norm2 = Reduce(Reduction("norm2", 0, plus, lambda x, p: x * x, lambda total, n, p: sqrt(total)))
norm_p = Reduce(Reduction("norm_p", 0, plus, lambda x, p: pow(abs(x), p), lambda total, n, p: pow(total, 1 / p)))


def norm(x: DeviceArray, dims: Dims, keepdim: bool, p: float) -> DeviceArray:
    if math.isinf(p):
        return (amax if p > 0 else amin)(absolute(x), dims, keepdim)
    special = {0.0: count_nonzero, 1.0: norm1, 2.0: norm2}
    return special.get(p, norm_p)(x, dims, keepdim, p)
