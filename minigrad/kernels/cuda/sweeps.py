"""Softmax and its kin, cross-entropies, where the largest element is: several sweeps over a line, in one launch.

A line whose threads hold it in registers is read once; another was read a moment before, so every sweep but the
first finds it in the caches of the GPU. ``walk.py`` has both. e^x is taken of ``x - max``, which never overflows.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minigrad.dtypes import DType, int64
from minigrad.kernels import Dims
from minigrad.kernels.cuda.array import DeviceArray, like
from minigrad.kernels.cuda.faults import fault, watched
from minigrad.kernels.cuda.intrinsics import load4
from minigrad.kernels.cuda.launch import INT, Kernel, pointer
from minigrad.kernels.cuda.math import names
from minigrad.kernels.cuda.shared import make_shared
from minigrad.kernels.cuda.shim import ALL, WARP, cuda, device
from minigrad.kernels.cuda.team import BLOCK, WARPS, larger, lines, plus, reduced, start, whole
from minigrad.kernels.cuda.walk import Walk, walk_for

__all__ = ["argmax", "argmin", "cross_entropy", "cross_entropy_backward", "log_softmax"]
__all__ += ["log_softmax_backward", "logsumexp", "softmax", "softmax_backward"]


def line_start(line, n, inner):
    """Where a line begins."""
    outer = line // inner
    return outer * n * inner + line - outer * inner


line_start = device(line_start)


class Sweeps(NamedTuple):
    """What the kernels below are made of, for one walk."""

    place: Callable[..., Any]
    fetch: Callable[..., Any]
    top: Callable[..., Any]  # of a line, the largest element
    total: Callable[..., Any]  # and the sum of e^(x - top)


@functools.cache
def sweeps(walk: Walk, dtype: DType) -> Sweeps:
    """Both are known to every thread of the team."""
    exp, lowest, zero = names(dtype)["exp"], dtype.type(-np.inf), dtype.type(0)
    return Sweeps(
        walk.team.place,
        walk.fetch(),
        walk.fold(larger, lambda x: x, lowest, dtype),
        walk.fold(plus, lambda x, top: exp(x - top), zero, dtype, numbers=1),
    )


def softmax_kernel(walk: Walk, dtype: DType, *, in_logs: bool) -> Callable[..., None]:
    """``e^(z - top) / total``, or its logarithm ``z - top - log total``."""
    (place, fetch, top_of, exp_sum), real, size = sweeps(walk, dtype), dtype.type, walk.size
    exp, log, one = names(dtype)["exp"], names(dtype)["log"], dtype.type(1)
    if in_logs:
        last = device(lambda total: log(total))
        write = walk.write(lambda i, z, top, shift: z - top - shift, 1, 2)
    else:
        last = device(lambda total: one / total)
        write = walk.write(lambda i, z, top, rate: exp(z - top) * rate, 1, 2)

    def kernel(z, out, n, inner, count):
        h = cuda.local.array(size, real)
        line, lane, lanes, step = place()
        while line < count:
            at = line_start(line, n, inner)
            fetch(h, z, at, n, lane, lanes)
            top = top_of(h, z, at, inner, n, lane, lanes)
            total = exp_sum(h, z, at, inner, n, lane, lanes, top)
            write(out, h, z, at, inner, n, lane, lanes, top, last(total))
            line += step

    return kernel


def softmax_backward_kernel(walk: Walk, dtype: DType, *, in_logs: bool) -> Callable[..., None]:
    """``a (da - sum da a)``, or ``da - e^a sum da``."""
    place, fetch, real, size = walk.team.place, walk.fetch(), dtype.type, walk.size
    exp = names(dtype)["exp"]
    if in_logs:
        total_of = walk.fold(plus, lambda da, a: da, real(0), dtype, 2)
        write = walk.write(lambda i, da, a, total: da - exp(a) * total, 2, 1)
    else:
        total_of = walk.fold(plus, lambda da, a: da * a, real(0), dtype, 2)
        write = walk.write(lambda i, da, a, total: a * (da - total), 2, 1)

    def kernel(da, a, out, n, inner, count):
        h, g = cuda.local.array(size, real), cuda.local.array(size, real)
        line, lane, lanes, step = place()
        while line < count:
            at = line_start(line, n, inner)
            fetch(h, da, at, n, lane, lanes)
            fetch(g, a, at, n, lane, lanes)
            total = total_of(h, da, g, a, at, inner, n, lane, lanes)
            write(out, h, da, g, a, at, inner, n, lane, lanes, total)
            line += step

    return kernel


def logsumexp_kernel(walk: Walk, dtype: DType) -> Callable[..., None]:
    """``top + log total``, where a top of Inf or -Inf is not taken off."""
    (place, fetch, top_of, exp_sum), real, size = sweeps(walk, dtype), dtype.type, walk.size
    log, zero = names(dtype)["log"], dtype.type(0)

    def kernel(x, out, n, inner, count):
        h = cuda.local.array(size, real)
        line, lane, lanes, step = place()
        while line < count:
            at = line_start(line, n, inner)
            fetch(h, x, at, n, lane, lanes)
            top = top_of(h, x, at, inner, n, lane, lanes)
            if top - top != zero:  # Inf - Inf would be NaN
                top = zero
            total = exp_sum(h, x, at, inner, n, lane, lanes, top)
            if lane == 0:
                out[line] = top + log(total)
            line += step

    return kernel


def cross_entropy_kernel(walk: Walk, dtype: DType) -> Callable[..., None]:
    """``top - z[y] + log total``. A class that does not exist is a fault."""
    (place, fetch, top_of, exp_sum), real, size = sweeps(walk, dtype), dtype.type, walk.size
    log, nan = names(dtype)["log"], dtype.type(np.nan)

    def kernel(z, y, out, n, count, faults):
        h = cuda.local.array(size, real)
        line, lane, lanes, step = place()
        while line < count:
            at = line * n
            fetch(h, z, at, n, lane, lanes)
            top = top_of(h, z, at, 1, n, lane, lanes)
            total = exp_sum(h, z, at, 1, n, lane, lanes, top)
            if lane == 0:
                if 0 <= y[line] < n:
                    out[line] = top - z[at + y[line]] + log(total)
                else:
                    out[line] = nan
                    fault(faults, y[line], n)
            line += step

    return kernel


def cross_entropy_backward_kernel(walk: Walk, dtype: DType) -> Callable[..., None]:
    """``dl (softmax(z) - [k = y])``; a class that does not exist was a fault of the forward pass."""
    (place, fetch, top_of, exp_sum), real, size = sweeps(walk, dtype), dtype.type, walk.size
    exp, one, zero = names(dtype)["exp"], dtype.type(1), dtype.type(0)
    write = walk.write(
        lambda i, z, top, rate, dl, label: dl * (exp(z - top) * rate - (one if i == label else zero)), 1, 4
    )

    def kernel(dl, z, y, out, n, count, step_dl):
        h = cuda.local.array(size, real)
        line, lane, lanes, step = place()
        while line < count:
            at = line * n
            fetch(h, z, at, n, lane, lanes)
            top = top_of(h, z, at, 1, n, lane, lanes)
            total = exp_sum(h, z, at, 1, n, lane, lanes, top)
            write(out, h, z, at, 1, n, lane, lanes, top, one / total, dl[line * step_dl], at + y[line])
            line += step

    return kernel


def arg_kernel(walk: Walk, dtype: DType, *, smallest: bool) -> Callable[..., None]:
    """The first place of the largest element, or of the first NaN; each team member keeps its best so far."""
    holds = dtype if dtype.kind == "f" else int64  # which shuffles can carry
    place, is_block, is_wide, cast = walk.team.place, walk.team is BLOCK, walk.name == "wide", holds.type
    shared_values, shared_places = make_shared(WARPS, holds), make_shared(WARPS, int64)

    @device
    def is_better(value, k, best, at):
        """Whether k is a better place than ``at``; -1 is none."""
        if k < 0 or at < 0:
            return k >= 0
        if value != value or best != best:
            return value != value and (best == best or k < at)
        if value == best:
            return k < at
        return (value < best) if smallest else (value > best)

    @device
    def better(value, k, best, at):
        if is_better(value, k, best, at):
            return value, k
        return best, at

    def kernel(x, out, n, inner, count):
        line, lane, lanes, step = place()
        while line < count:
            start = line_start(line, n, inner)
            best, at = cast(x[start]), -1
            first = min(-start & 3, n) if is_wide else n  # a load of four must begin at a multiple of four
            for k in range(lane, first, lanes):
                best, at = better(cast(x[start + k * inner]), k, best, at)
            if is_wide:
                k = first + 4 * lane
                while k + 3 < n:
                    four = load4(x, start + k)
                    best, at = better(cast(four[0]), k, best, at)
                    best, at = better(cast(four[1]), k + 1, best, at)
                    best, at = better(cast(four[2]), k + 2, best, at)
                    best, at = better(cast(four[3]), k + 3, best, at)
                    k += 4 * lanes
                for k in range(n - (n - first & 3) + lane, n, lanes):
                    best, at = better(cast(x[start + k]), k, best, at)
            if is_block:
                values = shared_values()
                places = shared_places()
                other = WARP // 2
                while other > 0:
                    value, k = cuda.shfl_xor_sync(ALL, best, other), cuda.shfl_xor_sync(ALL, at, other)
                    best, at = better(value, k, best, at)
                    other //= 2
                if cuda.threadIdx.x % WARP == 0:
                    values[cuda.threadIdx.x // WARP] = best
                    places[cuda.threadIdx.x // WARP] = at
                cuda.syncthreads()
                for warp in range(cuda.blockDim.x // WARP):
                    best, at = better(values[warp], places[warp], best, at)
                cuda.syncthreads()
            if lane == 0:
                out[line] = at
            line += step

    return kernel


# -- functions of the contract --------------------------------------------------------------------------------


@functools.cache
def made(name: str, walk: Walk, dtype: DType) -> Kernel:
    """The kernel of that name, for a walk and a dtype."""
    factories: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
        "softmax": (functools.partial(softmax_kernel, in_logs=False), (pointer(dtype),)),
        "log_softmax": (functools.partial(softmax_kernel, in_logs=True), (pointer(dtype),)),
        "softmax_backward": (functools.partial(softmax_backward_kernel, in_logs=False), (pointer(dtype),) * 2),
        "log_softmax_backward": (functools.partial(softmax_backward_kernel, in_logs=True), (pointer(dtype),) * 2),
        "logsumexp": (logsumexp_kernel, (pointer(dtype),)),
    }
    if name in factories:
        factory, reads = factories[name]
        takes = (*reads, pointer(dtype), INT, INT, INT)
    elif name == "cross_entropy":
        factory, takes = (
            cross_entropy_kernel,
            (pointer(dtype), pointer(int64), pointer(dtype), INT, INT, pointer(int64)),
        )
    elif name == "cross_entropy_backward":
        real = pointer(dtype)
        factory, takes = cross_entropy_backward_kernel, (real, real, pointer(int64), real, INT, INT, INT)
    else:
        factory = functools.partial(arg_kernel, smallest=name == "argmin")
        takes = (pointer(dtype), pointer(int64), INT, INT, INT)
    return Kernel(f"{name}_{walk.name}_{dtype.name}", factory(walk, dtype), *takes)


def along(name: str, dim: int, *operands: DeviceArray) -> DeviceArray:
    """A function from lines to lines, along any dim."""
    found = [lines(x, (dim,)) for x in operands]
    first = found[0]
    out = like(operands[0])
    if out.size:
        sources = [f.x for f in found]
        walk = walk_for(first, *sources)
        start(
            made(name, walk, out.dtype),
            walk.team,
            first.count,
            first.n,
            *sources,
            out,
            first.n,
            first.inner,
            first.count,
        )
    return out


def softmax(z: DeviceArray, dim: int) -> DeviceArray:
    return along("softmax", dim, z)


def log_softmax(z: DeviceArray, dim: int) -> DeviceArray:
    return along("log_softmax", dim, z)


def softmax_backward(da: DeviceArray, a: DeviceArray, dim: int) -> DeviceArray:
    return along("softmax_backward", dim, da, a)


def log_softmax_backward(da: DeviceArray, a: DeviceArray, dim: int) -> DeviceArray:
    return along("log_softmax_backward", dim, da, a)


def _to_numbers(name: str, x: DeviceArray, dims: Dims, keepdim: bool, dtype: DType) -> DeviceArray:
    source, _, n, inner = found = lines(x, dims)
    out = like(x, reduced(x.shape, dims, keepdim), dtype)
    if out.size:
        walk = walk_for(found, source, hold=name == "logsumexp")
        start(made(name, walk, x.dtype), walk.team, found.count, n, source, out, n, inner, found.count)
    return out


def logsumexp(x: DeviceArray, dims: Dims, keepdim: bool) -> DeviceArray:
    return _to_numbers("logsumexp", x, dims, keepdim, x.dtype)


def argmax(x: DeviceArray, dim: int, keepdim: bool) -> DeviceArray:
    return _to_numbers("argmax", x, (dim,) if x.ndim else (), keepdim, int64)


def argmin(x: DeviceArray, dim: int, keepdim: bool) -> DeviceArray:
    return _to_numbers("argmin", x, (dim,) if x.ndim else (), keepdim, int64)


def cross_entropy(z: DeviceArray, y: DeviceArray) -> DeviceArray:
    source, count, n, _ = found = lines(z, (1,))
    out = like(z, (count,))
    if count:
        walk, faults = walk_for(found, source), watched(z.device, "cross_entropy")
        kernel = made("cross_entropy", walk, z.dtype)
        start(kernel, walk.team, count, n, source, whole(y), out, n, count, faults)
    return out


def cross_entropy_backward(dl: DeviceArray, z: DeviceArray, y: DeviceArray) -> DeviceArray:
    source, count, n, _ = found = lines(z, (1,))
    out = like(z)
    if out.size:
        walk = walk_for(found, source)
        kernel = made("cross_entropy_backward", walk, z.dtype)
        step_dl = dl.strides[0] // dl.itemsize  # the derivative of a mean is one number for all
        start(kernel, walk.team, count, n, dl, source, whole(y), out, n, count, step_dl)
    return out
