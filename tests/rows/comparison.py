"""Comparisons and questions about numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rows.row import Array, Row, Sample, Shape, broadcasting, elementwise, real


def special(shape: Shape = ()) -> Array:
    """Numbers, NaN, Inf and -Inf."""
    x = real(shape)
    return np.where(np.abs(x) < 0.7, np.nan, np.where(np.abs(x) > 1.5, np.copysign(np.inf, x), x))


def asks(name: str, label: str, function: Callable[..., Any], reference: Any, samples: Sequence[Sample]) -> Row:
    return Row(name, label, function, reference, samples, differentiable=False, dtype="bool")


PAIRS = broadcasting(real, real)
NEAR: list[Sample] = [(x, np.asarray(x * (1 + 1e-6))) for (x,) in elementwise(real)]

ROWS = [
    *[
        asks(name, label, function, getattr(np, word), PAIRS)
        for name, word, operator in [
            ("eq", "equal", lambda m, x, y: x == y),
            ("ne", "not_equal", lambda m, x, y: x != y),
            ("lt", "less", lambda m, x, y: x < y),
            ("le", "less_equal", lambda m, x, y: x <= y),
            ("gt", "greater", lambda m, x, y: x > y),
            ("ge", "greater_equal", lambda m, x, y: x >= y),
        ]
        for label, function in [("", lambda m, x, y, name=name: getattr(m, name)(x, y)), ("operator", operator)]
    ],
    asks("lt", "number", lambda m, x: x < 0.5, lambda x: x < 0.5, elementwise(real)),
    asks("isclose", "", lambda m, x, y: m.isclose(x, y), np.isclose, [*PAIRS, *NEAR]),
    asks(
        "isclose",
        "tolerances",
        lambda m, x, y: m.isclose(x, y, rtol=0.3, atol=0.1),
        lambda x, y: np.isclose(x, y, rtol=0.3, atol=0.1),
        PAIRS,
    ),
    asks("allclose", "", lambda m, x, y: m.tensor(m.allclose(x, y)), np.allclose, [*PAIRS, *NEAR]),
    asks("equal", "", lambda m, x, y: m.tensor(m.equal(x, y)), np.array_equal, PAIRS),
    asks("equal", "itself", lambda m, x: m.tensor(m.equal(x, x)), lambda x: np.array(True), elementwise(real)),
    asks("isnan", "", lambda m, x: m.isnan(x), np.isnan, elementwise(special)),
    asks("isinf", "", lambda m, x: m.isinf(x), np.isinf, elementwise(special)),
    asks("isfinite", "", lambda m, x: m.isfinite(x), np.isfinite, elementwise(special)),
]
