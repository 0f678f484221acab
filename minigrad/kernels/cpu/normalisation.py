"""Norms and the way back: x is seen as (outer, groups, inner), its elements numbered along memory.

A group is what is brought to mean 0 together: a row for a layer norm (outer = 1), a channel of every image for a
batch norm. The weight of element i is ``weight[i // after % weight.size]``: ``after`` is 1 for a layer norm, and
the size of an image for a batch or group norm.

=============  ======================================================  ===================================
               loop                                                    threads share
=============  ======================================================  ===================================
inner > 1      two passes over ``x[:, g, :]``, one group at a time     groups
inner = 1      two passes over ``x``, all groups side by side          columns: reads go along memory
=============  ======================================================  ===================================

The first pass finds mean and variance together, from the deviations of the group's first element: its own from
the mean is at most n^(1/2) standard deviations, so little is lost in the difference (Chan, Golub and LeVeque,
"Algorithms for computing the sample variance", 1983). Sums are made in float64, as in ``reduce.py``.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numba import types

from minigrad.kernels import Array, Dims, reference
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.math import FLOATS
from minigrad.kernels.cpu.memory import reads, row, share, writes
from minigrad.kernels.cpu.reduce import INDEX, SHORT, compiled, deviations_short, in_lanes
from minigrad.kernels.cpu.threads import Kernel, Kernels

__all__ = ["normalise", "normalise_backward", "normalise_sums"]

CHUNKS = 32  # of groups, for each of which there are sums of its own: they depend on no number of threads
WORTH = 16  # elements to be added up for each sum of a chunk


# -- one group ------------------------------------------------------------------------------------------------


@inline
def group_moments(x, outer, groups, inner, g):
    """Mean and variance of ``x[:, g, :]``."""
    n, origin = outer * inner, np.float64(x[g * inner])
    total = squares = 0.0
    for o in range(outer):
        line = row(x, (o * groups + g) * inner, inner)
        for i in range(0, inner, SHORT):
            t, s = deviations_short(row(line, i, min(SHORT, inner - i)), origin)
            total += t
            squares += s
    return origin + total / n, max((squares - total * total / n) / n, 0.0)


@in_lanes
def products_short(dy, x, mean):
    total = both = 0.0
    for i in range(x.size):
        d = np.float64(dy[i])
        total += d
        both += d * (np.float64(x[i]) - mean)
    return total, both


@in_lanes
def weighted_short(dy, x, w, mean):
    total = both = 0.0
    for i in range(x.size):
        d = np.float64(dy[i]) * np.float64(w[i])
        total += d
        both += d * (np.float64(x[i]) - mean)
    return total, both


@inline
def products(dy, x, mean):
    """sum dy, and sum dy (x - mean)."""
    total = both = 0.0
    for i in range(0, x.size, SHORT):
        n = min(SHORT, x.size - i)
        t, b = products_short(row(dy, i, n), row(x, i, n), mean)
        total += t
        both += b
    return total, both


@inline
def weighted_products(dy, x, w, mean):
    """The same with dy w for dy."""
    total = both = 0.0
    for i in range(0, x.size, SHORT):
        n = min(SHORT, x.size - i)
        t, b = weighted_short(row(dy, i, n), row(x, i, n), row(w, i, n), mean)
        total += t
        both += b
    return total, both


# -- loops over groups ----------------------------------------------------------------------------------------


def groups_piece(x, weight, bias, outer, groups, inner, after, eps, means, variances, out, part, parts):
    real = out.dtype.type
    start, stop = share(groups, part, parts)
    run = min(after, inner)  # elements of one weight
    for g in range(start, stop):
        mean, variance = group_moments(x, outer, groups, inner, g)
        means[g], variances[g] = mean, variance
        centre, factor = real(mean), real(1 / math.sqrt(variance + eps))
        for o in range(outer):
            first = (o * groups + g) * inner
            if run == 1:
                j = first % weight.size
                line, result = row(x, first, inner), row(out, first, inner)
                w, b = row(weight, j, inner), row(bias, j, inner)
                for i in range(inner):
                    result[i] = (line[i] - centre) * factor * w[i] + b[i]
            else:
                for begin in range(first, first + inner, run):
                    j = begin // after % weight.size
                    line, result = row(x, begin, run), row(out, begin, run)
                    slope, shift = factor * weight[j], bias[j]
                    for i in range(run):
                        result[i] = (line[i] - centre) * slope + shift


def groups_backward_piece(dy, x, weight, outer, groups, inner, after, eps, out, part, parts):
    """out = (d - mean d - x_hat mean(d x_hat)) factor, with d = dy w and x_hat = (x - mean) factor."""
    real = out.dtype.type
    start, stop = share(groups, part, parts)
    n, run = outer * inner, min(after, inner)
    for g in range(start, stop):
        mean, variance = group_moments(x, outer, groups, inner, g)
        scale, total, both = 1 / math.sqrt(variance + eps), 0.0, 0.0
        for o in range(outer):
            first = (o * groups + g) * inner
            if run == 1:
                w = row(weight, first % weight.size, inner)
                t, b = weighted_products(row(dy, first, inner), row(x, first, inner), w, mean)
                total += t
                both += b
            else:
                for begin in range(first, first + inner, run):
                    w = np.float64(weight[begin // after % weight.size])
                    t, b = products(row(dy, begin, run), row(x, begin, run), mean)
                    total += w * t
                    both += w * b
        centre, factor = real(mean), real(scale)
        shift, slope = real(total / n), real(both * scale * scale / n)
        for o in range(outer):
            first = (o * groups + g) * inner
            if run == 1:
                line, slopes, result = row(x, first, inner), row(dy, first, inner), row(out, first, inner)
                w = row(weight, first % weight.size, inner)
                for i in range(inner):
                    result[i] = (slopes[i] * w[i] - shift - (line[i] - centre) * slope) * factor
            else:
                for begin in range(first, first + inner, run):
                    w = weight[begin // after % weight.size]
                    line, slopes, result = row(x, begin, run), row(dy, begin, run), row(out, begin, run)
                    for i in range(run):
                        result[i] = (slopes[i] * w - shift - (line[i] - centre) * slope) * factor


def groups_sums_piece(dy, x, size, outer, groups, inner, after, eps, out, part, parts):
    """out (chunks, 2, size), at first 0: for a chunk of groups the sums of dy x_hat, and of dy."""
    chunks, run = out.size // (2 * size), min(after, inner)
    first_chunk, last_chunk = share(chunks, part, parts)
    for chunk in range(first_chunk, last_chunk):
        by_x, alone = row(out, 2 * chunk * size, size), row(out, (2 * chunk + 1) * size, size)
        start, stop = share(groups, chunk, chunks)
        for g in range(start, stop):
            mean, variance = group_moments(x, outer, groups, inner, g)
            scale = 1 / math.sqrt(variance + eps)
            for o in range(outer):
                first = (o * groups + g) * inner
                if run == 1:
                    line, slopes, j = row(x, first, inner), row(dy, first, inner), first % size
                    a, b = row(by_x, j, inner), row(alone, j, inner)
                    for i in range(inner):
                        d = np.float64(slopes[i])
                        a[i] += d * ((np.float64(line[i]) - mean) * scale)
                        b[i] += d
                else:
                    for begin in range(first, first + inner, run):
                        t, both = products(row(dy, begin, run), row(x, begin, run), mean)
                        j = begin // after % size
                        by_x[j] += both * scale
                        alone[j] += t


# -- loops over columns, for inner = 1 ------------------------------------------------------------------------


@inline
def column_moments(x, outer, groups, start, width, mean, variance):
    """Mean and variance of ``x[:, start : start + width]``, written where the last two arguments say."""
    origin = row(x, start, width)
    mean[:], variance[:] = 0.0, 0.0
    for o in range(outer):
        line = row(x, o * groups + start, width)
        for j in range(width):
            d = np.float64(line[j]) - np.float64(origin[j])
            mean[j] += d
            variance[j] += d * d
    for j in range(width):
        variance[j] = max((variance[j] - mean[j] * mean[j] / outer) / outer, 0.0)
        mean[j] = mean[j] / outer + np.float64(origin[j])


def columns_piece(x, weight, bias, outer, groups, eps, means, variances, out, part, parts):
    start, stop = share(groups, part, parts)
    width, real = stop - start, out.dtype.type
    mean, variance = np.empty((2, width))
    column_moments(x, outer, groups, start, width, mean, variance)
    centre, slope = np.empty((2, width), out.dtype)
    w, shift = row(weight, start, width), row(bias, start, width)
    for j in range(width):
        means[start + j], variances[start + j] = mean[j], variance[j]
        centre[j], slope[j] = mean[j], real(1 / math.sqrt(variance[j] + eps)) * w[j]
    for o in range(outer):
        line, result = row(x, o * groups + start, width), row(out, o * groups + start, width)
        for j in range(width):
            result[j] = (line[j] - centre[j]) * slope[j] + shift[j]


@inline
def column_products(dy, x, outer, groups, start, width, mean, total, both):
    """Of each column, sum dy and sum dy (x - mean), written into the last two arguments."""
    total[:], both[:] = 0.0, 0.0
    for o in range(outer):
        line, slopes = row(x, o * groups + start, width), row(dy, o * groups + start, width)
        for j in range(width):
            d = np.float64(slopes[j])
            total[j] += d
            both[j] += d * (np.float64(line[j]) - mean[j])


def columns_backward_piece(dy, x, weight, outer, groups, eps, out, part, parts):
    start, stop = share(groups, part, parts)
    width, real = stop - start, out.dtype.type
    mean, variance, total, both = np.empty((4, width))
    column_moments(x, outer, groups, start, width, mean, variance)
    column_products(dy, x, outer, groups, start, width, mean, total, both)
    centre, shift, slope, factor = np.empty((4, width), out.dtype)
    w = row(weight, start, width)
    for j in range(width):
        scale = 1 / math.sqrt(variance[j] + eps)
        centre[j], factor[j] = mean[j], real(scale) * w[j]
        shift[j], slope[j] = total[j] / outer, both[j] * scale * scale / outer
    for o in range(outer):
        line, slopes = row(x, o * groups + start, width), row(dy, o * groups + start, width)
        result = row(out, o * groups + start, width)
        for j in range(width):
            result[j] = (slopes[j] - shift[j] - (line[j] - centre[j]) * slope[j]) * factor[j]


def columns_sums_piece(dy, x, outer, groups, eps, out, part, parts):
    """out (2, groups): of each column the sums of dy x_hat, and of dy."""
    start, stop = share(groups, part, parts)
    width = stop - start
    mean, variance = np.empty((2, width))
    column_moments(x, outer, groups, start, width, mean, variance)
    by_x, alone = row(out, start, width), row(out, groups + start, width)
    column_products(dy, x, outer, groups, start, width, mean, alone, by_x)
    for j in range(width):
        by_x[j] /= math.sqrt(variance[j] + eps)


# -- functions of the contract --------------------------------------------------------------------------------


@functools.lru_cache(1024)
def as_groups(shape: Dims, dims: Dims, weight: Dims) -> tuple[int, int, int, int] | None:
    """(outer, groups, inner, after), where neither dims nor weight jump over a dimension."""
    ndim = len(shape)
    if not math.prod(shape):
        return None
    outer, groups, inner = _around([d for d in range(ndim) if d not in dims], shape)
    own = [d + ndim - len(weight) for d, n in enumerate(weight) if n != 1]
    before, size, after = _around(own, shape) if own else (1, 1, math.prod(shape))
    if outer * groups * inner != math.prod(shape) or before * size * after != math.prod(shape):
        return None
    if inner == 1:
        fits = size in (1, groups)
    else:
        fits = size % inner == 0 if after == 1 else after % inner == 0 or inner % after == 0
    return (outer, groups, inner, after) if fits else None


def _around(dims: list[int], shape: Dims) -> tuple[int, int, int]:
    """How many elements before, in and after these dims; too few of them, where the dims are no neighbours."""
    first, last = (dims[0], dims[-1] + 1) if dims else (0, 0)
    return math.prod(shape[:first]), math.prod(shape[d] for d in dims), math.prod(shape[last:])


FLOAT = types.float64


def _kernel(name: str, piece, operands: int, sizes: int, results: int, *, wide: bool = False) -> Kernels:
    def build(dtype: np.dtype) -> Kernel:
        result = writes(np.dtype(np.float64) if wide else dtype)
        return Kernel(name, piece, (*[reads(dtype)] * operands, *[INDEX] * sizes, FLOAT, *[result] * results))

    return Kernels(build, FLOATS)


_groups = _kernel("normalise_groups", groups_piece, 3, 4, 3)
_groups_backward = _kernel("normalise_groups_backward", groups_backward_piece, 3, 4, 1)
_groups_sums = _kernel("normalise_groups_sums", groups_sums_piece, 2, 5, 1, wide=True)
_columns = _kernel("normalise_columns", columns_piece, 3, 2, 3)
_columns_backward = _kernel("normalise_columns_backward", columns_backward_piece, 3, 2, 1)
_columns_sums = _kernel("normalise_columns_sums", columns_sums_piece, 2, 2, 1, wide=True)


def normalise(x: Array, weight: Array, bias: Array, dims: Dims, eps: float) -> tuple[Array, Array, Array]:
    if weight.shape != bias.shape:
        weight, bias = np.broadcast_arrays(weight, bias)
    sizes = as_groups(x.shape, dims, weight.shape) if compiled(x) else None
    if sizes is None:
        return reference.normalise(x, weight, bias, dims, eps)
    outer, groups, inner, after = sizes
    shape = tuple(n for d, n in enumerate(x.shape) if d not in dims)
    out, mean, variance = np.empty(x.shape, x.dtype), np.empty(shape, x.dtype), np.empty(shape, x.dtype)
    results = mean.ravel(), variance.ravel(), out.ravel()
    if inner == 1:
        operands = x.ravel(), _each(weight, groups), _each(bias, groups)
        _columns[x.dtype](4 * x.size, *operands, outer, groups, eps, *results)
    else:
        operands = x.ravel(), weight.ravel(), bias.ravel()
        _groups[x.dtype](4 * x.size, *operands, outer, groups, inner, after, eps, *results)
    return out, mean, variance


def normalise_backward(dy: Array, x: Array, weight: Array, dims: Dims, eps: float) -> Array:
    sizes = as_groups(x.shape, dims, weight.shape) if compiled(x) else None
    if sizes is None:
        return reference.normalise_backward(dy, x, weight, dims, eps)
    outer, groups, inner, after = sizes
    out = np.empty(x.shape, x.dtype)
    if inner == 1:
        operands = dy.ravel(), x.ravel(), _each(weight, groups)
        _columns_backward[x.dtype](6 * x.size, *operands, outer, groups, eps, out.ravel())
    else:
        operands = dy.ravel(), x.ravel(), weight.ravel()
        _groups_backward[x.dtype](6 * x.size, *operands, outer, groups, inner, after, eps, out.ravel())
    return out


def normalise_sums(dy: Array, x: Array, shape: Dims, dims: Dims, eps: float) -> Array:
    sizes = as_groups(x.shape, dims, shape) if compiled(x) else None
    size = math.prod(shape)
    if sizes is None or (sizes[2] == 1 and size != sizes[1]):  # columns with a weight for each
        return reference.normalise_sums(dy, x, shape, dims, eps)
    outer, groups, inner, after = sizes
    if inner == 1:
        sums = np.empty((2, *shape))
        _columns_sums[x.dtype](5 * x.size, dy.ravel(), x.ravel(), outer, groups, eps, sums.ravel())
        return sums.astype(x.dtype)
    chunks = max(1, min(CHUNKS, groups, x.size // (WORTH * size)))
    sums = np.zeros((chunks, 2, *shape))
    _groups_sums[x.dtype](5 * x.size, dy.ravel(), x.ravel(), size, outer, groups, inner, after, eps, sums.ravel())
    return sums.sum(0).astype(x.dtype)


def _each(weight: Array, groups: int) -> Array:
    """A number for each group."""
    return weight.ravel() if weight.size == groups else np.repeat(weight.ravel(), groups)
