"""Numbers brought to mean 0 and variance 1, and the way back: x is seen as (outer, groups, inner).

A group is what is brought to mean 0 together: a row for a layer norm (outer = 1), a channel of every image for a
batch norm. Threads share the groups.

=============  ======================================================  ===================================
               loop                                                    why
=============  ======================================================  ===================================
inner > 1      three passes over ``x[:, g, :]``, one group at a time    a group stays in the caches
inner = 1      three passes over ``x``, all groups side by side         reads go along memory
=============  ======================================================  ===================================

Sums are made in float64, as in ``reduce.py``, with the correction of the variance that ``moments`` has.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from minigrad.kernels import Array, Dims, reference
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.math import FLOATS
from minigrad.kernels.cpu.memory import reads, row, share, writes
from minigrad.kernels.cpu.reduce import INDEX, SHORT, compiled, deviations_short, in_lanes, sum_row
from minigrad.kernels.cpu.threads import Kernel, Kernels

__all__ = ["normalise", "normalise_backward"]


# -- one group ------------------------------------------------------------------------------------------------


@inline
def group_moments(x, outer, groups, inner, g, eps):
    """The mean of ``x[:, g, :]``, and 1 / (variance + eps)^(1/2)."""
    n = outer * inner
    total = 0.0
    for o in range(outer):
        total += sum_row(row(x, (o * groups + g) * inner, inner))
    mean = total / n
    total = squares = 0.0
    for o in range(outer):
        line = row(x, (o * groups + g) * inner, inner)
        for i in range(0, inner, SHORT):
            t, s = deviations_short(row(line, i, min(SHORT, inner - i)), mean)
            total += t
            squares += s
    return mean, 1 / math.sqrt((squares - total * total / n) / n + eps)


@in_lanes
def products_short(dy, x, mean):
    total = both = 0.0
    for i in range(x.size):
        d = np.float64(dy[i])
        total += d
        both += d * (np.float64(x[i]) - mean)
    return total, both


# -- loops ----------------------------------------------------------------------------------------------------


def groups_piece(x, outer, groups, inner, eps, out, part, parts):
    real = out.dtype.type
    start, stop = share(groups, part, parts)
    for g in range(start, stop):
        mean, scale = group_moments(x, outer, groups, inner, g, eps)
        centre, factor = real(mean), real(scale)
        for o in range(outer):
            first = (o * groups + g) * inner
            line, result = row(x, first, inner), row(out, first, inner)
            for i in range(inner):
                result[i] = (line[i] - centre) * factor


def groups_backward_piece(dy, x, outer, groups, inner, eps, out, part, parts):
    """out = (dy - mean dy - y mean(dy y)) scale, with y = (x - mean) scale."""
    real = out.dtype.type
    start, stop = share(groups, part, parts)
    n = outer * inner
    for g in range(start, stop):
        mean, scale = group_moments(x, outer, groups, inner, g, eps)
        total = both = 0.0
        for o in range(outer):
            first = (o * groups + g) * inner
            for i in range(first, first + inner, SHORT):
                width = min(SHORT, first + inner - i)
                t, b = products_short(row(dy, i, width), row(x, i, width), mean)
                total += t
                both += b
        centre, factor = real(mean), real(scale)
        shift, slope = real(total / n), real(both * scale * scale / n)
        for o in range(outer):
            first = (o * groups + g) * inner
            line, slopes, result = row(x, first, inner), row(dy, first, inner), row(out, first, inner)
            for i in range(inner):
                result[i] = (slopes[i] - shift - (line[i] - centre) * slope) * factor


@inline
def column_moments(x, outer, groups, start, width, eps, mean, scale, total):
    """The same as ``group_moments`` for ``x[:, start : start + width]``, written into ``mean`` and ``scale``."""
    mean[:], scale[:], total[:] = 0.0, 0.0, 0.0
    for o in range(outer):
        line = row(x, o * groups + start, width)
        for j in range(width):
            mean[j] += line[j]
    for j in range(width):
        mean[j] /= outer
    for o in range(outer):
        line = row(x, o * groups + start, width)
        for j in range(width):
            d = line[j] - mean[j]
            total[j] += d
            scale[j] += d * d
    for j in range(width):
        scale[j] = 1 / math.sqrt((scale[j] - total[j] * total[j] / outer) / outer + eps)


def columns_piece(x, outer, groups, eps, out, part, parts):
    start, stop = share(groups, part, parts)
    width = stop - start
    mean, scale, total = np.empty((3, width))
    column_moments(x, outer, groups, start, width, eps, mean, scale, total)
    for o in range(outer):
        line, result = row(x, o * groups + start, width), row(out, o * groups + start, width)
        for j in range(width):
            result[j] = (line[j] - mean[j]) * scale[j]


def columns_backward_piece(dy, x, outer, groups, eps, out, part, parts):
    start, stop = share(groups, part, parts)
    width = stop - start
    mean, scale, total, both = np.empty((4, width))
    column_moments(x, outer, groups, start, width, eps, mean, scale, total)
    total[:], both[:] = 0.0, 0.0
    for o in range(outer):
        line, slopes = row(x, o * groups + start, width), row(dy, o * groups + start, width)
        for j in range(width):
            total[j] += slopes[j]
            both[j] += slopes[j] * (line[j] - mean[j])
    for j in range(width):
        total[j] /= outer
        both[j] *= scale[j] * scale[j] / outer
    for o in range(outer):
        line, slopes = row(x, o * groups + start, width), row(dy, o * groups + start, width)
        result = row(out, o * groups + start, width)
        for j in range(width):
            result[j] = (slopes[j] - total[j] - (line[j] - mean[j]) * both[j]) * scale[j]


# -- functions of the contract --------------------------------------------------------------------------------


def as_groups(shape: Dims, dims: Dims) -> tuple[int, int, int] | None:
    """``shape`` as (outer, groups, inner), if the dims that are not normalised are neighbours."""
    kept = [d for d in range(len(shape)) if d not in dims]
    first, last = (kept[0], kept[-1] + 1) if kept else (0, 0)
    if last - first != len(kept):
        return None
    return math.prod(shape[:first]), math.prod(shape[first:last]), math.prod(shape[last:])


FLOAT = types.float64


def _groups(dtype: np.dtype) -> Kernel:
    return Kernel("normalise_groups", groups_piece, (reads(dtype), INDEX, INDEX, INDEX, FLOAT, writes(dtype)))


def _columns(dtype: np.dtype) -> Kernel:
    return Kernel("normalise_columns", columns_piece, (reads(dtype), INDEX, INDEX, FLOAT, writes(dtype)))


def _groups_backward(dtype: np.dtype) -> Kernel:
    takes = (reads(dtype), reads(dtype), INDEX, INDEX, INDEX, FLOAT, writes(dtype))
    return Kernel("normalise_groups_backward", groups_backward_piece, takes)


def _columns_backward(dtype: np.dtype) -> Kernel:
    takes = (reads(dtype), reads(dtype), INDEX, INDEX, FLOAT, writes(dtype))
    return Kernel("normalise_columns_backward", columns_backward_piece, takes)


_in_groups, _in_columns = Kernels(_groups, FLOATS), Kernels(_columns, FLOATS)
_in_groups_backward, _in_columns_backward = Kernels(_groups_backward, FLOATS), Kernels(_columns_backward, FLOATS)


def normalise(x: Array, dims: Dims, eps: float) -> Array:
    sizes = as_groups(x.shape, dims) if compiled(x) else None
    if sizes is None:
        return reference.normalise(x, dims, eps)
    out = np.empty(x.shape, x.dtype)
    outer, groups, inner = sizes
    if inner == 1:
        _in_columns[x.dtype](4 * x.size, x.ravel(), outer, groups, eps, out.ravel())
    else:
        _in_groups[x.dtype](4 * x.size, x.ravel(), outer, groups, inner, eps, out.ravel())
    return out


def normalise_backward(dy: Array, x: Array, dims: Dims, eps: float) -> Array:
    sizes = as_groups(x.shape, dims) if compiled(x) else None
    if sizes is None:
        return reference.normalise_backward(dy, x, dims, eps)
    out = np.empty(x.shape, x.dtype)
    outer, groups, inner = sizes
    if inner == 1:
        _in_columns_backward[x.dtype](6 * x.size, dy.ravel(), x.ravel(), outer, groups, eps, out.ravel())
    else:
        _in_groups_backward[x.dtype](6 * x.size, dy.ravel(), x.ravel(), outer, groups, inner, eps, out.ravel())
    return out
