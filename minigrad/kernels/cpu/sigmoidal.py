"""Functions with the shape of an S, for the rules: ``tanh``, ``erf`` and the CDF of the normal distribution."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.formula import formula, polynomial


def make_tanh(dtype: np.dtype, expm1_inside: Callable) -> Callable:
    """m / (m + 2), where m = e^2|z| - 1, with the sign of z.

    Near 0, where the rounding of m + 2 would be felt, it is z + z^3 R(z^2), where R is a polynomial, fitted to
    5e-10, or for float64 a quotient of two (Cephes, tanh.c).
    """
    real = dtype.type
    one, two = real(1), real(2)
    if dtype == np.float32:
        near, end = real(0.35), real(10)  # from there on it is 1
        above = polynomial(real, -0.333333211, 0.133323563, -0.0537236703, 0.0194253561)
        below = inline(lambda s: one)
    else:
        near, end = real(0.625), real(20)
        above = polynomial(real, -1.61468768441708447952e3, -9.92877231001918586564e1, -9.64399179425052238628e-1)
        below = polynomial(real, 4.84406305325125486048e3, 2.23548839060100448583e3, 1.12811678491632931402e2, 1)

    def tanh(z):
        size = abs(z)
        s = z * z
        small = size + size * s * (above(s) / below(s))
        m = expm1_inside(two * (end if size > end else size))
        return math.copysign(small if size < near else m / (m + two), z)  # also for -0

    return formula(tanh, fastmath={"contract"})


def make_erf(dtype: np.dtype, exp: Callable) -> Callable:
    """x + x R(x^2) near 0, and beyond 1 - e^-g(|x|) with the sign of x.

    float32: R and g are polynomials (N. Juffa, https://stackoverflow.com/a/35148199).
    float64: R is the Taylor series, and e^-g is e^-x^2 times a quotient of two polynomials (Cephes, ndtr.c).
    """
    real = dtype.type
    one = real(1)
    if dtype == np.float32:
        near = real(0.927734375)
        inner = polynomial(
            real, 1.28379166e-1, -3.76125336e-1, 1.12819925e-1, -2.67681349e-2, 4.99119423e-3, -5.96761703e-4
        )
        outer = polynomial(
            real, -1.28717512e-1, -6.34846687e-1, -1.06777877e-1, 2.42546219e-2, -3.88396438e-3, 3.83197126e-4,
            -1.72853470e-5,
        )  # fmt: skip

        def erf(x):
            size = abs(x)
            small = size + size * inner(x * x)
            large = one - exp(size * outer(size) - size)
            return math.copysign(large if size > near else small, x)
    else:
        near, end = real(1), real(6)  # from there on it is 1
        series = [2 / math.sqrt(math.pi) * (-1) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(18)]
        series[0] -= 1
        even, odd = polynomial(real, *series[::2]), polynomial(real, *series[1::2])  # LLVM unrolls 9 steps, not 18
        outer_above = polynomial(
            real, 5.57535335369399327526e2, 1.02755188689515710272e3, 9.34528527171957607540e2,
            5.26445194995477358631e2, 1.96520832956077098242e2, 4.86371970985681366614e1, 7.46321056442269912687e0,
            5.64189564831068821977e-1, 2.46196981473530512524e-10,
        )  # fmt: skip
        outer_below = polynomial(
            real, 5.57535340817727675546e2, 1.65666309194161350182e3, 2.24633760818710981792e3,
            1.82390916687909736289e3, 9.75708501743205489753e2, 3.54937778887819891062e2, 8.67072140885989742329e1,
            1.32281951154744992508e1, 1,
        )  # fmt: skip

        def erf(x):
            size = abs(x)
            size = end if size > end else size
            s = size * size
            small = size + size * (even(s * s) + s * odd(s * s))
            large = one - exp(-s) * (outer_above(size) / outer_below(size))
            return math.copysign(large if size > near else small, x)

    return formula(erf, fastmath={"contract"})


def make_normal_cdf(dtype: np.dtype, erf: Callable, exp2_inside: Callable) -> Callable:
    """P(Z <= z) of a standard normal Z: t or 1 - t, where t = P(Z > |z|).

    float32: log2 t is a polynomial, a least-squares fit weighted until its errors are even, 3e-9 in t below 5.6.
    Beyond, it falls faster than log2 t; at ``end`` it is -127, where 2^-127 counts as 0.
    float64: t = (1 - erf(|z| / sqrt 2)) / 2.
    """
    real = dtype.type
    half, one, root_half, end = map(real, (0.5, 1, math.sqrt(0.5), 11.115))
    log_half, *rest = (
        -1, -1.151104526, -4.592182766e-1, -5.244703430e-2, 6.951498582e-3, -6.126967372e-8, -2.815465779e-4,
        7.756659083e-5, -1.125306188e-5, 8.942142715e-7, -3.055070141e-8,
    )  # fmt: skip
    log_half, one_power, other_power = real(log_half), polynomial(real, *rest[::2]), polynomial(real, *rest[1::2])

    def of_float32(z):
        x = abs(z)
        x = end if x > end else x
        s = x * x
        # Two sums that do not wait for each other: what takes long in a polynomial is that every step waits
        t = exp2_inside(log_half + x * (one_power(s) + x * other_power(s)))
        return t if z < 0 else one - t

    def of_float64(z):
        return half * (one + erf(z * root_half))

    return formula(of_float32 if dtype == np.float32 else of_float64, fastmath={"contract"})
