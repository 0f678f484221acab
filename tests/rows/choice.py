"""One of several values."""

from __future__ import annotations

from typing import Any

import numpy as np

from rows.division import other
from rows.row import Array, Row, Sample, broadcasting, elementwise, one, positive, real


def filled(x: Array, value: Any) -> Array:
    return np.where(x > 0, value, x)


PAIRS = broadcasting(real, other)
BOUNDS: list[Sample] = [
    (x, y, np.asarray(positive(y.shape) * 1.1)) for x, y in PAIRS
]  # in either order, so some exclude all
FILLED: list[Sample] = [(x, real()) for (x,) in one(real, (), (1,), (5,), (2, 3), (33, 17))]

ROWS = [
    Row("maximum", "", lambda m, x, y: m.maximum(x, y), np.maximum, PAIRS),
    Row("minimum", "", lambda m, x, y: m.minimum(x, y), np.minimum, PAIRS),
    Row(
        "clamp", "", lambda m, x: m.clamp(x, -0.733, 0.911), lambda x: np.clip(x, -0.733, 0.911), elementwise(real)
    ),
    Row("clamp", "min", lambda m, x: m.clamp(x, min=0.733), lambda x: np.maximum(x, 0.733), elementwise(real)),
    Row("clamp", "max", lambda m, x: m.clamp(x, max=0.733), lambda x: np.minimum(x, 0.733), elementwise(real)),
    Row("clamp", "tensors", lambda m, x, low, high: m.clamp(x, low, high), np.clip, BOUNDS),
    Row("clamp", "min tensor", lambda m, x, low: m.clamp(x, min=low), np.maximum, PAIRS),
    Row("clamp", "max tensor", lambda m, x, high: m.clamp(x, max=high), np.minimum, PAIRS),
    Row("clamp_min", "", lambda m, x, low: x.clamp_min(low), np.maximum, PAIRS),
    Row("clamp_max", "", lambda m, x: m.clamp_max(x, 0.733), lambda x: np.minimum(x, 0.733), elementwise(real)),
    Row(
        "nan_to_num",
        "",
        lambda m, x: m.nan_to_num(x, 7.0, neginf=-9.0),
        lambda x: np.nan_to_num(x, nan=7.0, neginf=-9.0),
        elementwise(real),
    ),
    Row(
        "nan_to_num",
        "what is none",
        lambda m, x: x.detach().nan_to_num(nan=7.0, posinf=8.0, neginf=-9.0),
        lambda x: np.nan_to_num(x, nan=7.0, posinf=8.0, neginf=-9.0),
        [(np.array([np.nan, 1.5, np.inf, -np.inf]),)],
        differentiable=False,
    ),
    Row("where", "", lambda m, x, y: m.where(x > 0, x, y), lambda x, y: np.where(x > 0, x, y), PAIRS),
    Row("where", "other", lambda m, x, y: x.where(y > 0, y), lambda x, y: np.where(y > 0, x, y), PAIRS),
    Row(
        "where",
        "number",
        lambda m, x: m.where(x > 0, x, 1.5),
        lambda x: np.where(x > 0, x, 1.5),
        elementwise(real),
    ),
    Row(
        "masked_fill",
        "",
        lambda m, x: m.masked_fill(x, x > 0, 1.5),
        lambda x: filled(x, 1.5),
        elementwise(real),
    ),
    Row(
        "masked_fill",
        "tensor",
        lambda m, x, v: x.masked_fill(x > 0, v),
        lambda x, v: np.where(x > 0, v, x),
        FILLED,
    ),
]
