"""Mean and variance, and numbers brought to mean 0 and variance 1.

A line is swept twice, for its mean and then for the squares of what is left, since ``mean x^2 - (mean x)^2`` loses
all digits where the mean is large. The second sweep finds the line in the caches.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np

from minigrad.kernels import Dims
from minigrad.kernels.cuda.array import DeviceArray, like
from minigrad.kernels.cuda.elementwise import Elementwise
from minigrad.kernels.cuda.functions import mul
from minigrad.kernels.cuda.launch import INT, Kernel, number, pointer
from minigrad.kernels.cuda.math import names
from minigrad.kernels.cuda.move import assign, expand, reshape
from minigrad.kernels.cuda.reduce import sum as sum_of
from minigrad.kernels.cuda.shim import device
from minigrad.kernels.cuda.sweeps import line_start
from minigrad.kernels.cuda.team import Team, lines, plus, reduced, start

__all__ = ["moments", "normalise", "normalise_backward", "normalise_by", "normalise_sums", "running_step"]

DType = np.dtype[Any]

standardise = Elementwise(
    "standardise", lambda x, mean, variance, w, b, eps: (x - mean) / sqrt(variance + eps) * w + b
)
normalise_by = Elementwise(
    "normalise_by", lambda x, mean, scale, weight, bias: (x - mean) * (scale * weight) + bias
)
slope_at = Elementwise("slope_at", lambda dy, x, mean, variance, eps: dy * ((x - mean) / sqrt(variance + eps)))

follow = Elementwise("running_step", lambda running, observed, rate, scale: (
    running + (observed * scale - running) * rate
))  # fmt: skip


@functools.cache
def sweeps(team: Team, dtype: DType) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The mean of a line, and the mean of the squares of what is left without it, known to every thread."""
    total, real = team.fold(plus, dtype), dtype.type

    def mean_of(x, at, inner, n, lane, lanes):
        added = real(0)
        for k in range(lane, n, lanes):
            added += x[at + k * inner]
        return total(added) / real(n)

    def variance_of(x, at, inner, n, lane, lanes, mean):
        added = real(0)
        for k in range(lane, n, lanes):
            off = x[at + k * inner] - mean
            added += off * off
        return total(added) / real(n)

    return device(mean_of), device(variance_of)


@functools.cache
def moments_kernel(team: Team, dtype: DType) -> Kernel:
    """Both for each line."""
    place, (mean_of, variance_of) = team.place, sweeps(team, dtype)

    def kernel(x, means, variances, n, inner, count):
        line, lane, lanes, step = place()
        while line < count:
            at = line_start(line, n, inner)
            mean = mean_of(x, at, inner, n, lane, lanes)
            variance = variance_of(x, at, inner, n, lane, lanes, mean)
            if lane == 0:
                means[line], variances[line] = mean, variance
            line += step

    real = pointer(dtype)
    return Kernel(f"moments_{team.name}_{dtype.name}", kernel, real, real, real, INT, INT, INT)


@functools.cache
def backward_kernel(team: Team, dtype: DType) -> Kernel:
    """``(d - mean d - x_hat mean(d x_hat)) / s`` with ``s = (variance + eps)^(1/2)``, for lines of d and x."""
    place, (mean_of, variance_of) = team.place, sweeps(team, dtype)
    total, root, real = team.fold(plus, dtype), names(dtype)["sqrt"], dtype.type

    def kernel(d, x, out, n, inner, count, eps):
        line, lane, lanes, step = place()
        while line < count:
            at = line_start(line, n, inner)
            mean = mean_of(x, at, inner, n, lane, lanes)
            scale = real(1) / root(variance_of(x, at, inner, n, lane, lanes, mean) + eps)
            level = mean_of(d, at, inner, n, lane, lanes)
            added = real(0)
            for k in range(lane, n, lanes):
                added += d[at + k * inner] * (x[at + k * inner] - mean)
            along = total(added) / real(n) * scale
            for k in range(lane, n, lanes):
                x_hat = (x[at + k * inner] - mean) * scale
                out[at + k * inner] = (d[at + k * inner] - level - x_hat * along) * scale
            line += step

    real_pointer = pointer(dtype)
    takes = (real_pointer, real_pointer, real_pointer, INT, INT, INT, number(dtype))
    return Kernel(f"normalise_backward_{team.name}_{dtype.name}", kernel, *takes)


def moments(x: DeviceArray, dims: Dims, keepdim: bool) -> tuple[DeviceArray, DeviceArray]:
    source, _, n, inner = found = lines(x, dims)
    shape = reduced(x.shape, dims, keepdim)
    means, variances = like(x, shape), like(x, shape)
    if means.size:
        kernel = moments_kernel(found.team, x.dtype)
        start(kernel, found.team, found.count, n, source, means, variances, n, inner, found.count)
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
        kernel = backward_kernel(source.team, x.dtype)
        sizes = source.n, source.inner, source.count
        start(kernel, source.team, source.count, source.n, slope.x, source.x, out, *sizes, eps)
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
