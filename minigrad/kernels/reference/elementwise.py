"""Arithmetic, functions of one number, choices, comparisons, logic."""

from __future__ import annotations

import math

import numpy as np

from minigrad.kernels import Array, quiet

__all__ = ["abs", "acos", "acosh", "add", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and", "bitwise_not"]
__all__ += ["bitwise_or", "bitwise_xor", "ceil", "clamp", "cos", "cosh", "div", "eq", "erf", "exp", "exp2"]
__all__ += ["expm1", "floor", "floor_divide", "fmod", "ge", "gt", "isclose", "isfinite", "isinf", "isnan", "le"]
__all__ += ["lerp", "log", "log1p", "log2", "log10", "logaddexp", "logical_and", "logical_not", "logical_or"]
__all__ += ["logical_xor", "lt", "maximum", "minimum", "mul", "ne", "neg", "pow", "reciprocal", "remainder"]
__all__ += ["round", "round_to", "rsqrt", "sign", "sin", "sinh", "sqrt", "sub", "tan", "trunc", "trunc_divide"]
__all__ += ["where"]

# -- arithmetic -----------------------------------------------------------------------------------------------


@quiet
def add(x: Array, y: Array) -> Array:
    return x + y


@quiet
def sub(x: Array, y: Array) -> Array:
    return x - y


@quiet
def mul(x: Array, y: Array) -> Array:
    return x * y


@quiet
def div(x: Array, y: Array) -> Array:
    return x / y


@quiet
def pow(x: Array, y: Array) -> Array:
    return np.power(x, y)


@quiet
def floor_divide(x: Array, y: Array) -> Array:
    return x // y


@quiet
def trunc_divide(x: Array, y: Array) -> Array:
    if x.dtype.kind == "f":
        return np.trunc(x / y)
    inexact_and_negative = (x % y != 0) & ((x < 0) != (y < 0))
    return x // y + inexact_and_negative


@quiet
def remainder(x: Array, y: Array) -> Array:
    return np.remainder(x, y)


@quiet
def fmod(x: Array, y: Array) -> Array:
    return np.fmod(x, y)


@quiet
def lerp(x: Array, y: Array, weight: Array) -> Array:
    step = y - x
    return np.where(np.abs(weight) < 0.5, x + weight * step, y - (1 - weight) * step)  # exact at both ends


# -- one operand ----------------------------------------------------------------------------------------------


@quiet
def neg(x: Array) -> Array:
    return -x


@quiet
def abs(x: Array) -> Array:
    return np.abs(x)


@quiet
def reciprocal(x: Array) -> Array:
    return 1 / x


@quiet
def sqrt(x: Array) -> Array:
    return np.sqrt(x)


@quiet
def rsqrt(x: Array) -> Array:
    return 1 / np.sqrt(x)


@quiet
def exp(x: Array) -> Array:
    return np.exp(x)


@quiet
def exp2(x: Array) -> Array:
    return np.exp2(x)


@quiet
def expm1(x: Array) -> Array:
    return np.expm1(x)


@quiet
def log(x: Array) -> Array:
    return np.log(x)


@quiet
def log2(x: Array) -> Array:
    return np.log2(x)


@quiet
def log10(x: Array) -> Array:
    return np.log10(x)


@quiet
def log1p(x: Array) -> Array:
    return np.log1p(x)


def erf(x: Array) -> Array:
    return np.vectorize(math.erf, otypes=[x.dtype])(x)


@quiet
def logaddexp(x: Array, y: Array) -> Array:
    return np.logaddexp(x, y)


@quiet
def sin(x: Array) -> Array:
    return np.sin(x)


@quiet
def cos(x: Array) -> Array:
    return np.cos(x)


@quiet
def tan(x: Array) -> Array:
    return np.tan(x)


@quiet
def asin(x: Array) -> Array:
    return np.arcsin(x)


@quiet
def acos(x: Array) -> Array:
    return np.arccos(x)


def atan(x: Array) -> Array:
    return np.arctan(x)


def atan2(y: Array, x: Array) -> Array:
    return np.arctan2(y, x)


@quiet
def sinh(x: Array) -> Array:
    return np.sinh(x)


@quiet
def cosh(x: Array) -> Array:
    return np.cosh(x)


def asinh(x: Array) -> Array:
    return np.arcsinh(x)


@quiet
def acosh(x: Array) -> Array:
    return np.arccosh(x)


@quiet
def atanh(x: Array) -> Array:
    return np.arctanh(x)


# -- steps ----------------------------------------------------------------------------------------------------


def sign(x: Array) -> Array:
    return np.sign(x)


def floor(x: Array) -> Array:
    return np.floor(x)


def ceil(x: Array) -> Array:
    return np.ceil(x)


def trunc(x: Array) -> Array:
    return np.trunc(x)


def round(x: Array) -> Array:
    return np.rint(x)  # halves to the even neighbour


@quiet
def round_to(x: Array, decimals: int) -> Array:
    power = x.dtype.type(10.0 ** math.fabs(decimals))
    if decimals < 0:
        return np.rint(x / power) * power
    scaled = x * power
    return np.where(np.isfinite(scaled), np.rint(scaled) / power, x)  # a number too large for it has no decimals


# -- one of several -------------------------------------------------------------------------------------------


def maximum(x: Array, y: Array) -> Array:
    return np.maximum(x, y)


def minimum(x: Array, y: Array) -> Array:
    return np.minimum(x, y)


def clamp(x: Array, low: Array, high: Array) -> Array:
    return np.minimum(np.maximum(x, low), high)


def where(condition: Array, x: Array, y: Array) -> Array:
    return np.where(condition, x, y)


# -- comparisons ----------------------------------------------------------------------------------------------


def eq(x: Array, y: Array) -> Array:
    return x == y


def ne(x: Array, y: Array) -> Array:
    return x != y


def lt(x: Array, y: Array) -> Array:
    return x < y


def le(x: Array, y: Array) -> Array:
    return x <= y


def gt(x: Array, y: Array) -> Array:
    return x > y


def ge(x: Array, y: Array) -> Array:
    return x >= y


@quiet
def isclose(x: Array, y: Array, rtol: float, atol: float, equal_nan: bool) -> Array:
    return np.asarray(np.isclose(x, y, rtol, atol, equal_nan))


def isnan(x: Array) -> Array:
    return np.isnan(x)


def isinf(x: Array) -> Array:
    return np.isinf(x)


def isfinite(x: Array) -> Array:
    return np.isfinite(x)


# -- logic ----------------------------------------------------------------------------------------------------


def logical_not(x: Array) -> Array:
    return np.logical_not(x)


def logical_and(x: Array, y: Array) -> Array:
    return np.logical_and(x, y)


def logical_or(x: Array, y: Array) -> Array:
    return np.logical_or(x, y)


def logical_xor(x: Array, y: Array) -> Array:
    return np.logical_xor(x, y)


def bitwise_not(x: Array) -> Array:
    return np.invert(x)


def bitwise_and(x: Array, y: Array) -> Array:
    return x & y


def bitwise_or(x: Array, y: Array) -> Array:
    return x | y


def bitwise_xor(x: Array, y: Array) -> Array:
    return x ^ y
