"""Norms of (outer, groups), all groups side by side, as the columns that they are; see ``normalisation.py``."""

from __future__ import annotations

import math

import numpy as np

from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.memory import row, share
from minigrad.kernels.cpu.norm_groups import is_doubtful


@inline
def column_moments(x, outer, groups, start, width, mean, variance):
    """Mean and variance of ``x[:, start : start + width]``, written where the last two arguments say."""
    origin = row(x, start, width)
    mean[:], variance[:] = 0.0, 0.0
    for o in range(0, outer // 4 * 4, 4):  # four are added up in their own dtype
        a, b, c, d = four_lines(x, o * groups + start, groups, width)
        for j in range(width):
            p, q, r, s = a[j] - origin[j], b[j] - origin[j], c[j] - origin[j], d[j] - origin[j]
            mean[j] += np.float64((p + q) + (r + s))
            variance[j] += np.float64((p * p + q * q) + (r * r + s * s))
    for o in range(outer // 4 * 4, outer):
        line = row(x, o * groups + start, width)
        for j in range(width):
            p = line[j] - origin[j]
            mean[j] += p
            variance[j] += p * p
    doubts = 0
    for j in range(width):
        off = mean[j] / outer
        variance[j] = max((variance[j] - mean[j] * off) / outer, 0.0)
        mean[j] = off + np.float64(origin[j])
        doubts += is_doubtful(off, variance[j])
    if doubts:
        mean[:] = 0.0
        shift = np.empty(width)
        for _ in range(2):  # the means, then the deviations from them, in float64
            shift[:], variance[:] = 0.0, 0.0
            for o in range(outer):
                line = row(x, o * groups + start, width)
                for j in range(width):
                    p = np.float64(line[j]) - mean[j]
                    shift[j] += p
                    variance[j] += p * p
            for j in range(width):
                mean[j] += shift[j] / outer
        for j in range(width):
            variance[j] = max((variance[j] - shift[j] * shift[j] / outer) / outer, 0.0)


@inline
def four_lines(x, first, groups, width):
    return (
        row(x, first, width),
        row(x, first + groups, width),
        row(x, first + 2 * groups, width),
        row(x, first + 3 * groups, width),
    )


def columns_piece(x, weight, bias, outer, groups, eps, means, variances, out, part, parts):
    start, stop = share(groups, part, parts)
    width, real = stop - start, out.dtype.type
    mean, variance = np.empty(width), np.empty(width)
    column_moments(x, outer, groups, start, width, mean, variance)
    centre, slope = np.empty(width, out.dtype), np.empty(width, out.dtype)
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
    centre = np.empty(width, x.dtype)
    for j in range(width):
        centre[j], total[j], both[j] = mean[j], 0.0, 0.0
    for o in range(0, outer // 4 * 4, 4):
        x0, x1, x2, x3 = four_lines(x, o * groups + start, groups, width)
        d0, d1, d2, d3 = four_lines(dy, o * groups + start, groups, width)
        for j in range(width):
            total[j] += np.float64((d0[j] + d1[j]) + (d2[j] + d3[j]))
        for j in range(width):
            left = d0[j] * (x0[j] - centre[j]) + d1[j] * (x1[j] - centre[j])
            right = d2[j] * (x2[j] - centre[j]) + d3[j] * (x3[j] - centre[j])
            both[j] += np.float64(left + right)
    for o in range(outer // 4 * 4, outer):
        line, slopes = row(x, o * groups + start, width), row(dy, o * groups + start, width)
        for j in range(width):
            total[j] += slopes[j]
            both[j] += slopes[j] * (line[j] - centre[j])
    for j in range(width):  # what the rounding of the mean has added
        both[j] += (np.float64(centre[j]) - mean[j]) * total[j]


def columns_backward_piece(dy, x, weight, outer, groups, eps, out, part, parts):
    start, stop = share(groups, part, parts)
    width, real = stop - start, out.dtype.type
    mean, variance, total, both = np.empty(width), np.empty(width), np.empty(width), np.empty(width)
    column_moments(x, outer, groups, start, width, mean, variance)
    column_products(dy, x, outer, groups, start, width, mean, total, both)
    centre, shift = np.empty(width, out.dtype), np.empty(width, out.dtype)
    slope, factor = np.empty(width, out.dtype), np.empty(width, out.dtype)
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
    mean, variance = np.empty(width), np.empty(width)
    column_moments(x, outer, groups, start, width, mean, variance)
    by_x, alone = row(out, start, width), row(out, groups + start, width)
    column_products(dy, x, outer, groups, start, width, mean, alone, by_x)
    for j in range(width):
        by_x[j] /= math.sqrt(variance[j] + eps)
