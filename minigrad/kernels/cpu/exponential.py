"""``exp`` and its kin for the rules, one set for each dtype, without a branch (see ``math.py``)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from minigrad.kernels.cpu.formula import formula, polynomial


def make_exp(dtype: np.dtype) -> dict[str, Callable]:
    """e^x = 2^n e^f, where n = round(x / ln 2) and so |f| = |x - n ln 2| < 0.35; to 2 units in the last place.

    e^f = 1 + f s(f), where s is a Taylor series, or for float32 a polynomial of degree 5, fitted to 1e-8. 2^n is
    put together from bits, as two factors, for n alone may be too large or too small for an exponent although the
    product is not: e^-100 is a subnormal float32. NaN passes through.

    ``exp2`` has f = x - n and 2^f = e^(f ln 2). ``expm1`` is 2^n f s(f) + (2^n - 1), in which nothing cancels.
    ``exp_times`` is x e^t = (x + x f s(f)) 2^n for t up to 40, rounded once: it keeps its digits where e^t alone
    is subnormal. There the factors are 2^(n + 64), which for the lowest t is 0, and 2^-64 (float64: 512).
    ``half_exp`` is e^x / 2, which is finite a little longer than e^x. ``exp2_inside`` is exp2 for exponents that a
    float has, and 0 for the one below them; ``expm1_inside`` is expm1 for x > 0 and such exponents.
    """
    real = dtype.type
    integer, mantissa, bias, highest, terms = {
        "float32": (np.int32, 23, 127, 89, 6),
        "float64": (np.int64, 52, 1023, 711, 14),
    }[dtype.name]
    taylor = [1 / math.factorial(k + 1) for k in range(terms)]
    fitted = [1, 0.5, 0.166665047, 0.0416662395, 0.00836915802, 0.00139485847]
    coefficients = fitted if dtype == np.float32 else taylor
    slope = polynomial(real, *coefficients)  # (e^f - 1) / f
    bend = polynomial(real, *coefficients[1:])  # (e^f - 1 - f) / f^2
    slope2 = polynomial(real, *(c * math.log(2) ** (k + 1) for k, c in enumerate(coefficients)))
    # Beyond these the result is Inf, or 0: the lowest n is where both factors are. A product that only rounds to 0
    # takes a processor ten times as long, and e^-Inf is frequent where softmax is masked
    lowest, highest = real(-2 * bias * math.log(2)), real(highest)
    lowest2, highest2 = real(-2 * bias), real(bias + 2)  # the same for 2^x
    least, most = real(-mantissa), real((bias + 1.1) * math.log(2))  # e^x - 1 is -1 or Inf
    per_ln2, half, unit, two = real(1 / math.log(2)), real(0.5), real(1), real(2)
    # ln 2 in two parts: n times the first, which has few bits, is exact (Cody and Waite)
    ln2_high = real(0.693359375)
    ln2_low = real(math.log(2) - 0.693359375) if dtype == np.float32 else real(-2.121944400546905827679e-4)
    # Adding 1.5 * 2^mantissa leaves no bits for a fraction: it rounds, and n stands in the lowest bits; here with
    # twice the bias of exponents. What stands above is shifted out where an exponent is made of them.
    rounder = real(1.5 * 2.0**mantissa + 2 * bias)
    lift = (bias + 1) // 2  # of exp_times, whose rounder has the bias of 2^(n + lift)
    lifter, per_lift = real(1.5 * 2.0**mantissa + bias + lift), real(2.0**-lift)
    lowest_times = real((0.1 - bias - lift) * math.log(2))  # where 2^(n + lift) is 0 and f s(f) > 0
    none = integer(rounder.view(integer))  # the bits of n = 0
    shift, bias, one = integer(mantissa), integer(bias), integer(1)

    def nearest(x, rounder):
        """The bits of the integer nearest to x, and the integer."""
        rounded = real(x + rounder)
        return integer(rounded.view(integer)), rounded - rounder

    nearest = formula(nearest, fastmath={"contract"})

    def reduce(x, rounder):
        """The bits of n, and f."""
        bits, whole = nearest(x * per_ln2, rounder)
        f = x - whole * ln2_high
        return bits, f - whole * ln2_low

    reduce = formula(reduce, fastmath={"contract"})

    @formula
    def power(bits):
        """2^n, for exponents that a float has."""
        return integer(integer(bits - bias) << shift).view(real)

    @formula
    def scaled(p, bits):
        """p 2^n."""
        first = integer(bits >> one)
        second = integer(bits - first)
        return p * integer(first << shift).view(real) * integer(second << shift).view(real)

    def exp(x):
        x = lowest if x < lowest else x
        x = highest if x > highest else x
        bits, f = reduce(x, rounder)
        return scaled(unit + f * slope(f), bits)

    def half_exp(x):  # of x >= 0
        x = highest if x > highest else x
        bits, f = reduce(x, rounder)
        return scaled(unit + f * slope(f), integer(bits - one))

    def exp_times(x, t):
        bits, f = reduce(lowest_times if t < lowest_times else t, lifter)
        lifted = x * integer(bits << shift).view(real)
        return (lifted + lifted * (f * slope(f))) * per_lift

    def exp2(x):
        x = lowest2 if x < lowest2 else x
        x = highest2 if x > highest2 else x
        bits, whole = nearest(x, rounder)
        f = x - whole
        return scaled(unit + f * slope2(f), bits)

    def exp2_inside(x):
        bits, whole = nearest(x, rounder)
        f = x - whole
        return (unit + f * slope2(f)) * power(bits)

    def expm1(x):
        bits, f = reduce(least if x < least else most if x > most else x, rounder)
        above = f + f * f * bend(f)  # e^f - 1
        halved = power(integer(bits - one))  # 2^n / 2: for the largest x, 2^n itself is Inf
        out = above if bits == none else (halved * above + (halved - half)) * two
        return math.copysign(out, x)  # also for -0

    def expm1_inside(x):
        bits, f = reduce(x, rounder)
        scale = power(bits)
        return scale * (f + f * f * bend(f)) + (scale - unit)

    found = (exp, exp_times, exp2, exp2_inside, expm1, expm1_inside, half_exp)
    return {f.__name__: formula(f, fastmath={"contract"}) for f in found}
