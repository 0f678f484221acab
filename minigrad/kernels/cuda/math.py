"""``exp``, ``log`` and their kin for the rules: NVIDIA's libdevice for each dtype, or NumPy's in the simulator."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.dtypes import FLOATS, DType
from minigrad.kernels import rules
from minigrad.kernels.cuda.shim import SIMULATED, cuda, specialise

#: Functions of Python's ``math`` that Numba compiles to libdevice's, in the precision of the argument.
NAMES = (
    "acos acosh asin asinh atan atan2 atanh ceil copysign cos cosh erf exp expm1 floor fmod isfinite isinf isnan "
    "log log10 log1p log2 pow sin sinh sqrt tan tanh trunc"
).split()

#: Functions that only libdevice has; those of float32 end with f.
OTHERS = {"exp2": "exp2", "round": "rint"}


def libdevice(dtype: DType) -> dict[str, Any]:
    """The functions for rules that compute in ``dtype``."""
    found: dict[str, Any] = {name: getattr(math, name) for name in NAMES}
    if dtype in FLOATS:
        ending = "f" if dtype.itemsize == 4 else ""
        found |= {name: getattr(cuda.libdevice, known + ending) for name, known in OTHERS.items()}
        found["ceil"], found["floor"], found["trunc"] = (
            getattr(cuda.libdevice, name + ending) for name in ("ceil", "floor", "trunc")
        )
    return found


def simulated(dtype: DType) -> dict[str, Any]:
    """The same by NumPy, which goes on with NaN and Inf where Python raises an error."""
    others = {
        "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan",
        "atan2": "arctan2", "atanh": "arctanh", "pow": "power", "round": "rint",
    }  # fmt: skip
    found = {name: getattr(np, others.get(name, name)) for name in (*NAMES, "exp2", "round") if name != "erf"}
    return found | {"erf": lambda x: dtype.type(math.erf(x))}


def names(dtype: DType) -> dict[str, Callable[..., Any]]:
    """What a rule that computes in ``dtype`` knows besides Python's builtins."""
    found = simulated(dtype) if SIMULATED else libdevice(dtype)
    if dtype in FLOATS:
        for rule in (rules.exp_times, rules.gate, rules.normal_cdf):
            found[rule.__name__] = specialise(rule, dtype, found)
    return found
