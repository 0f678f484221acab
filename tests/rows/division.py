"""Quotients and remainders."""

from __future__ import annotations

import numpy as np

from rows.row import Array, Row, Shape, broadcasting, elementwise, real


def other(shape: Shape = ()) -> Array:
    """Numbers that divide no number of ``real`` without a remainder."""
    return np.asarray(real(shape) * 1.3717)


def trunc_divide(x: Array, y: Array) -> Array:
    return np.trunc(x / y)


PAIRS = broadcasting(real, other)

ROWS = [
    Row("div", "", lambda m, x, y: m.div(x, y), np.divide, broadcasting(real, real)),
    Row("div", "operator", lambda m, x, y: x / y, np.divide, broadcasting(real, real)),
    Row("div", "number", lambda m, x: 1.5 / (x / 2), lambda x: 3 / x, elementwise(real)),
    Row("div", "floor", lambda m, x, y: m.div(x, y, rounding_mode="floor"), np.floor_divide, PAIRS),
    Row("div", "trunc", lambda m, x, y: m.div(x, y, rounding_mode="trunc"), trunc_divide, PAIRS),
    # PyTorch has no derivative of floor_divide, nor of a remainder of a number
    Row("floor_divide", "", lambda m, x, y: m.floor_divide(x, y), np.floor_divide, PAIRS, has_peer=False),
    Row("floor_divide", "operator", lambda m, x, y: x // y, np.floor_divide, PAIRS, has_peer=False),
    Row("floor_divide", "number", lambda m, x: 3.17 // x, lambda x: 3.17 // x, elementwise(real), has_peer=False),
    Row("remainder", "", lambda m, x, y: m.remainder(x, y), np.remainder, PAIRS),
    Row("remainder", "operator", lambda m, x, y: x % y, np.remainder, PAIRS),
    Row("remainder", "of a number", lambda m, x: 3.17 % x, lambda x: 3.17 % x, elementwise(real), has_peer=False),
    Row("fmod", "", lambda m, x, y: m.fmod(x, y), np.fmod, PAIRS),
    Row("fmod", "number", lambda m, x: m.fmod(x, -0.317), lambda x: np.fmod(x, -0.317), elementwise(real)),
    Row("reciprocal", "", lambda m, x: m.reciprocal(x), np.reciprocal, elementwise(real)),
]
