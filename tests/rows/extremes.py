"""Extremes."""

from __future__ import annotations

import numpy as np

from rows.row import REDUCED, Row, one, real

ROWS = [
    Row("max", "", lambda m, x: m.max(x), np.max, one(real, (), (1,), (5,), (1030,)) + REDUCED),
    Row("max", "dim", lambda m, x: m.max(x, 1)[0], lambda x: x.max(1), REDUCED + one(real, (0, 2))),
    Row("max", "keepdim", lambda m, x: x.max(0, True).values, lambda x: x.max(0, keepdims=True), REDUCED),
    Row(
        "max", "indices", lambda m, x: m.max(x, 0).indices, lambda x: x.argmax(0),
        REDUCED, differentiable=False, dtype="int64",
    ),
    Row("max", "of a scalar", lambda m, x: m.max(x, 0).values, lambda x: x, one(real, ())),
    Row("max", "of two", lambda m, x, y: m.max(x, y), np.maximum, [(real((2, 3)), real((3,)) / 3)]),
    Row("min", "", lambda m, x: m.min(x), np.min, one(real, (), (1,), (5,), (1030,)) + REDUCED),
    Row("min", "dim", lambda m, x: m.min(x, -1)[0], lambda x: x.min(-1), REDUCED + one(real, (0, 2))),
    Row(
        "min", "indices", lambda m, x: x.min(1).indices, lambda x: x.argmin(1),
        REDUCED, differentiable=False, dtype="int64",
    ),
    Row("min", "of two", lambda m, x, y: m.min(x, y), np.minimum, [(real((2, 3)), real((3,)) / 3)]),
    Row("amax", "", lambda m, x: m.amax(x), np.max, one(real, (), (1,), (5,)) + REDUCED),
    Row("amax", "dim", lambda m, x: m.amax(x, -1), lambda x: x.max(-1), REDUCED + one(real, (0, 2))),
    Row(
        "amax", "dims", lambda m, x: x.amax((1, 0), True), lambda x: x.max((0, 1), keepdims=True), REDUCED,
    ),
    Row("amin", "", lambda m, x: m.amin(x), np.min, one(real, (), (1,), (5,)) + REDUCED),
    Row("amin", "dims", lambda m, x: x.amin(dim=(0, -1)), lambda x: x.min((0, -1)), REDUCED),
    Row(
        "argmax", "", lambda m, x: m.argmax(x), np.argmax,
        one(real, (), (1,)) + REDUCED, differentiable=False, dtype="int64",
    ),
    Row(
        "argmax", "keepdim", lambda m, x: x.argmax(1, True), lambda x: x.argmax(1, keepdims=True), REDUCED,
        differentiable=False, dtype="int64",
    ),
    Row(
        "argmin", "", lambda m, x: m.argmin(x), np.argmin,
        one(real, (), (1,)) + REDUCED, differentiable=False, dtype="int64",
    ),
    Row(
        "argmin", "dim", lambda m, x: m.argmin(x, dim=0), lambda x: x.argmin(0),
        REDUCED, differentiable=False, dtype="int64",
    ),
]  # fmt: skip
