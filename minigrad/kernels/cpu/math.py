"""``exp``, ``log`` and their kin, ``tanh``, ``erf`` and ``pow`` for the rules, one set for each dtype.

A call of the C library takes one number at a time. They are therefore written out in arithmetic, without a
branch: both sides of a condition are computed and one is chosen, which LLVM turns into vector code, six times as
many elements a second. Each is right to 2 units in the last place, most are to 1; tests/kernels/test_accuracy.py
has the bounds. ``normal_cdf`` alone is right to so many units of 1. Only the float64 ``pow`` is the C library's.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import numpy as np

from minigrad.dtypes import FLOATS
from minigrad.kernels import rules
from minigrad.kernels.cpu.compile import inline, specialise
from minigrad.kernels.cpu.formula import formula, polynomial
from minigrad.kernels.cpu.trigonometry import ARCS, ARCS_SINGLE, CIRCULAR, CIRCULAR_SINGLE, make_hyperbolic


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
    integer, mantissa, bias, lowest, highest, terms = {
        "float32": (np.int32, 23, 127, -105, 89, 6),
        "float64": (np.int64, 52, 1023, -747, 711, 14),
    }[dtype.name]
    taylor = [1 / math.factorial(k + 1) for k in range(terms)]
    fitted = [1, 0.5, 0.166665047, 0.0416662395, 0.00836915802, 0.00139485847]
    coefficients = fitted if dtype == np.float32 else taylor
    slope = polynomial(real, *coefficients)  # (e^f - 1) / f
    bend = polynomial(real, *coefficients[1:])  # (e^f - 1 - f) / f^2
    slope2 = polynomial(real, *(c * math.log(2) ** (k + 1) for k, c in enumerate(coefficients)))
    lowest, highest = real(lowest), real(highest)  # beyond, the result is 0 or Inf
    lowest2, highest2 = real(-bias - mantissa - 1), real(bias + 2)  # the same for 2^x
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

    def half_exp(x):
        x = lowest if x < lowest else x
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


def make_fmod() -> Callable:
    """x - y trunc(x / y) for float32, exact: a float64 holds the product; NaN where the quotient is large or none.

    The quotient may have been rounded up to a whole number. Then what remains has the other sign, and misses y.
    """
    zero, most, nan = map(np.float32, (0, 2**24, np.nan))

    def fmod(x, y):
        q = np.trunc(x / y)
        r = np.float32(np.float64(x) - np.float64(q) * np.float64(y))
        r = r + math.copysign(y, x) if (r < zero and x > zero) or (r > zero and x < zero) else r
        return math.copysign(r, x) if abs(q) < most else nan

    return formula(fmod)


def narrowed(function: Callable) -> Callable:
    """A function of float64 for float32: the argument is widened, the result rounded."""
    return formula(lambda x: np.float32(function(np.float64(x))))


def make_maths() -> dict[np.dtype, dict[str, Callable]]:
    maths: dict[np.dtype, dict[str, Callable]] = {}
    for dtype in FLOATS:
        exps, logs = make_exp(dtype), make_log(dtype)
        tanh, erf = make_tanh(dtype, exps["expm1_inside"]), make_erf(dtype, exps["exp"])
        library = {"sqrt": np.sqrt, "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "round": np.rint}
        library |= {"pow": operator.pow, "fmod": np.fmod, "copysign": np.copysign}
        library |= {"isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite}
        maths[dtype] = {**exps, **logs, **library, "tanh": tanh, "erf": erf}
        maths[dtype]["gate"] = specialise(rules.gate, dtype, maths[dtype])
        maths[dtype]["normal_cdf"] = make_normal_cdf(dtype, erf, exps["exp2_inside"])
    single, double = (maths[dtype] for dtype in FLOATS)
    single["pow"], single["fmod"] = make_pow(double["exp"], double["log"]), make_fmod()
    hyperbolic = make_hyperbolic(double["half_exp"], double["log1p"], double["log1p_plus"])
    double |= CIRCULAR | ARCS | hyperbolic
    single |= {name: narrowed(function) for name, function in (CIRCULAR_SINGLE | ARCS_SINGLE | hyperbolic).items()}
    of_two = ARCS_SINGLE["atan2"]
    single["atan2"] = formula(lambda y, x: np.float32(of_two(np.float64(y), np.float64(x))))
    return maths


MATHS = make_maths()
#: What to ask where one of these gives NaN, since it does not know.
LIBRARY = {"sin": np.sin, "cos": np.cos, "tan": np.tan, "fmod": np.fmod}
