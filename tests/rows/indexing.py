"""Indexing."""

from __future__ import annotations

import numpy as np

from rows.row import Row, one, real

MASK = np.array([[True, False, True], [False, False, True]])

ROWS = [
    Row("index", "int", lambda m, x: x[1], lambda x: x[1], one(real, (2, 3), (2,), (33, 17))),
    Row(
        "index", "slices", lambda m, x: x[..., 1:, None, ::2], lambda x: x[..., 1:, None, ::2],
        one(real, (2, 3), (2, 2, 3)),
    ),
    Row("index", "mask", lambda m, x: x[m.tensor(MASK)], lambda x: x[MASK], one(real, (2, 3), (2, 3, 2))),
    Row(
        "index", "repeated", lambda m, x: x[[1, 0, 1, 1]], lambda x: x[[1, 0, 1, 1]],
        one(real, (2, 3), (2,)),
    ),
    Row(
        "index", "pairs", lambda m, x: x[[0, 1, 0], [2, -1, 2]], lambda x: x[[0, 1, 0], [2, -1, 2]],
        one(real, (2, 3)),
    ),
    Row(
        "index", "mixed", lambda m, x: x[:, m.tensor([1, 1]), 0], lambda x: x[:, [1, 1], 0],
        one(real, (1, 2, 2)),
    ),
    Row(
        "index", "apart", lambda m, x: x[0, :, m.tensor([1, 1])], lambda x: x[0, :, [1, 1]], one(real, (1, 3, 2)),
        has_peer=False,  # PyTorch takes the int first and so leaves the new dim where the array stood
    ),
]  # fmt: skip
