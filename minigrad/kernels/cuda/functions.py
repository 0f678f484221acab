"""Arithmetic, functions of one number, comparisons, choices, logic: a rule for each, and ``elementwise.py``.

Inside a rule, ``exp``, ``floor`` and the like are those of ``math.py``, in the dtype of the kernel.
"""

from __future__ import annotations

import numpy as np

from minigrad.dtypes import bool_
from minigrad.kernels import Array, rules
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.elementwise import Elementwise
from minigrad.kernels.cuda.move import copy
from minigrad.kernels.reference import elementwise

__all__ = elementwise.__all__


def truth(name, rule):
    """A function whose result is bool."""
    return Elementwise(name, rule, gives=bool_)


def whole_power_rule(x, y):
    """x^y of integers, by repeated squaring; a negative y is refused before."""
    result = 1
    while y > 0:
        if y & 1:
            result = result * x
        x = x * x
        y = y >> 1
    return result


def trunc_whole_rule(x, y):
    """x / y of integers, rounded towards 0."""
    q = x // y
    return q + 1 if q * y != x and (x < 0) != (y < 0) else q


def fmod_whole_rule(x, y):
    """What the division of integers leaves, with the sign of x."""
    r = x % y
    return r - y if r != 0 and (x < 0) != (y < 0) else r


# Inside a rule, abs, exp, log and the like are functions of one number (see specialise), not the ones named here
neg = Elementwise("neg", lambda x: -x)
abs = Elementwise("abs", lambda x: abs(x))
sign = Elementwise("sign", lambda x: 1 if x > 0 else -1 if x < 0 else 0 if x == 0 else x)
reciprocal = Elementwise("reciprocal", lambda x: 1 / x)
sqrt = Elementwise("sqrt", lambda x: sqrt(x))
rsqrt = Elementwise("rsqrt", lambda x: 1 / sqrt(x))
exp = Elementwise("exp", lambda x: exp(x))
exp2 = Elementwise("exp2", lambda x: exp2(x))
expm1 = Elementwise("expm1", lambda x: expm1(x))
log = Elementwise("log", lambda x: log(x))
log2 = Elementwise("log2", lambda x: log2(x))
log10 = Elementwise("log10", lambda x: log10(x))
log1p = Elementwise("log1p", lambda x: log1p(x))
erf = Elementwise("erf", lambda x: erf(x))

sin = Elementwise("sin", lambda x: sin(x))
cos = Elementwise("cos", lambda x: cos(x))
tan = Elementwise("tan", lambda x: tan(x))
asin = Elementwise("asin", lambda x: asin(x))
acos = Elementwise("acos", lambda x: acos(x))
atan = Elementwise("atan", lambda x: atan(x))
sinh = Elementwise("sinh", lambda x: sinh(x))
cosh = Elementwise("cosh", lambda x: cosh(x))
asinh = Elementwise("asinh", lambda x: asinh(x))
acosh = Elementwise("acosh", lambda x: acosh(x))
atanh = Elementwise("atanh", lambda x: atanh(x))

isnan = truth("isnan", lambda x: x != x)
isinf = truth("isinf", lambda x: x - x != 0 and x == x)
isfinite = truth("isfinite", lambda x: x - x == 0)
logical_not = truth("logical_not", lambda x: x == 0)
bitwise_not_whole = Elementwise("bitwise_not", lambda x: ~x)

add = Elementwise("add", lambda x, y: x + y)
sub = Elementwise("sub", lambda x, y: x - y)
mul = Elementwise("mul", lambda x, y: x * y)
div = Elementwise("div", lambda x, y: x / y)
power = Elementwise("pow", lambda x, y: x * x if y == 2 else pow(x, y))
whole_power = Elementwise("whole_pow", whole_power_rule)
atan2 = Elementwise("atan2", lambda y, x: atan2(y, x))
logaddexp = Elementwise("logaddexp", rules.logaddexp)
maximum = Elementwise("maximum", lambda x, y: x if x > y or x != x else y)
minimum = Elementwise("minimum", lambda x, y: x if x < y or x != x else y)

quotient = Elementwise("floor_divide", rules.floor_divide)
whole_quotient = Elementwise("whole_floor_divide", lambda x, y: x // y)
trunc_quotient = Elementwise("trunc_divide", lambda x, y: trunc(x / y))
whole_trunc_quotient = Elementwise("whole_trunc_divide", trunc_whole_rule)
rest = Elementwise("remainder", rules.remainder)
whole_rest = Elementwise("whole_remainder", lambda x, y: x % y)
float_mod = Elementwise("fmod", lambda x, y: fmod(x, y))
whole_mod = Elementwise("whole_fmod", fmod_whole_rule)

eq = truth("eq", lambda x, y: x == y)
ne = truth("ne", lambda x, y: x != y)
lt = truth("lt", lambda x, y: x < y)
le = truth("le", lambda x, y: x <= y)
gt = truth("gt", lambda x, y: x > y)
ge = truth("ge", lambda x, y: x >= y)
close = truth(
    "isclose",
    lambda x, y, rtol, atol, equal_nan: (
        x == y
        or (abs(x - y) <= atol + rtol * abs(y) and abs(y) - abs(y) == 0)
        or (equal_nan != 0 and x != x and y != y)
    ),
)

logical_and = truth("logical_and", lambda x, y: x != 0 and y != 0)
logical_or = truth("logical_or", lambda x, y: x != 0 or y != 0)
logical_xor = truth("logical_xor", lambda x, y: (x != 0) != (y != 0))
bitwise_and = Elementwise("bitwise_and", lambda x, y: x & y)
bitwise_or = Elementwise("bitwise_or", lambda x, y: x | y)
bitwise_xor = Elementwise("bitwise_xor", lambda x, y: x ^ y)

choose = Elementwise("where", lambda condition, x, y: x if condition != 0 else y)
between = Elementwise(
    "clamp",
    lambda x, low, high: x if x != x else low if low != low else high if high != high else min(max(x, low), high),
)
blend = Elementwise("lerp", lambda x, y, w: x + w * (y - x) if abs(w) < 0.5 else y - (1 - w) * (y - x))

whole_part = {
    name: Elementwise(name, rule)
    for name, rule in {
        "floor": lambda x: floor(x),
        "ceil": lambda x: ceil(x),
        "trunc": lambda x: trunc(x),
        "round": lambda x: round(x),
    }.items()
}
coarser = Elementwise("round_to_tens", lambda x, power: round(x / power) * power)
finer = Elementwise(
    "round_to_decimals", lambda x, power: round(x * power) / power if x * power - x * power == 0 else x
)


# -- what is one function of the contract, and a rule for floats and another for integers ----------------------


def pow(x: DeviceArray, y: DeviceArray | Array) -> DeviceArray:
    return (power if dtype_of(x, y).kind == "f" else whole_power)(x, y)


def floor_divide(x: DeviceArray, y: DeviceArray | Array) -> DeviceArray:
    return (quotient if dtype_of(x, y).kind == "f" else whole_quotient)(x, y)


def trunc_divide(x: DeviceArray, y: DeviceArray | Array) -> DeviceArray:
    return (trunc_quotient if dtype_of(x, y).kind == "f" else whole_trunc_quotient)(x, y)


def remainder(x: DeviceArray, y: DeviceArray | Array) -> DeviceArray:
    return (rest if dtype_of(x, y).kind == "f" else whole_rest)(x, y)


def fmod(x: DeviceArray, y: DeviceArray | Array) -> DeviceArray:
    return (float_mod if dtype_of(x, y).kind == "f" else whole_mod)(x, y)


def floor(x: DeviceArray) -> DeviceArray:
    return whole_part["floor"](x) if x.dtype.kind == "f" else copy(x)


def ceil(x: DeviceArray) -> DeviceArray:
    return whole_part["ceil"](x) if x.dtype.kind == "f" else copy(x)


def trunc(x: DeviceArray) -> DeviceArray:
    return whole_part["trunc"](x) if x.dtype.kind == "f" else copy(x)


def round(x: DeviceArray) -> DeviceArray:
    return whole_part["round"](x) if x.dtype.kind == "f" else copy(x)


def round_to(x: DeviceArray, decimals: int) -> DeviceArray:
    return (coarser if decimals < 0 else finer)(
        x, float(x.dtype.type(10.0 ** (-decimals if decimals < 0 else decimals)))
    )


def bitwise_not(x: DeviceArray) -> DeviceArray:
    return (logical_not if x.dtype == bool_ else bitwise_not_whole)(x)


def isclose(
    x: DeviceArray | Array, y: DeviceArray | Array, rtol: float, atol: float, equal_nan: bool
) -> DeviceArray:
    return close(x, y, rtol, atol, float(equal_nan))


def clamp(x: DeviceArray | Array, low: DeviceArray | Array, high: DeviceArray | Array) -> DeviceArray:
    return between(x, low, high)


def lerp(x: DeviceArray | Array, y: DeviceArray | Array, weight: DeviceArray | Array) -> DeviceArray:
    return blend(x, y, weight)


def where(condition: DeviceArray | Array, x: DeviceArray | Array, y: DeviceArray | Array) -> DeviceArray:
    if isinstance(x, DeviceArray) or isinstance(y, DeviceArray):
        return choose(condition, x, y)
    return choose(condition, x, y, gives=np.asarray(x).dtype)


def dtype_of(x: DeviceArray | Array, y: DeviceArray | Array) -> np.dtype:
    """The dtype of two operands, one of which may be a number."""
    return x.dtype if isinstance(x, DeviceArray) else y.dtype
