"""Norms and the way back: x is seen as (outer, groups, inner), its elements numbered along memory.

A group is what is brought to mean 0 together: a row for a layer norm (outer = 1), a channel of every image for a
batch norm. The weight of element i is ``weight[i // after % weight.size]``: ``after`` is 1 for a layer norm, and
the size of an image for a batch or group norm.

=============  ======================================================  ===================================
               loop                                                    threads share
=============  ======================================================  ===================================
inner > 1      two passes over ``x[:, g, :]``, one group at a time     groups; ``norm_groups.py``
inner = 1      two passes over ``x``, all groups side by side, so      columns; ``norm_columns.py``
               that reads go along memory
=============  ======================================================  ===================================

The first pass finds mean and variance together, from the deviations of the group's first element, or of the
mean of four. That is at most n^(1/2) standard deviations from the mean, so little is lost in the difference
(Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983). Short sums are made in the
dtype of x, and added in float64, as in ``row_sums.py``.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numba import types

from minigrad.dtypes import FLOATS, float64
from minigrad.kernels import Array, Dims, reference
from minigrad.kernels.cpu.memory import INDEX, compiled, reads, row, share, writes
from minigrad.kernels.cpu.norm_columns import columns_backward_piece, columns_piece, columns_sums_piece
from minigrad.kernels.cpu.norm_groups import groups_backward_piece, groups_piece, groups_sums_piece
from minigrad.kernels.cpu.threads import Kernel, Kernels

__all__ = ["normalise", "normalise_backward", "normalise_by", "normalise_sums"]

CHUNKS = 32  # of groups, for each of which there are sums of its own: they depend on no number of threads
WORTH = 16  # elements to be added up for each sum of a chunk


# -- with moments that are given ------------------------------------------------------------------------------


def given_piece(x, mean, slope, bias, after, out, part, parts):
    """Runs of ``after`` elements share mean, slope and bias; where it is 1, rows have one of these each."""
    size = mean.size
    if after == 1:
        start, stop = share(x.size // size, part, parts)
        for r in range(start, stop):
            line, result = row(x, r * size, size), row(out, r * size, size)
            for j in range(size):
                result[j] = (line[j] - mean[j]) * slope[j] + bias[j]
    else:
        start, stop = share(x.size // after, part, parts)
        for r in range(start, stop):
            line, result, j = row(x, r * after, after), row(out, r * after, after), r % size
            for i in range(after):
                result[i] = (line[i] - mean[j]) * slope[j] + bias[j]


# -- functions of the contract --------------------------------------------------------------------------------


@functools.lru_cache(1024)
def as_groups(shape: Dims, dims: Dims, weight: Dims) -> tuple[int, int, int, int] | None:
    """(outer, groups, inner, after), where neither dims nor weight jump over a dimension."""
    if not math.prod(shape):
        return None
    outer, groups, inner = _around([d for d in range(len(shape)) if d not in dims], shape)
    before, size, after = as_runs(shape, weight)
    if outer * groups * inner != math.prod(shape) or before * size * after != math.prod(shape):
        return None
    if inner == 1:
        fits = size in (1, groups)
    else:
        fits = size % inner == 0 if after == 1 else after % inner == 0 or inner % after == 0
    return (outer, groups, inner, after) if fits else None


@functools.lru_cache(1024)
def as_runs(shape: Dims, weight: Dims) -> tuple[int, int, int]:
    """How often a weight is repeated, how many there are, and how many neighbours share one."""
    own = [d + len(shape) - len(weight) for d, n in enumerate(weight) if n != 1]
    return _around(own, shape) if own else (1, 1, math.prod(shape))


def _around(dims: list[int], shape: Dims) -> tuple[int, int, int]:
    """How many elements before, in and after these dims; too few of them, where the dims are no neighbours."""
    first, last = (dims[0], dims[-1] + 1) if dims else (0, 0)
    return math.prod(shape[:first]), math.prod(shape[d] for d in dims), math.prod(shape[last:])


def _given_kernel(dtype: np.dtype) -> Kernel:
    return Kernel("normalise_given", given_piece, (*[reads(dtype)] * 4, INDEX, writes(dtype)))


def _kernel(name: str, piece, operands: int, sizes: int, results: int, *, wide: bool = False) -> Kernels:
    def build(dtype: np.dtype) -> Kernel:
        result = writes(float64 if wide else dtype)
        takes = (*[reads(dtype)] * operands, *[INDEX] * sizes, types.float64, *[result] * results)
        return Kernel(name, piece, takes)

    return Kernels(build, FLOATS)


_groups = _kernel("normalise_groups", groups_piece, 3, 4, 3)
_groups_backward = _kernel("normalise_groups_backward", groups_backward_piece, 3, 4, 1)
_groups_sums = _kernel("normalise_groups_sums", groups_sums_piece, 2, 5, 1, wide=True)
_columns = _kernel("normalise_columns", columns_piece, 3, 2, 3)
_columns_backward = _kernel("normalise_columns_backward", columns_backward_piece, 3, 2, 1)
_given = Kernels(_given_kernel, FLOATS)
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
    results = mean, variance, out
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
        _columns_backward[x.dtype](6 * x.size, *operands, outer, groups, eps, out)
    else:
        operands = dy.ravel(), x.ravel(), weight.ravel()
        _groups_backward[x.dtype](6 * x.size, *operands, outer, groups, inner, after, eps, out)
    return out


def normalise_by(x: Array, mean: Array, scale: Array, weight: Array, bias: Array) -> Array:
    slope = scale * weight
    runs, is_whole = as_runs(x.shape, slope.shape), mean.shape == slope.shape and compiled(x)
    if not is_whole or math.prod(runs) != x.size:
        return reference.normalise_by(x, mean, scale, weight, bias)
    out, shift = np.empty(x.shape, x.dtype), np.broadcast_to(bias, slope.shape)
    _given[x.dtype](2 * x.size, x.ravel(), mean.ravel(), slope.ravel(), shift.ravel(), runs[2], out)
    return out


def normalise_sums(dy: Array, x: Array, shape: Dims, dims: Dims, eps: float) -> Array:
    sizes = as_groups(x.shape, dims, shape) if compiled(x) else None
    size = math.prod(shape)
    if sizes is None or (sizes[2] == 1 and size != sizes[1]):  # columns with a weight for each
        return reference.normalise_sums(dy, x, shape, dims, eps)
    outer, groups, inner, after = sizes
    if inner == 1:
        sums = np.empty((2, *shape))
        _columns_sums[x.dtype](5 * x.size, dy.ravel(), x.ravel(), outer, groups, eps, sums)
        return sums.astype(x.dtype)
    chunks = max(1, min(CHUNKS, groups, x.size // (WORTH * size)))
    sums = np.zeros((chunks, 2, *shape))
    _groups_sums[x.dtype](5 * x.size, dy.ravel(), x.ravel(), size, outer, groups, inner, after, eps, sums)
    return sums.sum(0).astype(x.dtype)


def _each(weight: Array, groups: int) -> Array:
    """A number for each group."""
    return weight.ravel() if weight.size == groups else np.repeat(weight.ravel(), groups)
