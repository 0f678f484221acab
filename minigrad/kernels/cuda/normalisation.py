"""Mean and variance, and numbers brought to mean 0 and variance 1.

A line is swept twice, for its mean and then for the squares of what is left, since ``mean x^2 - (mean x)^2`` loses
all digits where the mean is large. The second sweep finds the line in registers or in the caches: see ``walk.py``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from math import sqrt
from typing import Any

from minigrad.dtypes import DType
from minigrad.kernels import Dims
from minigrad.kernels.cuda.array import DeviceArray, like
from minigrad.kernels.cuda.elementwise import Elementwise
from minigrad.kernels.cuda.functions import mul
from minigrad.kernels.cuda.launch import INT, Kernel, number, pointer
from minigrad.kernels.cuda.math import names
from minigrad.kernels.cuda.move import assign, expand, reshape
from minigrad.kernels.cuda.reduce import sum as sum_of
from minigrad.kernels.cuda.shim import cuda
from minigrad.kernels.cuda.sweeps import line_start
from minigrad.kernels.cuda.team import lines, plus, reduced, start
from minigrad.kernels.cuda.walk import Walk, walk_for

__all__ = ["moments", "normalise", "normalise_backward", "normalise_by", "normalise_sums", "running_step"]


standardise = Elementwise(
    "standardise", lambda x, mean, variance, w, b, eps: (x - mean) / sqrt(variance + eps) * w + b
)
normalise_by = Elementwise(
    "normalise_by", lambda x, mean, scale, weight, bias: (x - mean) * (scale * weight) + bias
)
slope_at = Elementwise("slope_at", lambda dy, x, mean, variance, eps: dy * ((x - mean) / sqrt(variance + eps)))

follow = Elementwise(
    "running_step", lambda running, observed, rate, scale: running + (observed * scale - running) * rate
)


@functools.cache
def sweeps(walk: Walk, dtype: DType) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The sum of a line, and that of the squares of what is left without its mean, known to every thread."""
    zero = dtype.type(0)
    return (
        walk.fold(plus, lambda x: x, zero, dtype),
        walk.fold(plus, lambda x, mean: (x - mean) * (x - mean), zero, dtype, numbers=1),
    )


@functools.cache
def moments_kernel(walk: Walk, dtype: DType) -> Kernel:
    """Mean and variance of each line."""
    place, fetch, (sum_of_line, squares) = walk.team.place, walk.fetch(), sweeps(walk, dtype)
    real, size = dtype.type, walk.size

    def kernel(x, means, variances, n, inner, count):
        h = cuda.local.array(size, real)
        line, lane, lanes, step = place()
        while line < count:
            at = line_start(line, n, inner)
            fetch(h, x, at, n, lane, lanes)
            mean = sum_of_line(h, x, at, inner, n, lane, lanes) / real(n)
            variance = squares(h, x, at, inner, n, lane, lanes, mean) / real(n)
            if lane == 0:
                means[line], variances[line] = mean, variance
            line += step

    given = pointer(dtype)
    return Kernel(f"moments_{walk.name}_{dtype.name}", kernel, given, given, given, INT, INT, INT)


@functools.cache
def backward_kernel(walk: Walk, dtype: DType) -> Kernel:
    """``(d - mean d - x_hat mean(d x_hat)) / s`` with ``s = (variance + eps)^(1/2)``, for lines of d and x."""
    place, fetch, (sum_of_line, squares) = walk.team.place, walk.fetch(), sweeps(walk, dtype)
    root, real, size = names(dtype)["sqrt"], dtype.type, walk.size
    slopes = walk.fold(plus, lambda d, x, mean: d * (x - mean), real(0), dtype, 2, 1)
    write = walk.write(
        lambda i, d, x, mean, scale, level, along: (d - level - (x - mean) * scale * along) * scale, 2, 4
    )

    def kernel(d, x, out, n, inner, count, eps):
        g, h = cuda.local.array(size, real), cuda.local.array(size, real)
        line, lane, lanes, step = place()
        while line < count:
            at = line_start(line, n, inner)
            fetch(g, d, at, n, lane, lanes)
            fetch(h, x, at, n, lane, lanes)
            mean = sum_of_line(h, x, at, inner, n, lane, lanes) / real(n)
            variance = squares(h, x, at, inner, n, lane, lanes, mean) / real(n)
            scale = real(1) / root(variance + eps)
            level = sum_of_line(g, d, at, inner, n, lane, lanes) / real(n)
            along = slopes(g, d, h, x, at, inner, n, lane, lanes, mean) / real(n) * scale
            write(out, g, d, h, x, at, inner, n, lane, lanes, mean, scale, level, along)
            line += step

    given = pointer(dtype)
    takes = (given, given, given, INT, INT, INT, number(dtype))
    return Kernel(f"normalise_backward_{walk.name}_{dtype.name}", kernel, *takes)


def moments(x: DeviceArray, dims: Dims, keepdim: bool) -> tuple[DeviceArray, DeviceArray]:
    source, _, n, inner = found = lines(x, dims)
    shape = reduced(x.shape, dims, keepdim)
    means, variances = like(x, shape), like(x, shape)
    if means.size:
        walk = walk_for(found, source)
        start(
            moments_kernel(walk, x.dtype),
            walk.team,
            found.count,
            n,
            source,
            means,
            variances,
            n,
            inner,
            found.count,
        )
    return means, variances


def normalise(
    x: DeviceArray, weight: DeviceArray, bias: DeviceArray, dims: Dims, eps: float
) -> tuple[DeviceArray, DeviceArray, DeviceArray]:
    means, variances = moments(x, dims, keepdim=True)
    y = standardise(x, means, variances, weight, bias, eps)
    shape = reduced(x.shape, dims, keepdim=False)
    return y, reshape(means, shape), reshape(variances, shape)


def normalise_backward(
    dy: DeviceArray, x: DeviceArray, weight: DeviceArray, dims: Dims, eps: float
) -> DeviceArray:
    slope, source = lines(mul(dy, weight), dims), lines(x, dims)
    out = like(source.x)
    if out.size:
        walk = walk_for(source, slope.x, source.x)
        sizes = source.n, source.inner, source.count
        start(
            backward_kernel(walk, x.dtype), walk.team, source.count, source.n, slope.x, source.x, out, *sizes, eps
        )
    if source.x.shape == x.shape:
        return out
    order = (*(d for d in range(x.ndim) if d not in dims), *sorted(dims))  # as lines() has moved them
    return out.transpose([order.index(d) for d in range(x.ndim)])


def normalise_sums(dy: DeviceArray, x: DeviceArray, shape: Dims, dims: Dims, eps: float) -> DeviceArray:
    repeated = (1,) * (x.ndim - len(shape)) + tuple(shape)
    over = tuple(d for d, n in enumerate(repeated) if n == 1)
    means, variances = moments(x, dims, keepdim=True)
    out = like(x, (2, *shape))
    parts = slope_at(dy, x, means, variances, eps), expand(dy, x.shape)
    for i, part in enumerate(parts):
        assign(reshape(sum_of(part, over, False), tuple(shape)), out=out[i])
    return out


def running_step(running: DeviceArray, observed: DeviceArray, *, rate: float, scale: float) -> None:
    follow(running, observed, rate, scale, out=running)
