"""Copies side by side, and grids."""

from __future__ import annotations

import numpy as np

from rows.row import MATRIX, Row, one, real

SHAPES = [*MATRIX, *one(real, (), (3,), (0,))]

ROWS = [
    Row("repeat", "", lambda m, x: x.repeat(2, 3), lambda x: np.tile(x, (2, 3)), SHAPES),
    Row("repeat", "in front", lambda m, x: x.repeat((2, 1, 2)), lambda x: np.tile(x, (2, 1, 2)), MATRIX),
    Row("repeat", "never", lambda m, x: x.repeat(0, 1), lambda x: np.tile(x, (0, 1)), one(real, (2, 3), (3,))),
    Row("tile", "", lambda m, x: m.tile(x, (2,)), lambda x: np.tile(x, 2), SHAPES),
    Row("tile", "two dims", lambda m, x: m.tile(x, (2, 3)), lambda x: np.tile(x, (2, 3)), SHAPES),
    Row(
        "repeat_interleave", "", lambda m, x: m.repeat_interleave(x, 2), lambda x: np.repeat(x, 2),
        SHAPES,
    ),
    Row(
        "repeat_interleave", "dim", lambda m, x: m.repeat_interleave(x, 3, dim=-1),
        lambda x: np.repeat(x, 3, -1), [*MATRIX, *one(real, (2, 1, 2))],
    ),
    Row(
        "repeat_interleave", "of each", lambda m, x: m.repeat_interleave(x, m.tensor([2, 0, 1]), dim=0),
        lambda x: np.repeat(x, [2, 0, 1], 0), [*one(real, (3,), (3, 2)), (real((2, 3)).T,)],
    ),
    Row(
        "meshgrid", "", lambda m, x, y: m.stack(m.meshgrid(x, y, indexing="ij")),
        lambda x, y: np.stack(np.meshgrid(x, y, indexing="ij")),
        [(real(x), real(y)) for x, y in [((2,), (3,)), ((), (2,)), ((0,), (2,))]],
    ),
    Row(
        "meshgrid", "xy", lambda m, x, y: m.stack(m.meshgrid(x, y, x, indexing="xy")),
        lambda x, y: np.stack(np.meshgrid(x, y, x, indexing="xy")), [(real((2,)), real((3,)))],
    ),
]  # fmt: skip
