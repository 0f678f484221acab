"""Norms of (outer, groups), all groups side by side, as the columns that they are; see ``normalisation.py``."""

from __future__ import annotations

import math

import numpy as np

from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.memory import row, share


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
