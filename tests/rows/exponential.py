"""Exponentials, logarithms, roots."""

from __future__ import annotations

import math

import numpy as np

from rows.row import Array, Row, elementwise, positive, real


def erf(x: Array) -> Array:
    return np.asarray(np.vectorize(math.erf, otypes=[x.dtype])(x))


ROWS = [
    Row("exp", "", lambda m, x: m.exp(x), np.exp, elementwise(real)),
    Row("exp2", "", lambda m, x: m.exp2(x), np.exp2, elementwise(real)),
    Row("expm1", "", lambda m, x: m.expm1(x), np.expm1, elementwise(real)),
    Row("log", "", lambda m, x: m.log(x), np.log, elementwise(positive)),
    Row("log2", "", lambda m, x: m.log2(x), np.log2, elementwise(positive)),
    Row("log10", "", lambda m, x: m.log10(x), np.log10, elementwise(positive)),
    Row("log1p", "", lambda m, x: m.log1p(x), np.log1p, elementwise(positive)),
    Row("sqrt", "", lambda m, x: m.sqrt(x), np.sqrt, elementwise(positive)),
    Row("rsqrt", "", lambda m, x: m.rsqrt(x), lambda x: 1 / np.sqrt(x), elementwise(positive)),
    Row("erf", "", lambda m, x: m.erf(x), erf, elementwise(real)),
]
