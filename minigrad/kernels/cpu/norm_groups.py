"""Norms of (outer, groups, inner), one group ``x[:, g, :]`` after the other; see ``normalisation.py``."""

from __future__ import annotations

import math

import numpy as np

from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.memory import row, share
from minigrad.kernels.cpu.row_sums import SHORT, deviations_short, in_lanes

FAR = 64.0  # the square of so many standard deviations is how far the origin may be from the mean
SMALLEST, LARGEST = 1e-30, 1e30  # variances whose squares float32 can add up

# -- one group ------------------------------------------------------------------------------------------------


@in_lanes
def near_short(x, origin):
    total = squares = x.dtype.type(0)
    for i in range(x.size):
        d = x[i] - origin
        total += d
        squares += d * d
    return total, squares


@inline
def is_doubtful(shift, variance):
    """Whether the origin was too far from the mean for sums in float32, or squares too large or too small."""
    return not (shift * shift <= FAR * variance and variance < LARGEST) or 0.0 < variance < SMALLEST


@inline
def group_moments(x, outer, groups, inner, g):
    """Mean and variance of ``x[:, g, :]``. A few elements have a mean near that of all, or all is done again."""
    n, first = outer * inner, row(x, g * inner, inner)
    origin = ((first[0] + first[inner // 3]) + (first[inner * 2 // 3] + first[inner - 1])) * x.dtype.type(0.25)
    total = squares = 0.0
    for o in range(outer):
        line = row(x, (o * groups + g) * inner, inner)
        for i in range(0, inner, SHORT):
            t, s = near_short(row(line, i, min(SHORT, inner - i)), origin)
            total += np.float64(t)
            squares += np.float64(s)
    mean, variance = np.float64(origin) + total / n, max((squares - total * total / n) / n, 0.0)
    if is_doubtful(total / n, variance):
        mean = 0.0
        for _ in range(2):  # the mean, then the deviations from it
            total = squares = 0.0
            for o in range(outer):
                line = row(x, (o * groups + g) * inner, inner)
                for i in range(0, inner, SHORT):
                    t, s = deviations_short(row(line, i, min(SHORT, inner - i)), mean)
                    total += t
                    squares += s
            mean += total / n
        variance = max((squares - total * total / n) / n, 0.0)
    return mean, variance


@in_lanes
def products_short(dy, x, centre):
    total = both = x.dtype.type(0)
    for i in range(x.size):
        total += dy[i]
        both += dy[i] * (x[i] - centre)
    return total, both


@in_lanes
def weighted_short(dy, x, w, centre):
    total = both = x.dtype.type(0)
    for i in range(x.size):
        d = dy[i] * w[i]
        total += d
        both += d * (x[i] - centre)
    return total, both


@inline
def products(dy, x, mean):
    """sum dy, and sum dy (x - mean)."""
    centre, total, both = x.dtype.type(mean), 0.0, 0.0
    for i in range(0, x.size, SHORT):
        n = min(SHORT, x.size - i)
        t, b = products_short(row(dy, i, n), row(x, i, n), centre)
        total += t
        both += b
    return total, both + (np.float64(centre) - mean) * total


@inline
def weighted_products(dy, x, w, mean):
    """The same with dy w for dy."""
    centre, total, both = x.dtype.type(mean), 0.0, 0.0
    for i in range(0, x.size, SHORT):
        n = min(SHORT, x.size - i)
        t, b = weighted_short(row(dy, i, n), row(x, i, n), row(w, i, n), centre)
        total += t
        both += b
    return total, both + (np.float64(centre) - mean) * total


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


@inline
def slope_and_shift(line, eps):
    """The mean c in the dtype of a row, and what makes of ``x - c`` what ``x`` is without its exact mean."""
    mean, variance = group_moments(line, 1, 1, line.size, 0)
    centre, scale = line.dtype.type(mean), 1 / math.sqrt(variance + eps)
    return centre, line.dtype.type(scale), line.dtype.type((np.float64(centre) - mean) * scale)


@inline
def four_rows(dy, x, first, n, eps, by_x, alone):
    """What four rows add to the sums, which are read and written once for all of them."""
    x0, x1, x2, x3 = row(x, first, n), row(x, first + n, n), row(x, first + 2 * n, n), row(x, first + 3 * n, n)
    d0, d1, d2, d3 = row(dy, first, n), row(dy, first + n, n), row(dy, first + 2 * n, n), row(dy, first + 3 * n, n)
    (c0, s0, b0), (c1, s1, b1) = slope_and_shift(x0, eps), slope_and_shift(x1, eps)
    (c2, s2, b2), (c3, s3, b3) = slope_and_shift(x2, eps), slope_and_shift(x3, eps)
    for i in range(n):
        left = d0[i] * ((x0[i] - c0) * s0 + b0) + d1[i] * ((x1[i] - c1) * s1 + b1)
        right = d2[i] * ((x2[i] - c2) * s2 + b2) + d3[i] * ((x3[i] - c3) * s3 + b3)
        by_x[i] += np.float64(left + right)
    for i in range(n):
        alone[i] += np.float64((d0[i] + d1[i]) + (d2[i] + d3[i]))


def groups_sums_piece(dy, x, size, outer, groups, inner, after, eps, out, part, parts):
    """out (chunks, 2, size), at first 0: for a chunk of groups the sums of dy x_hat, and of dy."""
    chunks, run = out.size // (2 * size), min(after, inner)
    first_chunk, last_chunk = share(chunks, part, parts)
    for chunk in range(first_chunk, last_chunk):
        by_x, alone = row(out, 2 * chunk * size, size), row(out, (2 * chunk + 1) * size, size)
        start, stop = share(groups, chunk, chunks)
        while run == 1 and inner == size and outer == 1 and start + 4 <= stop:
            four_rows(dy, x, start * size, size, eps, by_x, alone)
            start += 4
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
