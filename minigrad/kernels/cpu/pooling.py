"""Pooling and resampling. Windows are rectangles, and so each is taken in two steps:

1. from all lines of a row of windows one line is made, column by column, which is vector code;
2. from the columns of each window one number is made.

Threads share the planes: the images of all channels. A line is treated as an image of one line.
"""

from __future__ import annotations

import math

import numpy as np

from minigrad.dtypes import FLOATS, float64, int64
from minigrad.kernels import Array, Dims, reference
from minigrad.kernels.cpu import reduce
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.memory import INDEX, reads, row, share, writes
from minigrad.kernels.cpu.threads import Kernel, Kernels
from minigrad.kernels.windows import Span, Spans

__all__ = ["argmax_pool", "avg_pool", "avg_pool_backward", "max_pool"]
__all__ += ["max_pool_backward", "resample", "resample_backward"]


# -- the largest ----------------------------------------------------------------------------------------------


@inline
def is_larger(v, best):
    """Whether v takes the place of one before it: NaN is the largest, and the first of equal ones stays."""
    return (v > best) | ((v != v) & (best == best))


def argmax_piece(x, width, top, bottom, down, left, right, across, out, part, parts):
    """out[p, i, j] = where in x[p] the first largest element is, of lines top[i] to bottom[i] and so on."""
    high, wide = top.size, left.size
    start, stop = share(out.size // (high * wide), part, parts)
    size = x.size // (out.size // (high * wide))
    best, lines = np.empty(width, x.dtype), np.empty(width, np.int32)
    for p in range(start, stop):
        for i in range(high):
            first = top[i]
            line = row(x, p * size + first * width, width)
            for w in range(width):
                best[w], lines[w] = line[w], first
            for h in range(first + down, bottom[i], down):
                line = row(x, p * size + h * width, width)
                for w in range(width):
                    larger = is_larger(line[w], best[w])
                    best[w], lines[w] = line[w] if larger else best[w], np.int32(h) if larger else lines[w]
            places = row(out, (p * high + i) * wide, wide)
            for j in range(wide):
                w = left[j]
                v, place = best[w], lines[w] * width + w
                for w in range(left[j] + across, right[j], across):
                    u, other = best[w], lines[w] * width + w
                    alike = (u == v) | ((u != u) & (v != v))
                    larger = is_larger(u, v) | (alike & (other < place))
                    v, place = u if larger else v, other if larger else place
                places[j] = place


def take_piece(x, index, planes, out, part, parts):
    """out[p, i] = x[p, index[p, i]]"""
    start, stop = share(planes, part, parts)
    size, n = x.size // planes, out.size // planes
    for p in range(start, stop):
        plane = row(x, p * size, size)
        places, result = row(index, p * n, n), row(out, p * n, n)
        for i in range(n):
            result[i] = plane[places[i]]


def put_piece(dy, index, planes, out, part, parts):
    """out[p, index[p, i]] += dy[p, i]        starting from zeros"""
    start, stop = share(planes, part, parts)
    size, n = out.size // planes, dy.size // planes
    for p in range(start, stop):
        plane = row(out, p * size, size)
        plane[:] = 0
        places, slopes = row(index, p * n, n), row(dy, p * n, n)
        for i in range(n):
            plane[places[i]] += slopes[i]


# -- the mean -------------------------------------------------------------------------------------------------


def mean_piece(x, width, top, bottom, down, left, right, across, high_counts, wide_counts, out, part, parts):
    """out[p, i, j] = sum x / (high_counts[i] wide_counts[j])        over lines top[i] to bottom[i] and so on"""
    high, wide = top.size, left.size
    planes = out.size // (high * wide)
    start, stop = share(planes, part, parts)
    size = x.size // planes
    sums = np.empty(width)
    for p in range(start, stop):
        for i in range(high):
            sums[:] = 0
            for h in range(top[i], bottom[i], down):
                line = row(x, p * size + h * width, width)
                for w in range(width):
                    sums[w] += line[w]
            result = row(out, (p * high + i) * wide, wide)
            for j in range(wide):
                total = 0.0
                for w in range(left[j], right[j], across):
                    total += sums[w]
                result[j] = total / (high_counts[i] * wide_counts[j])


def spread_piece(dy, width, top, bottom, down, left, right, across, high_counts, wide_counts, out, part, parts):
    """out[p] += dy[p, i, j] / (high_counts[i] wide_counts[j])        on lines top[i] to bottom[i] and so on"""
    high, wide = top.size, left.size
    planes = dy.size // (high * wide)
    start, stop = share(planes, part, parts)
    size = out.size // planes
    sums = np.empty(width, out.dtype)
    for p in range(start, stop):
        row(out, p * size, size)[:] = 0
        for i in range(high):
            sums[:] = 0
            slopes = row(dy, (p * high + i) * wide, wide)
            for j in range(wide):
                each = out.dtype.type(slopes[j] / (high_counts[i] * wide_counts[j]))
                for w in range(left[j], right[j], across):
                    sums[w] += each
            for h in range(top[i], bottom[i], down):
                line = row(out, p * size + h * width, width)
                for w in range(width):
                    line[w] += sums[w]


# -- between elements -----------------------------------------------------------------------------------------


def resample_piece(x, inner, index, weight, out, part, parts):
    """out[o, i, :] = sum_t weight[i, t] x[o, index[i, t], :]"""
    m, taps = index.shape
    outer = out.size // (m * inner)
    start, stop = share(outer, part, parts)
    n = x.size // (outer * inner)
    for o in range(start, stop):
        if inner == 1:
            line, result = row(x, o * n, n), row(out, o * m, m)
            for i in range(m):
                total = result.dtype.type(0)
                for t in range(taps):
                    total += result.dtype.type(weight[i, t]) * line[index[i, t]]
                result[i] = total
        else:
            for i in range(m):
                result = row(out, (o * m + i) * inner, inner)
                result[:] = 0
                for t in range(taps):
                    line, w = row(x, (o * n + index[i, t]) * inner, inner), out.dtype.type(weight[i, t])
                    for e in range(inner):
                        result[e] += w * line[e]


def resample_backward_piece(dy, inner, index, weight, out, part, parts):
    """out[o, index[i, t], :] += weight[i, t] dy[o, i, :]        starting from zeros"""
    m, taps = index.shape
    outer = dy.size // (m * inner)
    start, stop = share(outer, part, parts)
    n = out.size // (outer * inner)
    for o in range(start, stop):
        row(out, o * n * inner, n * inner)[:] = 0
        for i in range(m):
            slopes = row(dy, (o * m + i) * inner, inner)
            for t in range(taps):
                result, w = row(out, (o * n + index[i, t]) * inner, inner), out.dtype.type(weight[i, t])
                for e in range(inner):
                    result[e] += w * slopes[e]


# -- functions of the contract --------------------------------------------------------------------------------

ALONG = (reads(int64), reads(int64), INDEX)  # a span
COUNTS = (reads(float64),) * 2


def _pools(name: str, piece, *others, result: np.dtype | None = None) -> Kernels:
    def build(dtype: np.dtype) -> Kernel:
        return Kernel(name, piece, (reads(dtype), INDEX, *ALONG, *ALONG, *others, writes(result or dtype)))

    return Kernels(build, FLOATS)


def _places(name: str, piece) -> Kernels:
    return Kernels(lambda dtype: Kernel(name, piece, (reads(dtype), reads(int64), INDEX, writes(dtype))), FLOATS)


def _between(name: str, piece) -> Kernels:
    def build(dtype: np.dtype) -> Kernel:
        table = reads(int64, 2), reads(float64, 2)
        return Kernel(name, piece, (reads(dtype), INDEX, *table, writes(dtype)))

    return Kernels(build, FLOATS)


_argmax = _pools("argmax_pool", argmax_piece, result=int64)
_mean = _pools("avg_pool", mean_piece, *COUNTS)
_spread = _pools("avg_pool_backward", spread_piece, *COUNTS)
_take, _put = _places("max_pool", take_piece), _places("max_pool_backward", put_piece)
_resample = _between("resample", resample_piece)
_resample_backward = _between("resample_backward", resample_backward_piece)

ONE = Span(np.zeros(1, int64), np.ones(1, int64), 1)


def compiled(x: Array, spans: Spans) -> bool:
    """Whether there is a kernel for that: for floats, lines and images, and not for nothing."""
    return x.dtype in FLOATS and len(spans) <= 2 and x.size > 0 and all(span.start.size for span in spans)


def is_whole(x: Array, spans: Spans) -> bool:
    """Whether there is one window, of all elements."""
    sizes = zip(x.shape[-len(spans) :], spans, strict=True)
    return all(
        len(span.start) == 1 and len(range(span.start[0], span.stop[0], span.step)) == n for n, span in sizes
    )


def flat(spans: Spans) -> list[Array | int]:
    """The numbers of two spans, of which the first is of lines."""
    return [number for span in (ONE, *spans)[-2:] for number in span]


def factors(counts: tuple[Array, ...]) -> list[Array]:
    return [count.astype(float64) for count in (np.ones(1), *counts)[-2:]]


def argmax_pool(x: Array, spans: Spans) -> Array:
    if not compiled(x, spans):
        return reference.argmax_pool(x, spans)
    out = np.empty((*x.shape[: x.ndim - len(spans)], *[len(span.start) for span in spans]), int64)
    _argmax[x.dtype](2 * x.size, x.ravel(), x.shape[-1], *flat(spans), out)
    return out


def max_pool(x: Array, index: Array, pooled: int) -> Array:
    if x.dtype not in FLOATS or not index.size:
        return reference.max_pool(x, index, pooled)
    out = np.empty(index.shape, x.dtype)
    planes = math.prod(x.shape[: x.ndim - pooled])
    _take[x.dtype](out.size, x.ravel(), index.ravel(), planes, out)
    return out


def max_pool_backward(dy: Array, index: Array, size: Dims) -> Array:
    if dy.dtype not in FLOATS or not dy.size:
        return reference.max_pool_backward(dy, index, size)
    lead = dy.shape[: dy.ndim - len(size)]
    out = np.empty((*lead, *size), dy.dtype)
    _put[dy.dtype](out.size, dy.ravel(), index.ravel(), math.prod(lead), out)
    return out


def avg_pool(x: Array, spans: Spans, counts: tuple[Array, ...]) -> Array:
    if not compiled(x, spans):
        return reference.avg_pool(x, spans, counts)
    if is_whole(x, spans):
        total = reduce.sum(x, tuple(range(x.ndim - len(spans), x.ndim)), True)
        total /= math.prod(int(count[0]) for count in counts)
        return total
    out = np.empty((*x.shape[: x.ndim - len(spans)], *[len(span.start) for span in spans]), x.dtype)
    _mean[x.dtype](2 * x.size, x.ravel(), x.shape[-1], *flat(spans), *factors(counts), out)
    return out


def avg_pool_backward(dy: Array, size: Dims, spans: Spans, counts: tuple[Array, ...]) -> Array:
    if not compiled(dy, spans):
        return reference.avg_pool_backward(dy, size, spans, counts)
    out = np.empty((*dy.shape[: dy.ndim - len(size)], *size), dy.dtype)
    _spread[dy.dtype](2 * out.size, dy.ravel(), size[-1], *flat(spans), *factors(counts), out)
    return out


def resample(x: Array, dim: int, index: Array, weight: Array) -> Array:
    if x.dtype not in FLOATS or not x.size:
        return reference.resample(x, dim, index, weight)
    out = np.empty((*x.shape[:dim], len(index), *x.shape[dim + 1 :]), x.dtype)
    inner = math.prod(x.shape[dim + 1 :])
    _resample[x.dtype](2 * out.size, x.ravel(), inner, index, weight, out)
    return out


def resample_backward(dy: Array, dim: int, size: int, index: Array, weight: Array) -> Array:
    if dy.dtype not in FLOATS or not dy.size:
        return reference.resample_backward(dy, dim, size, index, weight)
    out = np.empty((*dy.shape[:dim], size, *dy.shape[dim + 1 :]), dy.dtype)
    inner = math.prod(dy.shape[dim + 1 :])
    _resample_backward[dy.dtype](2 * dy.size, dy.ravel(), inner, index, weight, out)
    return out
