"""Circular and hyperbolic functions and their inverses for the rules, without a branch (see ``math.py``).

They compute in float64, to 2 units in the last place, and ``math.py`` rounds their results for float32, for which
shorter polynomials, right to 2^-29, are enough: those called ``_single``, and the functions made of them. What a
sum loses in rounding, (a - (a + b)) + b for a larger a, is added to a smaller term.
Coefficients: FreeBSD's k_sin.c and k_cos.c (K. C. Ng), Cephes' atan.c (S. L. Moshier); those of ``tangent`` and
``arcsine`` are minimax fits, the largest relative error of which is 2e-17 (Remez); FreeBSD's k_sinf.c and k_cosf.c
(B. D. Evans) and minimax fits for float32.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from minigrad.kernels.cpu.formula import formula, polynomial

real = np.float64
far = real(1 << 20)  # beyond, an angle needs more digits of pi than there are below, and comes out as NaN

zero, quarter, half, one, two, nan = map(real, (0, 0.25, 0.5, 1, 2, np.nan))
quarter_pi, half_pi, pi, ln2 = real(math.pi / 4), real(math.pi / 2), real(math.pi), real(math.log(2))
half_pi_low = real(6.123233995736765886130e-17)  # what rounding takes from pi / 2

# -- circular -------------------------------------------------------------------------------------------------
# x = n pi/2 + r with |r| <= pi/4. The sines and cosines of x are those of r, exchanged and with signs, by n mod 4.

rounder = real(1.5 * 2.0**52)  # leaves no bits for a fraction
rounder_bits = rounder.view(np.int64)
per_half_pi = real(2 / math.pi)
# pi/2 in parts of 33 bits, so that n times a part is exact, and the rest (Cody and Waite; FreeBSD's e_rem_pio2.c)
part1, part2 = real(1.57079632673412561417e00), real(6.07710050630396597660e-11)
part3, part4 = real(2.02226624871116645580e-21), real(8.47842766036889956997e-32)

sine = polynomial(
    real, -1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04,
    2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10,
)  # fmt: skip
cosine = polynomial(
    real, 4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05,
    -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11,
)  # fmt: skip


@formula
def reduce(x):
    """n and r, as the nearest number and what is missing in it."""
    rounded = real(x * per_half_pi + rounder)
    n, whole = rounded.view(np.int64) - rounder_bits, rounded - rounder
    r, lost = x - whole * part1, zero
    for part in (part2, part3):
        before, away = r, whole * part
        r = before - away
        lost = lost + ((before - r) - away)
    rest = whole * part4 - lost
    nearest = r - rest
    return n, nearest, (r - nearest) - rest


@formula
def reduce_single(x):
    """The same of a float32, for which these digits are enough."""
    rounded = real(x * per_half_pi + rounder)
    n, whole = rounded.view(np.int64) - rounder_bits, rounded - rounder
    return n, ((x - whole * part1) - whole * part2) - whole * part3, zero


tangent = polynomial(
    real, 0.33333333333332695417, 0.13333333333425330683, 0.053968253921803383479, 0.021869489720279433013,
    0.0088632176633171293218, 0.0035923020828671506078, 0.0014546818929279812475, 0.00059537377729524575863,
    0.00022149779352139714672, 0.00013828839393690818033, -0.000028801968074177515529, 0.00009161467404000315978,
    -0.000046015158564597050518, 0.000021130716939239535054,
)  # fmt: skip
sine_single = polynomial(
    real, -1.66666666416265235595e-01, 8.3333293858894631756e-03, -1.98393348360966317347e-04,
    2.7183114939898219064e-06,
)  # fmt: skip
cosine_single = polynomial(
    real, 4.16666233237390631894e-02, -1.38867637746099294692e-03, 2.43904487962774090654e-05
)
tangent_single = polynomial(
    real, 0.333333500833, 0.133326522726, 0.054061138456, 0.0212760489587, 0.0108512860455,
    7.04549203365e-05, 0.00438543779443,
)  # fmt: skip


def make_circular(reduce: Callable, sine: Callable, cosine: Callable, tangent: Callable) -> dict[str, Callable]:
    """Sine, cosine and tangent, from r and polynomials for r up to pi/4."""

    @formula
    def quadrant(x):
        """n, sin r and cos r."""
        n, r, _ = reduce(x if abs(x) <= far else nan)
        s = r * r
        sin_r = r if s == zero else r + r * s * sine(s)  # -0 + 0 would be 0
        return n, sin_r, one - (half * s - s * s * cosine(s))

    @formula
    def sin(x):
        n, s, c = quadrant(x)
        out = c if n & 1 else s
        return -out if n & 2 else out

    @formula
    def cos(x):
        n, s, c = quadrant(x)
        out = s if n & 1 else c
        return -out if (n + 1) & 2 else out

    @formula
    def tan(x):
        """tan r or -1 / tan r. What is missing in r counts with the slope of the tangent, about 1 + r^2."""
        n, r, missing = reduce(x if abs(x) <= far else nan)
        s = r * r
        t = r if s == zero else r + (r * s * tangent(s) + (missing + missing * s))
        return -one / t if n & 1 else t

    return {f.__name__: f for f in (sin, cos, tan)}


CIRCULAR = make_circular(reduce, sine, cosine, tangent)
CIRCULAR_SINGLE = make_circular(reduce_single, sine_single, cosine_single, tangent_single)

arcsine = polynomial(
    real, 0.1666666666666538287, 0.075000000003430255244, 0.044642856823500501741, 0.030381959330452585744,
    0.022371753543107434928, 0.017359770809572344232, 0.013884601304192583884, 0.012173261818169849642,
    0.0065109232366590478819, 0.019573731266567883925, -0.01629382420720750534, 0.031958810829606651912,
)  # fmt: skip
tangent_above = polynomial(
    real, -6.485021904942025371773e1, -1.228866684490136173410e2, -7.500855792314704667340e1,
    -1.615753718733365076637e1, -8.750608600031904122785e-1,
)  # fmt: skip
tangent_below = polynomial(
    real, 1.945506571482613964425e2, 4.853903996359136964868e2, 4.328810604912902668951e2,
    1.650270098316988542046e2, 2.485846490142306297962e1, 1,
)  # fmt: skip
end, middle = real(math.tan(3 * math.pi / 8)), real(0.66)


@formula
def arctangent(s):
    return tangent_above(s) / tangent_below(s)


arcsine_single = polynomial(
    real, 0.166666598719, 0.0750051091692, 0.0445157205197, 0.0318176090502, 0.014402616152, 0.0375651865969,
)  # fmt: skip
arctangent_single = polynomial(
    real, -0.333333224338, 0.199993318701, -0.142717565395, 0.109707315606, -0.0831314223484, 0.0517530349752,
    -0.0179020542372,
)  # fmt: skip


def make_arcs(arcsine: Callable, arctangent: Callable) -> dict[str, Callable]:
    """The inverses, from (arcsin x / x - 1) / x^2 for x up to 1/2 and the same of arctan x up to 0.66, in x^2."""

    @formula
    def arc(size):
        """arcsin x in two parts, x and the rest; x is ``size`` up to 1/2, and beyond it is sqrt((1 - size) / 2).

        Then arcsin x is half the angle that is missing to pi/2.
        """
        near = size <= half
        s = size * size if near else half * (one - size)
        x = size if near else np.sqrt(s)
        return near, x, x * s * arcsine(s)

    @formula
    def asin(x):
        near, angle, rest = arc(abs(x))
        far = quarter_pi - angle
        lost = (quarter_pi - far) - angle + half * half_pi_low
        return math.copysign(angle + rest if near else two * (far - (rest - lost)), x)

    @formula
    def acos(x):
        near, angle, rest = arc(abs(x))
        angle = angle + rest
        signed = math.copysign(angle, x)
        far = two * angle if x > zero else pi - two * angle
        return half_pi - (signed - half_pi_low) if near else far

    @formula
    def atan(x):
        """arctan t: t = x up to 0.66, (x - 1) / (x + 1) = tan(arctan x - pi/4) up to 2.41, and -1 / x beyond."""
        size = abs(x)
        is_middle, is_end = (size > middle) & (size <= end), size > end
        t = (size - one if is_middle else -one if is_end else size) / (
            size + one if is_middle else size if is_end else one
        )
        s = t * t
        angle = t + t * (s * arctangent(s))
        angle = quarter_pi + (angle + half * half_pi_low) if is_middle else angle
        angle = half_pi + (angle + half_pi_low) if is_end else angle
        return math.copysign(angle, x)

    @formula
    def atan2(y, x):
        """The angle whose tangent is the smaller of |x| and |y| over the larger, in its place in the circle."""
        up, along = abs(y), abs(x)
        flat = along >= up
        larger, smaller = along if flat else up, up if flat else along
        t = smaller / larger if up != along else one if up > zero else zero  # Inf / Inf is 1, 0 / 0 is 0
        angle = atan(t)
        angle = angle if flat else half_pi - (angle - half_pi_low)
        angle = pi - (angle - two * half_pi_low) if math.copysign(one, x) < zero else angle
        return math.copysign(angle, y)

    return {f.__name__: f for f in (asin, acos, atan, atan2)}


ARCS = make_arcs(arcsine, arctangent)
ARCS_SINGLE = make_arcs(arcsine_single, arctangent_single)

# -- hyperbolic -----------------------------------------------------------------------------------------------

sinh_series = polynomial(real, *(1 / math.factorial(k) for k in range(3, 21, 2)))
vast = real(1e17)  # so large that adding 1 changes nothing


def make_hyperbolic(half_exp: Callable, log1p: Callable, log1p_plus: Callable) -> dict[str, Callable]:
    """From e^x / 2, log(1 + x) and log(1 + x) + c."""

    @formula
    def sinh(x):
        """(e^x - e^-x) / 2, and up to 1 its series."""
        size = abs(x)
        s, e = x * x, half_exp(size)
        return math.copysign(size + size * s * sinh_series(s) if size < one else e - quarter / e, x)

    @formula
    def cosh(x):
        """(e^x + e^-x) / 2."""
        e = half_exp(abs(x))
        return e + quarter / e

    @formula
    def asinh(x):
        """log(|x| + sqrt(x^2 + 1)) with the sign of x: no cancellation for small x, no overflow for large."""
        size = abs(x)
        is_vast, inverse = size > vast, one / size
        more = size if is_vast else size + size / (inverse + np.sqrt(inverse * inverse + one))
        return math.copysign(log1p(more) + (ln2 if is_vast else zero), x)

    @functools.partial(formula, fastmath={"contract"})
    def acosh(x):
        """log(x + sqrt(x^2 - 1)), in the same way."""
        is_vast, above = x > vast, x - one
        root = np.sqrt(above * above + two * above)
        more = x if is_vast else root + above
        lost = zero if is_vast else above - (more - root)
        return log1p_plus(more, lost / (one + more)) + (ln2 if is_vast else zero) if x >= one else nan

    @formula
    def atanh(x):
        """log((1 + |x|) / (1 - |x|)) / 2 with the sign of x."""
        size = abs(x)
        return math.copysign(half * log1p(two * size / (one - size)), x)

    return {f.__name__: f for f in (sinh, cosh, asinh, acosh, atanh)}
