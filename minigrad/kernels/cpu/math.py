"""``exp``, ``log``, ``log1p``, ``sqrt`` and ``tanh`` for the rules, one set for each dtype.

A call of the C library takes one number at a time. ``exp`` and the float32 ``tanh`` are therefore written out
in arithmetic, which LLVM turns into vector code: six times as many elements a second.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from minigrad.kernels.cpu.compile import inline

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def make_exp(dtype: np.dtype) -> Callable:
    """e^x = 2^n e^f, where n = round(x / ln 2) and so |f| = |x - n ln 2| < 0.35; to 2 units in the last place.

    e^f is its Taylor series. 2^n is put together from bits, as two factors, for n alone may be too large or too
    small for an exponent although the product is not: e^-100 is a subnormal float32. NaN passes through.
    """
    real = dtype.type
    integer, mantissa, bias, lowest, highest, terms = {
        "float32": (np.int32, 23, 127, -105, 89, 7),
        "float64": (np.int64, 52, 1023, -747, 711, 13),
    }[dtype.name]
    series = tuple(real(1 / math.factorial(k)) for k in reversed(range(terms)))
    last = real(1 / math.factorial(terms))
    lowest, highest = real(lowest), real(highest)  # beyond, the result is 0 or Inf
    per_ln2 = real(1 / math.log(2))
    # ln 2 in two parts: n times the first, which has few bits, is exact (Cody and Waite)
    ln2_high = real(0.693359375)
    ln2_low = real(math.log(2) - 0.693359375) if dtype == np.float32 else real(-2.121944400546905827679e-4)
    # Adding 1.5 * 2^mantissa leaves no bits for a fraction: it rounds, and n stands in the lowest bits
    rounder = real(1.5 * 2.0**mantissa)
    rounder_bits = integer(rounder.view(integer))
    shift, bias, half = integer(mantissa), integer(bias), integer(1)

    def power_of_two(n):
        return integer(integer(n + bias) << shift).view(real)

    power_of_two = inline(power_of_two)

    def exp(x):
        x = lowest if x < lowest else x
        x = highest if x > highest else x
        rounded = real(x * per_ln2 + rounder)
        n = integer(rounded.view(integer) - rounder_bits)
        f = x - (rounded - rounder) * ln2_high
        f = f - (rounded - rounder) * ln2_low
        p = last
        for c in series:
            p = p * f + c
        first = integer(n >> half)
        return p * power_of_two(first) * power_of_two(integer(n - first))

    return inline(exp, fastmath={"contract"})  # contract: a multiply and an add may become one instruction


def make_tanh(exp: Callable) -> Callable:
    """tanh for float32, to 3 units in the last place: 1 - 2 / (e^2|z| + 1) with the sign of z.

    Near 0 that would subtract almost equal numbers, so there it is an odd polynomial (Cephes, tanhf).
    """
    f32 = np.float32
    near, one, two = f32(0.625), f32(1), f32(2)
    c3, c5, c7 = f32(-3.33332819422e-1), f32(1.33314422036e-1), f32(-5.37397155531e-2)
    c9, c11 = f32(2.06390887954e-2), f32(-5.70498872745e-3)

    def tanh(z):
        size = abs(z)
        s = z * z
        small = size + size * s * (c3 + s * (c5 + s * (c7 + s * (c9 + s * c11))))
        large = one - two / (exp(two * size) + one)
        return math.copysign(small if size < near else large, z)  # also for -0

    return inline(tanh)


def make_maths(dtype: np.dtype) -> dict[str, Callable]:
    exp = make_exp(dtype)
    maths = {"exp": exp, "log": math.log, "log1p": math.log1p, "sqrt": math.sqrt, "tanh": math.tanh}
    if dtype == np.float32:
        maths["tanh"] = make_tanh(exp)
    return maths


MATHS = {dtype: make_maths(dtype) for dtype in FLOATS}
