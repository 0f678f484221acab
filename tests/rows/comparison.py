"""Comparisons."""

from __future__ import annotations

import numpy as np

from rows.row import Row, broadcasting, elementwise, real

ROWS = [
    *[
        Row(name, label, function, getattr(np, word), broadcasting(real, real), differentiable=False, dtype="bool")
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
    Row(
        "lt",
        "number",
        lambda m, x: x < 0.5,
        lambda x: x < 0.5,
        elementwise(real),
        differentiable=False,
        dtype="bool",
    ),
]
