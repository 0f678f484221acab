"""Circular and hyperbolic functions and their inverses."""

from __future__ import annotations

import numpy as np

from rows.row import Array, Row, Shape, broadcasting, elementwise, positive, real


def inside(shape: Shape = ()) -> Array:
    """Distinct numbers from -0.9 to 0.9."""
    return np.asarray(real(shape) * 0.45)


def above_one(shape: Shape = ()) -> Array:
    """Distinct numbers from 1.3 to 3.1."""
    return np.asarray(positive(shape) + 1.1)


ROWS = [
    Row("sin", "", lambda m, x: m.sin(x), np.sin, elementwise(real)),
    Row("cos", "", lambda m, x: m.cos(x), np.cos, elementwise(real)),
    Row("tan", "", lambda m, x: m.tan(x), np.tan, elementwise(inside)),
    Row("asin", "", lambda m, x: m.asin(x), np.arcsin, elementwise(inside)),
    Row("acos", "", lambda m, x: m.acos(x), np.arccos, elementwise(inside)),
    Row("atan", "", lambda m, x: m.atan(x), np.arctan, elementwise(real)),
    Row("atan2", "", lambda m, y, x: m.atan2(y, x), np.arctan2, broadcasting(real, real)),
    Row("sinh", "", lambda m, x: m.sinh(x), np.sinh, elementwise(real)),
    Row("cosh", "", lambda m, x: m.cosh(x), np.cosh, elementwise(real)),
    Row("asinh", "", lambda m, x: m.asinh(x), np.arcsinh, elementwise(real)),
    Row("acosh", "", lambda m, x: m.acosh(x), np.arccosh, elementwise(above_one)),
    Row("atanh", "", lambda m, x: m.atanh(x), np.arctanh, elementwise(inside)),
]
