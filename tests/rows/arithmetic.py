"""Sums, products, powers."""

from __future__ import annotations

import numpy as np

from rows.row import Array, Row, Sample, broadcasting, elementwise, positive, real


def lerp(x: Array, y: Array, weight: Array) -> Array:
    return x + weight * (y - x)


BETWEEN: list[Sample] = [(x, y, positive(y.shape)) for x, y in broadcasting(real, real)]

ROWS = [
    Row("add", "", lambda m, x, y: m.add(x, y), np.add, broadcasting(real, real)),
    Row("add", "operator", lambda m, x, y: x + y, np.add, broadcasting(real, real)),
    Row("add", "number", lambda m, x: 1.5 + x + 2, lambda x: x + 3.5, elementwise(real)),
    Row(
        "add", "alpha", lambda m, x, y: m.add(x, y, alpha=2.5), lambda x, y: x + 2.5 * y, broadcasting(real, real)
    ),
    Row("sub", "", lambda m, x, y: m.sub(x, y), np.subtract, broadcasting(real, real)),
    Row("sub", "operator", lambda m, x, y: x - y, np.subtract, broadcasting(real, real)),
    Row("sub", "number", lambda m, x: 1.5 - (x - 2), lambda x: 3.5 - x, elementwise(real)),
    Row("sub", "alpha", lambda m, x, y: m.sub(x, y, alpha=3), lambda x, y: x - 3 * y, broadcasting(real, real)),
    Row("mul", "", lambda m, x, y: m.mul(x, y), np.multiply, broadcasting(real, real)),
    Row("mul", "operator", lambda m, x, y: x * y, np.multiply, broadcasting(real, real)),
    Row("mul", "number", lambda m, x: 1.5 * x * 2, lambda x: x * 3, elementwise(real)),
    Row("mul", "by itself", lambda m, x: x * x, lambda x: x * x, elementwise(real)),
    Row("pow", "", lambda m, x, y: m.pow(x, y), np.power, broadcasting(positive, real)),
    Row("pow", "operator", lambda m, x, y: x**y, np.power, broadcasting(positive, real)),
    Row("pow", "number", lambda m, x: x**3, lambda x: x**3, elementwise(real)),
    Row("pow", "square", lambda m, x: m.pow(x, 2), np.square, elementwise(real)),
    Row("pow", "first", lambda m, x: x**1, np.array, elementwise(real)),
    Row("pow", "zeroth", lambda m, x: x**0, np.ones_like, elementwise(real)),
    Row("pow", "fraction", lambda m, x: x**-0.5, lambda x: x**-0.5, elementwise(positive)),
    Row("pow", "of a number", lambda m, x: 2**x, lambda x: 2.0**x, elementwise(real)),
    Row("square", "", lambda m, x: m.square(x), np.square, elementwise(real)),
    Row("neg", "", lambda m, x: m.neg(x), np.negative, elementwise(real)),
    Row("neg", "operator", lambda m, x: -x, np.negative, elementwise(real)),
    Row("abs", "", lambda m, x: m.abs(x), np.abs, elementwise(real)),
    Row("abs", "operator", lambda m, x: abs(x), np.abs, elementwise(real)),
    Row("clone", "", lambda m, x: m.clone(x), np.array, elementwise(real)),
    Row("lerp", "", lambda m, x, y, w: m.lerp(x, y, w), lerp, BETWEEN),
    Row(
        "lerp", "number", lambda m, x, y: m.lerp(x, y, 0.3), lambda x, y: lerp(x, y, 0.3), broadcasting(real, real)
    ),
]
