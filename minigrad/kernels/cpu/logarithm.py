"""``log`` and its kin for the rules, one set for each dtype, without a branch (see ``math.py``)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from minigrad.kernels.cpu.formula import formula, polynomial


def make_log(dtype: np.dtype) -> dict[str, Callable]:
    """x = 2^n (1 + f) with 1 + f between sqrt(1/2) and sqrt(2), and log x = n ln 2 + log(1 + f).

    With s = f / (2 + f), log(1 + f) = 2 artanh s, an odd series in s (FreeBSD's e_log.c, e_logf.c, s_log1p.c,
    after K. C. Ng). ``log1p`` adds what the rounding of 1 + x lost, divided by 1 + x; ``log1p_plus`` is
    log(1 + x) + c with a small c. ``log2`` and ``log10`` give n its own factor, so that they are exact for powers
    of 2 and of 10; ``log10`` also multiplies what the rounding of log(1 + f) lost.
    """
    real = dtype.type
    if dtype == np.float32:
        integer, mantissa, bias = np.int32, 23, 127
        series = polynomial(real, 0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841)
        ln2_high, ln2_low = real(6.9313812256e-01), real(9.0580006145e-06)
        lg2_high, lg2_low = real(3.0102920532e-01), real(7.9034151668e-07)
    else:
        integer, mantissa, bias = np.int64, 52, 1023
        series = polynomial(
            real, 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01,
            2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
        )  # fmt: skip
        ln2_high, ln2_low = real(6.93147180369123816490e-01), real(1.90821492927058770002e-10)
        lg2_high, lg2_low = real(3.01029995663611771306e-01), real(3.69423907715893078616e-13)
    zero, half, one, two, inf, nan = map(real, (0, 0.5, 1, 2, np.inf, np.nan))
    per_ln2, per_ln10 = real(math.log2(math.e)), real(math.log10(math.e))
    smallest, enlarge, enlarged = np.finfo(dtype).smallest_normal, real(2.0 ** (mantissa + 2)), real(mantissa + 2)
    root_bits = integer(real(math.sqrt(0.5)).view(integer))
    to_one, fraction = integer(one.view(integer) - root_bits), integer((1 << mantissa) - 1)
    shift, bias = integer(mantissa), integer(bias)

    @formula
    def split(x):
        """n and f of a positive, normal x."""
        bits = integer(real(x).view(integer) + to_one)
        n = integer((bits >> shift) - bias)
        return real(n), integer((bits & fraction) + root_bits).view(real) - one

    @formula
    def split_any(x):
        """n and f of a positive x."""
        subnormal = x < smallest
        n, f = split(x * enlarge if subnormal else x)
        return n - enlarged if subnormal else n, f

    def rest(f, c):
        """f - log(1 + f) - c."""
        s = f / (two + f)
        z = s * s
        square = half * f * f
        return square - (s * (square + z * series(z)) + c)

    rest = formula(rest, fastmath={"contract"})

    def combine(n, f, c):
        """n ln 2 + log(1 + f) + c, the small terms first."""
        return n * ln2_high - (rest(f, n * ln2_low + c) - f)

    combine = formula(combine, fastmath={"contract"})

    @formula
    def otherwise(x, out):
        """``out``, the logarithm of x, except where x is no positive number."""
        out = out if x < inf else x  # Inf and NaN
        out = -inf if x == zero else out
        return nan if x < zero else out

    def log(x):
        n, f = split_any(x)
        return otherwise(x, combine(n, f, zero))

    def log2(x):
        n, f = split_any(x)
        return otherwise(x, n + combine(zero, f, zero) * per_ln2)

    def log10(x):
        n, f = split_any(x)
        away = rest(f, zero)
        y = f - away
        lost = (f - y) - away
        return otherwise(x, n * lg2_high + (y * per_ln10 + (n * lg2_low + lost * per_ln10)))

    def log1p_plus(x, c):
        u = one + x
        n, f = split(u)
        lost = one - (u - x) if x > one else x - (u - one)
        out = combine(n, x if n == zero else f, (zero if n == zero else lost / u) + c)
        out = out if x < inf else x
        out = x if x == zero else out  # keeps the sign of -0
        out = -inf if x == -one else out
        return nan if x < -one else out

    log1p_plus = formula(log1p_plus, fastmath={"contract"})

    def log1p(x):
        return log1p_plus(x, -zero)

    found = {f.__name__: formula(f, fastmath={"contract"}) for f in (log, log2, log10, log1p)}
    return found | {"log1p_plus": log1p_plus}
