"""Logic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rows.row import Array, Row, Shape, broadcasting, elementwise, real


def whole(shape: Shape = ()) -> Array:
    """-2, -1, 0, 1 and 2."""
    return np.asarray(np.round(real(shape)))


def bits(x: Any, m: Any) -> Any:
    return (x * 8).to(m.int64)


def of_bits(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda *arrays: function(*((array * 8).astype(np.int64) for array in arrays))


ROWS = [
    Row(
        "logical_not",
        "",
        lambda m, x: m.logical_not(x),
        np.logical_not,
        elementwise(whole),
        differentiable=False,
        dtype="bool",
    ),
    *[
        Row(
            name,
            "",
            lambda m, x, y, name=name: getattr(m, name)(x, y),
            getattr(np, name),
            broadcasting(whole, whole),
            differentiable=False,
            dtype="bool",
        )
        for name in ("logical_and", "logical_or", "logical_xor")
    ],
    *[
        Row(name, label, function, of_bits(np.invert), elementwise(real), differentiable=False, dtype="int64")
        for name, label, function in [
            ("bitwise_not", "", lambda m, x: m.bitwise_not(bits(x, m))),
            ("bitwise_not", "operator", lambda m, x: ~bits(x, m)),
        ]
    ],
    *[
        Row(name, label, function, of_bits(getattr(np, name)), broadcasting(real, real), False, "int64")
        for name, operator in [
            ("bitwise_and", lambda m, x, y: bits(x, m) & bits(y, m)),
            ("bitwise_or", lambda m, x, y: bits(x, m) | bits(y, m)),
            ("bitwise_xor", lambda m, x, y: bits(x, m) ^ bits(y, m)),
        ]
        for label, function in [
            ("", lambda m, x, y, name=name: getattr(m, name)(bits(x, m), bits(y, m))),
            ("operator", operator),
        ]
    ],
]
