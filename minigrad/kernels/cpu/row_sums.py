"""What the elements of one row add up to: their sum, product, length, deviations from a centre.

Sums are as accurate as *pairwise* ones (Higham, "The accuracy of floating point summation", 1993): a short part of
a row is added up in vector lanes, with few additions one after another in the dtype of ``x``; then the parts are
added in float64.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numba import config

from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.memory import row

SHORT = 512  # elements added up in lanes, in their own dtype
FACTORS = 64  # elements multiplied in lanes

in_lanes = functools.partial(inline, fastmath={"reassoc", "nsz"})  # sums may be added in any order


@in_lanes
def sum_short(x):
    total = x.dtype.type(0)
    for i in range(x.size):
        total += x[i]
    return total


if config.DISABLE_JIT:  # plain Python has no lanes, and adding one number after another is less accurate

    def sum_short(x):
        return math.fsum(x) if np.isfinite(x).all() else x.sum()


@inline
def sum_row(x):
    total = 0.0
    for start in range(0, x.size, SHORT):
        total += sum_short(row(x, start, min(SHORT, x.size - start)))
    return total


@in_lanes
def product_short(x):
    product = 1.0
    for i in range(x.size):
        product *= np.float64(x[i])
    return product


@inline
def product_row(x):
    """In float64, and part by part: in lanes, factors of very different sizes meet in another order."""
    product = 1.0
    for start in range(0, x.size, FACTORS):
        product *= product_short(row(x, start, min(FACTORS, x.size - start)))
    return product


@in_lanes
def squares_short(x):
    total = x.dtype.type(0)
    for i in range(x.size):
        total += x[i] * x[i]
    return total


@inline
def length_row(x):
    total = 0.0
    for start in range(0, x.size, SHORT):
        total += squares_short(row(x, start, min(SHORT, x.size - start)))
    return math.sqrt(total)


@in_lanes
def deviations_short(x, centre):
    total = squares = 0.0
    for i in range(x.size):
        d = np.float64(x[i]) - centre
        total += d
        squares += d * d
    return total, squares


@inline
def deviations_row(x, centre):
    """Their sum, which only rounding of the centre keeps from 0, and the sum of their squares."""
    total = squares = 0.0
    for start in range(0, x.size, SHORT):
        t, s = deviations_short(row(x, start, min(SHORT, x.size - start)), centre)
        total += t
        squares += s
    return total, squares
