"""Softmax and its kin, cross-entropies, where the largest element is: several sweeps over a line, in one launch.

The line was read a moment before, so every sweep but the first finds it in the caches of the GPU: from its memory
it comes once. e^x is taken of ``x - max``, which never overflows.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.kernels import Dims
from minigrad.kernels.cuda.array import DeviceArray, like
from minigrad.kernels.cuda.faults import fault, watched
from minigrad.kernels.cuda.launch import INT, Kernel, pointer
from minigrad.kernels.cuda.math import names
from minigrad.kernels.cuda.shared import make_shared
from minigrad.kernels.cuda.shim import ALL, WARP, cuda, device
from minigrad.kernels.cuda.team import (
    BLOCK,
    WARPS,
    Team,
    larger,
    lines,
    plus,
    reduced,
    start,
    whole,
)  # fmt: skip

__all__ = [
    "argmax", "argmin", "cross_entropy", "cross_entropy_backward", "log_softmax", "log_softmax_backward",
    "logsumexp", "softmax", "softmax_backward",
]  # fmt: skip

DType = np.dtype[Any]
INTEGER = np.dtype(np.int64)


def line_start(line, n, inner):
    """Where a line begins."""
    outer = line // inner
    return outer * n * inner + line - outer * inner


line_start = device(line_start)


@functools.cache
def sweeps(team: Team, dtype: DType) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The largest element of a line, and the sum of ``e^(x - top)`` over it, each known to every thread."""
    largest, total = team.fold(larger, dtype), team.fold(plus, dtype)
    exp, lowest, zero = names(dtype)["exp"], dtype.type(-np.inf), dtype.type(0)

    def top_of(x, at, inner, n, lane, lanes):
        top = lowest
        for k in range(lane, n, lanes):
            value = x[at + k * inner]
            top = value if value > top or value != value else top
        return largest(top)

    def exp_sum(x, at, inner, n, lane, lanes, top):
        added = zero
        for k in range(lane, n, lanes):
            added += exp(x[at + k * inner] - top)
        return total(added)

    return device(top_of), device(exp_sum)


def softmax_kernel(team: Team, dtype: DType, *, in_logs: bool) -> Callable[..., None]:
    """``e^(z - top) / total``, or its logarithm ``z - top - log total``."""
    place, (top_of, exp_sum) = team.place, sweeps(team, dtype)
    exp, log = names(dtype)["exp"], names(dtype)["log"]

    def kernel(z, out, n, inner, count):
        line, lane, lanes, step = place()
        while line < count:
            at = line_start(line, n, inner)
            top = top_of(z, at, inner, n, lane, lanes)
            total = exp_sum(z, at, inner, n, lane, lanes, top)
            for k in range(lane, n, lanes):
                out[at + k * inner] = exp(z[at + k * inner] - top) / total
            line += step

    def log_kernel(z, out, n, inner, count):
        line, lane, lanes, step = place()
        while line < count:
            at = line_start(line, n, inner)
            top = top_of(z, at, inner, n, lane, lanes)
            shift = log(exp_sum(z, at, inner, n, lane, lanes, top))
            for k in range(lane, n, lanes):
                out[at + k * inner] = z[at + k * inner] - top - shift
            line += step

    return log_kernel if in_logs else kernel


def softmax_backward_kernel(team: Team, dtype: DType, *, in_logs: bool) -> Callable[..., None]:
    """``a (da - sum da a)``, or ``da - e^a sum da``."""
    place, total_of = team.place, team.fold(plus, dtype)
    exp, zero = names(dtype)["exp"], dtype.type(0)

    def kernel(da, a, out, n, inner, count):
        line, lane, lanes, step = place()
        while line < count:
            at = line_start(line, n, inner)
            total = zero
            for k in range(lane, n, lanes):
                total += da[at + k * inner] * a[at + k * inner]
            total = total_of(total)
            for k in range(lane, n, lanes):
                out[at + k * inner] = a[at + k * inner] * (da[at + k * inner] - total)
            line += step

    def log_kernel(da, a, out, n, inner, count):
        line, lane, lanes, step = place()
        while line < count:
            at = line_start(line, n, inner)
            total = zero
            for k in range(lane, n, lanes):
                total += da[at + k * inner]
            total = total_of(total)
            for k in range(lane, n, lanes):
                out[at + k * inner] = da[at + k * inner] - exp(a[at + k * inner]) * total
            line += step

    return log_kernel if in_logs else kernel


def logsumexp_kernel(team: Team, dtype: DType) -> Callable[..., None]:
    """``top + log total``, where a top of Inf or -Inf is not taken off."""
    place, (top_of, exp_sum) = team.place, sweeps(team, dtype)
    log, zero = names(dtype)["log"], dtype.type(0)

    def kernel(x, out, n, inner, count):
        line, lane, lanes, step = place()
        while line < count:
            at = line_start(line, n, inner)
            top = top_of(x, at, inner, n, lane, lanes)
            if top - top != zero:  # Inf - Inf would be NaN
                top = zero
            total = exp_sum(x, at, inner, n, lane, lanes, top)
            if lane == 0:
                out[line] = top + log(total)
            line += step

    return kernel


def cross_entropy_kernel(team: Team, dtype: DType) -> Callable[..., None]:
    """``top - z[y] + log total``. A class that there is not is a fault."""
    place, (top_of, exp_sum), log, nan = team.place, sweeps(team, dtype), names(dtype)["log"], dtype.type(np.nan)

    def kernel(z, y, out, n, count, faults):
        line, lane, lanes, step = place()
        while line < count:
            at = line * n
            top = top_of(z, at, 1, n, lane, lanes)
            total = exp_sum(z, at, 1, n, lane, lanes, top)
            if lane == 0:
                if 0 <= y[line] < n:
                    out[line] = top - z[at + y[line]] + log(total)
                else:
                    out[line] = nan
                    fault(faults, y[line], n)
            line += step

    return kernel


def cross_entropy_backward_kernel(team: Team, dtype: DType) -> Callable[..., None]:
    """``dl (softmax(z) - [k = y])``; a class that there is not was a fault of the forward pass."""
    place, (top_of, exp_sum) = team.place, sweeps(team, dtype)
    exp, one, zero = names(dtype)["exp"], dtype.type(1), dtype.type(0)

    def kernel(dl, z, y, out, n, count):
        line, lane, lanes, step = place()
        while line < count:
            at, label = line * n, y[line]
            top = top_of(z, at, 1, n, lane, lanes)
            total = exp_sum(z, at, 1, n, lane, lanes, top)
            for k in range(lane, n, lanes):
                out[at + k] = dl[line] * (exp(z[at + k] - top) / total - (one if k == label else zero))
            line += step

    return kernel


def arg_kernel(team: Team, dtype: DType, *, smallest: bool) -> Callable[..., None]:
    """The first place of the largest element, or of the first NaN; each team member keeps its best so far."""
    holds = dtype if dtype.kind == "f" else INTEGER  # which shuffles can carry
    place, is_block, cast = team.place, team is BLOCK, holds.type
    shared_values, shared_places = make_shared(WARPS, holds), make_shared(WARPS, INTEGER)

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

    def kernel(x, out, n, inner, count):
        line, lane, lanes, step = place()
        while line < count:
            start = line_start(line, n, inner)
            at = -1
            best = cast(x[start])
            for k in range(lane, n, lanes):
                value = cast(x[start + k * inner])
                if is_better(value, k, best, at):
                    best, at = value, k
            if is_block:
                values = shared_values()
                places = shared_places()
                other = WARP // 2
                while other > 0:
                    value, k = cuda.shfl_xor_sync(ALL, best, other), cuda.shfl_xor_sync(ALL, at, other)
                    if is_better(value, k, best, at):
                        best, at = value, k
                    other //= 2
                if cuda.threadIdx.x % WARP == 0:
                    values[cuda.threadIdx.x // WARP] = best
                    places[cuda.threadIdx.x // WARP] = at
                cuda.syncthreads()
                for warp in range(cuda.blockDim.x // WARP):
                    if is_better(values[warp], places[warp], best, at):
                        best, at = values[warp], places[warp]
                cuda.syncthreads()
            if lane == 0:
                out[line] = at
            line += step

    return kernel


# -- functions of the contract --------------------------------------------------------------------------------


@functools.cache
def made(name: str, team: Team, dtype: DType) -> Kernel:
    """The kernel of that name, for a team and a dtype."""
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
            (pointer(dtype), pointer(INTEGER), pointer(dtype), INT, INT, pointer(INTEGER)),
        )
    elif name == "cross_entropy_backward":
        real = pointer(dtype)
        factory, takes = cross_entropy_backward_kernel, (real, real, pointer(INTEGER), real, INT, INT)
    else:
        factory = functools.partial(arg_kernel, smallest=name == "argmin")
        takes = (pointer(dtype), pointer(INTEGER), INT, INT, INT)
    return Kernel(f"{name}_{team.name}_{dtype.name}", factory(team, dtype), *takes)


def along(name: str, dim: int, *operands: DeviceArray) -> DeviceArray:
    """A function from lines to lines, along any dim."""
    found = [lines(x, (dim,)) for x in operands]
    first = found[0]
    out = like(operands[0])
    if out.size:
        kernel = made(name, first.team, out.dtype)
        start(
            kernel, first.team, first.count, first.n, *(f.x for f in found), out, first.n, first.inner, first.count
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
        start(made(name, found.team, x.dtype), found.team, found.count, n, source, out, n, inner, found.count)
    return out


def logsumexp(x: DeviceArray, dims: Dims, keepdim: bool) -> DeviceArray:
    return _to_numbers("logsumexp", x, dims, keepdim, x.dtype)


def argmax(x: DeviceArray, dim: int, keepdim: bool) -> DeviceArray:
    return _to_numbers("argmax", x, (dim,) if x.ndim else (), keepdim, INTEGER)


def argmin(x: DeviceArray, dim: int, keepdim: bool) -> DeviceArray:
    return _to_numbers("argmin", x, (dim,) if x.ndim else (), keepdim, INTEGER)


def cross_entropy(z: DeviceArray, y: DeviceArray) -> DeviceArray:
    source, count, n, _ = found = lines(z, (1,))
    out = like(z, (count,))
    if count:
        faults = watched(z.device, "cross_entropy")
        start(
            made("cross_entropy", found.team, z.dtype),
            found.team,
            count,
            n,
            source,
            whole(y),
            out,
            n,
            count,
            faults,
        )
    return out


def cross_entropy_backward(dl: DeviceArray, z: DeviceArray, y: DeviceArray) -> DeviceArray:
    source, count, n, _ = found = lines(z, (1,))
    out = like(z)
    if out.size:
        kernel = made("cross_entropy_backward", found.team, z.dtype)
        start(kernel, found.team, count, n, whole(dl), source, whole(y), out, n, count)
    return out
