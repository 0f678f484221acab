"""``exp``, ``log``, ``log1p``, ``sqrt``, ``tanh``, ``erf`` and ``pow`` for the rules, one set for each dtype.

A call of the C library takes one number at a time. They are therefore written out in arithmetic, without a
branch: both sides of a condition are computed and one is chosen, which LLVM turns into vector code, six times as
many elements a second. Each is right to 2 units in the last place. Only the float64 ``pow`` is the C library's.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from minigrad.kernels.cpu.compile import inline

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))

# Left to itself, LLVM calls the longer ones instead of merging them, and a loop over calls is not vectorised
formula = functools.partial(inline, forceinline=True)


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

    return formula(exp, fastmath={"contract"})  # contract: a multiply and an add may become one instruction


def polynomial(real: type, *coefficients: float) -> Callable:
    """c[0] + c[1] x + c[2] x^2 + ..., from the last one inwards (Horner)."""
    last, *others = map(real, reversed(coefficients))
    others = tuple(others)

    def evaluate(x):
        p = last
        for c in others:
            p = p * x + c
        return p

    return formula(evaluate, fastmath={"contract"})


def make_log(dtype: np.dtype) -> tuple[Callable, Callable]:
    """(log, log1p): x = 2^n (1 + f) with 1 + f between sqrt(1/2) and sqrt(2), and log x = n ln 2 + log(1 + f).

    With s = f / (2 + f), log(1 + f) = 2 artanh s, an odd series in s (FreeBSD's e_log.c, e_logf.c, s_log1p.c,
    after K. C. Ng). ``log1p`` adds what the rounding of 1 + x lost, divided by 1 + x.
    """
    real = dtype.type
    if dtype == np.float32:
        integer, mantissa, bias = np.int32, 23, 127
        series = polynomial(real, 0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841)
        ln2_high, ln2_low = real(6.9313812256e-01), real(9.0580006145e-06)
    else:
        integer, mantissa, bias = np.int64, 52, 1023
        series = polynomial(
            real, 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01,
            2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
        )  # fmt: skip
        ln2_high, ln2_low = real(6.93147180369123816490e-01), real(1.90821492927058770002e-10)
    zero, half, one, two, inf, nan = map(real, (0, 0.5, 1, 2, np.inf, np.nan))
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

    def combine(n, f, c):
        """n ln 2 + log(1 + f) + c, the small terms first."""
        s = f / (two + f)
        z = s * s
        square = half * f * f
        small = s * (square + z * series(z)) + (n * ln2_low + c)
        return n * ln2_high - ((square - small) - f)

    combine = formula(combine, fastmath={"contract"})

    def log(x):
        subnormal = x < smallest
        n, f = split(x * enlarge if subnormal else x)
        out = combine(n - enlarged if subnormal else n, f, zero)
        out = out if x < inf else x  # Inf and NaN
        out = -inf if x == zero else out
        return nan if x < zero else out

    def log1p(x):
        u = one + x
        n, f = split(u)
        lost = one - (u - x) if x > one else x - (u - one)
        out = combine(n, x if n == zero else f, zero if n == zero else lost / u)
        out = out if x < inf else x
        out = x if x == zero else out  # keeps the sign of -0
        out = -inf if x == -one else out
        return nan if x < -one else out

    return formula(log), formula(log1p)


def make_tanh(dtype: np.dtype, exp: Callable) -> Callable:
    """1 - 2 / (e^2|z| + 1) with the sign of z.

    Near 0 that would subtract almost equal numbers, so there it is z + z^3 R(z^2), where R is a polynomial or a
    quotient of two (Cephes, tanhf.c and tanh.c).
    """
    real = dtype.type
    near, one, two = real(0.625), real(1), real(2)
    if dtype == np.float32:
        above = polynomial(
            real, -3.33332819422e-1, 1.33314422036e-1, -5.37397155531e-2, 2.06390887954e-2, -5.70498872745e-3
        )
        below = inline(lambda s: one)
    else:
        above = polynomial(real, -1.61468768441708447952e3, -9.92877231001918586564e1, -9.64399179425052238628e-1)
        below = polynomial(real, 4.84406305325125486048e3, 2.23548839060100448583e3, 1.12811678491632931402e2, 1)

    def tanh(z):
        size = abs(z)
        s = z * z
        small = size + size * s * (above(s) / below(s))
        large = one - two / (exp(two * size) + one)
        return math.copysign(small if size < near else large, z)  # also for -0

    return formula(tanh)


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


def make_pow(exp: Callable, log: Callable) -> Callable:
    """x^y = e^(y log |x|) for float32, computed in float64 by its ``exp`` and ``log``; special cases as in C."""
    zero, half, one, inf, nan = map(np.float64, (0, 0.5, 1, np.inf, np.nan))

    def pow(x, y):
        x, y = np.float64(x), np.float64(y)
        size, whole = abs(x), np.floor(y) == y
        odd = whole and np.floor(y * half) != y * half
        out = exp(y * log(size))
        out = -out if odd and math.copysign(one, x) < zero else out
        out = nan if x < zero and size < inf and not whole else out
        return np.float32(one if x == one or y == zero or (size == one and abs(y) == inf) else out)

    return formula(pow)


def make_maths() -> dict[np.dtype, dict[str, Callable]]:
    maths: dict[np.dtype, dict[str, Callable]] = {}
    for dtype in FLOATS:
        exp = make_exp(dtype)
        log, log1p = make_log(dtype)
        tanh, erf = make_tanh(dtype, exp), make_erf(dtype, exp)
        maths[dtype] = {
            "exp": exp, "log": log, "log1p": log1p, "sqrt": np.sqrt, "tanh": tanh, "erf": erf, "pow": np.power,
        }  # fmt: skip
    single, double = (maths[dtype] for dtype in FLOATS)
    single["pow"] = make_pow(double["exp"], double["log"])
    return maths


MATHS = make_maths()
