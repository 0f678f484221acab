"""Dims exchanged, elements reversed and rotated."""

from __future__ import annotations

import numpy as np

from rows.row import MATRIX, Row, one, real

LINES = [*MATRIX, *one(real, (5,), (1,), (0,))]

ROWS = [
    Row(
        "permute", "", lambda m, x: m.permute(x, (2, 0, 1)), lambda x: x.transpose(2, 0, 1),
        one(real, (2, 3, 4), (0, 1, 2)),
    ),
    Row("permute", "T", lambda m, x: x.T, lambda x: x.T, MATRIX),
    Row("transpose", "", lambda m, x: m.transpose(x, 0, -1), lambda x: x.T, MATRIX),
    Row("transpose", "mT", lambda m, x: x.mT, lambda x: x.swapaxes(-1, -2), [*MATRIX, (real((2, 3, 1)),)]),
    Row("swapaxes", "", lambda m, x: m.swapaxes(x, 0, -1), lambda x: x.T, MATRIX),
    Row(
        "movedim", "", lambda m, x: m.movedim(x, 0, -1), lambda x: np.moveaxis(x, 0, -1),
        [*MATRIX, *one(real, (2, 3, 2), (4,))],
    ),
    Row(
        "movedim", "several", lambda m, x: m.movedim(x, (0, -1), (1, 0)),
        lambda x: np.moveaxis(x, (0, -1), (1, 0)), [*MATRIX, *one(real, (2, 3, 2), (2, 1, 3, 2))],
    ),
    Row("flip", "", lambda m, x: m.flip(x, (0, -1)), lambda x: np.flip(x, (0, -1)), MATRIX),
    Row("flip", "one dim", lambda m, x: m.flip(x, (0,)), lambda x: np.flip(x, 0), LINES),
    Row("flip", "no dims", lambda m, x: m.flip(x, ()), np.copy, [*MATRIX, *one(real, ())]),
    Row("roll", "", lambda m, x: m.roll(x, 2), lambda x: np.roll(x, 2), [*LINES, *one(real, ())]),
    Row("roll", "dim", lambda m, x: m.roll(x, -7, -1), lambda x: np.roll(x, -7, -1), [*MATRIX, *one(real, (5,))]),
    Row(
        "roll", "dims", lambda m, x: m.roll(x, (1, -1, 1), (0, 1, 0)),
        lambda x: np.roll(x, (1, -1, 1), (0, 1, 0)), MATRIX,
    ),
]  # fmt: skip
