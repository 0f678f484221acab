"""What a rule may call: ``exp``, ``log``, ``tanh``, ``sin``, ``pow`` and so on, one set for each dtype.

A call of the C library takes one number at a time. These are therefore written out in arithmetic, in
``exponential.py``, ``logarithm.py``, ``sigmoidal.py`` and ``trigonometry.py``, without a branch: both sides of a
condition are computed and one is chosen, which LLVM turns into vector code, six times as many elements a second.
Each is right to 2 units in the last place, most are to 1; tests/kernels/test_accuracy.py has the bounds.
``normal_cdf`` alone is right to so many units of 1. Only the float64 ``pow`` is the C library's.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import numpy as np

from minigrad.dtypes import FLOATS
from minigrad.kernels import rules
from minigrad.kernels.cpu.compile import specialise
from minigrad.kernels.cpu.exponential import make_exp
from minigrad.kernels.cpu.formula import formula
from minigrad.kernels.cpu.logarithm import make_log
from minigrad.kernels.cpu.sigmoidal import make_erf, make_normal_cdf, make_tanh
from minigrad.kernels.cpu.trigonometry import ARCS, ARCS_SINGLE, CIRCULAR, CIRCULAR_SINGLE, make_hyperbolic


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
