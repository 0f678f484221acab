"""Circular and hyperbolic functions and their inverses for the rules, without a branch (see ``math.py``).

They compute in float64, to 3.5 units in the last place, and ``math.py`` rounds their results for float32.
Coefficients: FreeBSD's k_sin.c, k_cos.c and e_asin.c (K. C. Ng), Cephes' atan.c (S. L. Moshier).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from minigrad.kernels.cpu.formula import formula, polynomial

real = np.float64
FAR = np.float32(1 << 20)  # beyond, an angle needs more digits of pi than there are below

zero, quarter, half, one, two, inf = map(real, (0, 0.25, 0.5, 1, 2, np.inf))
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
def quadrant(x):
    """n, sin r and cos r."""
    rounded = real(x * per_half_pi + rounder)
    n, whole = rounded.view(np.int64) - rounder_bits, rounded - rounder
    r = x - whole * part1
    for part in (part2, part3):
        before, away = r, whole * part
        r = before - away
        lost = (before - r) - away
    r = r - (whole * part4 - lost)
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
    n, s, c = quadrant(x)
    return -c / s if n & 1 else s / c


above = polynomial(
    real, 1.66666666666666657415e-01, -3.25565818622400915405e-01, 2.01212532134862925881e-01,
    -4.00555345006794114027e-02, 7.91534994289814532176e-04, 3.47933107596021167570e-05,
)  # fmt: skip
below = polynomial(
    real, 1, -2.40339491173441421878e00, 2.02094576023350569471e00, -6.88283971605453293030e-01,
    7.70381505559019352791e-02,
)  # fmt: skip


@formula
def arc(size):
    """arcsin of ``size`` up to 1/2; beyond, of sqrt((1 - size) / 2), half the angle that is missing to pi/2."""
    near = size <= half
    s = size * size if near else half * (one - size)
    x = size if near else np.sqrt(s)
    return near, x + x * s * (above(s) / below(s))


@formula
def asin(x):
    near, angle = arc(abs(x))
    return math.copysign(angle if near else half_pi - (two * angle - half_pi_low), x)


@formula
def acos(x):
    near, angle = arc(abs(x))
    signed = math.copysign(angle, x)
    far = two * angle if x > zero else pi - two * angle
    return half_pi - (signed - half_pi_low) if near else far


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
def atan(x):
    """arctan t, with t = x up to 0.66, (x - 1) / (x + 1) = tan(arctan x - pi/4) up to 2.41, and -1 / x beyond."""
    size = abs(x)
    is_middle, is_end = (size > middle) & (size <= end), size > end
    t = (size - one if is_middle else -one if is_end else size) / (
        size + one if is_middle else size if is_end else one
    )
    s = t * t
    angle = t + t * (s * (tangent_above(s) / tangent_below(s)))
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


CIRCULAR = {f.__name__: f for f in (sin, cos, tan, asin, acos, atan)}

# -- hyperbolic -----------------------------------------------------------------------------------------------

sinh_series = polynomial(real, *(1 / math.factorial(k) for k in range(3, 21, 2)))
vast = real(1e17)  # so large that adding 1 changes nothing


def make_hyperbolic(half_exp: Callable, log1p: Callable) -> dict[str, Callable]:
    """From e^x / 2 and log(1 + x)."""

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

    @formula
    def acosh(x):
        """log(x + sqrt(x^2 - 1)), in the same way."""
        is_vast, more = x > vast, x - one
        more = x if is_vast else more + np.sqrt(more) * np.sqrt(more + two)
        return log1p(more) + (ln2 if is_vast else zero)

    @formula
    def atanh(x):
        """log((1 + |x|) / (1 - |x|)) / 2 with the sign of x."""
        size = abs(x)
        return math.copysign(half * log1p(two * size / (one - size)), x)

    return {f.__name__: f for f in (sinh, cosh, asinh, acosh, atanh)}
