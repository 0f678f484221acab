"""Pooling on the GPU, and resampling along a dim: a thread for each element of the result.

Where windows are comes from the host, as small arrays, which are kept on the device for the next time. On the way
back windows may overlap, so shares are added *atomically*: no share is lost, but the order of the sums, and with
it their last digit, may differ from one time to the next.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minigrad.dtypes import int64
from minigrad.kernels import Array, Dims
from minigrad.kernels.cuda import array as arrays
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.convolution import SPACE, contiguous
from minigrad.kernels.cuda.intrinsics import atomic_add
from minigrad.kernels.cuda.launch import INT, Kernel, blocks, pointer
from minigrad.kernels.cuda.move import full
from minigrad.kernels.cuda.shim import THREADS, cuda
from minigrad.kernels.cuda.transfer import to_device
from minigrad.kernels.windows import Span, Spans

__all__ = ["argmax_pool", "avg_pool", "avg_pool_backward", "max_pool"]
__all__ += ["max_pool_backward", "resample", "resample_backward"]


def kept(array: Array, device: int) -> DeviceArray:
    """The host's array on the device, copied once."""
    return _kept(array.tobytes(), array.dtype.str, array.shape, device)


@functools.lru_cache(256)
def _kept(data: bytes, dtype: str, shape: tuple[int, ...], device: int) -> DeviceArray:
    found = to_device(np.frombuffer(data, dtype).reshape(shape), device)
    devices.device(device).driver.synchronize(device, devices.stream(device))  # other streams will read it, too
    return found


def windows(spans: Spans, device: int) -> tuple[DeviceArray, tuple[int, ...], tuple[int, ...]]:
    """(start and stop of all windows, dim after dim; how many windows; steps), for SPACE dims."""
    one = Span(np.zeros(1, np.int64), np.ones(1, np.int64), 1)
    spans = (one,) * (SPACE - len(spans)) + spans
    places = np.concatenate([np.concatenate([span.start, span.stop]) for span in spans]).astype(np.int64)
    return kept(places, device), tuple(len(span.start) for span in spans), tuple(span.step for span in spans)


def spatial(size: Dims) -> tuple[int, ...]:
    return (1,) * (SPACE - len(size)) + tuple(size)


# -- the largest ----------------------------------------------------------------------------------------------


def find_largest(x, y, places, total, c0, c1, c2, t0, t1, t2, n0, n1, n2):
    """y[plane, i] = the place of the first largest element, or NaN, of window i"""
    e = cuda.grid(1)
    while e < total:
        i0, i1, i2, plane = e // (c1 * c2) % c0, e // c2 % c1, e % c2, e // (c0 * c1 * c2)
        of1, of2 = 2 * c0, 2 * c0 + 2 * c1
        first = (places[i0] * n1 + places[of1 + i1]) * n2 + places[of2 + i2]
        best, largest = first, x[plane * n0 * n1 * n2 + first]
        for a in range(places[i0], places[c0 + i0], t0):
            for b in range(places[of1 + i1], places[of1 + c1 + i1], t1):
                for c in range(places[of2 + i2], places[of2 + c2 + i2], t2):
                    here = (a * n1 + b) * n2 + c
                    found = x[plane * n0 * n1 * n2 + here]
                    if found > largest or (found != found and largest == largest):
                        best, largest = here, found
        y[e] = best
        e += cuda.gridsize(1)


def take_places(x, index, y, total, inner, size):
    """y[plane, i] = x[plane, index[plane, i]]"""
    e = cuda.grid(1)
    while e < total:
        y[e] = x[e // inner * size + index[e]]
        e += cuda.gridsize(1)


def add_places(dy, index, dx, total, inner, size):
    """dx[plane, index[plane, i]] += dy[plane, i]"""
    e = cuda.grid(1)
    while e < total:
        atomic_add(dx, e // inner * size + index[e], dy[e])
        e += cuda.gridsize(1)


@functools.cache
def largest_kernels(dtype: np.dtype) -> tuple[Kernel, Kernel, Kernel]:
    real, whole = pointer(dtype), pointer(int64)
    return (
        Kernel(f"argmax_pool_{dtype}", find_largest, real, whole, whole, *[INT] * 10),
        Kernel(f"max_pool_{dtype}", take_places, real, whole, real, *[INT] * 3),
        Kernel(f"max_pool_backward_{dtype}", add_places, real, whole, real, *[INT] * 3),
    )


def argmax_pool(x: DeviceArray, spans: Spans) -> DeviceArray:
    lead, size = x.shape[: x.ndim - len(spans)], x.shape[x.ndim - len(spans) :]
    y = arrays.empty((*lead, *(len(span.start) for span in spans)), int64, x.device)
    if y.size:
        places, counts, steps = windows(spans, x.device)
        kernel = largest_kernels(x.dtype)[0]
        kernel(blocks(y, y.size), THREADS, contiguous(x), y, places, y.size, *counts, *steps, *spatial(size))
    return y


def max_pool(x: DeviceArray, index: DeviceArray, pooled: int) -> DeviceArray:
    lead = x.ndim - pooled
    y = arrays.like(x, index.shape)
    if y.size:
        sizes = (y.size, math.prod(index.shape[lead:]), math.prod(x.shape[lead:]))
        largest_kernels(x.dtype)[1](blocks(y, y.size), THREADS, contiguous(x), contiguous(index), y, *sizes)
    return y


def max_pool_backward(dy: DeviceArray, index: DeviceArray, size: Dims) -> DeviceArray:
    lead = dy.ndim - len(size)
    dx = full((*dy.shape[:lead], *size), 0, dy.dtype, dy.device)
    if dy.size:
        sizes = (dy.size, math.prod(dy.shape[lead:]), math.prod(size))
        largest_kernels(dy.dtype)[2](blocks(dy, dy.size), THREADS, contiguous(dy), contiguous(index), dx, *sizes)
    return dx


# -- the mean -------------------------------------------------------------------------------------------------


def make_mean(dtype):
    """y[plane, i] = the sum of window i over the product of its counts"""
    zero = np.dtype(dtype).type(0)

    def average(x, y, places, divisors, total, c0, c1, c2, t0, t1, t2, n0, n1, n2):
        e = cuda.grid(1)
        while e < total:
            i0, i1, i2, plane = e // (c1 * c2) % c0, e // c2 % c1, e % c2, e // (c0 * c1 * c2)
            of1, of2 = 2 * c0, 2 * c0 + 2 * c1
            total_of_window = zero
            for a in range(places[i0], places[c0 + i0], t0):
                for b in range(places[of1 + i1], places[of1 + c1 + i1], t1):
                    for c in range(places[of2 + i2], places[of2 + c2 + i2], t2):
                        total_of_window += x[((plane * n0 + a) * n1 + b) * n2 + c]
            y[e] = total_of_window / (divisors[i0] * divisors[c0 + i1] * divisors[c0 + c1 + i2])
            e += cuda.gridsize(1)

    return average


def spread(dx, dy, places, divisors, total, c0, c1, c2, t0, t1, t2, n0, n1, n2):
    """dx += dy[plane, i] over the product of its counts, to each element of window i"""
    e = cuda.grid(1)
    while e < total:
        i0, i1, i2, plane = e // (c1 * c2) % c0, e // c2 % c1, e % c2, e // (c0 * c1 * c2)
        of1, of2 = 2 * c0, 2 * c0 + 2 * c1
        share = dy[e] / (divisors[i0] * divisors[c0 + i1] * divisors[c0 + c1 + i2])
        for a in range(places[i0], places[c0 + i0], t0):
            for b in range(places[of1 + i1], places[of1 + c1 + i1], t1):
                for c in range(places[of2 + i2], places[of2 + c2 + i2], t2):
                    atomic_add(dx, ((plane * n0 + a) * n1 + b) * n2 + c, share)
        e += cuda.gridsize(1)


@functools.cache
def mean_kernels(dtype: np.dtype) -> tuple[Kernel, Kernel]:
    takes = (pointer(dtype), pointer(dtype), pointer(int64), pointer(dtype), *[INT] * 10)
    mean = Kernel(f"avg_pool_{dtype}", make_mean(dtype), *takes)
    return mean, Kernel(f"avg_pool_backward_{dtype}", spread, *takes)


def divisors(counts: tuple[Array, ...], dtype: np.dtype, device: int) -> DeviceArray:
    """The counts of all windows, dim after dim."""
    ones = [np.ones(1)] * (SPACE - len(counts))
    return kept(np.concatenate([*ones, *counts]).astype(dtype), device)


def avg_pool(x: DeviceArray, spans: Spans, counts: tuple[Array, ...]) -> DeviceArray:
    lead, size = x.shape[: x.ndim - len(spans)], x.shape[x.ndim - len(spans) :]
    y = arrays.like(x, (*lead, *(len(span.start) for span in spans)))
    if y.size:
        places, number, steps = windows(spans, x.device)
        given = (places, divisors(counts, x.dtype, x.device), y.size, *number, *steps, *spatial(size))
        mean_kernels(x.dtype)[0](blocks(y, y.size), THREADS, contiguous(x), y, *given)
    return y


def avg_pool_backward(dy: DeviceArray, size: Dims, spans: Spans, counts: tuple[Array, ...]) -> DeviceArray:
    dx = full((*dy.shape[: dy.ndim - len(spans)], *size), 0, dy.dtype, dy.device)
    if dy.size:
        places, number, steps = windows(spans, dy.device)
        given = (places, divisors(counts, dy.dtype, dy.device), dy.size, *number, *steps, *spatial(size))
        mean_kernels(dy.dtype)[1](blocks(dy, dy.size), THREADS, dx, contiguous(dy), *given)
    return dx


# -- between elements -----------------------------------------------------------------------------------------


def make_resample(dtype):
    """y[before, i, after] = sum_t weight[i, t] x[before, index[i, t], after]"""
    zero = np.dtype(dtype).type(0)

    def resample(x, y, index, weight, total, n, count, terms, after):
        e = cuda.grid(1)
        while e < total:
            before, i, rest = e // (count * after), e // after % count, e % after
            value = zero
            for t in range(terms):
                value += weight[i * terms + t] * x[(before * n + index[i * terms + t]) * after + rest]
            y[e] = value
            e += cuda.gridsize(1)

    return resample


def add_resampled(dx, dy, index, weight, total, n, count, terms, after):
    """dx[before, index[i, t], after] += weight[i, t] dy[before, i, after]"""
    e = cuda.grid(1)
    while e < total:
        before, i, rest = e // (count * after), e // after % count, e % after
        for t in range(terms):
            atomic_add(dx, (before * n + index[i * terms + t]) * after + rest, weight[i * terms + t] * dy[e])
        e += cuda.gridsize(1)


@functools.cache
def resample_kernels(dtype: np.dtype) -> tuple[Kernel, Kernel]:
    takes = (pointer(dtype), pointer(dtype), pointer(int64), pointer(dtype), *[INT] * 5)
    return Kernel(f"resample_{dtype}", make_resample(dtype), *takes), Kernel(
        f"resample_backward_{dtype}", add_resampled, *takes
    )


def along(x: DeviceArray, dim: int, index: Array, weight: Array) -> tuple[Any, ...]:
    """(index, weight) on the device, and for the result's elements (windows, terms, elements after the dim)."""
    held = kept(index.astype(np.int64), x.device), kept(weight.astype(x.dtype), x.device)
    return *held, *index.shape, math.prod(x.shape[dim + 1 :])


def resample(x: DeviceArray, dim: int, index: Array, weight: Array) -> DeviceArray:
    y = arrays.like(x, (*x.shape[:dim], len(index), *x.shape[dim + 1 :]))
    if y.size:
        places, weights, *sizes = along(x, dim, index, weight)
        given = (contiguous(x), y, places, weights, y.size, x.shape[dim], *sizes)
        resample_kernels(x.dtype)[0](blocks(y, y.size), THREADS, *given)
    return y


def resample_backward(dy: DeviceArray, dim: int, size: int, index: Array, weight: Array) -> DeviceArray:
    dx = full((*dy.shape[:dim], size, *dy.shape[dim + 1 :]), 0, dy.dtype, dy.device)
    if dy.size:
        places, weights, *sizes = along(dy, dim, index, weight)
        given = (dx, contiguous(dy), places, weights, dy.size, size, *sizes)
        resample_kernels(dy.dtype)[1](blocks(dy, dy.size), THREADS, *given)
    return dx
