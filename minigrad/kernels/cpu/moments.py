"""The mean and the variance of n elements together."""

from __future__ import annotations

import numpy as np

from minigrad.dtypes import FLOATS
from minigrad.kernels import Array, Dims, reference
from minigrad.kernels.cpu.memory import INDEX, compiled, reads, row, share, writes
from minigrad.kernels.cpu.reduce import COLUMNS, fold
from minigrad.kernels.cpu.row_sums import deviations_row, sum_row
from minigrad.kernels.cpu.threads import Kernel, Kernels

__all__ = ["moments"]


def rows_piece(x, n, mean, variance, part, parts):
    """The mean of a row, then its squared deviations, which are few enough to be in the caches still.

    What the rounding of the mean adds to the variance is taken out: the deviations would add up to 0 (Chan, Golub
    and LeVeque, "Algorithms for computing the sample variance", 1983).
    """
    start, stop = share(mean.size, part, parts)
    for r in range(start, stop):
        line = row(x, r * n, n)
        centre = sum_row(line) / n
        total, squares = deviations_row(line, centre)
        mean[r] = centre
        variance[r] = (squares - total * total / n) / n


def columns_piece(x, outer, n, inner, mean, variance, part, parts):
    """The same for columns, many at once."""
    start, stop = share(outer * inner, part, parts)
    means, totals, squares = np.empty((3, min(COLUMNS, stop - start)))
    while start < stop:
        o, left = start // inner, start % inner
        width = min(COLUMNS, inner - left, stop - start)
        m, t, s = row(means, 0, width), row(totals, 0, width), row(squares, 0, width)
        for j in range(width):
            m[j], t[j], s[j] = 0.0, 0.0, 0.0
        for k in range(n):
            line = row(x, (o * n + k) * inner + left, width)
            for j in range(width):
                m[j] += line[j]
        for j in range(width):
            m[j] /= n
        for k in range(n):
            line = row(x, (o * n + k) * inner + left, width)
            for j in range(width):
                d = line[j] - m[j]
                t[j] += d
                s[j] += d * d
        for j in range(width):
            mean[start + j], variance[start + j] = m[j], (s[j] - t[j] * t[j] / n) / n
        start += width


def _build_rows(dtype: np.dtype) -> Kernel:
    return Kernel("moments_rows", rows_piece, (reads(dtype), INDEX, writes(dtype), writes(dtype)))


def _build_columns(dtype: np.dtype) -> Kernel:
    takes = (reads(dtype), INDEX, INDEX, INDEX, writes(dtype), writes(dtype))
    return Kernel("moments_columns", columns_piece, takes)


_along_rows, _along_columns = Kernels(_build_rows, FLOATS), Kernels(_build_columns, FLOATS)


def moments(x: Array, dims: Dims, keepdim: bool) -> tuple[Array, Array]:
    if not compiled(x):
        return reference.moments(x, dims, keepdim)
    flat_x, (outer, n, inner), shape = fold(x, dims, keepdim)
    mean, variance = np.empty(shape, x.dtype), np.empty(shape, x.dtype)
    if inner == 1:
        _along_rows[x.dtype](2 * x.size, flat_x, n, mean, variance)
    else:
        _along_columns[x.dtype](2 * x.size, flat_x, outer, n, inner, mean, variance)
    return mean, variance
