"""Arithmetic, functions of one number, comparisons, logic: a rule each, and the loops of ``elementwise.py``."""

from __future__ import annotations

import functools

from minigrad.dtypes import FLOATS, bool_, int64
from minigrad.kernels import rules
from minigrad.kernels.cpu.elementwise import CALL, EXP, LOG, LONG, binary, unary

__all__ = ["abs", "acos", "acosh", "add", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "cos", "cosh", "div"]
__all__ += ["eq", "erf", "exp", "exp2", "expm1", "floor", "floor_divide", "fmod", "ge", "gt", "isfinite", "isinf"]
__all__ += ["isnan", "le", "log", "log1p", "log2", "log10", "logaddexp", "logical_and", "logical_not"]
__all__ += ["logical_or", "logical_xor", "lt", "maximum", "minimum", "mul", "ne", "neg", "pow", "reciprocal"]
__all__ += ["remainder", "round", "rsqrt", "sign", "sin", "sinh", "sqrt", "sub", "tan", "trunc", "trunc_divide"]

NUMBERS = (*FLOATS, int64)
ask = functools.partial(unary, gives=bool_)
compare = functools.partial(binary, dtypes=NUMBERS, gives=bool_)


# Inside a rule, abs, exp, log and the like are functions of one number (see specialise), not the ones named here
neg = unary("neg", lambda x: -x, dtypes=NUMBERS)
abs = unary("abs", lambda x: abs(x), dtypes=NUMBERS)
sign = unary("sign", lambda x: 1 if x > 0 else -1 if x < 0 else 0 if x == 0 else x, dtypes=NUMBERS)
reciprocal = unary("reciprocal", lambda x: 1 / x)
sqrt = unary("sqrt", lambda x: sqrt(x), EXP)
rsqrt = unary("rsqrt", lambda x: 1 / sqrt(x), EXP)
exp = unary("exp", lambda x: exp(x), EXP)
exp2 = unary("exp2", lambda x: exp2(x), EXP)
expm1 = unary("expm1", lambda x: expm1(x), EXP)
log = unary("log", lambda x: log(x), LOG)
log2 = unary("log2", lambda x: log2(x), LOG)
log10 = unary("log10", lambda x: log10(x), LOG)
log1p = unary("log1p", lambda x: log1p(x), LOG)
erf = unary("erf", lambda x: erf(x), LOG)

sin = unary("sin", lambda x: sin(x), LONG, asks_library=True)
cos = unary("cos", lambda x: cos(x), LONG, asks_library=True)
tan = unary("tan", lambda x: tan(x), LONG, asks_library=True)
asin = unary("asin", lambda x: asin(x), LONG)
acos = unary("acos", lambda x: acos(x), LONG)
atan = unary("atan", lambda x: atan(x), LONG)
sinh = unary("sinh", lambda x: sinh(x), LONG)
cosh = unary("cosh", lambda x: cosh(x), LONG)
asinh = unary("asinh", lambda x: asinh(x), LONG)
acosh = unary("acosh", lambda x: acosh(x), LONG)
atanh = unary("atanh", lambda x: atanh(x), LONG)

floor = unary("floor", lambda x: floor(x))
ceil = unary("ceil", lambda x: ceil(x))
trunc = unary("trunc", lambda x: trunc(x))
round = unary("round", lambda x: round(x))

isnan = ask("isnan", lambda x: isnan(x))
isinf = ask("isinf", lambda x: isinf(x))
isfinite = ask("isfinite", lambda x: isfinite(x))
logical_not = ask("logical_not", lambda x: x == 0, dtypes=NUMBERS)

add = binary("add", lambda x, y: x + y, dtypes=NUMBERS, in_python=True)
sub = binary("sub", lambda x, y: x - y, dtypes=NUMBERS, in_python=True)
mul = binary("mul", lambda x, y: x * y, dtypes=NUMBERS, in_python=True)
div = binary("div", lambda x, y: x / y)
pow = binary("pow", lambda x, y: x * x if y == 2.0 else pow(x, y), CALL)
atan2 = binary("atan2", lambda y, x: atan2(y, x), LONG)
logaddexp = binary("logaddexp", rules.logaddexp, EXP + LOG)
maximum = binary("maximum", lambda x, y: x if x > y or x != x else y, dtypes=NUMBERS)
minimum = binary("minimum", lambda x, y: x if x < y or x != x else y, dtypes=NUMBERS)

# Integers are left to NumPy: the processor stops the program at -2^63 // -1
floor_divide = binary("floor_divide", rules.floor_divide, LONG, asks_library=True)
trunc_divide = binary("trunc_divide", lambda x, y: trunc(x / y))
remainder = binary("remainder", rules.remainder, LONG, asks_library=True)
fmod = binary("fmod", lambda x, y: fmod(x, y), LONG, asks_library=True)

eq = compare("eq", lambda x, y: x == y)
ne = compare("ne", lambda x, y: x != y)
lt = compare("lt", lambda x, y: x < y)
le = compare("le", lambda x, y: x <= y)
gt = compare("gt", lambda x, y: x > y)
ge = compare("ge", lambda x, y: x >= y)

logical_and = compare("logical_and", lambda x, y: (x != 0) & (y != 0))
logical_or = compare("logical_or", lambda x, y: (x != 0) | (y != 0))
logical_xor = compare("logical_xor", lambda x, y: (x != 0) ^ (y != 0))
